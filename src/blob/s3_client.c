/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane is what one caller uses at a time: a multi handle, which keeps the connections, and as many easy handles as
 * requests may run side by side.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "blob/s3_client-private.h"
#include "net/pool.h"

enum {
    TIMEOUT_MS = 5000,
    CONNECTIONS_MAX = 32,
    FIRST_PAUSE_MS = 50,
    PAUSES_MAX = 6,
    DIGEST_BYTES = PH_S3_DIGEST_TEXT / 2,
};

struct ph_s3_lane {
    struct ph_s3_lane *next;
    CURLM *multi;
    CURL *easy[PH_S3_GETS_MAX];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- Life ---- */

static char *join(const char *const *parts, size_t count)
{
    struct ph_buf text = PH_BUF(PH_S3_KEY_MAX * 4);
    for (size_t i = 0; i < count; i++) {
        ph_buf_str(&text, parts[i]);
    }
    char *joined = ph_strdup(ph_buf_cstr(&text));
    ph_buf_wipe(&text);
    return joined;
}

int ph_s3_client_new(const struct ph_s3_options *options, struct ph_s3_client **out_client,
                     struct ph_error *err)
{
    pthread_once(&curl_once, init_curl);
    if (strncmp(options->endpoint, "http://", 7) != 0 && strncmp(options->endpoint, "https://", 8) != 0) {
        return ph_fail(err, PH_EINVALID, "%s: not an address that begins with https:// or http://",
                       options->endpoint);
    }
    struct ph_s3_client *client = ph_zalloc(sizeof *client);
    size_t endpoint_len = strlen(options->endpoint);
    bool has_slash = options->endpoint[endpoint_len - 1] == '/';
    client->base_url =
        join((const char *[]){options->endpoint, has_slash ? "" : "/", options->bucket, "/"}, 4);
    client->place = join((const char *[]){"bucket ", options->bucket, " at ", options->endpoint}, 4);
    client->prefix = ph_strdup(options->prefix == NULL ? "" : options->prefix);
    client->credentials = join((const char *[]){options->access_key, ":", options->secret_key}, 3);
    client->signing = join((const char *[]){"aws:amz:", options->region, ":s3"}, 3);
    client->ca_file = options->ca_file == NULL ? NULL : ph_strdup(options->ca_file);
    client->timeout_ms = options->timeout_ms == 0 ? TIMEOUT_MS : options->timeout_ms;
    client->connections_max = options->connections_max == 0 ? CONNECTIONS_MAX : options->connections_max;
    pthread_mutex_init(&client->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&client->given_back, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *out_client = client;
    return PH_OK;
}

static void free_lane(struct ph_s3_lane *lane)
{
    for (unsigned i = 0; i < PH_S3_GETS_MAX; i++) {
        if (lane->easy[i] != NULL) {
            curl_easy_cleanup(lane->easy[i]);
        }
    }
    if (lane->multi != NULL) {
        curl_multi_cleanup(lane->multi);
    }
    free(lane);
}

void ph_s3_client_free(struct ph_s3_client **client)
{
    struct ph_s3_client *c = *client;
    if (c == NULL) {
        return;
    }
    while (c->idle != NULL) {
        struct ph_s3_lane *lane = c->idle;
        c->idle = lane->next;
        free_lane(lane);
    }
    pthread_cond_destroy(&c->given_back);
    pthread_mutex_destroy(&c->lock);
    ph_wipe_free(&c->credentials);
    free(c->place);
    free(c->base_url);
    free(c->prefix);
    free(c->signing);
    free(c->ca_file);
    free(c);
    *client = NULL;
}

void ph_s3_client_stats(const struct ph_s3_client *client, struct ph_s3_stats *out_stats)
{
    *out_stats = (struct ph_s3_stats){
        .requests = atomic_load(&client->requests),
        .retries = atomic_load(&client->retries),
        .failures = atomic_load(&client->failures),
    };
}

/* ---- Lanes ---- */

static struct ph_s3_lane *make_lane(void)
{
    struct ph_s3_lane *lane = ph_zalloc(sizeof *lane);
    lane->multi = curl_multi_init();
    bool is_made = lane->multi != NULL;
    for (unsigned i = 0; i < PH_S3_GETS_MAX; i++) {
        lane->easy[i] = curl_easy_init();
        is_made = is_made && lane->easy[i] != NULL;
    }
    if (!is_made) {
        free_lane(lane);
        return NULL;
    }
    return lane;
}

static int take_lane(struct ph_s3_client *client, struct ph_s3_lane **out_lane, struct ph_error *err)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(client->timeout_ms / 1000 + 1);
    pthread_mutex_lock(&client->lock);
    int waited = 0;
    while (client->idle == NULL && client->lanes >= client->connections_max && waited == 0) {
        waited = pthread_cond_timedwait(&client->given_back, &client->lock, &until);
    }
    struct ph_s3_lane *lane = client->idle;
    if (lane != NULL) {
        client->idle = lane->next;
    } else if (client->lanes < client->connections_max) {
        client->lanes++;
        lane = make_lane();
        client->lanes -= lane == NULL ? 1 : 0;
    }
    pthread_mutex_unlock(&client->lock);
    *out_lane = lane;
    return lane != NULL ? PH_OK
                        : ph_fail(err, PH_EBUSY, "S3: %u requests run, and one more found no place in time",
                                  client->connections_max);
}

static void give_lane(struct ph_s3_client *client, struct ph_s3_lane *lane)
{
    pthread_mutex_lock(&client->lock);
    lane->next = client->idle;
    client->idle = lane;
    pthread_cond_signal(&client->given_back);
    pthread_mutex_unlock(&client->lock);
}

/* ---- Running ---- */

static void pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* Every request of REQUESTS that has no result yet, once. */
static void attempt(struct ph_s3_client *client, struct ph_s3_lane *lane, struct ph_s3_request *requests,
                    unsigned count, uint64_t left_ms)
{
    int running = 0;
    for (unsigned i = 0; i < count; i++) {
        struct ph_s3_request *request = &requests[i];
        if (request->result == PH_OK) {
            continue;
        }
        atomic_fetch_add(&client->requests, 1);
        if (ph_s3_request_begin(client, request, lane->easy[i], left_ms)) {
            (void)curl_multi_add_handle(lane->multi, request->easy);
        }
    }
    do {
        if (curl_multi_perform(lane->multi, &running) != CURLM_OK) {
            break;
        }
        if (running > 0) {
            (void)curl_multi_poll(lane->multi, NULL, 0, 1000, NULL);
        }
    } while (running > 0);
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(lane->multi, &left)) != NULL;) {
        char *private = NULL;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        ((struct ph_s3_request *)(void *)private)->code = message->data.result;
    }
    for (unsigned i = 0; i < count; i++) {
        struct ph_s3_request *request = &requests[i];
        if (request->result != PH_OK) {
            (void)curl_multi_remove_handle(lane->multi, request->easy);
            ph_s3_request_end(request);
        }
    }
}

