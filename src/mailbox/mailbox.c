/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes as such: finding, making, listing, deleting.
 */
#include "mailbox/mailbox.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/listener.h"
#include "mailbox/mailbox-private.h"
#include "mailbox/name.h"
#include "mailbox/news.h"
#include "mailbox/views.h"
#include "store/message_id.h"
#include "store/pop3_floor.h"
#include "store/subscription.h"

/* Where others have the store too, what they do to a mailbox shows here so much later. */
enum { PATH_CACHE_SLOTS = 16384, PATH_KEPT_US = 60 * 1000 * 1000 };

static struct ph_uid_policy *new_uids(const struct ph_mailboxes_options *options)
{
    const struct ph_rand *rand = options->rand == NULL ? &ph_rand_system : options->rand;
    switch (options->uids) {
    case PH_UIDS_OWNER: break;
    case PH_UIDS_RANDOM: return ph_uid_random_new(rand);
    case PH_UIDS_LWT: return ph_uid_lwt_new(options->db, rand);
    }
    return ph_uid_owner_new(options->db);
}

int ph_mailboxes_new(const struct ph_mailboxes_options *options, struct ph_mailboxes **out_mailboxes,
                     struct ph_error *err)
{
    struct ph_mailboxes *mailboxes = ph_zalloc(sizeof *mailboxes);
    mailboxes->has_nodes = !ph_db_traits(options->db)->is_local;
    if (options->keeps_floors && mailboxes->has_nodes) {
        const struct ph_floors_options floors = {
            .db = options->db,
            .clock = options->clock,
            .log = options->log,
            .age_ms = options->floor_age_ms,
            .deletions = options->floor_deletions,
        };
        int result = ph_floors_new(&floors, &mailboxes->floors, err);
        if (result != PH_OK) {
            free(mailboxes);
            return result;
        }
    }
    mailboxes->db = options->db;
    mailboxes->blobs = options->blobs;
    mailboxes->ids = options->ids;
    mailboxes->clock = options->clock;
    mailboxes->log = options->log;
    mailboxes->node.id = ph_uuid_gen_next(options->ids);
    mailboxes->node.ids = options->ids;
    mailboxes->node.db = options->db;
    mailboxes->node.clock = options->clock;
    mailboxes->node.log = options->log;
    mailboxes->paths =
        ph_path_cache_new(PATH_CACHE_SLOTS, mailboxes->has_nodes ? PATH_KEPT_US : 0, options->clock);
    mailboxes->uids = new_uids(options);
    mailboxes->maildrop_locks = ph_maildrop_locks_new();
    mailboxes->views = ph_views_new();
    *out_mailboxes = mailboxes;
    return PH_OK;
}

void ph_mailboxes_free(struct ph_mailboxes **mailboxes)
{
    if (*mailboxes != NULL) {
        ph_floors_free(&(*mailboxes)->floors);
        ph_views_free(&(*mailboxes)->views);
        ph_maildrop_locks_free(&(*mailboxes)->maildrop_locks);
        (*mailboxes)->uids->free((*mailboxes)->uids);
        ph_path_cache_free(&(*mailboxes)->paths);
        free(*mailboxes);
        *mailboxes = NULL;
    }
}

void ph_mailboxes_settle(struct ph_mailboxes *mailboxes)
{
    if (mailboxes->floors != NULL) {
        ph_floors_wait(mailboxes->floors);
    }
}

bool ph_mailboxes_keep_floors(const struct ph_mailboxes *mailboxes)
{
    return mailboxes->floors != NULL;
}

struct ph_db *ph_mailboxes_db(struct ph_mailboxes *mailboxes)
{
    return mailboxes->db;
}

struct ph_uuid_gen *ph_mailboxes_ids(struct ph_mailboxes *mailboxes)
{
    return mailboxes->ids;
}

/* ---- Finding ---- */

/* Seconds, as is usual, but never the same twice: a mailbox that is deleted and made again at once is another one. */
static uint32_t next_uid_validity(struct ph_mailboxes *mailboxes)
{
    unsigned now = (unsigned)(ph_real_us(mailboxes->clock) / 1000000);
    unsigned last = atomic_load(&mailboxes->last_uid_validity);
    unsigned next;
    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(&mailboxes->last_uid_validity, &last, next));
    return next;
}

