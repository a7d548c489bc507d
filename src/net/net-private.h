/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of net share: the pool, its workers, and the connection behind net/conn.h.
 *
 * Ownership of a connection is a hand-over, never a lock: whoever arms it in epoll, or parks it, has lost it with
 * that very call. The housekeeper (the thread in ph_pool_run) looks at deadlines under the list lock and only
 * ever calls shutdown(2) and sets close_request; the owner sees either and closes. A connection has a deadline
 * only while it is armed: neither a slow store nor a park is the peer's fault.
 */
#ifndef PH_NET_NET_PRIVATE_H
#define PH_NET_NET_PRIVATE_H

#include <openssl/types.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "net/pool.h"

enum {
    PH_CONN_INPUT_MAX = 64 * 1024,                       /* what a service may leave unconsumed */
    PH_CONN_READ_BYTES = 32 * 1024,                      /* read at a time, behind what was left */
    PH_CONN_HIGH_WATER = 64 * 1024,                      /* ph_conn_out_is_full */
    PH_CONN_OUTPUT_MAX = PH_CONN_HIGH_WATER + (1 << 20), /* one answer that is not a step function */
    PH_CONN_DRAIN_MS = 2000,                             /* for a peer after our last line */
    PH_CONN_TURNS_MAX = 256,                             /* before others get the worker */
    PH_CONN_STINT_BYTES = 2 << 20,                       /* the same for much data, in and out */
};

struct ph_worker;

/* Whatever stands in the epoll set. */
struct ph_pollable {
    void (*ready)(struct ph_pollable *pollable, struct ph_worker *worker, uint32_t events);
    int fd;
};

struct ph_worker {
    struct ph_pool *pool;
    struct ph_buf out;
    uint8_t *in; /* PH_CONN_INPUT_MAX + PH_CONN_READ_BYTES */
    size_t in_at;
    size_t in_len; /* end of the data, from the start of `in` */
    bool is_dry;   /* a read would find nothing now, as far as we know without asking */
    struct ph_arena arena;
};

struct ph_listener {
    struct ph_pollable pollable;
    struct ph_listener *next;
    struct ph_pool *pool;
    struct ph_listener_options options;
    char *address;           /* the options' */
    struct ph_address local; /* what it is bound to */
    bool is_wildcard;        /* and each connection has an address of its own */
    char *unix_path;         /* unlinked at the end; NULL for TCP */
    atomic_bool is_paused;   /* out of descriptors: the housekeeper arms it again */
    _Atomic uint64_t complained_ms;
};

enum ph_conn_next {
    PH_NEXT_PROXY,
    PH_NEXT_HANDSHAKE,
    PH_NEXT_OPEN,
    PH_NEXT_INPUT,
    PH_NEXT_PRODUCE,
    PH_NEXT_RESUME,
    PH_NEXT_START_TLS,
    PH_NEXT_CLOSE,
    PH_NEXT_DRAIN,
};

enum ph_park_state { PH_PARK_RUNNING, PH_PARK_PARKED, PH_PARK_RESUMED };

struct ph_conn {
    struct ph_pollable pollable;
    struct ph_listener *listener;
    struct ph_worker *worker; /* while owned */
    struct ph_conn *next;     /* the pool's list, under its lock */
    struct ph_conn **previous;
    SSL *ssl;
    struct ph_tls_context *tls;
    uint8_t *in_left;  /* input that was not consumed, while not owned */
    uint8_t *out_left; /* output that the socket did not take */
    uint32_t in_left_len;
    uint32_t out_left_at;
    uint32_t out_left_len;
    unsigned timeout_ms;
    uint64_t phase_end_ms;        /* of a PROXY header, handshake or drain as a whole; 0: not begun */
    _Atomic uint64_t deadline_ms; /* monotonic; 0: none */
    atomic_int close_request;     /* 0, or 1 + enum ph_close_reason */
    atomic_int park;              /* enum ph_park_state */
    /* Stored (release) just before a hand-over through epoll and loaded (acquire) by the next owner: the order that
     * the kernel gives in fact, said in the language's terms. */
    atomic_uint handovers;
    uint8_t next_action; /* enum ph_conn_next */
    uint8_t close_reason;
    bool is_in_epoll;
    bool is_counted;         /* in the addresses table */
    bool is_open;            /* the service's open() was called */
    bool needs_input;        /* what is left of the input was offered and is not enough */
    bool wants_output_event; /* what the last TLS call or write waits for */
    bool is_read_blocked_on_output;
    bool is_at_end; /* the peer sends no more */
    bool expects_wakes;
    bool was_woken; /* since it was taken over */
    unsigned tick_ms;
    _Atomic uint64_t tick_at_ms; /* when to wake it, while it is idle; 0: never */
    struct ph_waker *waker;      /* NULL: nobody wakes it */
    uint64_t deadline_before_ms; /* the deadline that it had when it was taken over */
    uint64_t bytes_before;       /* the octets in and out, then */
    uint64_t id;
    uint64_t bytes_in;
    uint64_t bytes_out;
    struct ph_address peer;
    struct ph_address local;
    char *peer_text;
    _Alignas(max_align_t) uint8_t session[];
};

struct ph_address_count;

struct ph_pool {
    struct ph_pool_options options;
    int epoll_fd;
    int stop_fd; /* eventfd: readable once the workers shall end */
    int wake_fd; /* eventfd: wakes the housekeeper */
    struct ph_pollable stop_pollable;
    struct ph_listener *listeners;

