/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox's id is made of its first name, and stays when it gets another. So who makes a mailbox under a name that another
 * once had finds the id taken: see ph_mailbox_choose_id.
 */
#include "mailbox/manage.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/copy.h"
#include "mailbox/mailbox-private.h"
#include "mailbox/name.h"

int ph_mailbox_open_made(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                         struct ph_bytes name, struct ph_arena *arena, struct ph_mailbox *out_mailbox,
                         struct ph_error *err)
{
    struct ph_bytes canonical;
    struct ph_mailbox_row row;
    bool exists = true;
    int result = ph_rights_check(access, user, PH_RIGHT_LOOKUP, err);
    if (result == PH_OK) {
        result = ph_mailbox_name_canonical(name, arena, &canonical, err);
    }
    if (result == PH_OK) {
        result = ph_mailbox_find(mailboxes, user, canonical, &row, &exists, err);
    }
    if (result == PH_OK && !exists) {
        result = ph_mailbox_create(mailboxes, access, user, canonical, err);
        result = result == PH_ECONFLICT ? PH_OK : result; /* a delivery was faster */
    }
    return result == PH_OK ? ph_mailbox_open(mailboxes, access, user, canonical, arena, out_mailbox, err)
                           : result;
}

/* ---- Renaming ---- */

struct renaming {
    struct ph_mailboxes *mailboxes;
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_bytes user;
    struct ph_bytes from;
    struct ph_bytes to;
    struct ph_mailbox_row *old; /* of each mailbox that moves */
    size_t count;
    size_t capacity;
    bool has_from;
};

/* NAME is BASE, or lies below it. */
static bool is_within(struct ph_bytes name, struct ph_bytes base)
{
    return ph_bytes_starts(name, base) &&
           (name.len == base.len || name.ptr[base.len] == PH_MAILBOX_DELIMITER);
}

static int collect(const struct ph_mailbox_row *row, void *ctx)
{
    struct renaming *renaming = ctx;
    if (!is_within(row->name, renaming->from)) {
        return 0;
    }
    if (renaming->count == renaming->capacity) {
        renaming->capacity = renaming->capacity == 0 ? 16 : renaming->capacity * 2;
        renaming->old = ph_realloc(renaming->old, renaming->capacity * sizeof renaming->old[0]);
    }
    struct ph_mailbox_row *copy = &renaming->old[renaming->count++];
    *copy = *row;
    copy->user = renaming->user;
    copy->name = ph_arena_bytes(&renaming->arena, row->name);
    renaming->has_from |= row->name.len == renaming->from.len;
    return 0;
}

static int add_one(struct renaming *renaming, const struct ph_mailbox_row *old, struct ph_error *err)
{
    struct ph_mailbox_row new = *old;
    struct ph_bytes tail = ph_bytes_from(old->name, renaming->from.len);
    char *name =
        ph_arena_printf(&renaming->arena, "%.*s%.*s", (int)renaming->to.len, (const char *)renaming->to.ptr,
                        (int)tail.len, tail.len == 0 ? "" : (const char *)tail.ptr);
    int result = ph_mailbox_name_canonical(ph_bytes_str(name), &renaming->arena, &new.name, err);
    if (result == PH_OK) {
        ph_store_mailbox_rename(&renaming->plan, old, &new);
    }
    return result;
}

static int rename_all(struct renaming *renaming, struct ph_error *err)
{
    struct ph_db *db = renaming->mailboxes->db;
    int result = ph_store_mailbox_list(db, renaming->user, collect, renaming, err);
    if (result == PH_OK && !renaming->has_from) {
        result = ph_fail(err, PH_ENOTFOUND, "no such mailbox to rename");
    }
    for (size_t i = 0; result == PH_OK && i < renaming->count; i++) {
        result = add_one(renaming, &renaming->old[i], err);
    }
    if (result != PH_OK) {
        return result;
    }
    for (size_t i = 0; i < renaming->count; i++) {
        ph_path_cache_drop(renaming->mailboxes->paths, &renaming->old[i]);
    }
    result = ph_db_apply(db, &renaming->plan, err);
    for (size_t i = 0; i < renaming->count; i++) {
        ph_path_cache_drop(renaming->mailboxes->paths, &renaming->old[i]);
    }
    return result;
}

