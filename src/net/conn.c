/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection on one worker: from an event to the next hand-over.
 *
 * ph_conn_run is a loop over "what comes next". Each turn does one thing, never waits, and either goes on or
 * hands the connection over: to epoll (armed for input or output) or to whoever finishes a park. Replies gather
 * in the worker's buffer and go out in one write before a hand-over, so a pipelined group costs one write.
 */
#include <errno.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net-private.h"
#include "net/proxy.h"

/* ---- Life ---- */

static void ready(struct ph_pollable *pollable, struct ph_worker *worker, uint32_t events)
{
    ph_conn_run((struct ph_conn *)(void *)pollable, worker, events);
}

struct ph_conn *ph_conn_new(struct ph_listener *listener, int fd, const struct ph_address *peer,
                            const struct ph_address *local)
{
    const struct ph_service *service = listener->options.service;
    struct ph_conn *conn = ph_zalloc(sizeof *conn + service->session_bytes);
    conn->pollable = (struct ph_pollable){ready, fd};
    conn->listener = listener;
    conn->peer = *peer;
    conn->local = *local;
    conn->timeout_ms = service->timeout_ms;
    conn->close_reason = PH_CLOSE_PEER;
    if (listener->options.has_proxy_header) {
        conn->next_action = PH_NEXT_PROXY;
    } else if (listener->options.tls == PH_LISTENER_TLS_IMPLICIT) {
        conn->next_action = PH_NEXT_START_TLS;
    } else {
        conn->next_action = PH_NEXT_OPEN;
    }
    return conn;
}

/* A function of its own, so that tools/tsan.supp can name it: the kernel orders this behind the epoll_ctl of the
 * hand-over, which the checker does not know. */
__attribute__((noinline)) static void close_descriptor(int fd)
{
    close(fd);
}

static void finish(struct ph_conn *conn)
{
    if (conn->is_open) {
        conn->listener->options.service->closed(conn, conn->close_reason);
    }
    if (conn->ssl != NULL) {
        ph_io_stop_tls(conn);
    }
    /* Out of the list first: the housekeeper must not meet a closed, perhaps reused, descriptor. */
    ph_registry_remove(conn->listener->pool, conn);
    close_descriptor(conn->pollable.fd);
    free(conn->in_left);
    free(conn->out_left);
    free(conn->peer_text);
    free(conn);
}

/* The housekeeper's, under the list lock; conn->next_action is the owner's and not looked at here. */
void ph_conn_ask_close(struct ph_conn *conn, enum ph_close_reason reason)
{
    int none = 0;
    bool is_first = atomic_compare_exchange_strong(&conn->close_request, &none, 1 + (int)reason);
    /* Ending our input wakes the owner through epoll and leaves a way for the last line. A peer that had its
     * time to read that line, or that does not read at all, is cut off. */
    shutdown(conn->pollable.fd, is_first ? SHUT_RD : SHUT_RDWR);
    if (is_first && reason == PH_CLOSE_TIMEOUT) {
        uint64_t now_ms = ph_mono_ms(conn->listener->pool->options.clock);
        atomic_store_explicit(&conn->deadline_ms, now_ms + PH_CONN_DRAIN_MS, memory_order_relaxed);
    }
}

/* ---- Hand-over ---- */

static void set_deadline(struct ph_conn *conn)
{
    unsigned timeout_ms = conn->timeout_ms;
    switch (conn->next_action) {
    case PH_NEXT_PROXY:
    case PH_NEXT_HANDSHAKE: timeout_ms = conn->listener->pool->options.tls_handshake_ms; break;
    case PH_NEXT_CLOSE:
    case PH_NEXT_DRAIN: timeout_ms = PH_CONN_DRAIN_MS; break;
    default: break;
    }
    uint64_t deadline = timeout_ms == 0 ? 0 : ph_mono_ms(conn->listener->pool->options.clock) + timeout_ms;
    atomic_store_explicit(&conn->deadline_ms, deadline, memory_order_relaxed);
}

static void keep_input(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    size_t len = worker->in_len - worker->in_at;
    if (len > 0) {
        conn->in_left = ph_alloc(len);
        memcpy(conn->in_left, worker->in + worker->in_at, len);
        conn->in_left_len = (uint32_t)len;
    }
}

static void take_input(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    worker->in_at = 0;
    worker->in_len = conn->in_left_len;
    if (conn->in_left != NULL) {
        memcpy(worker->in, conn->in_left, conn->in_left_len);
        free(conn->in_left);
        conn->in_left = NULL;
        conn->in_left_len = 0;
    }
}

