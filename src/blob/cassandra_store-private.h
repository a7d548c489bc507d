/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the Cassandra store, for its own files.
 */
#ifndef PH_BLOB_CASSANDRA_STORE_PRIVATE_H
#define PH_BLOB_CASSANDRA_STORE_PRIVATE_H

#include "blob/blob-private.h"
#include "blob/cassandra_store.h"
#include "blob/codec.h"
#include "blob/leftovers.h"

struct ph_cassandra_store {
    struct ph_blob_store base;
    struct ph_cassandra_store_options options;
    struct ph_db *db;
    struct ph_codec *codec;
    struct ph_leftovers *leftovers;
};

/* ---- cassandra_put.c ---- */

int ph_cassandra_put(struct ph_blob_store *base, struct ph_plan *plan, struct ph_blob_item *items,
                     unsigned count, struct ph_error *err) PH_MUST_USE;

/* ---- cassandra_get.c ---- */

int ph_cassandra_open_blob(struct ph_blob_store *base, struct ph_blob_reader *reader,
                           struct ph_error *err) PH_MUST_USE;
int ph_cassandra_open_all(struct ph_blob_store *base, struct ph_blob_reader *const *readers, unsigned count,
                          struct ph_error *err) PH_MUST_USE;
int ph_cassandra_read_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, size_t len,
                           struct ph_buf *out, struct ph_error *err) PH_MUST_USE;

#endif
