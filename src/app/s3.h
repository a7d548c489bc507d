/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The S3 service as the configuration says it.
 */
#ifndef PH_APP_S3_H
#define PH_APP_S3_H

#include "app/config.h"
#include "blob/blob.h"

/* As ph_s3_store_open; PH_EINVALID, PH_EDENIED, PH_ENOTFOUND also for the key's file. */
int ph_app_s3_open(const struct ph_config *config, struct ph_db *db, struct ph_uuid_gen *ids,
                   const char *spool_directory, const struct ph_log *log, struct ph_blob_store **out_blobs,
                   struct ph_error *err) PH_MUST_USE;
void ph_app_s3_close(struct ph_blob_store **blobs);

/* Whether the files that the section names can be read. */
int ph_app_s3_check(const struct ph_config *config, struct ph_error *err) PH_MUST_USE;

#endif
