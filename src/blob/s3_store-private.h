/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the S3 store, for its own files.
 */
#ifndef PH_BLOB_S3_STORE_PRIVATE_H
#define PH_BLOB_S3_STORE_PRIVATE_H

#include "blob/blob-private.h"
#include "blob/codec.h"
#include "blob/leftovers.h"
#include "blob/s3_store.h"

struct ph_s3_store {
    struct ph_blob_store base;
    struct ph_s3_store_options options;
    char *spool_directory;
    struct ph_db *db;
    struct ph_codec *codec;
    struct ph_s3_client *client;
    struct ph_leftovers *leftovers;
};

/* The key of ID; SPACE may hold it. */
const char *ph_s3_key(const struct ph_blob_id *id, char space[PH_BLOB_ID_TEXT_MAX + 1]);

/* Where the service refuses the key, or has lost the bucket, the operator puts that right and the same works again: to all
 * others it is trouble that passes. */
int ph_s3_passing(int result, struct ph_error *err) PH_MUST_USE;

/* ---- s3_get.c ---- */

int ph_s3_open_blob(struct ph_blob_store *base, struct ph_blob_reader *reader,
                    struct ph_error *err) PH_MUST_USE;
int ph_s3_open_all(struct ph_blob_store *base, struct ph_blob_reader *const *readers, unsigned count,
                   struct ph_error *err) PH_MUST_USE;
int ph_s3_read_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, size_t len, struct ph_buf *out,
                    struct ph_error *err) PH_MUST_USE;

#endif