/* Another worker may have it from here on. */
static void hand_to_epoll(struct ph_conn *conn, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.ptr = &conn->pollable};
    int operation = conn->is_in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int epoll_fd = conn->listener->pool->epoll_fd;
    int fd = conn->pollable.fd;
    conn->is_in_epoll = true;
    atomic_fetch_add_explicit(&conn->handovers, 1, memory_order_release);
    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0) {
        abort(); /* only a bug, or no memory in the kernel for a few octets */
    }
}

static void arm(struct ph_conn *conn, bool for_output)
{
    keep_input(conn);
    set_deadline(conn);
    conn->worker = NULL;
    hand_to_epoll(conn, for_output ? EPOLLOUT : EPOLLIN);
}

void ph_conn_resume(struct ph_conn *conn)
{
    if (atomic_exchange(&conn->park, PH_PARK_RESUMED) == PH_PARK_PARKED) {
        hand_to_epoll(conn, EPOLLOUT);
    }
}

/* True if the connection is gone to its finisher; false if the work ended already and we go on. */
static bool park(struct ph_conn *conn)
{
    keep_input(conn);
    set_deadline(conn);
    conn->worker = NULL;
    int running = PH_PARK_RUNNING;
    return atomic_compare_exchange_strong(&conn->park, &running, PH_PARK_PARKED);
}

/* ---- One turn each ---- */

enum turn { GO_ON, WAIT_INPUT, WAIT_OUTPUT, PARK, FINISH };

static enum turn close_for(struct ph_conn *conn, enum ph_close_reason reason)
{
    conn->close_reason = (uint8_t)reason;
    conn->next_action = PH_NEXT_CLOSE;
    return GO_ON;
}

static enum turn broken(struct ph_conn *conn, enum ph_close_reason reason)
{
    if (conn->close_reason == PH_CLOSE_PEER) {
        conn->close_reason = (uint8_t)reason;
    }
    return FINISH;
}

static enum turn waiting_for_tls(const struct ph_conn *conn)
{
    return conn->wants_output_event ? WAIT_OUTPUT : WAIT_INPUT;
}

static enum turn flush(struct ph_conn *conn)
{
    switch (ph_io_flush(conn)) {
    case PH_IO_OK: return GO_ON;
    case PH_IO_AGAIN: return waiting_for_tls(conn);
    default: return broken(conn, PH_CLOSE_PEER);
    }
}

static enum turn after_step(struct ph_conn *conn, enum ph_step step)
{
    ph_arena_reset(&conn->worker->arena);
    if (conn->worker->out.has_overflowed) {
        struct ph_log_line line;
        ph_conn_log(conn, &line, PH_LOG_ERROR, "output-overflow");
        ph_log_end(&line);
        return broken(conn, PH_CLOSE_SERVICE);
    }
    switch (step) {
    case PH_STEP_READ:
        conn->needs_input = true;
        conn->next_action = PH_NEXT_INPUT;
        return GO_ON;
    case PH_STEP_AGAIN: conn->next_action = PH_NEXT_INPUT; return GO_ON;
    case PH_STEP_MORE: conn->next_action = PH_NEXT_PRODUCE; return GO_ON;
    case PH_STEP_PARK: conn->next_action = PH_NEXT_RESUME; return PARK;
    case PH_STEP_TLS: conn->next_action = PH_NEXT_START_TLS; return GO_ON;
    case PH_STEP_CLOSE: return close_for(conn, PH_CLOSE_SERVICE);
    }
    return FINISH;
}

static enum turn turn_proxy(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    struct ph_pool *pool = conn->listener->pool;
    if (!ph_networks_have(pool->options.proxy_networks, pool->options.proxy_network_count, &conn->peer) &&
        conn->peer.family == PH_ADDRESS_IP) {
        return broken(conn, PH_CLOSE_REFUSED);
    }
    /* Looked at first and taken only as far as the header goes: what follows may be a TLS record. */
    size_t had = worker->in_len;
    ssize_t got = recv(conn->pollable.fd, worker->in + had, PH_PROXY_HEADER_MAX, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR) ? WAIT_INPUT : broken(conn, PH_CLOSE_PEER);
    }
    struct ph_proxy_header header;
    int len = ph_proxy_parse(ph_bytes_of(worker->in, had + (size_t)got), &header);
    if (len < 0) {
        return broken(conn, PH_CLOSE_REFUSED);
    }
    size_t take = len == 0 ? (size_t)got : (size_t)len - had;
    if (recv(conn->pollable.fd, worker->in + had, take, MSG_DONTWAIT) != (ssize_t)take) {
        return broken(conn, PH_CLOSE_PEER);
    }
    worker->in_len = had + take;
    if (len == 0) {
        return WAIT_INPUT;
    }
    worker->in_len = worker->in_at = 0;
    if (!header.is_local) {
        conn->peer = header.source;
        conn->local = header.destination;
    }
    conn->next_action =
        conn->listener->options.tls == PH_LISTENER_TLS_IMPLICIT ? PH_NEXT_START_TLS : PH_NEXT_OPEN;
    if (ph_registry_count_address(pool, conn) != PH_OK) {
        ph_conn_ask_close(conn, PH_CLOSE_REFUSED);
    }
    return GO_ON;
}