void ph_mailbox_row_new(struct ph_mailboxes *mailboxes, struct ph_bytes user, struct ph_bytes name,
                        struct ph_mailbox_row *out_row)
{
    *out_row = (struct ph_mailbox_row){
        .id = ph_uuid_from_name(PH_BYTES("#private"), user, name),
        .user = user,
        .name = name,
        .uid_validity = next_uid_validity(mailboxes),
    };
}

int ph_mailbox_find(struct ph_mailboxes *mailboxes, struct ph_bytes user, struct ph_bytes name,
                    struct ph_mailbox_row *out_row, bool *out_exists, struct ph_error *err)
{
    *out_row = (struct ph_mailbox_row){.user = user, .name = name};
    *out_exists = true;
    if (user.len == 0) {
        return ph_fail(err, PH_EINVALID, "a mailbox of nobody");
    }
    uint64_t ticket;
    if (ph_path_cache_get(mailboxes->paths, out_row, &ticket)) {
        return PH_OK;
    }
    int result = ph_store_mailbox_get(mailboxes->db, out_row, err);
    if (result == PH_OK) {
        ph_path_cache_put(mailboxes->paths, out_row, ticket);
    } else if (result == PH_ENOTFOUND && ph_mailbox_name_is_inbox(name)) {
        ph_mailbox_row_new(mailboxes, user, name, out_row);
        *out_exists = false;
        result = PH_OK;
    }
    return result;
}

int ph_mailbox_open(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                    struct ph_bytes name, struct ph_arena *arena, struct ph_mailbox *out_mailbox,
                    struct ph_error *err)
{
    struct ph_bytes canonical;
    int result = ph_rights_check(access, user, PH_RIGHT_LOOKUP, err);
    if (result == PH_OK) {
        result = ph_mailbox_name_canonical(name, arena, &canonical, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_mailbox_row row;
    bool exists;
    result = ph_mailbox_find(mailboxes, user, canonical, &row, &exists, err);
    if (result == PH_OK) {
        *out_mailbox = (struct ph_mailbox){row.id, ph_arena_bytes(arena, user), canonical, row.uid_validity};
    }
    return result;
}

/* ---- Making ---- */

int ph_mailbox_create(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes name, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_ADMINISTER, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_bytes canonical;
    result = ph_mailbox_name_canonical(name, &arena, &canonical, err);
    if (result == PH_OK) {
        struct ph_mailbox_row row;
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        ph_mailbox_row_new(mailboxes, user, canonical, &row);
        result = ph_mailbox_choose_id(mailboxes, &row, err);
        if (result == PH_OK) {
            ph_store_mailbox_add(&plan, &row, PH_ECONFLICT);
            result = ph_db_apply(mailboxes->db, &plan, err);
        }
    }
    if (result == PH_ECONFLICT) {
        (void)ph_fail(err, result, "mailbox %.*s of %.*s exists", (int)canonical.len,
                      (const char *)canonical.ptr, (int)user.len, (const char *)user.ptr);
    }
    ph_arena_fini(&arena);
    return result;
}

/* ---- Listing ---- */

struct listing {
    int (*each)(const struct ph_mailbox *mailbox, void *ctx);
    void *ctx;
    bool has_inbox;
};

static int list_other(const struct ph_mailbox_row *row, void *ctx)
{
    const struct listing *listing = ctx;
    if (ph_mailbox_name_is_inbox(row->name)) {
        return 0;
    }
    const struct ph_mailbox mailbox = {row->id, row->user, row->name, row->uid_validity};
    return listing->each(&mailbox, listing->ctx);
}

int ph_mailbox_list(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                    int (*each)(const struct ph_mailbox *mailbox, void *ctx), void *ctx, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_LOOKUP, err);
    struct ph_mailbox_row inbox;
    bool exists = false;
    if (result == PH_OK) {
        result = ph_mailbox_find(mailboxes, user, PH_BYTES("INBOX"), &inbox, &exists, err);
    }
    if (result == PH_OK) {
        const struct ph_mailbox mailbox = {inbox.id, user, inbox.name, inbox.uid_validity};
        result = each(&mailbox, ctx);
    }
    if (result != PH_OK) {
        return result;
    }
    struct listing listing = {.each = each, .ctx = ctx};
    return ph_store_mailbox_list(mailboxes->db, user, list_other, &listing, err);
}

/* ---- Deleting ---- */

static int expunge_ids(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox,
                       const struct ph_uuid *ids, size_t count, bool has_late, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 64U << 10);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    size_t found;
    int result = ph_expunge(mailboxes, mailbox, ids, count, has_late, &plan, &found, err);
    if (result == PH_OK) {
        result = ph_db_apply(mailboxes->db, &plan, err);
    }
    ph_arena_fini(&arena);
    return result;
}

