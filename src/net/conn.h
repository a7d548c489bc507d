/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection, as a protocol sees it.
 *
 * A protocol is a struct ph_service: a few functions that are called one at a time for one connection, by the
 * worker that owns it at that moment, and that return what to do next (enum ph_step). They never read or write
 * the socket, never wait for the peer, and hold no thread between calls. They read what is offered, append
 * replies to ph_conn_out(), and return.
 *
 * Buffers belong to threads: the input offered and the output buffer live until the function returns. What was
 * not consumed is offered again, in front of what comes next. What the socket did not take is kept and written
 * first, and nothing new is asked of the service before the peer took it. A service should return PH_STEP_AGAIN
 * after each command, and PH_STEP_MORE from a long answer as soon as ph_conn_out_is_full(), so that memory stays
 * bounded by one high-water mark and one answer a connection.
 *
 * Waiting: PH_STEP_PARK lets the worker go. Before returning it, the service has handed ph_conn_resume (with the
 * connection) to whoever will finish the work: a commit, a password hash. resume() is then called on some
 * worker; also if the work ended before PH_STEP_PARK was returned, and if the peer went away meanwhile. While
 * parked nothing is read, no timeout runs, and the connection does not go away, so the finisher may use the session's
 * memory until it calls ph_conn_resume, which must be its last touch.
 *
 * Being woken: between two inputs a service may wait for news too (ph_conn_expect_wakes). Whoever has some calls
 * ph_conn_wake, on any thread and as often as it likes; then woken() is called on some worker, at least once after the last
 * wake. Input goes on meanwhile.
 *
 * Threads: everything is for the owner alone, but ph_conn_resume, which any thread may call once a park, and what takes a waker.
 */
#ifndef PH_NET_CONN_H
#define PH_NET_CONN_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "net/address.h"

struct ph_conn;
struct ph_tls_context;

enum ph_step {
    PH_STEP_READ,  /* from input(): needs more than was offered; from others as PH_STEP_AGAIN */
    PH_STEP_AGAIN, /* call input() again with what is left, if anything is */
    PH_STEP_MORE,  /* call produce() when the output has drained below the high-water mark */
    PH_STEP_PARK,  /* call resume() after ph_conn_resume() */
    PH_STEP_TLS,   /* write the output in clear, drop ALL input received so far, then start TLS */
    PH_STEP_CLOSE, /* write the output, then close */
};

enum ph_close_reason {
    PH_CLOSE_PEER,     /* end of input, or the connection broke */
    PH_CLOSE_SERVICE,  /* the service returned PH_STEP_CLOSE */
    PH_CLOSE_TIMEOUT,  /* ph_conn_set_timeout ran out */
    PH_CLOSE_SHUTDOWN, /* the server stops */
    PH_CLOSE_REFUSED,  /* too many connections, of all or of this address; open() was not called */
    PH_CLOSE_TLS,      /* the TLS handshake failed */
    PH_CLOSE_OUTPUT,   /* the peer did not read */
};
const char *ph_close_reason_name(enum ph_close_reason reason);

struct ph_service {
    const char *name;     /* "pop3": for logs */
    size_t session_bytes; /* zeroed memory behind ph_conn_session() */
    unsigned timeout_ms;  /* until the service sets another */
    /* The first call: greet. For implicit TLS, after the handshake. */
    enum ph_step (*open)(struct ph_conn *conn);
    /* INPUT is never empty. Sets *OUT_CONSUMED, at most INPUT's length. Returning PH_STEP_READ or PH_STEP_AGAIN
     * with nothing consumed means that more is needed; the unconsumed rest may not pass the pool's input maximum
     * (64 KiB), so a service consumes and discards what is too long for it. */
    enum ph_step (*input)(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed);
    enum ph_step (*produce)(struct ph_conn *conn);
    enum ph_step (*resume)(struct ph_conn *conn);
    /* As input() without octets: see ph_conn_expect_wakes. May be NULL where that is never called. */
    enum ph_step (*woken)(struct ph_conn *conn);
    /* After PH_STEP_TLS succeeded: forget what was learned in clear. May be NULL. */
    void (*tls_started)(struct ph_conn *conn);
    /* The server closes because of TIMEOUT, SHUTDOWN or REFUSED, between two commands: append a last line. May be
     * NULL. Where open() was not called (REFUSED always), it is the only call. */
    void (*goodbye)(struct ph_conn *conn, enum ph_close_reason reason);
    /* The last call: release what the session holds. Must not block. */
    void (*closed)(struct ph_conn *conn, enum ph_close_reason reason);
};

/* ---- What a service may ask and say ---- */

void *ph_conn_session(struct ph_conn *conn);
/* What the listener was configured with for this service (protocol settings and layers below). */
void *ph_conn_context(struct ph_conn *conn);
struct ph_buf *ph_conn_out(struct ph_conn *conn);
/* True past the high-water mark (64 KiB): a step function stops and returns PH_STEP_MORE. */
bool ph_conn_out_is_full(struct ph_conn *conn);
/* The worker's arena; reset after each call of the service. */
struct ph_arena *ph_conn_arena(struct ph_conn *conn);

/* From now, and again from each input or drained output; 0 for none. Not while parked. */
void ph_conn_set_timeout(struct ph_conn *conn, unsigned timeout_ms);
/* Finishes a park; see above. */
void ph_conn_resume(struct ph_conn *conn);

/* The connection's waker, for as long as the caller likes: a reference that ph_waker_unref gives back. Once the connection is gone, waking
 * it does nothing. */
struct ph_waker;
struct ph_waker *ph_conn_waker(struct ph_conn *conn);
void ph_waker_unref(struct ph_waker **waker);
/* Any thread; never blocks. A wake that nobody expects is kept until somebody does; many are one. */
void ph_conn_wake(struct ph_waker *waker);
/* Whether woken() may be called between two calls of input(). With INTERVAL_MS it is also called when the connection was idle for so long;
 * being woken does not put the timeout off. */
void ph_conn_expect_wakes(struct ph_conn *conn, bool expects, unsigned interval_ms);

bool ph_conn_is_tls(const struct ph_conn *conn);
/* "TLSv1.3" and the cipher's name; "" in clear. */
const char *ph_conn_tls_version(const struct ph_conn *conn);
const char *ph_conn_tls_cipher(const struct ph_conn *conn);
/* Whether this listener offers TLS by command (STLS, STARTTLS) and none runs yet. */
bool ph_conn_can_start_tls(const struct ph_conn *conn);

/* The peer, as the PROXY protocol said where that is trusted. For a unix socket its text is "unix". */
const struct ph_address *ph_conn_peer(const struct ph_conn *conn);
const char *ph_conn_peer_text(struct ph_conn *conn); /* "192.0.2.1:4711", the connection's memory */
/* The user at the other end of a unix socket; false where it is none. */
bool ph_conn_peer_uid(const struct ph_conn *conn, uid_t *out_uid);
const struct ph_address *ph_conn_local(const struct ph_conn *conn);
/* Unique in this process; stands in the log as `session`. */
uint64_t ph_conn_id(const struct ph_conn *conn);
/* Begins an event with session, protocol and remote filled in. */
void ph_conn_log(struct ph_conn *conn, struct ph_log_line *line, enum ph_log_level level, const char *event);
const struct ph_log *ph_conn_logger(const struct ph_conn *conn);
const struct ph_clock *ph_conn_clock(const struct ph_conn *conn);
/* Octets received and sent, TLS not counted. */
uint64_t ph_conn_bytes_in(const struct ph_conn *conn);
uint64_t ph_conn_bytes_out(const struct ph_conn *conn);

#endif
