/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of the bucket, not of one object.
 */
#include "blob/s3_answer.h"
#include "blob/s3_client-private.h"

enum { LIST_BYTES = 1 << 16 };

/* PH_OK also where the key may not list. */
static int list_nothing(struct ph_s3_client *client, struct ph_error *err)
{
    struct ph_buf out = PH_BUF(LIST_BYTES);
    struct ph_s3_get get = {.key = "", .max = LIST_BYTES, .out = &out};
    struct ph_s3_request request = {
        .method = PH_S3_LIST, .key = "", .query = "list-type=2&max-keys=1", .get = &get};
    int result = ph_s3_digest(NULL, request.digest, err);
    result = result == PH_OK ? ph_s3_run(client, &request, 1, err) : result;
    ph_buf_fini(&out);
    return result == PH_EDENIED && !ph_s3_is_bucket_missing(request.error_text) ? PH_OK : result;
}

int ph_s3_ask_bucket(struct ph_s3_client *client, struct ph_error *err)
{
    struct ph_error trouble = {0};
    int result = list_nothing(client, &trouble);
    return result == PH_OK ? PH_OK : ph_fail(err, result, "%.96s: %s", client->place, trouble.text);
}

int ph_s3_ask(struct ph_s3_client *client, struct ph_error *err)
{
    struct ph_buf out = PH_BUF(16);
    struct ph_s3_get get = {.key = "posthouse-start", .max = 16, .out = &out};
    struct ph_error trouble = {0};
    int result = ph_s3_get_all(client, &get, 1, &trouble);
    ph_buf_fini(&out);
    if (result == PH_ENOTFOUND) {
        return ph_s3_ask_bucket(client, err);
    }
    return result == PH_OK ? PH_OK : ph_fail(err, result, "%.96s: %s", client->place, trouble.text);
}
