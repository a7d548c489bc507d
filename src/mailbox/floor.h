/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raises the floors of maildrops (store/pop3_floor.h) behind deletions: on a thread of its own, so that nobody waits.
 *
 * A deletion counts; a maildrop of which this process has deleted enough is looked at. What is counted is a guess that
 * costs nothing: it is forgotten at a restart, and of maildrops that meet in a slot the last is counted.
 */
#ifndef PH_MAILBOX_FLOOR_H
#define PH_MAILBOX_FLOOR_H

#include "base/log.h"
#include "db/db.h"

struct ph_floors;

struct ph_floors_options {
    struct ph_db *db;
    const struct ph_clock *clock;
    const struct ph_log *log;
    unsigned age_ms;    /* of the ids that a floor may come to; 0: PH_POP3_FLOOR_MS */
    unsigned deletions; /* after which a floor is looked at; 0: 500 */
};

int ph_floors_new(const struct ph_floors_options *options, struct ph_floors **out_floors,
                  struct ph_error *err) PH_MUST_USE;
void ph_floors_free(struct ph_floors **floors);

/* COUNT messages of MAILBOX were deleted, the last of them (by id) LAST. Never blocks. */
void ph_floors_note(struct ph_floors *floors, const struct ph_uuid *mailbox, size_t count,
                    const struct ph_uuid *last);

/* Waits until everything noted has been looked at: for tests. */
void ph_floors_wait(struct ph_floors *floors);

#endif
