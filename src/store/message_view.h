/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageIdTable as a mailbox's view reads it: all of a mailbox, with what fits in memory.
 */
#ifndef PH_STORE_MESSAGE_VIEW_H
#define PH_STORE_MESSAGE_VIEW_H

#include "store/message_row.h"

struct ph_message_viewed {
    struct ph_uuid message_id;
    uint64_t uid;
    uint64_t modseq;          /* 0: none */
    uint64_t size;            /* UINT64_MAX: the row does not say */
    int64_t internal_date_ms; /* INT64_MIN: the row does not say */
    unsigned flags;           /* of enum ph_flag */
    struct ph_bytes keywords; /* lives during the call */
};

/* Every message of a mailbox behind UID AFTER, by UID, in one read. EACH's first result that is not PH_OK ends it and is
 * returned. */
int ph_store_message_view(struct ph_db *db, const struct ph_uuid *mailbox_id, uint64_t after,
                          int (*each)(const struct ph_message_viewed *message, void *ctx,
                                      struct ph_error *err),
                          void *ctx, struct ph_error *err) PH_MUST_USE;

#endif
