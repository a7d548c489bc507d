/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of one bucket of an S3 service, over HTTP, requests signed with AWS Signature Version 4.
 *
 * Addresses are path-style: ENDPOINT/BUCKET/PREFIX KEY. Connections are kept and used again; at most CONNECTIONS_MAX
 * requests run at once, and who comes later waits. A request that fails for the moment (no connection, a timeout, 429,
 * 5xx) is tried again with growing pauses while the timeout lasts: all of them may be repeated.
 *
 * Threads: any. Blocking; hands a worker's place on meanwhile.
 * Errors: PH_ENOTFOUND: no such object. PH_EDENIED: the service refuses the key, the bucket is not there, or we refuse the service's
 * certificate: for the operator. PH_ELIMIT: the service is full. PH_EUNAVAILABLE: it does not answer, or not in time; a put may have
 * taken effect then. PH_EBUSY: too many wait. PH_ECORRUPT: an answer that makes no sense.
 */
#ifndef PH_BLOB_S3_CLIENT_H
#define PH_BLOB_S3_CLIENT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

struct ph_s3_client;

struct ph_s3_options {
    const char *endpoint; /* "https://s3.example.org" or "http://127.0.0.1:9000" */
    const char *bucket;
    const char *region;
    const char *prefix; /* of every key; "" for none */
    const char *access_key;
    const char *secret_key;
    const char *ca_file; /* PEM; NULL: the system's */
    unsigned
        timeout_ms; /* of a request with its repetitions, without the time that large content takes; 0: 5 s */
    unsigned connections_max; /* 0: 32 */
};

int ph_s3_client_new(const struct ph_s3_options *options, struct ph_s3_client **out_client,
                     struct ph_error *err) PH_MUST_USE;
void ph_s3_client_free(struct ph_s3_client **client);

/* What is put. READ gives the LEN octets from OFFSET; it is asked more than once for the same. */
struct ph_s3_source {
    int (*read)(void *ctx, uint64_t offset, uint8_t *out, size_t len, struct ph_error *err);
    void *ctx;
    uint64_t length;
};
/* One object, whole or not at all; the service checks its SHA-256. */
int ph_s3_put(struct ph_s3_client *client, const char *key, const struct ph_s3_source *source,
              struct ph_error *err) PH_MUST_USE;
/* PH_OK also where there is none. */
int ph_s3_delete(struct ph_s3_client *client, const char *key, struct ph_error *err) PH_MUST_USE;

/* Whether the bucket is there: not every service says so when an object is asked for. PH_OK also where the key may not list. */
int ph_s3_ask_bucket(struct ph_s3_client *client, struct ph_error *err) PH_MUST_USE;
/* Whether the service takes the key, too: asks for an object that cannot be there, since what matters is how the answer is
 * no. */
int ph_s3_ask(struct ph_s3_client *client, struct ph_error *err) PH_MUST_USE;

/* Octets FROM to FROM + MAX of an object, or to its end. */
struct ph_s3_get {
    const char *key;
    uint64_t from;
    size_t max;
    struct ph_buf *out; /* has room for MAX */
    /* Set: */
    uint64_t size; /* of the object */
    int result;
};
enum { PH_S3_GETS_MAX = 2 };
/* Side by side. The first of their results that is not PH_OK; ERR is of that one. */
int ph_s3_get_all(struct ph_s3_client *client, struct ph_s3_get *gets, unsigned count,
                  struct ph_error *err) PH_MUST_USE;

struct ph_s3_stats {
    uint64_t requests;
    uint64_t retries;
    uint64_t failures;
};
void ph_s3_client_stats(const struct ph_s3_client *client, struct ph_s3_stats *out_stats);

#endif