static enum turn turn_start_tls(struct ph_conn *conn)
{
    /* Everything received in clear is dropped here, whatever it was (RFC 3207 section 4.2, RFC 2595 section 4). */
    conn->worker->in_at = conn->worker->in_len = 0;
    enum turn turn = flush(conn);
    if (turn != GO_ON) {
        return turn;
    }
    if (ph_io_start_tls(conn) != PH_OK) {
        return broken(conn, PH_CLOSE_TLS);
    }
    conn->next_action = PH_NEXT_HANDSHAKE;
    return GO_ON;
}

static enum turn turn_handshake(struct ph_conn *conn)
{
    const struct ph_service *service = conn->listener->options.service;
    switch (ph_io_handshake(conn)) {
    case PH_IO_AGAIN: return waiting_for_tls(conn);
    case PH_IO_END: return broken(conn, PH_CLOSE_TLS);
    default: break;
    }
    if (!conn->is_open) {
        conn->next_action = PH_NEXT_OPEN;
        return GO_ON;
    }
    if (service->tls_started != NULL) {
        service->tls_started(conn);
    }
    conn->next_action = PH_NEXT_INPUT;
    return GO_ON;
}

static enum turn turn_open(struct ph_conn *conn)
{
    conn->is_open = true;
    return after_step(conn, conn->listener->options.service->open(conn));
}

static enum turn call_input(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    struct ph_bytes input = ph_bytes_of(worker->in + worker->in_at, worker->in_len - worker->in_at);
    size_t consumed = 0;
    enum ph_step step = conn->listener->options.service->input(conn, input, &consumed);
    worker->in_at += consumed < input.len ? consumed : input.len;
    if (step == PH_STEP_AGAIN && consumed == 0) {
        step = PH_STEP_READ;
    }
    if (step == PH_STEP_READ && worker->in_len - worker->in_at > PH_CONN_INPUT_MAX) {
        return broken(conn, PH_CLOSE_SERVICE);
    }
    return after_step(conn, step);
}

static enum turn turn_input(struct ph_conn *conn, bool *is_dry)
{
    if (conn->needs_input || conn->worker->in_at == conn->worker->in_len) {
        if (*is_dry) {
            return WAIT_INPUT;
        }
        switch (ph_io_read(conn, is_dry)) {
        case PH_IO_AGAIN: return waiting_for_tls(conn);
        case PH_IO_END: conn->is_at_end = true; return close_for(conn, PH_CLOSE_PEER);
        default: conn->needs_input = false;
        }
    }
    return call_input(conn);
}

static enum turn turn_close(struct ph_conn *conn)
{
    enum turn turn = flush(conn);
    if (turn != GO_ON) {
        return turn;
    }
    if (conn->ssl != NULL) {
        SSL_shutdown(conn->ssl);
    }
    if (conn->is_at_end) {
        return FINISH;
    }
    /* A close with unread input makes the kernel send a reset, which can overtake our last line. */
    uint8_t octet;
    if (recv(conn->pollable.fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) <= 0 &&
        conn->worker->in_at == conn->worker->in_len) {
        return FINISH;
    }
    shutdown(conn->pollable.fd, SHUT_WR);
    conn->next_action = PH_NEXT_DRAIN;
    return GO_ON;
}

static enum turn turn_drain(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    worker->in_at = worker->in_len = 0;
    for (int i = 0; i < 16; i++) {
        ssize_t got = recv(conn->pollable.fd, worker->in, PH_CONN_READ_BYTES, MSG_DONTWAIT);
        if (got <= 0) {
            return got < 0 && errno == EAGAIN ? WAIT_INPUT : FINISH;
        }
    }
    return WAIT_INPUT;
}