/* ---- INBOX ---- */

struct id_list {
    struct ph_uuid *ids;
    size_t count;
    size_t capacity;
};

static int add_id(const struct ph_message *message, void *ctx)
{
    struct id_list *list = ctx;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        list->ids = ph_realloc(list->ids, list->capacity * sizeof list->ids[0]);
    }
    list->ids[list->count++] = message->id;
    return 0;
}

static int empty_inbox_into(struct renaming *renaming, const struct ph_access *access, struct ph_error *err)
{
    struct ph_mailbox inbox;
    struct ph_mailbox to;
    struct id_list list = {0};
    size_t moved = 0;
    int result = ph_mailbox_create(renaming->mailboxes, access, renaming->user, renaming->to, err);
    if (result == PH_OK) {
        result = ph_mailbox_open(renaming->mailboxes, access, renaming->user, renaming->from,
                                 &renaming->arena, &inbox, err);
    }
    if (result == PH_OK) {
        result = ph_mailbox_open(renaming->mailboxes, access, renaming->user, renaming->to, &renaming->arena,
                                 &to, err);
    }
    if (result == PH_OK) {
        result = ph_message_list(renaming->mailboxes, access, &inbox, add_id, &list, err);
    }
    if (result == PH_OK && list.count > 0) {
        result = ph_message_move(renaming->mailboxes, access, &inbox, list.ids, list.count, &to, &moved, err);
    }
    free(list.ids);
    return result;
}

int ph_mailbox_rename(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes from, struct ph_bytes to, struct ph_error *err)
{
    struct renaming renaming = {.mailboxes = mailboxes, .user = user};
    ph_arena_init(&renaming.arena, 0);
    ph_plan_init(&renaming.plan, &renaming.arena);
    int result = ph_rights_check(access, user, PH_RIGHT_ADMINISTER, err);
    if (result == PH_OK) {
        result = ph_mailbox_name_canonical(from, &renaming.arena, &renaming.from, err);
    }
    if (result == PH_OK) {
        result = ph_mailbox_name_canonical(to, &renaming.arena, &renaming.to, err);
    }
    if (result == PH_OK && ph_mailbox_name_is_inbox(renaming.to)) {
        result = ph_fail(err, PH_ECONFLICT, "INBOX is always there");
    }
    if (result == PH_OK && ph_bytes_eq(renaming.to, renaming.from)) {
        result = ph_fail(err, PH_ECONFLICT, "that is its name already");
    }
    if (result == PH_OK && ph_mailbox_name_is_inbox(renaming.from)) {
        result = empty_inbox_into(&renaming, access, err);
    } else if (result == PH_OK && is_within(renaming.to, renaming.from)) {
        result = ph_fail(err, PH_EINVALID, "a mailbox cannot be moved below itself");
    } else if (result == PH_OK) {
        result = rename_all(&renaming, err);
    }
    free(renaming.old);
    ph_arena_fini(&renaming.arena);
    return result;
}

/* ---- Ids ---- */

int ph_mailbox_choose_id(struct ph_mailboxes *mailboxes, struct ph_mailbox_row *row, struct ph_error *err)
{
    bool is_taken = false;
    if (ph_mailbox_name_is_inbox(row->name)) {
        return PH_OK;
    }
    int result = ph_store_mailbox_id_is_of_another(mailboxes->db, row, &is_taken, err);
    if (result == PH_OK && is_taken) {
        row->id = ph_uuid_gen_next(mailboxes->ids);
    }
    return result;
}
