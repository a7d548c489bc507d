/* SPDX-License-Identifier: Apache-2.0 */
#include "admin/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

enum { PIECE_BYTES = 65536 };

struct ph_admin_client {
    int fd;
    bool was_heard;
    FILE *in;
    char *line; /* getline's */
    size_t line_cap;
    uint8_t piece[PIECE_BYTES];
};

int ph_admin_connect(const char *path, struct ph_admin_client **out_client, struct ph_error *err)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof addr.sun_path) {
        return ph_fail(err, PH_EINVALID,
                       "%.160s: longer than a socket's path may be; choose a shorter data_dir", path);
    }
    memcpy(addr.sun_path, path, len);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "socket");
    }
    if (connect(fd, (const struct sockaddr *)(const void *)&addr, sizeof addr) != 0) {
        int errnum = errno;
        close(fd);
        int class =
            errnum == ENOENT || errnum == ECONNREFUSED ? PH_ENOTFOUND : ph_error_class_of_errno(errnum);
        return ph_fail_errno(err, class, errnum, "%.160s", path);
    }
    struct ph_admin_client *client = ph_zalloc(sizeof *client);
    client->fd = fd;
    client->in = fdopen(fd, "r");
    if (client->in == NULL) {
        abort(); /* out of memory, as in base/mem.c */
    }
    /* A server that stops still has a queue of connections that it will not serve. */
    if (getline(&client->line, &client->line_cap, client->in) <= 0) {
        ph_admin_disconnect(&client);
        return ph_fail(err, PH_ENOTFOUND, "%.160s: the server ends, or refuses this user", path);
    }
    *out_client = client;
    return PH_OK;
}

bool ph_admin_was_heard(const struct ph_admin_client *client)
{
    return client->was_heard;
}

void ph_admin_disconnect(struct ph_admin_client **client_ptr)
{
    struct ph_admin_client *client = *client_ptr;
    *client_ptr = NULL;
    if (client != NULL) {
        fclose(client->in);
        free(client->line);
        ph_wipe(client->piece, sizeof client->piece);
        free(client);
    }
}

static int send_all(struct ph_admin_client *client, struct ph_bytes bytes, struct ph_error *err)
{
    while (bytes.len > 0) {
        ssize_t sent = send(client->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "the server's admin socket");
        }
        bytes = ph_bytes_from(bytes, sent < 0 ? 0 : (size_t)sent);
    }
    return PH_OK;
}

static int send_content(struct ph_admin_client *client, struct ph_spool *content, struct ph_error *err)
{
    int result = PH_OK;
    for (uint64_t at = 0; result == PH_OK && at < content->size;) {
        uint64_t left = content->size - at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        result = ph_spool_read(content, at, client->piece, len, err);
        if (result == PH_OK) {
            result = send_all(client, ph_bytes_of(client->piece, len), err);
        }
        at += len;
    }
    return result;
}

static int send_request(struct ph_admin_client *client, const struct ph_admin_request *request,
                        struct ph_error *err)
{
    json_int_t octets = request->content == NULL ? 0 : (json_int_t)request->content->size;
    json_t *line = json_pack("{s:s, s:O, s:I}", "operation", request->operation, "arguments",
                             request->arguments, "octets", octets);
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL) {
        return ph_fail(err, PH_EBUG, "a request that is no JSON");
    }
    int result = send_all(client, ph_bytes_str(text), err);
    free(text);
    if (result == PH_OK) {
        result = send_all(client, PH_BYTES("\n"), err);
    }
    return result == PH_OK && octets > 0 ? send_content(client, request->content, err) : result;
}

static int broken(struct ph_error *err)
{
    return ph_fail(err, PH_EUNKNOWN_OUTCOME, "the server ended before it answered");
}

static int pass_octets(struct ph_admin_client *client, uint64_t left, const struct ph_admin_sink *sink,
                       struct ph_error *err)
{
    int result = PH_OK;
    while (result == PH_OK && left > 0) {
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        if (fread(client->piece, 1, len, client->in) != len) {
            return broken(err);
        }
        result = sink->octets(sink->ctx, ph_bytes_of(client->piece, len), err);
        left -= len;
    }
    return result;
}

static int class_of(const char *name)
{
#define CLASS(upper, number, text, meaning)          \
    if (name != NULL && strcmp(name, (text)) == 0) { \
        return number;                               \
    }
    PH_ERRORS(CLASS)
#undef CLASS
    return PH_EBUG;
}

/* One line of the answer. 1: there is more; else the result. */
static int take_line(struct ph_admin_client *client, const json_t *line, const struct ph_admin_sink *sink,
                     json_t **out_result, struct ph_error *err)
{
    json_t *item = json_object_get(line, "item");
    if (item != NULL) {
        int result = sink->item(sink->ctx, item, err);
        return result == PH_OK ? 1 : result;
    }
    const json_t *octets = json_object_get(line, "octets");
    if (octets != NULL) {
        int result = pass_octets(client, (uint64_t)json_integer_value(octets), sink, err);
        return result == PH_OK ? 1 : result;
    }
    if (json_is_true(json_object_get(line, "ok"))) {
        *out_result = json_incref(json_object_get(line, "result"));
        return PH_OK;
    }
    const char *text = json_string_value(json_object_get(line, "text"));
    return ph_fail(err, class_of(json_string_value(json_object_get(line, "class"))), "%s",
                   text == NULL ? "the server did not say why" : text);
}

int ph_admin_ask(struct ph_admin_client *client, const struct ph_admin_request *request,
                 const struct ph_admin_sink *sink, json_t **out_result, struct ph_error *err)
{
    *out_result = NULL;
    /* A server that refuses a request may close before it has read all of it: its answer says more. */
    int sent = send_request(client, request, err);
    client->was_heard = sent == PH_OK;
    int result = 1;
    while (result == 1) {
        ssize_t len = getline(&client->line, &client->line_cap, client->in);
        if (len <= 0) {
            return sent == PH_OK ? broken(err) : sent;
        }
        client->was_heard = true;
        json_t *line = json_loadb(client->line, (size_t)len, 0, NULL);
        if (line == NULL) {
            return ph_fail(err, PH_EBUG, "the server's answer is no JSON");
        }
        result = take_line(client, line, sink, out_result, err);
        json_decref(line);
    }
    return result;
}
