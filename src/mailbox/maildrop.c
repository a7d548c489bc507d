/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/maildrop.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "mailbox/mailbox-private.h"
#include "net/pool.h"
#include "store/pop3_floor.h"

enum { COMING_MS = 60 * 1000 };

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
    result =
        ph_listing_read(drop->mailboxes, &row.id, SIZE_MAX, drop->mailboxes->has_nodes ? &drop->lock : NULL,
                        &entries, &drop->count, &drop->uidls, &drop->has_late, err);
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
        ph_node_lock_release(&(*drop)->lock);
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

/* Rows of a message arrive in any order, and from another datacenter whenever its link lets them through. That it is
 * gone is known only of one so old that nobody adds rows to it any more, and of which no datacenter has any. */
static bool is_surely_gone(struct ph_maildrop *drop, const struct ph_uuid *id)
{
    struct ph_mailboxes *mailboxes = drop->mailboxes;
    if (!mailboxes->has_nodes) {
        return true;
    }
    if (ph_real_us(mailboxes->clock) < ph_uuid_unix_us(id) + PH_POP3_FLOOR_MS * 1000ULL) {
        return false;
    }
    struct ph_rows *rows;
    int result = ph_db_query(mailboxes->db, &rows, NULL, PH_STMT_IMAP_UID_GET_ANYWHERE, ph_uuid_value(id),
                             ph_uuid_value(&drop->mailbox.id));
    if (result == PH_OK) {
        result = ph_rows_next(rows, NULL);
        ph_rows_end(&rows);
        return result == 0;
    }
    return false;
}

static void remove_stale(struct ph_maildrop *drop, const struct ph_uuid *id)
{
    struct ph_mailboxes *mailboxes = drop->mailboxes;
    struct ph_background *repair = ph_background_new(mailboxes->log, PH_LOG_WARNING, "stale-maildrop-row");
    ph_expunge_stale(mailboxes, &drop->mailbox.id, id, &repair->plan);
    ph_background_submit(repair, mailboxes->db);
}

static int open_message(struct ph_maildrop *drop, const struct ph_uuid *id, enum ph_message_part part,
                        struct ph_message_reader *out_reader, struct ph_error *err)
{
    *out_reader = (struct ph_message_reader){.size = 0};
    struct ph_message_row row;
    int result = ph_message_row_get(drop->mailboxes, &drop->mailbox.id, id, &row, err);
    return result != PH_OK ? result : ph_message_row_open(drop->mailboxes, &row, part, out_reader, err);
}

/* Where several nodes write, a session may list a message whose other rows are written at this very moment. */
static bool may_be_coming(const struct ph_maildrop *drop, const struct ph_uuid *id)
{
    return drop->mailboxes->has_nodes &&
           ph_real_us(drop->mailboxes->clock) < ph_uuid_unix_us(id) + (uint64_t)COMING_MS * 1000;
}

static void pause_for(unsigned ms)
{
    const struct timespec pause = {.tv_nsec = (long)ms * 1000000};
    ph_pool_blocking_begin();
    (void)nanosleep(&pause, NULL);
    ph_pool_blocking_end();
}

int ph_maildrop_read(struct ph_maildrop *drop, size_t at, enum ph_message_part part,
                     struct ph_message_reader *out_reader, struct ph_error *err)
{
    static const unsigned pauses_ms[] = {2, 10, 40, 150};
    const struct ph_uuid *id = &drop->entries[at].id;
    int result = open_message(drop, id, part, out_reader, err);
    for (unsigned i = 0; i < sizeof pauses_ms / sizeof pauses_ms[0]; i++) {
        if (result != PH_ENOTFOUND || !may_be_coming(drop, id)) {
            break;
        }
        pause_for(pauses_ms[i]);
        result = open_message(drop, id, part, out_reader, err);
    }
    if (result != PH_ENOTFOUND) {
        return result;
    }
    if (!is_surely_gone(drop, id)) {
        return ph_fail(err, PH_EUNAVAILABLE,
                       "the message has not arrived here as a whole, or is just deleted");
    }
    remove_stale(drop, id);
    return result;
}

/* ---- Deleting ---- */

struct deletion {
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_maildrop *drop;
    size_t count;        /* of the messages in the plan */
    struct ph_uuid last; /* of them, by id */
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

static void note_deleted(const struct deletion *deletion)
{
    const struct ph_maildrop *drop = deletion->drop;
    if (drop->mailboxes->floors != NULL && deletion->count > 0) {
        ph_floors_note(drop->mailboxes->floors, &drop->mailbox.id, deletion->count, &deletion->last);
    }
}

static void deleted(struct ph_plan *plan, int result, void *ctx)
{
    (void)plan;
    struct deletion *deletion = ctx;
    if (result == PH_OK) {
        note_deleted(deletion);
        ph_node_lock_released(&deletion->drop->lock);
    }
    finish(deletion, result);
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
static int plan_deletion(struct deletion *deletion, const bool *is_deleted, struct ph_error *err)
{
    struct ph_maildrop *drop = deletion->drop;
    struct ph_mailboxes *mailboxes = drop->mailboxes;
    struct ph_uuid *ids = ph_alloc(PH_EXPUNGE_CHUNK * sizeof *ids);
    size_t at = is_deleted == NULL ? drop->count : 0;
    int result = PH_OK;
    for (;;) {
        deletion->count = take_marked(drop, is_deleted, &at, ids);
        if (deletion->count > 0) {
            deletion->last = ids[deletion->count - 1];
            result = ph_expunge(mailboxes, &drop->mailbox.id, ids, deletion->count, drop->has_late,
                                &deletion->plan, NULL, err);
        }
        if (result != PH_OK || at == drop->count) {
            break;
        }
        result = ph_db_apply(mailboxes->db, &deletion->plan, err);
        if (result != PH_OK) {
            break;
        }
        note_deleted(deletion);
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
    deletion->drop = drop;
    deletion->done = done;
    deletion->ctx = ctx;
    ph_arena_init(&deletion->arena, 16U << 10);
    ph_plan_init(&deletion->plan, &deletion->arena);
    struct ph_error err = {0};
    int result = plan_deletion(deletion, is_deleted, &err);
    if (result == PH_OK) {
        ph_node_lock_release_with(&drop->lock, &deletion->plan);
    }
    if (result != PH_OK || deletion->plan.count == 0) {
        finish(deletion, result);
        return;
    }
    ph_db_submit(drop->mailboxes->db, &deletion->plan, deleted, deletion);
}

/* ---- The lock across nodes ---- */

void ph_maildrop_renew(struct ph_maildrop *drop)
{
    ph_node_lock_renew(&drop->lock);
}

bool ph_maildrop_has_end(const struct ph_maildrop *drop)
{
    return drop->lock.is_held;
}
