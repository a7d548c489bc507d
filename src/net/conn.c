/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection on one worker: from an event to the next hand-over.
 *
 * ph_conn_run is a loop over "what comes next" (net/turn.c). Each turn does one thing, never waits, and either goes
 * on or hands the connection over: to epoll (armed for input or output) or to whoever finishes a park. Replies
 * gather in the worker's buffer and go out in one write before a hand-over, so a pipelined group costs one write.
 *
 * What was left of the output is written before anything new is made, so a connection never keeps more than the
 * high-water mark and one answer for a peer that does not read.
 */
#include <assert.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/net-private.h"

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

static void finish(struct ph_conn *conn)
{
    if (conn->is_open) {
        conn->listener->options.service->closed(conn, conn->close_reason);
        ph_arena_reset(&conn->worker->arena);
    }
    ph_io_stop_tls(conn);
    /* Out of the list first: the housekeeper must not meet a closed, perhaps reused, descriptor. */
    ph_registry_remove(conn->listener->pool, conn);
    ph_io_close_descriptor(conn->pollable.fd);
    ph_wake_forget(conn);
    free(conn->in_left);
    free(conn->out_left);
    free(conn->peer_text);
    free(conn);
}

/* The housekeeper's, under the list lock (or the owner's); conn->next_action is the owner's and not looked at. */
void ph_conn_ask_close(struct ph_conn *conn, enum ph_close_reason reason)
{
    int none = 0;
    bool is_first = atomic_compare_exchange_strong(&conn->close_request, &none, 1 + (int)reason);
    if (is_first && reason == PH_CLOSE_TIMEOUT) {
        uint64_t now_ms = ph_mono_ms(conn->listener->pool->options.clock);
        atomic_store_explicit(&conn->deadline_ms, now_ms + PH_CONN_DRAIN_MS, memory_order_relaxed);
    }
    /* Ending our input wakes the owner through epoll and leaves a way for the last line. A peer that had its
     * time to read that line, or that does not read at all, is cut off. */
    shutdown(conn->pollable.fd, is_first ? SHUT_RD : SHUT_RDWR);
}

/* ---- Hand-over ---- */

/* The end of a phase is fixed when it begins: octet by octet it gets no longer. */
static uint64_t phase_end(struct ph_conn *conn, uint64_t now_ms, unsigned phase_ms)
{
    if (conn->phase_end_ms == 0) {
        conn->phase_end_ms = now_ms + phase_ms;
    }
    return conn->phase_end_ms;
}

static void set_deadline(struct ph_conn *conn)
{
    const struct ph_pool_options *options = &conn->listener->pool->options;
    uint64_t now_ms = ph_mono_ms(options->clock);
    uint64_t deadline = conn->timeout_ms == 0 ? 0 : now_ms + conn->timeout_ms;
    bool is_late = atomic_load(&conn->close_request) == 1 + (int)PH_CLOSE_TIMEOUT;
    bool is_orderly = conn->close_reason == PH_CLOSE_SERVICE || conn->close_reason == PH_CLOSE_PEER;
    switch (conn->next_action) {
    case PH_NEXT_PROXY:
    case PH_NEXT_HANDSHAKE: deadline = phase_end(conn, now_ms, options->tls_handshake_ms); break;
    case PH_NEXT_DRAIN: deadline = phase_end(conn, now_ms, PH_CONN_DRAIN_MS); break;
    case PH_NEXT_CLOSE: deadline = is_orderly ? deadline : now_ms + PH_CONN_DRAIN_MS; break;
    default: deadline = is_late ? now_ms + PH_CONN_DRAIN_MS : deadline; break;
    }
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

bool ph_conn_hand_to_epoll(struct ph_conn *conn, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.ptr = &conn->pollable};
    int operation = conn->is_in_epoll ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int epoll_fd = conn->listener->pool->epoll_fd;
    int fd = conn->pollable.fd;
    conn->is_in_epoll = true;
    atomic_fetch_add_explicit(&conn->handovers, 1, memory_order_release);
    return epoll_ctl(epoll_fd, operation, fd, &event) == 0;
}

static bool stays_ours(struct ph_conn *conn, struct ph_worker *worker)
{
    conn->worker = worker;
    ph_conn_log_refused(conn, "no more descriptors can be watched: fs.epoll.max_user_watches");
    return false;
}

