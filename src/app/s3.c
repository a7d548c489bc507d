/* SPDX-License-Identifier: Apache-2.0 */
#include "app/s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "blob/s3_store.h"

enum { LINE_MAX_BYTES = 1024 };

struct keys {
    char access[LINE_MAX_BYTES];
    char secret[LINE_MAX_BYTES];
};

static bool read_line(FILE *file, char line[LINE_MAX_BYTES])
{
    if (fgets(line, LINE_MAX_BYTES, file) == NULL) {
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line[0] != '\0';
}

static int read_keys(const char *path, struct keys *out_keys, struct ph_error *err)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "s3.key_file: %.160s", path);
    }
    setbuf(file, NULL); /* no copy of the secret stays in a buffer */
    bool is_read = read_line(file, out_keys->access) && read_line(file, out_keys->secret);
    fclose(file);
    return is_read ? PH_OK
                   : ph_fail(err, PH_EINVALID,
                             "s3.key_file: %.160s: expected the access key and the secret key, a line each",
                             path);
}

int ph_app_s3_check(const struct ph_config *config, struct ph_error *err)
{
    const struct ph_config_s3 *section = &config->root->s3;
    struct keys keys;
    int result = read_keys(section->key_file, &keys, err);
    ph_wipe(&keys, sizeof keys);
    if (result == PH_OK && section->tls_ca_file[0] != '\0' && access(section->tls_ca_file, R_OK) != 0) {
        result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "s3.tls_ca_file: %.160s",
                               section->tls_ca_file);
    }
    return result;
}

int ph_app_s3_open(const struct ph_config *config, struct ph_db *db, struct ph_uuid_gen *ids,
                   const char *spool_directory, const struct ph_log *log, struct ph_blob_store **out_blobs,
                   struct ph_error *err)
{
    const struct ph_config_root *root = config->root;
    const struct ph_config_s3 *section = &root->s3;
    struct keys keys;
    int result = read_keys(section->key_file, &keys, err);
    if (result == PH_OK) {
        const struct ph_s3_store_options options = {
            .service =
                {
                    .endpoint = section->endpoint,
                    .bucket = section->bucket,
                    .region = section->region,
                    .prefix = section->prefix,
                    .access_key = keys.access,
                    .secret_key = keys.secret,
                    .ca_file = section->tls_ca_file[0] == '\0' ? NULL : section->tls_ca_file,
                    .timeout_ms = section->timeout_ms,
                    .connections_max = section->connections_max,
                },
            .spool_directory = spool_directory,
            .compress_headers = root->store.compress_headers,
            .compress_bodies = root->store.compress_bodies,
            .is_shared = root->cassandra.shared_with_james,
            .ids = ids,
            .clock = &ph_clock_system,
            .log = log,
        };
        result = ph_s3_store_open(&options, db, out_blobs, err);
    }
    ph_wipe(&keys, sizeof keys);
    return result;
}

void ph_app_s3_close(struct ph_blob_store **blobs)
{
    ph_s3_store_close(blobs);
}
