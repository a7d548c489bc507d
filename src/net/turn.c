/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection does next, one step at a time: PROXY header, TLS, the service's functions, the close.
 *
 * The close lingers where input is unread, since closing then would make the kernel send a reset that can overtake
 * our last line.
 */
#include <assert.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/net-private.h"
#include "net/proxy.h"

void ph_conn_log_refused(struct ph_conn *conn, const char *why)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_WARNING, "refused");
    ph_log_str(&line, "reason", why);
    ph_log_end(&line);
}

enum ph_turn ph_conn_close_for(struct ph_conn *conn, enum ph_close_reason reason)
{
    conn->close_reason = (uint8_t)reason;
    conn->next_action = PH_NEXT_CLOSE;
    return PH_TURN_GO_ON;
}

static enum ph_turn broken(struct ph_conn *conn, enum ph_close_reason reason)
{
    if (conn->close_reason == PH_CLOSE_PEER) {
        conn->close_reason = (uint8_t)reason;
    }
    return PH_TURN_FINISH;
}

static enum ph_turn go_to(struct ph_conn *conn, enum ph_conn_next next)
{
    conn->next_action = (uint8_t)next;
    conn->phase_end_ms = 0;
    return PH_TURN_GO_ON;
}

static enum ph_turn blocked(const struct ph_conn *conn)
{
    return conn->wants_output_event ? PH_TURN_WAIT_OUTPUT : PH_TURN_WAIT_INPUT;
}

enum ph_turn ph_conn_flush(struct ph_conn *conn)
{
    switch (ph_io_flush(conn)) {
    case PH_IO_OK: return PH_TURN_GO_ON;
    case PH_IO_AGAIN: return blocked(conn);
    default: return broken(conn, PH_CLOSE_PEER);
    }
}

/* ---- Before the service ---- */

static enum ph_turn refuse(struct ph_conn *conn, const char *why)
{
    ph_conn_log_refused(conn, why);
    return broken(conn, PH_CLOSE_REFUSED);
}

static enum ph_turn turn_proxy(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    struct ph_pool *pool = conn->listener->pool;
    if (conn->peer.family == PH_ADDRESS_IP &&
        !ph_networks_have(pool->options.proxy_networks, pool->options.proxy_network_count, &conn->peer)) {
        return refuse(conn, "this address may not connect: a listener with proxy_protocol");
    }
    /* Looked at first and taken only as far as the header goes: what follows may be a TLS record. */
    size_t had = worker->in_len;
    ssize_t got = recv(conn->pollable.fd, worker->in + had, PH_PROXY_HEADER_MAX, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) {
        bool is_dry = got < 0 && (errno == EAGAIN || errno == EINTR);
        return is_dry ? PH_TURN_WAIT_INPUT : broken(conn, PH_CLOSE_PEER);
    }
    struct ph_proxy_header header;
    int len = ph_proxy_parse(ph_bytes_of(worker->in, had + (size_t)got), &header);
    if (len < 0) {
        return refuse(conn, "no valid PROXY header");
    }
    size_t take = len == 0 ? (size_t)got : (size_t)len - had;
    if (recv(conn->pollable.fd, worker->in + had, take, MSG_DONTWAIT) != (ssize_t)take) {
        return broken(conn, PH_CLOSE_PEER);
    }
    worker->in_len = had + take;
    if (len == 0) {
        return PH_TURN_WAIT_INPUT;
    }
    worker->in_len = worker->in_at = 0;
    if (!header.is_local) {
        conn->peer = header.source;
        conn->local = header.destination;
    }
    bool is_implicit = conn->listener->options.tls == PH_LISTENER_TLS_IMPLICIT;
    const char *trouble = ph_registry_count_address(pool, conn);
    if (trouble != NULL) {
        ph_conn_log_refused(conn, trouble);
        ph_conn_ask_close(conn, PH_CLOSE_REFUSED);
    }
    return go_to(conn, is_implicit ? PH_NEXT_START_TLS : PH_NEXT_OPEN);
}

static enum ph_turn turn_start_tls(struct ph_conn *conn)
{
    /* Everything received in clear is dropped here, whatever it was (RFC 3207 section 4.2, RFC 2595 section 4). */
    conn->worker->in_at = conn->worker->in_len = 0;
    enum ph_turn turn = ph_conn_flush(conn);
    if (turn != PH_TURN_GO_ON) {
        return turn;
    }
    if (ph_io_start_tls(conn) != PH_OK) {
        return broken(conn, PH_CLOSE_TLS);
    }
    (void)go_to(conn, PH_NEXT_HANDSHAKE);
    return conn->worker->is_dry ? PH_TURN_WAIT_INPUT : PH_TURN_GO_ON; /* the client speaks first */
}

static enum ph_turn turn_handshake(struct ph_conn *conn)
{
    const struct ph_service *service = conn->listener->options.service;
    switch (ph_io_handshake(conn)) {
    case PH_IO_AGAIN: return blocked(conn);
    case PH_IO_END: return broken(conn, PH_CLOSE_TLS);
    default: break;
    }
    if (!conn->is_open) {
        return go_to(conn, PH_NEXT_OPEN);
    }
    if (service->tls_started != NULL) {
        service->tls_started(conn);
    }
    return go_to(conn, PH_NEXT_INPUT);
}

