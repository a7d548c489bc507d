/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/listing.h"

#include "mailbox/mailbox-private.h"
#include "store/pop3_floor.h"
#include "store/pop3_metadata.h"

struct listing {
    struct ph_mailboxes *mailboxes;
    const struct ph_uuid *mailbox;
    struct ph_node_lock *lock;
    struct ph_pop3_floor floor;
    struct ph_pop3_listing rows;
    struct ph_pop3_listing late;
    struct ph_db_read reads[3];
    enum { ROWS, LATE, LOCK } kinds[3];
};

/* ---- First round: where the list begins; our row of the lock ---- */

static int take_floor(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    (void)index;
    return ph_store_pop3_floor_take(rows, &((struct listing *)ctx)->floor, err);
}

static int prepare(struct listing *listing, struct ph_error *err)
{
    struct ph_mailboxes *mailboxes = listing->mailboxes;
    bool reads_floor = mailboxes->floors != NULL;
    if (!reads_floor && listing->lock == NULL) {
        return PH_OK;
    }
    struct ph_value params[1];
    struct ph_db_read read = ph_store_pop3_floor_read(listing->mailbox, params);
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 512);
    ph_plan_init(&plan, &arena);
    if (listing->lock != NULL) {
        ph_node_lock_take(listing->lock, &mailboxes->node, listing->mailbox, &plan);
    }
    int result = ph_db_query_each(mailboxes->db, &read, reads_floor ? 1 : 0,
                                  listing->lock != NULL ? &plan : NULL, take_floor, listing, err);
    ph_arena_fini(&arena);
    return result;
}

/* ---- Second round: the list; the others' rows of the lock ---- */

static int take_one(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    struct listing *listing = ctx;
    switch (listing->kinds[index]) {
    case ROWS: return ph_pop3_listing_take(&listing->rows, rows, err);
    case LATE: return ph_pop3_listing_take(&listing->late, rows, err);
    case LOCK: return ph_node_lock_look(listing->lock, rows, err);
    }
    return PH_EBUG;
}

static int read_all(struct listing *listing, struct ph_error *err)
{
    struct ph_value params[3][2];
    size_t count = 0;
    if (listing->mailboxes->floors != NULL) {
        listing->reads[count] =
            ph_store_pop3_above_read(listing->mailbox, &listing->floor.floor, params[count]);
    } else {
        params[count][0] = ph_uuid_value(listing->mailbox);
        listing->reads[count] = (struct ph_db_read){PH_STMT_POP3_METADATA_LIST, 1, params[count]};
    }
    listing->kinds[count++] = ROWS;
    if (listing->floor.has_late) {
        listing->reads[count] = ph_store_pop3_late_read(listing->mailbox, params[count]);
        listing->kinds[count++] = LATE;
    }
    if (listing->lock != NULL) {
        listing->reads[count] = ph_node_lock_read(listing->lock, params[count]);
        listing->kinds[count++] = LOCK;
    }
    return ph_db_query_each(listing->mailboxes->db, listing->reads, count, NULL, take_one, listing, err);
}

int ph_listing_read(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, size_t max,
                    struct ph_node_lock *lock, struct ph_pop3_entry **out_entries, size_t *out_count,
                    struct ph_pop3_uidls *out_uidls, bool *out_has_late, struct ph_error *err)
{
    struct listing listing = {.mailboxes = mailboxes, .mailbox = mailbox, .lock = lock};
    *out_entries = NULL;
    *out_count = 0;
    if (out_uidls != NULL) {
        *out_uidls = (struct ph_pop3_uidls){0};
    }
    ph_pop3_listing_init(&listing.rows, max, out_uidls != NULL);
    ph_pop3_listing_init(&listing.late, max, out_uidls != NULL);
    int result = prepare(&listing, err);
    if (result == PH_OK) {
        result = read_all(&listing, err);
    }
    if (result == PH_OK && lock != NULL) {
        result = ph_node_lock_settle(lock, err);
    }
    if (result == PH_OK) {
        result = ph_pop3_listing_merge(&listing.rows, &listing.late, err);
    }
    ph_pop3_listing_fini(&listing.late);
    if (out_has_late != NULL) {
        *out_has_late = listing.floor.has_late;
    }
    if (result == PH_OK) {
        ph_pop3_listing_give(&listing.rows, out_entries, out_count, out_uidls);
    } else {
        ph_pop3_listing_fini(&listing.rows);
    }
    return result;
}
