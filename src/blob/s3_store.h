/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content as objects of an S3 bucket, one for each blob; which messages there are is the database's.
 *
 * An object is there, whole, when ph_blob_put returns: a row that names it is never on its way before. It is one record
 * as blob/record.h lays it out, so each octet that is read was checked, and content may be compressed; the key is
 * the blob's id behind the prefix. In a keyspace that is shared with James objects are plain content, and those that James
 * wrote are read, and never removed.
 *
 * What is removed goes after the plan that removed the last message (blob/leftovers.h): what the process does not come
 * to any more stays as garbage. A reader holds PH_S3_PIECE_BYTES at most, and a message is read by two requests side by
 * side, header and body.
 *
 * Threads: any. Blocking. Errors of putting and reading: PH_EUNAVAILABLE also where the service refuses the key or the bucket is gone, which is the
 * operator's trouble and no reason to lose mail; the log says it.
 */
#ifndef PH_BLOB_S3_STORE_H
#define PH_BLOB_S3_STORE_H

#include "blob/blob.h"
#include "blob/s3_client.h"

enum { PH_S3_PIECE_BYTES = 256 * 1024 };

struct ph_s3_store_options {
    struct ph_s3_options service;
    const char *
        spool_directory; /* for large content while it is compressed; its last level is made where it is missing */
    bool compress_headers; /* neither where is_shared */
    bool compress_bodies;
    bool is_shared; /* with James */
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
};

/* Asks the service once: PH_EDENIED where it refuses the key, has no such bucket, or shows a certificate that it should not; PH_EINVALID for an address that is
 * none. Where it does not answer the store is open all the same, with a line in the log. DB stays open longer. */
int ph_s3_store_open(const struct ph_s3_store_options *options, struct ph_db *db,
                     struct ph_blob_store **out_store, struct ph_error *err) PH_MUST_USE;
void ph_s3_store_close(struct ph_blob_store **store);

void ph_s3_store_stats(const struct ph_blob_store *store, struct ph_s3_stats *out_stats);

#endif