/* ---- The service ---- */

static enum ph_turn overflowed(struct ph_conn *conn, enum ph_step step)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_ERROR, "output-overflow");
    ph_log_end(&line);
    ph_buf_clear(&conn->worker->out);
    if (step != PH_STEP_PARK) {
        return broken(conn, PH_CLOSE_SERVICE);
    }
    /* Somebody holds the connection: its end has to wait for the resume. */
    shutdown(conn->pollable.fd, SHUT_RDWR);
    conn->next_action = PH_NEXT_RESUME;
    return PH_TURN_PARK;
}

static enum ph_turn after_step(struct ph_conn *conn, enum ph_step step)
{
    ph_arena_reset(&conn->worker->arena);
    if (conn->worker->out.has_overflowed) {
        return overflowed(conn, step);
    }
    switch (step) {
    case PH_STEP_READ:
    case PH_STEP_AGAIN: return go_to(conn, PH_NEXT_INPUT);
    case PH_STEP_MORE: return go_to(conn, PH_NEXT_PRODUCE);
    case PH_STEP_PARK: (void)go_to(conn, PH_NEXT_RESUME); return PH_TURN_PARK;
    case PH_STEP_TLS: return go_to(conn, PH_NEXT_START_TLS);
    case PH_STEP_CLOSE: return ph_conn_close_for(conn, PH_CLOSE_SERVICE);
    }
    return broken(conn, PH_CLOSE_SERVICE);
}

static enum ph_turn turn_open(struct ph_conn *conn)
{
    conn->is_open = true;
    return after_step(conn, conn->listener->options.service->open(conn));
}

static enum ph_turn call_input(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    struct ph_bytes input = ph_bytes_of(worker->in + worker->in_at, worker->in_len - worker->in_at);
    size_t consumed = 0;
    enum ph_step step = conn->listener->options.service->input(conn, input, &consumed);
    assert(consumed <= input.len);
    worker->in_at += consumed;
    conn->needs_input = step == PH_STEP_READ || (step == PH_STEP_AGAIN && consumed == 0);
    if (conn->needs_input && input.len - consumed > PH_CONN_INPUT_MAX) {
        return broken(conn, PH_CLOSE_SERVICE);
    }
    return after_step(conn, step);
}

static enum ph_turn turn_input(struct ph_conn *conn)
{
    if (conn->expects_wakes && ph_wake_take(conn)) {
        conn->was_woken = true;
        return after_step(conn, conn->listener->options.service->woken(conn));
    }
    if (conn->needs_input || conn->worker->in_at == conn->worker->in_len) {
        if (conn->worker->is_dry) {
            return PH_TURN_WAIT_INPUT;
        }
        switch (ph_io_read(conn)) {
        case PH_IO_AGAIN: return blocked(conn);
        case PH_IO_END: return ph_conn_close_for(conn, PH_CLOSE_PEER);
        default: conn->needs_input = false;
        }
    }
    return call_input(conn);
}

static enum ph_turn turn_resume(struct ph_conn *conn)
{
    atomic_store(&conn->park, PH_PARK_RUNNING);
    return after_step(conn, conn->listener->options.service->resume(conn));
}

/* ---- The close ---- */

static enum ph_turn turn_close(struct ph_conn *conn)
{
    enum ph_turn turn = ph_conn_flush(conn);
    if (turn != PH_TURN_GO_ON) {
        return turn;
    }
    if (conn->ssl != NULL) {
        (void)SSL_shutdown(conn->ssl); /* a notice; nobody waits for the answer */
        ERR_clear_error();
    }
    uint8_t octet;
    if (recv(conn->pollable.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 &&
        conn->worker->in_at == conn->worker->in_len) {
        return PH_TURN_FINISH;
    }
    shutdown(conn->pollable.fd, SHUT_WR);
    return go_to(conn, PH_NEXT_DRAIN);
}

static enum ph_turn turn_drain(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    worker->in_at = worker->in_len = 0;
    for (int i = 0; i < 16; i++) {
        ssize_t got = recv(conn->pollable.fd, worker->in, PH_CONN_READ_BYTES, MSG_DONTWAIT);
        if (got <= 0) {
            return got < 0 && errno == EAGAIN ? PH_TURN_WAIT_INPUT : PH_TURN_FINISH;
        }
    }
    /* Its time is over, or nobody wants to hear what it still says. */
    return atomic_load(&conn->close_request) != 0 ? PH_TURN_FINISH : PH_TURN_WAIT_INPUT;
}

enum ph_turn ph_conn_turn(struct ph_conn *conn)
{
    switch ((enum ph_conn_next)conn->next_action) {
    case PH_NEXT_PROXY: return turn_proxy(conn);
    case PH_NEXT_START_TLS: return turn_start_tls(conn);
    case PH_NEXT_HANDSHAKE: return turn_handshake(conn);
    case PH_NEXT_OPEN: return turn_open(conn);
    case PH_NEXT_INPUT: return turn_input(conn);
    case PH_NEXT_PRODUCE: return after_step(conn, conn->listener->options.service->produce(conn));
    case PH_NEXT_RESUME: return turn_resume(conn);
    case PH_NEXT_CLOSE: return turn_close(conn);
    case PH_NEXT_DRAIN: return turn_drain(conn);
    }
    return PH_TURN_FINISH;
}
