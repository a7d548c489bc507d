/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3floor(mailboxId; floor, late): from where on a maildrop is listed, so that what was deleted long ago is not read
 * again each time. pop3late(mailboxId / messageId -> size, uidl): the few rows that are to be listed all the same.
 * Of Cassandra, in a keyspace that is ours alone: James knows neither.
 *
 * A row that is deleted stays on disk as a tombstone until gc_grace_seconds have passed, and whoever reads the
 * partition from its start reads over all of them. Message ids are times, so what lies behind a maildrop is a range.
 *
 * The promise: no row of pop3metadata whose message id is at or below `floor` belongs to a message that was ever
 * acknowledged and is not deleted, unless pop3late has it. It holds, because
 *
 *   1. an addition whose message id is older than PH_POP3_LATE_MS when it is written goes into pop3late as well, and
 *      `late` is set: a copy of an old message, a repair. Every other addition is not sent any more once its id is
 *      that old (ph_plan_expire): whoever sent the message is told to try again, and it gets a new id;
 *   2. the floor is raised only to ids that are PH_POP3_FLOOR_MS old, after all rows between were read from a quorum of
 *      every datacenter and none was there. Every addition of 1 that was acknowledged had come to a quorum of some
 *      datacenter before that read began, as long as the clocks of two nodes are less than 55 seconds apart (what
 *      lies between the two ages, less a request's time): so the read would have met it;
 *   3. the floor is written with its own time as its timestamp. Of two that raise it at once the higher wins, in
 *      whatever order they arrive, and it never goes down.
 *
 * So nobody waits for the floor, nobody asks for consensus, and one that is out of date only costs reading. With the
 * link between datacenters down it stays where it is, because the read of 2 fails. A row of which nobody was told
 * that it is there (its plan timed out) may turn up below the floor; the repair adds it to pop3late, or takes it away. The repair
 * never lowers a floor: it reads all rows, whatever the floor says.
 */
#ifndef PH_STORE_POP3_FLOOR_H
#define PH_STORE_POP3_FLOOR_H

#include "store/message_row.h"

enum { PH_POP3_LATE_MS = 60 * 1000, PH_POP3_FLOOR_MS = 120 * 1000 };

/* Whether a row (of imapUidTable, with save_date and message id) is one of pop3late. */
bool ph_pop3_is_late(const struct ph_message_row *row);

struct ph_pop3_floor {
    struct ph_uuid floor; /* the lowest id there can be, where none was ever written */
    bool has_late;
};

/* What to read, for ph_db_query_each: PARAMS lives as long. */
struct ph_db_read ph_store_pop3_floor_read(const struct ph_uuid *mailbox_id, struct ph_value params[1]);
int ph_store_pop3_floor_take(struct ph_rows *rows, struct ph_pop3_floor *out_floor,
                             struct ph_error *err) PH_MUST_USE;
int ph_store_pop3_floor_get(struct ph_db *db, const struct ph_uuid *mailbox_id,
                            struct ph_pop3_floor *out_floor, struct ph_error *err) PH_MUST_USE;
/* Rows as ph_pop3_listing_take wants them. */
struct ph_db_read ph_store_pop3_above_read(const struct ph_uuid *mailbox_id, const struct ph_uuid *floor,
                                           struct ph_value params[2]);
struct ph_db_read ph_store_pop3_late_read(const struct ph_uuid *mailbox_id, struct ph_value params[1]);

/* The lowest message id behind FLOOR, up to TO, that some datacenter still has. PH_ENOTFOUND: none. PH_EUNAVAILABLE
 * also where one datacenter does not answer. */
int ph_store_pop3_floor_check(struct ph_db *db, const struct ph_uuid *mailbox_id, const struct ph_uuid *floor,
                              const struct ph_uuid *to, struct ph_uuid *out_first,
                              struct ph_error *err) PH_MUST_USE;
void ph_store_pop3_floor_raise(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                               const struct ph_uuid *floor);

/* Beside the row of pop3metadata, never instead of it. UIDL empty: none. */
void ph_store_pop3_late_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                            const struct ph_uuid *message_id, uint64_t size, struct ph_bytes uidl);
void ph_store_pop3_late_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                               const struct ph_uuid *message_id);
void ph_store_pop3_late_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id);

#endif
