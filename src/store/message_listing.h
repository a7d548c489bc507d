/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageIdTable as a listing reads it: rows by UID, each with what it says of its message; absent columns are absent.
 */
#ifndef PH_STORE_MESSAGE_LISTING_H
#define PH_STORE_MESSAGE_LISTING_H

#include "store/message_row.h"

/* The UIDs from FIRST to LAST. */
struct ph_listing_run {
    uint64_t first;
    uint64_t last;
};

/* The rows of all RUNS, side by side: EACH is called for one after the other, in order; the row's views live during the
 * call. What it returns that is not PH_OK ends it. */
int ph_store_message_listing(struct ph_db *db, const struct ph_uuid *mailbox_id,
                             const struct ph_listing_run *runs, size_t count, bool wants_envelope,
                             bool wants_structure,
                             int (*each)(const struct ph_message_row *row, void *ctx, struct ph_error *err),
                             void *ctx, struct ph_error *err) PH_MUST_USE;

#endif
