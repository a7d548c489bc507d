/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both metadata tables, row by row, for the task that fills what old rows lack.
 *
 * Promised of the filling: only columns that are absent are written, and a row that was deleted meanwhile does not come
 * back. SQLite updates what is there. On Cassandra an update makes a row, so it has the time at which the row was made: any
 * deletion since is later and hides it.
 */
#ifndef PH_STORE_METADATA_WALK_H
#define PH_STORE_METADATA_WALK_H

#include "base/arena.h"
#include "store/message_row.h"

enum ph_metadata_table { PH_METADATA_TRUTH, PH_METADATA_PROJECTION, PH_METADATA_TABLE_COUNT };

enum { PH_METADATA_POSITION_BYTES = 32 };

struct ph_metadata_row {
    struct ph_message_row row; /* envelope and bodystructure: whether they are there; not what they are */
    uint64_t written_us;       /* when it was made; of Cassandra */
    uint8_t position[PH_METADATA_POSITION_BYTES]; /* behind it a walk may go on; see is_first */
    unsigned position_len;
    bool is_first; /* of what a walk can go on at: on Cassandra, of its partition */
};

/* EACH sees every row behind POSITION (empty: all), and may take its time; what it returns that is not PH_OK ends it. */
int ph_store_metadata_walk(struct ph_db *db, enum ph_metadata_table table, struct ph_bytes position,
                           int (*each)(const struct ph_metadata_row *row, void *ctx, struct ph_error *err),
                           void *ctx, struct ph_error *err) PH_MUST_USE;

/* Of FOUND's message in its mailbox: what FOUND lacks and FULL has, in both tables. */
void ph_store_metadata_fill(struct ph_plan *plan, const struct ph_metadata_row *found,
                            const struct ph_message_row *full);

#endif