static bool arm(struct ph_conn *conn, uint32_t events)
{
    struct ph_worker *worker = conn->worker;
    keep_input(conn);
    set_deadline(conn);
    conn->worker = NULL;
    if (ph_conn_hand_to_epoll(conn, events)) {
        return true;
    }
    /* The user's limit of watches (epoll(7)), which only a first arming can meet. */
    return stays_ours(conn, worker);
}

/* True if the connection is gone to the idler; false where it was woken meanwhile (*OUT_IS_WOKEN), or cannot be watched. */
static bool arm_idle(struct ph_conn *conn, bool *out_is_woken)
{
    struct ph_worker *worker = conn->worker;
    *out_is_woken = !ph_wake_idle_begin(conn);
    if (*out_is_woken) {
        return false;
    }
    keep_input(conn);
    set_deadline(conn);
    if (conn->was_woken && conn->bytes_in + conn->bytes_out == conn->bytes_before) {
        atomic_store_explicit(&conn->deadline_ms, conn->deadline_before_ms, memory_order_relaxed);
    }
    conn->worker = NULL;
    return ph_wake_idle(conn) || stays_ours(conn, worker);
}

/* Whether what it waits for is its peer's next input, or news. */
static bool may_idle(const struct ph_conn *conn)
{
    return conn->expects_wakes && conn->next_action == PH_NEXT_INPUT && conn->out_left == NULL;
}

void ph_conn_resume(struct ph_conn *conn)
{
    int before = atomic_exchange(&conn->park, PH_PARK_RESUMED);
    assert(before != PH_PARK_RESUMED); /* once a park */
    if (before == PH_PARK_PARKED) {
        set_deadline(conn);
        /* Nearly always at once. Where the peer neither reads nor sends, its deadline. */
        if (!ph_conn_hand_to_epoll(conn, EPOLLIN | EPOLLOUT)) {
            abort(); /* parked before it was ever armed, by the last watch that the user's limit allows */
        }
    }
}

/* True if the connection is gone to its finisher; false if the work ended already and we go on. */
static bool park(struct ph_conn *conn)
{
    struct ph_worker *worker = conn->worker;
    int running = PH_PARK_RUNNING;
    keep_input(conn);
    conn->worker = NULL;
    if (atomic_compare_exchange_strong(&conn->park, &running, PH_PARK_PARKED)) {
        return true;
    }
    conn->worker = worker;
    take_input(conn);
    return false;
}

/* ---- The loop ---- */

/* What the housekeeper asked for, at a place between two commands. */
static void obey_close_request(struct ph_conn *conn)
{
    int request = atomic_load_explicit(&conn->close_request, memory_order_acquire);
    enum ph_conn_next next = (enum ph_conn_next)conn->next_action;
    if (request == 0 || next == PH_NEXT_CLOSE || next == PH_NEXT_DRAIN || next == PH_NEXT_RESUME) {
        return; /* a resume() is owed to whoever parked */
    }
    const struct ph_service *service = conn->listener->options.service;
    enum ph_close_reason reason = (enum ph_close_reason)(request - 1);
    bool is_answering = next == PH_NEXT_PRODUCE || conn->out_left != NULL;
    if (is_answering && reason == PH_CLOSE_SHUTDOWN) {
        return; /* as long as the pool's grace lasts */
    }
    if (is_answering) {
        /* The peer did not read; a last line would only wait behind the rest, or stand inside an answer. */
        reason = reason == PH_CLOSE_TIMEOUT ? PH_CLOSE_OUTPUT : reason;
        shutdown(conn->pollable.fd, SHUT_RDWR);
    } else if ((next == PH_NEXT_OPEN || next == PH_NEXT_INPUT) && service->goodbye != NULL) {
        service->goodbye(conn, reason);
    }
    (void)ph_conn_close_for(conn, reason);
}

