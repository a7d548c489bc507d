/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content in tables of the Cassandra keyspace, in chunks of PH_CONTENT_CHUNK_BYTES.
 *
 * Ours (`content`): a blob is a partition of its own, a chunk a row of it; chunks may be compressed. In a keyspace that
 * is shared with James: `blobs` and `blobParts`, as James writes and reads them, plain. Blobs that James wrote are
 * read, and never removed: only James knows whether another of its messages shares them.
 *
 * A blob of one chunk is written by the plan that refers to it, in its first round. A larger one is written by the
 * put itself, a few chunks at a time, so that no more than these are in memory. A reader holds one chunk.
 *
 * What is promised: content is on a quorum of this datacenter's replicas (profile lwt: of all) before a row names it.
 * Another datacenter may have the row before the content for as long as replication takes: reading is then
 * PH_ENOTFOUND. A shared blob is removed when each of the messages that share it has said that it gives it up; two that
 * say so at once in two datacenters may leave it as garbage, and never remove it too early.
 *
 * Threads: any. Blocking: reads, and puts of what is larger than a chunk.
 */
#ifndef PH_BLOB_CASSANDRA_STORE_H
#define PH_BLOB_CASSANDRA_STORE_H

#include "blob/blob.h"

enum { PH_CONTENT_CHUNK_BYTES = 100 * 1024 };

struct ph_cassandra_store_options {
    bool compress_headers; /* neither where is_shared */
    bool compress_bodies;
    bool is_shared; /* with James */
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
};

/* DB stays open longer. */
int ph_cassandra_store_open(const struct ph_cassandra_store_options *options, struct ph_db *db,
                            struct ph_blob_store **out_store, struct ph_error *err) PH_MUST_USE;
void ph_cassandra_store_close(struct ph_blob_store **store);

#endif