static bool is_worth_repeating(const struct ph_s3_request *requests, unsigned count)
{
    bool is_any = false;
    for (unsigned i = 0; i < count; i++) {
        if (requests[i].result != PH_OK && !requests[i].is_passing) {
            return false;
        }
        is_any = is_any || requests[i].result != PH_OK;
    }
    return is_any;
}

int ph_s3_run(struct ph_s3_client *client, struct ph_s3_request *requests, unsigned count,
              struct ph_error *err)
{
    struct ph_s3_lane *lane;
    ph_pool_blocking_begin();
    int result = take_lane(client, &lane, err);
    if (result == PH_OK) {
        uint64_t until = ph_mono_ms(&ph_clock_system) + client->timeout_ms;
        for (unsigned i = 0; i < count; i++) {
            requests[i].result = PH_EUNAVAILABLE;
        }
        attempt(client, lane, requests, count, client->timeout_ms);
        for (unsigned tries = 0; tries < PAUSES_MAX && is_worth_repeating(requests, count); tries++) {
            unsigned pause = (unsigned)FIRST_PAUSE_MS << tries;
            uint64_t now = ph_mono_ms(&ph_clock_system);
            if (now + pause >= until) {
                break;
            }
            pause_ms(pause);
            atomic_fetch_add(&client->retries, 1);
            attempt(client, lane, requests, count, until - now - pause);
        }
        give_lane(client, lane);
    }
    ph_pool_blocking_end();
    for (unsigned i = 0; i < count && result == PH_OK; i++) {
        if (requests[i].result != PH_OK) {
            result = requests[i].result;
            *err = requests[i].error;
        }
    }
    atomic_fetch_add(&client->failures, result == PH_OK || result == PH_ENOTFOUND ? 0 : 1);
    return result;
}

