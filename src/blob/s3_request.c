/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request: what libcurl is told, and what its answer means. libcurl signs; the digest of the payload is ours, so
 * that it is signed, too, and the service finds what was damaged on the way.
 */
#include <stdio.h>

#include "blob/s3_answer.h"
#include "blob/s3_client-private.h"

enum {
    SLOWEST_BYTES_PER_MS = 64,
    EXPECT_MS = 300, /* for the permission to send large content, which not every service gives */
};

static size_t on_header(char *ptr, size_t size, size_t count, void *ctx)
{
    struct ph_s3_request *request = ctx;
    struct ph_bytes line = ph_bytes_of(ptr, size * count);
    line = ph_bytes_first(line, ph_bytes_find(line, '\r'));
    if (ph_bytes_istarts(line, PH_BYTES("Content-Range:"))) {
        (void)ph_s3_content_range(ph_bytes_from(line, strlen("Content-Range:")), &request->total);
    }
    return size * count;
}

static long status_of(const struct ph_s3_request *request)
{
    long status = 0;
    (void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static size_t on_answer(char *ptr, size_t size, size_t count, void *ctx)
{
    struct ph_s3_request *request = ctx;
    size_t len = size * count;
    struct ph_s3_get *get = request->get;
    if (get != NULL && status_of(request) / 100 == 2) {
        if (get->out->len - request->before + len > get->max) {
            request->has_too_much = true;
            return 0;
        }
        ph_buf_append(get->out, ptr, len);
        return len;
    }
    size_t room = PH_S3_ANSWER_MAX - request->answer_len;
    size_t step = len < room ? len : room;
    memcpy(request->answer + request->answer_len, ptr, step);
    request->answer_len += step;
    return len;
}

static size_t on_read(char *out, size_t size, size_t count, void *ctx)
{
    struct ph_s3_request *request = ctx;
    uint64_t left = request->source->length - request->sent;
    size_t len = left < size * count ? (size_t)left : size * count;
    if (len == 0) {
        return 0;
    }
    if (request->source->read(request->source->ctx, request->sent, (uint8_t *)out, len,
                              &request->source_error) != PH_OK) {
        return CURL_READFUNC_ABORT;
    }
    request->sent += len;
    return len;
}

/* For a connection that was closed while it was idle: libcurl asks to begin again. */
static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct ph_s3_request *request = ctx;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > request->source->length) {
        return CURL_SEEKFUNC_FAIL;
    }
    request->sent = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int add_header(struct ph_s3_request *request, const char *name, const char *value)
{
    char line[256];
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *headers = curl_slist_append(request->headers, line);
    if (headers == NULL) {
        return PH_EUNAVAILABLE;
    }
    request->headers = headers;
    return PH_OK;
}

void ph_s3_put_escaped(struct ph_buf *out, const char *text, const char *plain)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        strchr("-_.~", c) != NULL || strchr(plain, c) != NULL;
        if (is_plain) {
            ph_buf_byte(out, c);
        } else {
            ph_buf_printf(out, "%%%02X", c);
        }
    }
}

static void forget_attempt(struct ph_s3_request *request)
{
    request->sent = 0;
    request->source_error = (struct ph_error){0};
    request->answer_len = 0;
    request->has_too_much = false;
    request->total = 0;
    request->curl_text[0] = '\0';
    request->code = CURLE_FAILED_INIT;
    request->error = (struct ph_error){0};
    request->is_passing = false;
    request->error_text[0] = '\0';
    if (request->get != NULL) {
        request->get->out->len = request->before;
    }
}

#define SET(option, value) is_set = is_set && curl_easy_setopt(easy, (option), (value)) == CURLE_OK

static bool set_method(struct ph_s3_request *request, CURL *easy)
{
    bool is_set = true;
    switch (request->method) {
    case PH_S3_GET: {
        char range[64];
        snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)request->get->from,
                 (unsigned long long)(request->get->from + request->get->max - 1));
        SET(CURLOPT_HTTPGET, 1L);
        SET(CURLOPT_RANGE, range);
        break;
    }
    case PH_S3_PUT:
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, request);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, request);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->source->length);
        break;
    case PH_S3_LIST: SET(CURLOPT_HTTPGET, 1L); break;
    case PH_S3_DELETE: SET(CURLOPT_CUSTOMREQUEST, "DELETE"); break;
    }
    return is_set;
}

