/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/adopt.h"

#include <stdlib.h>

#include "mailbox/mailbox-private.h"
#include "mailbox/name.h"
#include "store/import_state.h"
#include "store/message_id.h"

struct adopting {
    struct ph_mailboxes *mailboxes;
    struct ph_mailbox_row row;
    bool exists;
    bool is_empty;
    bool is_same; /* as an import before */
    struct ph_import_state before;
    struct ph_import_state wanted;
};

static int look(struct adopting *a, struct ph_error *err)
{
    struct ph_pop3_entry *entries;
    size_t count;
    struct ph_db *db = a->mailboxes->db;
    int result = ph_listing_read(a->mailboxes, &a->row.id, 1, NULL, &entries, &count, NULL, NULL, err);
    free(entries);
    if (result == PH_OK && count == 0) {
        struct ph_uuid id;
        result = ph_store_message_id_first(db, &a->row.id, &id, 1, &count, err);
    }
    a->is_empty = count == 0;
    if (result == PH_OK) {
        struct ph_error absent;
        result = ph_store_import_get(db, &a->row.id, &a->before, &absent);
        a->is_same = result == PH_OK && a->before.uid_validity == a->wanted.uid_validity &&
                     a->row.uid_validity == a->wanted.uid_validity;
        if (result == PH_ENOTFOUND) {
            result = PH_OK;
        } else if (result != PH_OK) {
            *err = absent;
        }
    }
    return result;
}

/* The mailbox as it is wanted. PH_ECONFLICT: it was made, or got a message, since we looked. */
static int write_down(struct adopting *a, struct ph_arena *arena, struct ph_error *err)
{
    struct ph_plan plan;
    ph_plan_init(&plan, arena);
    bool takes_over = a->wanted.uid_validity != 0 && (!a->exists || a->is_empty) && !a->is_same;
    if (takes_over) {
        a->row.uid_validity = a->wanted.uid_validity;
    }
    if (!a->exists) {
        ph_store_mailbox_add(&plan, &a->row, PH_ECONFLICT);
    } else if (takes_over) {
        ph_store_mailbox_set_uid_validity(&plan, &a->row);
    }
    int result = PH_OK;
    if (takes_over || a->is_same) {
        uint64_t old_limit = a->is_same ? a->before.uid_limit : UINT64_MAX;
        struct ph_import_state state = {a->wanted.uid_validity,
                                        a->is_same ? a->before.uid_limit : a->wanted.uid_limit};
        struct ph_value *limit = ph_store_import_put(&plan, &a->row.id, &state);
        if (!a->is_same || a->wanted.uid_limit > a->before.uid_limit) {
            result = a->mailboxes->uids->reserve(a->mailboxes->uids, &plan, &a->row.id, old_limit,
                                                 a->wanted.uid_limit, limit, err);
        }
        ph_path_cache_drop(a->mailboxes->paths, &a->row);
    }
    if (result == PH_OK && plan.count > 0) {
        result = ph_db_apply(a->mailboxes->db, &plan, err);
        ph_path_cache_drop(a->mailboxes->paths, &a->row);
    }
    return result;
}

static int adopt(struct adopting *a, struct ph_bytes user, struct ph_bytes name, bool is_dry,
                 struct ph_arena *arena, struct ph_error *err)
{
    int result = ph_mailbox_find(a->mailboxes, user, name, &a->row, &a->exists, err);
    if (result == PH_ENOTFOUND) {
        ph_mailbox_row_new(a->mailboxes, user, name, &a->row);
        a->exists = false;
        result = ph_mailbox_choose_id(a->mailboxes, &a->row, err);
    }
    a->is_empty = true;
    if (result == PH_OK && a->exists) {
        result = look(a, err);
    }
    return result == PH_OK && !is_dry ? write_down(a, arena, err) : result;
}

int ph_mailbox_adopt(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                     struct ph_bytes name, uint32_t uid_validity, uint64_t uid_next, bool is_dry,
                     struct ph_arena *arena, struct ph_adoption *out_adoption, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_ADMINISTER, err);
    struct ph_bytes canonical;
    if (result == PH_OK) {
        result = ph_mailbox_name_canonical(name, arena, &canonical, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct adopting a;
    int attempts = 0;
    do {
        a = (struct adopting){.mailboxes = mailboxes,
                              .wanted = {uid_validity, uid_next == 0 ? 0 : uid_next - 1}};
        result = adopt(&a, user, canonical, is_dry, arena, err);
    } while (result == PH_ECONFLICT && ++attempts < 3);
    if (result != PH_OK) {
        return result;
    }
    *out_adoption = (struct ph_adoption){
        .mailbox = {a.row.id, ph_arena_bytes(arena, user), canonical, a.row.uid_validity},
        .exists = a.exists,
        .keeps_uids = uid_validity != 0 && (!a.exists || a.is_empty || a.is_same),
    };
    if (out_adoption->keeps_uids && !is_dry) {
        struct ph_import_state state;
        result = ph_store_import_get(mailboxes->db, &a.row.id, &state, err);
        out_adoption->uid_limit = state.uid_limit;
    }
    return result;
}
