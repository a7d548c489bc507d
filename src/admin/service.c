/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's half of the admin protocol. An operation runs on the worker that got its last octet, with the
 * worker's place handed on meanwhile; its answer goes to a spool, so that a slow reader holds no read of the store.
 */
#include "admin/service.h"

#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

enum { LINE_MAX_BYTES = 32 * 1024, PIECE_BYTES = 32 * 1024, MEMORY_BYTES = 256 * 1024 };

static const uint64_t ANSWER_BYTES_MAX = UINT64_C(1) << 40;

struct session {
    bool is_initialized;
    json_t *request;      /* while its octets come in, and while it runs */
    uint64_t octets_left; /* of the request's content */
    struct ph_spool content;
    struct ph_spool answer;
    uint64_t answer_at; /* as much of it was sent */
};

/* ---- The answer ---- */

static int put_json(struct session *session, json_t *line, struct ph_error *err)
{
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (text == NULL) {
        return ph_fail(err, PH_EBUG, "an answer that is no JSON");
    }
    int result = ph_spool_write(&session->answer, ph_bytes_str(text), err);
    free(text);
    return result == PH_OK ? ph_spool_write(&session->answer, PH_BYTES("\n"), err) : result;
}

static int sink_item(void *ctx, json_t *item, struct ph_error *err)
{
    return put_json(ctx, json_pack("{s:O}", "item", item), err);
}

static int sink_octets(void *ctx, struct ph_bytes octets, struct ph_error *err)
{
    struct session *session = ctx;
    int result = put_json(session, json_pack("{s:I}", "octets", (json_int_t)octets.len), err);
    return result == PH_OK ? ph_spool_write(&session->answer, octets, err) : result;
}

static void put_failure(struct session *session, const struct ph_error *err)
{
    json_t *text = json_string(err->text);
    json_t *line = json_pack("{s:b, s:s, s:o}", "ok", 0, "class", ph_error_name(err->code), "text",
                             text == NULL ? json_string("a text that is no UTF-8") : text);
    (void)put_json(session, line, NULL); /* a full disk: the client sees the connection end */
}

static enum ph_step send_answer(struct ph_conn *conn)
{
    struct session *session = ph_conn_session(conn);
    struct ph_buf *out = ph_conn_out(conn);
    while (session->answer_at < session->answer.size) {
        if (ph_conn_out_is_full(conn)) {
            return PH_STEP_MORE;
        }
        uint64_t left = session->answer.size - session->answer_at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        uint8_t *at = ph_buf_reserve(out, len);
        if (at == NULL || ph_spool_read(&session->answer, session->answer_at, at, len, NULL) != PH_OK) {
            return PH_STEP_CLOSE;
        }
        out->len += len;
        session->answer_at += len;
    }
    ph_spool_clear(&session->answer);
    session->answer_at = 0;
    return PH_STEP_AGAIN;
}

/* ---- The request ---- */

static void log_operation(struct ph_conn *conn, const char *operation, int result, uint64_t began_us)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "admin");
    ph_log_str(&line, "operation", operation);
    ph_log_str(&line, "result", ph_error_name(result));
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - began_us);
    ph_log_end(&line);
}

static void forget_request(struct session *session)
{
    json_decref(session->request);
    session->request = NULL;
    /* It may have been a password. */
    ph_wipe(session->content.memory.ptr, session->content.memory.cap);
    ph_spool_clear(&session->content);
    session->octets_left = 0;
}

static enum ph_step run(struct ph_conn *conn)
{
    struct session *session = ph_conn_session(conn);
    const struct ph_admin_context *context = ph_conn_context(conn);
    const char *operation = json_string_value(json_object_get(session->request, "operation"));
    const struct ph_admin_request request = {
        .operation = operation == NULL ? "" : operation,
        .arguments = json_object_get(session->request, "arguments"),
        .content = session->content.size > 0 ? &session->content : NULL,
    };
    const struct ph_admin_sink sink = {session, sink_item, sink_octets};
    struct ph_error err = {0};
    json_t *done = NULL;
    uint64_t began_us = ph_mono_us(ph_conn_clock(conn));
    ph_pool_blocking_begin();
    int result = ph_admin_run(context->admin, &request, &sink, &done, &err);
    if (result == PH_OK) {
        result = put_json(session, json_pack("{s:b, s:o}", "ok", 1, "result", done), &err);
    } else {
        put_failure(session, &err);
    }
    ph_pool_blocking_end();
    log_operation(conn, request.operation, result, began_us);
    forget_request(session);
    return send_answer(conn);
}