/* The first messages that some table knows of; a mailbox that came from elsewhere may be in one and not the other. */
static int some_ids(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, struct ph_uuid *out_ids,
                    size_t *out_count, bool *out_has_late, struct ph_error *err)
{
    struct ph_pop3_entry *entries;
    int result = ph_listing_read(mailboxes, mailbox, PH_EXPUNGE_CHUNK, NULL, &entries, out_count, NULL,
                                 out_has_late, err);
    if (result == PH_OK && *out_count == 0) {
        result = ph_store_message_id_first(mailboxes->db, mailbox, out_ids, PH_EXPUNGE_CHUNK, out_count, err);
    } else if (result == PH_OK) {
        for (size_t i = 0; i < *out_count; i++) {
            out_ids[i] = entries[i].message_id;
        }
    }
    free(entries);
    return result;
}

/* Messages first, in plans of bounded size; the name last, so that what was interrupted can be repeated. */
static int empty_and_remove(struct ph_mailboxes *mailboxes, const struct ph_mailbox_row *row,
                            struct ph_error *err)
{
    struct ph_uuid *ids = ph_alloc(PH_EXPUNGE_CHUNK * sizeof *ids);
    size_t count;
    bool has_late;
    int result;
    while ((result = some_ids(mailboxes, &row->id, ids, &count, &has_late, err)) == PH_OK && count > 0) {
        result = expunge_ids(mailboxes, &row->id, ids, count, has_late, err);
        if (result != PH_OK) {
            break;
        }
    }
    free(ids);
    if (result != PH_OK) {
        return result;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    ph_listeners_mailbox_deleted(&plan, &row->id);
    if (mailboxes->floors != NULL) {
        ph_store_pop3_late_remove_mailbox(&plan, &row->id);
    }
    ph_store_message_id_remove_mailbox(&plan, &row->id);
    ph_store_mailbox_remove(&plan, row);
    mailboxes->uids->remove(mailboxes->uids, &plan, &row->id);
    ph_news_deleted(mailboxes, &plan, &row->id);
    ph_path_cache_drop(mailboxes->paths, row);
    result = ph_db_apply(mailboxes->db, &plan, err);
    ph_path_cache_drop(mailboxes->paths, row);
    ph_arena_fini(&arena);
    return result;
}

int ph_mailbox_delete(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes name, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_ADMINISTER, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_bytes canonical;
    result = ph_mailbox_name_canonical(name, &arena, &canonical, err);
    if (result == PH_OK && ph_mailbox_name_is_inbox(canonical)) {
        result = ph_fail(err, PH_EDENIED, "INBOX cannot be deleted, only emptied");
    }
    if (result == PH_OK) {
        struct ph_mailbox_row row;
        bool exists;
        result = ph_mailbox_find(mailboxes, user, canonical, &row, &exists, err);
        if (result == PH_OK) {
            result = empty_and_remove(mailboxes, &row, err);
        }
    }
    ph_arena_fini(&arena);
    return result;
}

struct row_list {
    struct ph_arena *arena;
    struct ph_mailbox_row *rows;
    size_t count;
    size_t capacity;
};

static int collect(const struct ph_mailbox_row *row, void *ctx)
{
    struct row_list *list = ctx;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->rows = ph_realloc(list->rows, list->capacity * sizeof *list->rows);
    }
    list->rows[list->count] = *row;
    list->rows[list->count].name = ph_arena_bytes(list->arena, row->name);
    list->count++;
    return 0;
}

int ph_mailbox_delete_all(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                          struct ph_bytes user, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_ADMINISTER, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct row_list list = {.arena = &arena};
    result = ph_store_mailbox_list(mailboxes->db, user, collect, &list, err);
    for (size_t i = 0; result == PH_OK && i < list.count; i++) {
        result = empty_and_remove(mailboxes, &list.rows[i], err);
    }
    if (result == PH_OK) {
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        ph_store_subscription_remove_user(&plan, user);
        result = ph_db_apply(mailboxes->db, &plan, err);
    }
    free(list.rows);
    ph_arena_fini(&arena);
    return result;
}