    /* The gate: who may run. */
    pthread_mutex_t gate_lock;
    pthread_cond_t has_slot;
    atomic_uint running; /* changed under the lock, but for ph_pool_blocking_end */
    unsigned spare;      /* threads that would take a slot: they wait for one, or are being started */
    unsigned thread_count;
    pthread_t *threads;
    bool is_ending;

    /* Connections. */
    pthread_mutex_t list_lock;
    struct ph_conn *connections;
    unsigned connection_count;
    struct ph_address_count **addresses; /* hash table of chains */
    uint8_t address_hash_key[16];
    uint64_t next_id;
    uint64_t accepted;
    uint64_t refused;
    struct ph_tls_context *tls;

    /* Connections that expect to be woken: wake.c. */
    int idle_fd;      /* the idler's epoll set */
    int idle_wake_fd; /* eventfd in it */
    pthread_t idler;
    bool has_idler;
    atomic_bool idler_ends;
    pthread_mutex_t wake_lock;
    struct ph_waker *wakers; /* that have work for the idler */

    atomic_bool is_stopping;
    atomic_uint accepting; /* workers that may still add a connection, though is_stopping was set meanwhile */
    _Atomic uint64_t events;
    atomic_uint busy;
    _Atomic uint64_t rounds; /* of the housekeeper */
};

/* conn.c */
struct ph_conn *ph_conn_new(struct ph_listener *listener, int fd, const struct ph_address *peer,
                            const struct ph_address *local);
/* The ready() of a connection; for a fresh one, EVENTS is 0. */
void ph_conn_run(struct ph_conn *conn, struct ph_worker *worker, uint32_t events);
void ph_conn_ask_close(struct ph_conn *conn, enum ph_close_reason reason);

/* For the workers: another may have it from here on; false where the kernel took it not, and it is still ours. */
bool ph_conn_hand_to_epoll(struct ph_conn *conn, uint32_t events);

/* wake.c */
/* False where somebody woke it meanwhile; else the waker is locked, and ph_wake_idle follows. */
bool ph_wake_idle_begin(struct ph_conn *conn);
/* Gives the connection to the idler, and the lock back. False where the kernel took it not, and it is still ours. */
bool ph_wake_idle(struct ph_conn *conn);
/* Whether woken() is owed; it is no longer, then. */
bool ph_wake_take(struct ph_conn *conn);
/* The housekeeper's, under the list lock: its interval may have passed. */
void ph_wake_tick(struct ph_conn *conn, uint64_t now_ms);
/* The connection's end. */
void ph_wake_forget(struct ph_conn *conn);
bool ph_wake_open(struct ph_pool *pool);
void ph_wake_close(struct ph_pool *pool);
/* 0 or an errno value. */
int ph_wake_start(struct ph_pool *pool);
/* When no connection is left. */
void ph_wake_stop(struct ph_pool *pool);

/* turn.c: one step of a connection; none waits */
enum ph_turn {
    PH_TURN_GO_ON,
    PH_TURN_WAIT_INPUT,
    PH_TURN_WAIT_OUTPUT,
    PH_TURN_YIELD, /* there is more to do, but others have waited long enough */
    PH_TURN_PARK,
    PH_TURN_FINISH,
};
enum ph_turn ph_conn_turn(struct ph_conn *conn);
/* Writes what was left and the worker's output. */
enum ph_turn ph_conn_flush(struct ph_conn *conn);
/* Write what there is, then close. */
enum ph_turn ph_conn_close_for(struct ph_conn *conn, enum ph_close_reason reason);
/* Logs a connection that is not served, and why. */
void ph_conn_log_refused(struct ph_conn *conn, const char *why);

/* registry.c: the list of connections and the count per address */
/* NULL, or why this one is too many. Puts CONN into the list in any case. */
const char *ph_registry_add(struct ph_pool *pool, struct ph_conn *conn);
/* Counts the address that a PROXY header gave; NULL, or why it is too many. */
const char *ph_registry_count_address(struct ph_pool *pool, struct ph_conn *conn);
void ph_registry_remove(struct ph_pool *pool, struct ph_conn *conn);
/* Deadlines that have passed; with SHUTDOWN true, every connection. */
void ph_registry_sweep(struct ph_pool *pool, uint64_t now_ms, bool is_shutdown);
/* Breaks what is left. */
void ph_registry_break(struct ph_pool *pool);
struct ph_address_count **ph_registry_table_new(void);
void ph_registry_table_free(struct ph_address_count ***table);

/* io.c: bytes in and out of one connection, TLS or not */
enum ph_io { PH_IO_OK, PH_IO_AGAIN, PH_IO_END };
enum ph_io ph_io_handshake(struct ph_conn *conn);
/* Reads once into the worker's buffer and sets its is_dry. */
enum ph_io ph_io_read(struct ph_conn *conn);
/* Writes what was left and the worker's output. AGAIN: the rest is left with the connection. */
enum ph_io ph_io_flush(struct ph_conn *conn);
int ph_io_start_tls(struct ph_conn *conn);
/* Of a connection or of the epoll set. The kernel orders it behind the epoll_ctl of the last hand-over, which
 * ThreadSanitizer does not know: tools/tsan.supp names this function. */
void ph_io_close_descriptor(int fd);
void ph_io_stop_tls(struct ph_conn *conn);

/* listener.c */
void ph_listener_close(struct ph_listener *listener);
void ph_listener_free(struct ph_listener *listener);
void ph_listener_arm(struct ph_listener *listener);

#endif