/* What the housekeeper asked for, at a place between two commands. */
static void obey_close_request(struct ph_conn *conn)
{
    int request = atomic_load_explicit(&conn->close_request, memory_order_acquire);
    if (request == 0 || conn->next_action == PH_NEXT_CLOSE) {
        return;
    }
    enum ph_close_reason reason = (enum ph_close_reason)(request - 1);
    if (conn->next_action == PH_NEXT_RESUME ||
        (conn->next_action == PH_NEXT_PRODUCE && reason == PH_CLOSE_SHUTDOWN)) {
        return; /* a command is being answered */
    }
    const struct ph_service *service = conn->listener->options.service;
    if (conn->next_action == PH_NEXT_OPEN && service->goodbye != NULL && conn->ssl == NULL) {
        service->goodbye(conn, reason);
    }
    if (!conn->is_open || conn->next_action == PH_NEXT_DRAIN || conn->next_action == PH_NEXT_HANDSHAKE) {
        close_for(conn, reason);
        conn->is_at_end = true;
        return;
    }
    if (conn->out_left != NULL) {
        /* It did not read; a last line would only wait behind the rest. */
        reason = reason == PH_CLOSE_TIMEOUT ? PH_CLOSE_OUTPUT : reason;
        shutdown(conn->pollable.fd, SHUT_RDWR);
    } else if (service->goodbye != NULL) {
        service->goodbye(conn, reason);
    }
    close_for(conn, reason);
}

static enum turn one_turn(struct ph_conn *conn, bool *is_dry)
{
    switch ((enum ph_conn_next)conn->next_action) {
    case PH_NEXT_PROXY: return turn_proxy(conn);
    case PH_NEXT_START_TLS: return turn_start_tls(conn);
    case PH_NEXT_HANDSHAKE: return turn_handshake(conn);
    case PH_NEXT_OPEN: return turn_open(conn);
    case PH_NEXT_INPUT: return turn_input(conn, is_dry);
    case PH_NEXT_PRODUCE: return after_step(conn, conn->listener->options.service->produce(conn));
    case PH_NEXT_RESUME:
        atomic_store(&conn->park, PH_PARK_RUNNING);
        return after_step(conn, conn->listener->options.service->resume(conn));
    case PH_NEXT_CLOSE: return turn_close(conn);
    case PH_NEXT_DRAIN: return turn_drain(conn);
    }
    return FINISH;
}

/* Replies go out before every wait, and when there are many. TLS records are not mixed with a close. */
static enum turn settle(struct ph_conn *conn, enum turn turn)
{
    bool has_output = conn->worker->out.len > 0 || conn->out_left != NULL;
    bool is_waiting = turn == WAIT_INPUT || turn == PARK;
    if (has_output && (is_waiting || (turn == GO_ON && conn->worker->out.len >= PH_CONN_HIGH_WATER))) {
        enum turn flushed = flush(conn);
        if (flushed != GO_ON && turn != PARK) {
            return flushed;
        }
        if (flushed == FINISH) {
            /* Parked work cannot be taken back; the broken socket is met again when it is done. */
            return PARK;
        }
    }
    return turn;
}

/* Whether a read would find nothing, as far as we know without asking. TLS keeps decrypted octets where epoll
 * cannot see them. */
static bool seems_dry(const struct ph_conn *conn, uint32_t events)
{
    return (events & ~(uint32_t)EPOLLOUT) == 0 && (conn->ssl == NULL || SSL_pending(conn->ssl) == 0);
}

void ph_conn_run(struct ph_conn *conn, struct ph_worker *worker, uint32_t events)
{
    (void)atomic_load_explicit(&conn->handovers, memory_order_acquire);
    bool is_dry = seems_dry(conn, events);
    unsigned flushes = 0;
    conn->worker = worker;
    ph_buf_clear(&worker->out);
    take_input(conn);
    for (unsigned turns = 0;; turns++) {
        obey_close_request(conn);
        enum turn turn = GO_ON;
        if (conn->out_left != NULL && conn->next_action != PH_NEXT_CLOSE &&
            conn->next_action != PH_NEXT_RESUME) {
            turn = flush(conn);
        }
        if (turn == GO_ON) {
            turn = one_turn(conn, &is_dry);
            flushes += worker->out.len >= PH_CONN_HIGH_WATER;
            turn = settle(conn, turn);
        }
        if (turn == GO_ON && (turns >= PH_CONN_TURNS_MAX || flushes >= PH_CONN_FLUSHES_MAX)) {
            /* Others have waited long enough; we come back at once if there are none. */
            turn = flush(conn) == FINISH ? FINISH : WAIT_OUTPUT;
        }
        switch (turn) {
        case GO_ON: break;
        case WAIT_INPUT: arm(conn, false); return;
        case WAIT_OUTPUT: arm(conn, true); return;
        case PARK:
            if (park(conn)) {
                return;
            }
            conn->worker = worker;
            take_input(conn);
            break;
        case FINISH: finish(conn); return;
        }
    }
}
