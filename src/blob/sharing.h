/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blobs that several messages share, where no counter says so: rows of contentrefs, one for each message that has given
 * the blob up. How many share it is part of its name, so nobody takes a row that has not arrived yet for one that was
 * never written.
 *
 * Threads: any. Blocking.
 */
#ifndef PH_BLOB_SHARING_H
#define PH_BLOB_SHARING_H

#include "blob/blob.h"

/* MESSAGE was taken out of a mailbox: it gives up blob ID if no other mailbox has it. *OUT_IS_FREE: that was the last
 * message, or the blob is of one message alone, so it is to be removed. May be repeated. */
int ph_sharing_give_up(struct ph_db *db, const struct ph_blob_id *id, const struct ph_uuid *message,
                       bool *out_is_free, struct ph_error *err) PH_MUST_USE;
/* The blob was removed. */
int ph_sharing_forget(struct ph_db *db, const struct ph_blob_id *id, struct ph_error *err) PH_MUST_USE;

/* ---- For ph_blob_walk and ph_blob_discard ---- */

/* The rows of contentrefs, behind whatever else the store has; a position in it begins with 'r'. */
int ph_sharing_walk_releases(struct ph_db *db, struct ph_bytes after, ph_blob_each *each, void *ctx,
                             struct ph_error *err) PH_MUST_USE;
bool ph_sharing_is_position(struct ph_bytes position);
/* The partitions of STMT (token, id), with positions that begin with MARK. */
int ph_sharing_walk(struct ph_db *db, enum ph_stmt stmt, char mark, struct ph_bytes after, ph_blob_each *each,
                    void *ctx, struct ph_error *err) PH_MUST_USE;
/* What is noted of a blob goes. */
int ph_sharing_discard(struct ph_db *db, const struct ph_uuid *id, struct ph_error *err) PH_MUST_USE;

#endif
