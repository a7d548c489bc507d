/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/maildrop.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/listener.h"
#include "mailbox/mailbox-private.h"

_Static_assert(sizeof(struct ph_maildrop_entry) == sizeof(struct ph_pop3_entry) &&
                   offsetof(struct ph_maildrop_entry, size) == offsetof(struct ph_pop3_entry, size),
               "the store's listing is the maildrop's, as it is");

static int list(struct ph_maildrop *drop, struct ph_error *err)
{
    struct ph_mailbox_row row;
    bool exists;
    struct ph_bytes user = ph_bytes_str(drop->user);
    int result = ph_mailbox_find(drop->mailboxes, user, PH_BYTES("INBOX"), &row, &exists, err);
    if (result != PH_OK) {
        return result;
    }
    drop->mailbox = (struct ph_mailbox){row.id, user, row.name, row.uid_validity};
    struct ph_pop3_entry *entries;
    result = ph_store_pop3_metadata_list_uidls(drop->mailboxes->db, &row.id, &entries, &drop->count,
                                               &drop->uidls, err);
    drop->entries = (struct ph_maildrop_entry *)entries;
    return result;
}

int ph_maildrop_open(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                     struct ph_maildrop **out_drop, struct ph_error *err)
{
    struct ph_bytes user = access->user;
    int result = ph_rights_check(access, user, PH_RIGHT_READ, err);
    if (result != PH_OK) {
        return result;
    }
    if (!ph_maildrop_lock(mailboxes->maildrop_locks, user)) {
        return ph_fail(err, PH_EBUSY, "the maildrop of %.*s is open in another session", (int)user.len,
                       (const char *)user.ptr);
    }
    struct ph_maildrop *drop = ph_zalloc(sizeof *drop);
    drop->mailboxes = mailboxes;
    drop->user = ph_bytes_dup(user);
    result = list(drop, err);
    if (result != PH_OK) {
        ph_maildrop_close(&drop);
        return result;
    }
    *out_drop = drop;
    return PH_OK;
}

void ph_maildrop_close(struct ph_maildrop **drop)
{
    if (*drop != NULL) {
        ph_maildrop_unlock((*drop)->mailboxes->maildrop_locks, ph_bytes_str((*drop)->user));
        free((*drop)->entries);
        ph_pop3_uidls_free(&(*drop)->uidls);
        free((*drop)->user);
        free(*drop);
        *drop = NULL;
    }
}

struct ph_bytes ph_maildrop_uidl(const struct ph_maildrop *drop, size_t at, char space[PH_UUID_TEXT_LEN + 1])
{
    const char *own = ph_pop3_uidls_find(&drop->uidls, at);
    if (own != NULL) {
        return ph_bytes_str(own);
    }
    ph_uuid_format(&drop->entries[at].id, space);
    return ph_bytes_of(space, PH_UUID_TEXT_LEN);
}

/* ---- Reading, and rows that list what is gone ---- */

struct repair {
    struct ph_arena arena;
    struct ph_plan plan;
    const struct ph_log *log;
};

static void repaired(struct ph_plan *plan, int result, void *ctx)
{
    struct repair *repair = ctx;
    struct ph_log_line line;
    ph_log_begin(&line, repair->log, PH_LOG_WARNING, "stale-maildrop-row");
    if (result != PH_OK) {
        ph_log_error(&line, &plan->error);
    }
    ph_log_end(&line);
    ph_arena_fini(&repair->arena);
    free(repair);
}

static void remove_stale(struct ph_maildrop *drop, const struct ph_uuid *id)
{
    struct repair *repair = ph_zalloc(sizeof *repair);
    repair->log = drop->mailboxes->log;
    ph_arena_init(&repair->arena, 512);
    ph_plan_init(&repair->plan, &repair->arena);
    const struct ph_message_row row = {.message_id = *id, .mailbox_id = drop->mailbox.id};
    ph_listeners_expunged(&repair->plan, &row);
    ph_db_submit(drop->mailboxes->db, &repair->plan, repaired, repair);
}

int ph_maildrop_read(struct ph_maildrop *drop, size_t at, enum ph_message_part part,
                     struct ph_message_reader *out_reader, struct ph_error *err)
{
    const struct ph_uuid *id = &drop->entries[at].id;
    *out_reader = (struct ph_message_reader){.size = 0};
    struct ph_message_row row;
    int result = ph_message_row_get(drop->mailboxes, &drop->mailbox.id, id, &row, err);
    if (result == PH_OK) {
        result = ph_message_row_open(drop->mailboxes, &row, part, out_reader, err);
    }
    if (result == PH_ENOTFOUND) {
        remove_stale(drop, id);
    }
    return result;
}

/* ---- Deleting ---- */

struct deletion {
    struct ph_arena arena;
    struct ph_plan plan;
    void (*done)(void *ctx, int result);
    void *ctx;
};

static void finish(struct deletion *deletion, int result)
{
    void (*done)(void *, int) = deletion->done;
    void *ctx = deletion->ctx;
    ph_arena_fini(&deletion->arena);
    free(deletion);
    done(ctx, result);
}

static void deleted(struct ph_plan *plan, int result, void *ctx)
{
    (void)plan;
    finish(ctx, result);
}

/* The next ids that are marked, from *AT on, up to a plan's worth. */
static size_t take_marked(const struct ph_maildrop *drop, const bool *is_deleted, size_t *at,
                          struct ph_uuid *out_ids)
{
    size_t count = 0;
    while (*at < drop->count && count < PH_EXPUNGE_CHUNK) {
        if (is_deleted[*at]) {
            out_ids[count++] = drop->entries[*at].id;
        }
        (*at)++;
    }
    return count;
}

/* All plans but the last are waited for here. */
static int plan_deletion(struct ph_maildrop *drop, const bool *is_deleted, struct deletion *deletion,
                         struct ph_error *err)
{
    struct ph_mailboxes *mailboxes = drop->mailboxes;
    struct ph_uuid *ids = ph_alloc(PH_EXPUNGE_CHUNK * sizeof *ids);
    size_t at = 0;
    int result = PH_OK;
    for (;;) {
        size_t count = take_marked(drop, is_deleted, &at, ids);
        size_t found;
        result = ph_expunge(mailboxes, &drop->mailbox.id, ids, count, &deletion->plan, &found, err);
        if (result != PH_OK || at == drop->count) {
            break;
        }
        result = ph_db_apply(mailboxes->db, &deletion->plan, err);
        if (result != PH_OK) {
            break;
        }
        ph_arena_reset(&deletion->arena);
        ph_plan_init(&deletion->plan, &deletion->arena);
    }
    free(ids);
    return result;
}

void ph_maildrop_delete(struct ph_maildrop *drop, const bool *is_deleted, void (*done)(void *ctx, int result),
                        void *ctx)
{
    struct deletion *deletion = ph_zalloc(sizeof *deletion);
    deletion->done = done;
    deletion->ctx = ctx;
    ph_arena_init(&deletion->arena, 16U << 10);
    ph_plan_init(&deletion->plan, &deletion->arena);
    struct ph_error err = {0};
    int result = plan_deletion(drop, is_deleted, deletion, &err);
    if (result != PH_OK || deletion->plan.count == 0) {
        finish(deletion, result);
        return;
    }
    ph_db_submit(drop->mailboxes->db, &deletion->plan, deleted, deletion);
}