/* What the socket did not take goes first. (A closing connection writes it as its next turn.) */
static enum ph_turn write_what_was_left(struct ph_conn *conn)
{
    if (conn->out_left == NULL || conn->next_action == PH_NEXT_CLOSE) {
        return PH_TURN_GO_ON;
    }
    enum ph_turn turn = ph_conn_flush(conn);
    /* Whoever parked is owed its resume() though the socket is broken, which is met again right after. */
    return turn == PH_TURN_FINISH && conn->next_action == PH_NEXT_RESUME ? PH_TURN_GO_ON : turn;
}

/* Replies go out before every wait, and when there are many. */
static enum ph_turn settle(struct ph_conn *conn, enum ph_turn turn)
{
    struct ph_worker *worker = conn->worker;
    bool is_waiting = turn == PH_TURN_WAIT_INPUT || turn == PH_TURN_PARK || turn == PH_TURN_YIELD;
    bool is_full = turn == PH_TURN_GO_ON && worker->out.len >= PH_CONN_HIGH_WATER;
    if (worker->out.len == 0 || !(is_waiting || is_full)) {
        return turn;
    }
    enum ph_turn flushed = ph_conn_flush(conn);
    /* Parked work cannot be taken back; a broken socket is met again when it is done. */
    return flushed == PH_TURN_GO_ON || turn == PH_TURN_PARK ? turn : flushed;
}

static bool is_greedy(const struct ph_conn *conn, unsigned turns, uint64_t bytes_before)
{
    return turns >= PH_CONN_TURNS_MAX ||
           conn->bytes_in + conn->bytes_out - bytes_before >= PH_CONN_STINT_BYTES;
}

/* Whether a read would find nothing, as far as we know without asking. TLS keeps decrypted octets where epoll
 * cannot see them. */
static bool seems_dry(struct ph_conn *conn, uint32_t events)
{
    bool must_retry = conn->is_read_blocked_on_output;
    conn->is_read_blocked_on_output = false;
    return (events & ~(uint32_t)EPOLLOUT) == 0 && !must_retry &&
           (conn->ssl == NULL || SSL_pending(conn->ssl) == 0);
}

static void take_over(struct ph_conn *conn, struct ph_worker *worker, uint32_t events)
{
    (void)atomic_load_explicit(&conn->handovers, memory_order_acquire);
    conn->deadline_before_ms = atomic_exchange_explicit(&conn->deadline_ms, 0, memory_order_relaxed);
    conn->bytes_before = conn->bytes_in + conn->bytes_out;
    conn->was_woken = false;
    conn->worker = worker;
    worker->is_dry = seems_dry(conn, events);
    ph_buf_clear(&worker->out);
    take_input(conn);
}

static bool wait_for_input(struct ph_conn *conn, bool *out_is_woken)
{
    if (!may_idle(conn)) {
        return arm(conn, EPOLLIN);
    }
    /* The idler can give back only what the workers' set knows. */
    return conn->is_in_epoll ? arm_idle(conn, out_is_woken) : arm(conn, EPOLLIN | EPOLLOUT);
}

void ph_conn_run(struct ph_conn *conn, struct ph_worker *worker, uint32_t events)
{
    take_over(conn, worker, events);
    uint64_t bytes_before = conn->bytes_in + conn->bytes_out;
    for (unsigned turns = 0;; turns++) {
        obey_close_request(conn);
        enum ph_turn turn = write_what_was_left(conn);
        if (turn == PH_TURN_GO_ON) {
            turn = ph_conn_turn(conn);
            if (turn == PH_TURN_GO_ON && is_greedy(conn, turns, bytes_before)) {
                turn = PH_TURN_YIELD; /* we come back at once if nobody else waits */
            }
            turn = settle(conn, turn);
        }
        bool is_gone = false;
        bool is_woken = false;
        switch (turn) {
        case PH_TURN_GO_ON: continue;
        case PH_TURN_WAIT_INPUT: is_gone = wait_for_input(conn, &is_woken); break;
        case PH_TURN_WAIT_OUTPUT: is_gone = arm(conn, EPOLLOUT); break;
        case PH_TURN_YIELD: is_gone = arm(conn, EPOLLIN | EPOLLOUT); break;
        case PH_TURN_PARK:
            if (park(conn)) {
                return;
            }
            continue;
        case PH_TURN_FINISH: break;
        }
        if (is_woken) {
            continue;
        }
        if (!is_gone) {
            finish(conn);
        }
        return;
    }
}