bool ph_s3_request_begin(const struct ph_s3_client *client, struct ph_s3_request *request, CURL *easy,
                         uint64_t left_ms)
{
    forget_attempt(request);
    request->easy = easy;
    uint64_t octets = request->source != NULL ? request->source->length
                      : request->get != NULL  ? request->get->max
                                              : 0;
    struct ph_buf url = PH_BUF(8 * PH_S3_KEY_MAX);
    ph_buf_str(&url, client->base_url);
    if (request->method == PH_S3_LIST) {
        ph_buf_byte(&url, '?');
        ph_buf_str(&url, request->query);
    } else {
        ph_s3_put_escaped(&url, client->prefix, "/");
        ph_s3_put_escaped(&url, request->key, "/");
    }
    bool is_set = add_header(request, "x-amz-content-sha256", request->digest) == PH_OK;
    curl_easy_reset(easy);
    SET(CURLOPT_URL, ph_buf_cstr(&url));
    ph_buf_fini(&url);
    SET(CURLOPT_AWS_SIGV4, client->signing);
    SET(CURLOPT_USERPWD, client->credentials);
    SET(CURLOPT_HTTPHEADER, request->headers);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_EXPECT_100_TIMEOUT_MS, (long)EXPECT_MS);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)left_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)(left_ms + octets / SLOWEST_BYTES_PER_MS));
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)PH_S3_READ_BYTES);
    SET(CURLOPT_BUFFERSIZE, (long)PH_S3_READ_BYTES);
    SET(CURLOPT_WRITEFUNCTION, on_answer);
    SET(CURLOPT_WRITEDATA, request);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, request);
    SET(CURLOPT_ERRORBUFFER, request->curl_text);
    SET(CURLOPT_PRIVATE, request);
    if (client->ca_file != NULL) {
        SET(CURLOPT_CAINFO, client->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* nor those that the system trusts */
    }
    return is_set && set_method(request, easy);
}

#undef SET

/* ---- What an answer means ---- */

static const char *const method_names[] = {"GET", "PUT", "DELETE", "list"};

static int judge_status(struct ph_s3_request *request, long status)
{
    char *text = request->error_text;
    ph_s3_error_text(ph_bytes_of(request->answer, request->answer_len), text, sizeof request->error_text);
    int class = ph_s3_status_class(status, text, &request->is_passing);
    return ph_fail(&request->error, class, "S3: %s %s: status %ld %s", method_names[request->method],
                   request->key, status, text);
}

/* The service's certificate is not what ours say it has to be; it is again no better a moment later. */
static bool is_of_operator(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE;
}

static int judge(struct ph_s3_request *request)
{
    long status = status_of(request);
    struct ph_s3_get *get = request->get;
    if (request->source_error.code != PH_OK) {
        request->error = request->source_error;
        return request->error.code;
    }
    if (request->has_too_much) {
        return ph_fail(&request->error, PH_ECORRUPT, "S3: GET %s: more came than was asked for",
                       request->key);
    }
    if (request->code != CURLE_OK) {
        bool is_refused = is_of_operator(request->code);
        request->is_passing = !is_refused;
        return ph_fail(&request->error, is_refused ? PH_EDENIED : PH_EUNAVAILABLE, "S3: %s %s: %s",
                       method_names[request->method], request->key,
                       request->curl_text[0] != '\0' ? request->curl_text
                                                     : curl_easy_strerror(request->code));
    }
    if (get != NULL) {
        size_t came = get->out->len - request->before;
        /* Nothing is there to be had from an empty object: that is an error of its own in HTTP. */
        if (status == 416 && get->from == 0) {
            get->size = 0;
            return PH_OK;
        }
        if (status == 206 && request->total >= get->from + came) {
            get->size = request->total;
            return PH_OK;
        }
        if (status == 200 && get->from == 0) {
            get->size = came;
            return PH_OK;
        }
    } else if (status / 100 == 2) {
        return PH_OK;
    }
    int result = judge_status(request, status);
    return request->method == PH_S3_DELETE && result == PH_ENOTFOUND ? PH_OK : result;
}

void ph_s3_request_end(struct ph_s3_request *request)
{
    request->result = judge(request);
    curl_slist_free_all(request->headers);
    request->headers = NULL;
}
