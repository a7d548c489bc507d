/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker pool: threads that wait on one epoll set and run whatever session has an event.
 *
 * Every socket is armed one-shot. The worker that gets its event owns it until it arms it again, parks it or
 * closes it. `workers` threads run or wait in epoll at a time. A worker about to wait for something that is not
 * the peer brackets it with ph_pool_blocking_begin and ph_pool_blocking_end, and a spare thread takes its place;
 * so a slow store does not stop other sessions, and few threads are awake when nothing is slow.
 *
 * Threads: ph_pool_run from one thread; ph_pool_stop from any thread or a signal handler's follower.
 */
#ifndef PH_NET_POOL_H
#define PH_NET_POOL_H

#include "base/log.h"
#include "net/conn.h"

struct ph_pool;
struct ph_listener;

struct ph_pool_options {
    unsigned workers;     /* runnable at a time; 0: twice the processors */
    unsigned threads_max; /* with those that wait in the store; 0: 64 */
    unsigned connections_max;
    unsigned connections_per_address_max; /* 0: no limit; unix sockets are not counted */
    unsigned tls_handshake_ms;
    unsigned stop_grace_ms; /* how long sessions may take to finish what they are at when the pool stops */
    const struct ph_network *proxy_networks; /* who may send a PROXY header; borrowed */
    size_t proxy_network_count;
    const struct ph_log *log;
    const struct ph_clock *clock;
};

enum ph_listener_tls { PH_LISTENER_TLS_NONE, PH_LISTENER_TLS_START, PH_LISTENER_TLS_IMPLICIT };

struct ph_listener_options {
    const char *address; /* "127.0.0.1:110", "[::]:110", "unix:/path" ; port 0 takes a free one */
    enum ph_listener_tls tls;
    bool has_proxy_header; /* every connection starts with one; those from elsewhere are refused */
    unsigned unix_mode;    /* permissions of a unix socket; 0: 0660 */
    const struct ph_service *service;
    void *context; /* ph_conn_context() */
};

int ph_pool_new(const struct ph_pool_options *options, struct ph_pool **out_pool,
                struct ph_error *err) PH_MUST_USE;
/* After ph_pool_run has returned, or before it was called. */
void ph_pool_free(struct ph_pool **pool);

/* Binds and listens at once; connections are served once the pool runs. OUT_BOUND (PH_LISTENER_NAME_MAX octets,
 * may be NULL) gets the address with the real port. PH_EBUSY: in use; PH_EDENIED: no permission. */
enum { PH_LISTENER_NAME_MAX = 160 };
int ph_pool_listen(struct ph_pool *pool, const struct ph_listener_options *options, char *out_bound,
                   struct ph_error *err) PH_MUST_USE;

/* The certificates for every listener with TLS. May be called again while running (SIGHUP): new handshakes use
 * the new ones. The pool takes its own reference. */
void ph_pool_set_tls(struct ph_pool *pool, struct ph_tls_context *tls);

/* Serves until ph_pool_stop: starts the workers, then waits. Every session has had closed() when it returns. */
int ph_pool_run(struct ph_pool *pool, struct ph_error *err) PH_MUST_USE;
/* Closes the listeners, lets each session finish its command, says goodbye. Safe from any thread, repeatedly. */
void ph_pool_stop(struct ph_pool *pool);

struct ph_pool_stats {
    unsigned connections;
    unsigned threads;
    unsigned busy; /* of these: have a session at hand now */
    uint64_t accepted;
    uint64_t refused; /* by a limit */
    uint64_t events;  /* times that a worker had something to do: stands still when all are idle */
};
void ph_pool_get_stats(struct ph_pool *pool, struct ph_pool_stats *out_stats);

/* For the thread that runs a session; elsewhere both do nothing. They nest. */
void ph_pool_blocking_begin(void);
void ph_pool_blocking_end(void);

#endif
