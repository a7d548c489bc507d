/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole tables of Cassandra, partition by partition in the order of their tokens: for tasks that look at everything. A
 * walk can begin behind any token, so it can go on where another ended. It sees each row that is there all the time
 * once; of those that come and go meanwhile some.
 */
#ifndef PH_STORE_WALK_H
#define PH_STORE_WALK_H

#include "blob/blob_id.h"

/* Behind it is everything. */
#define PH_WALK_START INT64_MIN

/* One message in one mailbox. */
struct ph_walk_row {
    int64_t
        token; /* of the mailbox in pop3metadata, of the message in imapUidTable: rows of one come together */
    struct ph_uuid mailbox_id;
    struct ph_uuid message_id;
    uint64_t size;
    bool has_size;
};

/* What it returns that is not PH_OK ends the walk and is returned. */
typedef int ph_walk_each(const struct ph_walk_row *row, void *ctx, struct ph_error *err);

/* EACH may take its time: a page of rows is in memory, and nobody waits for the next. */
int ph_store_pop3_metadata_walk(struct ph_db *db, int64_t after, ph_walk_each *each, void *ctx,
                                struct ph_error *err) PH_MUST_USE;
int ph_store_imap_uid_walk(struct ph_db *db, int64_t after, ph_walk_each *each, void *ctx,
                           struct ph_error *err) PH_MUST_USE;

/* What content the message of a row refers to. */
struct ph_walk_content {
    int64_t token; /* of the message */
    struct ph_uuid message_id;
    struct ph_blob_id header;
    struct ph_blob_id body;
};

/* imapUidTable again, as a quorum of every datacenter has it. PH_ECORRUPT: a row that does not name its content. */
int ph_store_imap_uid_content_walk(struct ph_db *db, int64_t after,
                                   int (*each)(const struct ph_walk_content *row, void *ctx,
                                               struct ph_error *err),
                                   void *ctx, struct ph_error *err) PH_MUST_USE;

#endif