/* ---- The operations ---- */

static void put_hex(const uint8_t *digest, char out[PH_S3_DIGEST_TEXT + 1])
{
    for (unsigned i = 0; i < DIGEST_BYTES; i++) {
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    }
}

int ph_s3_digest(const struct ph_s3_source *source, char out[PH_S3_DIGEST_TEXT + 1], struct ph_error *err)
{
    uint8_t digest[DIGEST_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_made = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
    uint8_t *piece = ph_alloc(PH_S3_READ_BYTES);
    uint64_t length = source == NULL ? 0 : source->length;
    int result = PH_OK;
    for (uint64_t at = 0; at < length && result == PH_OK && is_made;) {
        size_t len = length - at < PH_S3_READ_BYTES ? (size_t)(length - at) : PH_S3_READ_BYTES;
        result = source->read(source->ctx, at, piece, len, err);
        is_made = result != PH_OK || EVP_DigestUpdate(context, piece, len) == 1;
        at += len;
    }
    is_made = is_made && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    free(piece);
    EVP_MD_CTX_free(context);
    if (!is_made) {
        return ph_fail(err, PH_EUNAVAILABLE, "S3: no memory for a digest");
    }
    put_hex(digest, out);
    return result;
}

int ph_s3_put(struct ph_s3_client *client, const char *key, const struct ph_s3_source *source,
              struct ph_error *err)
{
    struct ph_s3_request request = {.method = PH_S3_PUT, .key = key, .source = source};
    int result = ph_s3_digest(source, request.digest, err);
    return result == PH_OK ? ph_s3_run(client, &request, 1, err) : result;
}

int ph_s3_delete(struct ph_s3_client *client, const char *key, struct ph_error *err)
{
    struct ph_s3_request request = {.method = PH_S3_DELETE, .key = key};
    int result = ph_s3_digest(NULL, request.digest, err);
    return result == PH_OK ? ph_s3_run(client, &request, 1, err) : result;
}

int ph_s3_get_all(struct ph_s3_client *client, struct ph_s3_get *gets, unsigned count, struct ph_error *err)
{
    struct ph_s3_request requests[PH_S3_GETS_MAX];
    if (count == 0 || count > PH_S3_GETS_MAX) {
        return ph_fail(err, PH_EBUG, "S3: %u objects at once", count);
    }
    for (unsigned i = 0; i < count; i++) {
        requests[i] = (struct ph_s3_request){
            .method = PH_S3_GET, .key = gets[i].key, .get = &gets[i], .before = gets[i].out->len};
        int result = ph_s3_digest(NULL, requests[i].digest, err);
        if (result != PH_OK) {
            return result;
        }
    }
    int result = ph_s3_run(client, requests, count, err);
    for (unsigned i = 0; i < count; i++) {
        gets[i].result = requests[i].result;
    }
    return result;
}