static enum ph_step refuse(struct ph_conn *conn, const char *why)
{
    struct session *session = ph_conn_session(conn);
    struct ph_error err = {0};
    (void)ph_fail(&err, PH_EINVALID, "%s", why);
    put_failure(session, &err);
    (void)send_answer(conn); /* short: it goes out at once */
    return PH_STEP_CLOSE;
}

static enum ph_step take_line(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    struct session *session = ph_conn_session(conn);
    const struct ph_admin_context *context = ph_conn_context(conn);
    size_t end = ph_bytes_find(input, '\n');
    if (end == input.len) {
        *out_consumed = 0;
        return input.len > LINE_MAX_BYTES ? refuse(conn, "the request's line is too long") : PH_STEP_READ;
    }
    *out_consumed = end + 1;
    session->request = json_loadb((const char *)input.ptr, end, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(session->request) ||
        !json_is_object(json_object_get(session->request, "arguments"))) {
        return refuse(conn, "the request is no JSON object with arguments");
    }
    json_int_t octets = json_integer_value(json_object_get(session->request, "octets"));
    if (octets < 0 || (uint64_t)octets > context->request_bytes_max) {
        return refuse(conn, "the request's content is too large");
    }
    session->octets_left = (uint64_t)octets;
    return octets == 0 ? run(conn) : PH_STEP_AGAIN;
}

static enum ph_step take_octets(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    struct session *session = ph_conn_session(conn);
    struct ph_bytes piece =
        ph_bytes_first(input, session->octets_left < input.len ? (size_t)session->octets_left : input.len);
    *out_consumed = piece.len;
    session->octets_left -= piece.len;
    struct ph_error err = {0};
    if (ph_spool_write(&session->content, piece, &err) != PH_OK) {
        return refuse(conn, err.text);
    }
    return session->octets_left == 0 ? run(conn) : PH_STEP_AGAIN;
}

/* ---- The service ---- */

static enum ph_step opened(struct ph_conn *conn)
{
    struct session *session = ph_conn_session(conn);
    const struct ph_admin_context *context = ph_conn_context(conn);
    ph_spool_init(&session->content, context->spool_directory, MEMORY_BYTES, context->request_bytes_max);
    ph_spool_init(&session->answer, context->spool_directory, MEMORY_BYTES, ANSWER_BYTES_MAX);
    session->is_initialized = true;
    uid_t uid = 0;
    if (!ph_conn_peer_uid(conn, &uid) || (uid != 0 && uid != geteuid())) {
        struct ph_log_line line;
        ph_conn_log(conn, &line, PH_LOG_WARNING, "admin-denied");
        ph_log_u64(&line, "uid", uid);
        ph_log_end(&line);
        return PH_STEP_CLOSE;
    }
    if (put_json(session, json_pack("{s:s}", "posthouse", context->admin->version), NULL) != PH_OK) {
        return PH_STEP_CLOSE;
    }
    return send_answer(conn);
}

static enum ph_step input(struct ph_conn *conn, struct ph_bytes bytes, size_t *out_consumed)
{
    const struct session *session = ph_conn_session(conn);
    return session->request == NULL ? take_line(conn, bytes, out_consumed)
                                    : take_octets(conn, bytes, out_consumed);
}

static enum ph_step resume(struct ph_conn *conn)
{
    (void)conn;
    return PH_STEP_CLOSE; /* it never parks */
}

static void closed(struct ph_conn *conn, enum ph_close_reason reason)
{
    (void)reason;
    struct session *session = ph_conn_session(conn);
    if (session->is_initialized) {
        forget_request(session);
        ph_spool_fini(&session->content);
        ph_spool_fini(&session->answer);
    }
}

const struct ph_service ph_admin_service = {
    .name = "admin",
    .session_bytes = sizeof(struct session),
    .timeout_ms = 0,
    .open = opened,
    .input = input,
    .produce = send_answer,
    .resume = resume,
    .closed = closed,
};
