/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the S3 client, for its own files: the client and its lanes, and one request.
 */
#ifndef PH_BLOB_S3_CLIENT_PRIVATE_H
#define PH_BLOB_S3_CLIENT_PRIVATE_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "blob/s3_client.h"

enum {
    PH_S3_KEY_MAX = 1024,
    PH_S3_DIGEST_TEXT = 64,
    PH_S3_ANSWER_MAX = 4096, /* of an answer that is an error */
    PH_S3_READ_BYTES = 1 << 16,
    PH_S3_ERROR_TEXT = 160,
};

struct ph_s3_lane;

struct ph_s3_client {
    char *place;    /* "bucket BUCKET at ENDPOINT", for messages */
    char *base_url; /* ENDPOINT/BUCKET/ */
    char *prefix;
    char *credentials; /* KEY:SECRET */
    char *signing;
    char *ca_file;
    unsigned timeout_ms;
    unsigned connections_max;
    pthread_mutex_t lock;
    pthread_cond_t given_back;
    struct ph_s3_lane *idle;
    unsigned lanes; /* made and not freed */
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t retries;
    atomic_uint_fast64_t failures;
};

enum ph_s3_method { PH_S3_GET, PH_S3_PUT, PH_S3_DELETE, PH_S3_LIST };

struct ph_s3_request {
    enum ph_s3_method method;
    const char *key;   /* of a listing: "" */
    const char *query; /* of a listing: names in order, values escaped, as the signature wants them */
    char digest[PH_S3_DIGEST_TEXT + 1];
    const struct ph_s3_source *source;
    uint64_t sent;
    struct ph_error source_error;
    struct ph_s3_get *get;
    size_t before; /* what get->out held */
    /* Of the attempt under way. */
    CURL *easy; /* the lane's */
    struct curl_slist *headers;
    char answer[PH_S3_ANSWER_MAX];
    size_t answer_len;
    bool has_too_much;
    uint64_t total; /* of Content-Range; 0: none */
    char curl_text[CURL_ERROR_SIZE];
    CURLcode code;
    int result;
    bool is_passing;
    char error_text[PH_S3_ERROR_TEXT]; /* of the answer; empty: it had none */
    struct ph_error error;
};

/* ---- s3_client.c ---- */

/* Runs REQUESTS side by side, again where that may help. */
int ph_s3_run(struct ph_s3_client *client, struct ph_s3_request *requests, unsigned count,
              struct ph_error *err) PH_MUST_USE;
/* The digest of what SOURCE gives; NULL: of nothing. */
int ph_s3_digest(const struct ph_s3_source *source, char out[PH_S3_DIGEST_TEXT + 1],
                 struct ph_error *err) PH_MUST_USE;

/* ---- s3_request.c ---- */

/* Letters, digits and "-_.~" as they are, and what PLAIN has, all else as %XX. */
void ph_s3_put_escaped(struct ph_buf *out, const char *text, const char *plain);

/* Makes REQUEST ready for an attempt on EASY that ends within LEFT_MS, and the time that its content takes. */
bool ph_s3_request_begin(const struct ph_s3_client *client, struct ph_s3_request *request, CURL *easy,
                         uint64_t left_ms);
/* Judges the attempt: sets result, error and is_passing. */
void ph_s3_request_end(struct ph_s3_request *request);

#endif
