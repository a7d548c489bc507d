/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that wait for their peer and for news at once.
 *
 * A connection that is armed in the workers' epoll set can be taken by one of them at any moment, and nobody else can tell; so nobody
 * but its owner may arm it again. Those that expect to be woken therefore wait in a set of their own, which one thread
 * alone looks at: the idler. It gets their input and the wakes, takes the connection out of its set, and arms it for the workers,
 * to whom it belongs from then on. So there is never a second event for a connection that somebody has.
 *
 * A waker outlives its connection. What is in it stands under its lock; the list of those that have work for the idler
 * under the pool's wake_lock, which is taken inside.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net-private.h"

enum { EVENTS_AT_A_TIME = 64 };

struct ph_waker {
    pthread_mutex_t lock;
    atomic_uint references;
    struct ph_conn *conn; /* NULL: it is gone */
    struct ph_waker *next;
    bool is_pending; /* a woken() is owed */
    bool is_idle;    /* the idler has the connection */
    bool is_queued;
};

/* ---- Life ---- */

struct ph_waker *ph_conn_waker(struct ph_conn *conn)
{
    if (conn->waker == NULL) {
        struct ph_waker *waker = ph_zalloc(sizeof *waker);
        pthread_mutex_init(&waker->lock, NULL);
        waker->references = 1;
        waker->conn = conn;
        conn->waker = waker;
    }
    atomic_fetch_add(&conn->waker->references, 1);
    return conn->waker;
}

void ph_waker_unref(struct ph_waker **waker_ptr)
{
    struct ph_waker *waker = *waker_ptr;
    *waker_ptr = NULL;
    if (waker != NULL && atomic_fetch_sub(&waker->references, 1) == 1) {
        pthread_mutex_destroy(&waker->lock);
        free(waker);
    }
}

void ph_wake_forget(struct ph_conn *conn)
{
    if (conn->waker != NULL) {
        pthread_mutex_lock(&conn->waker->lock);
        conn->waker->conn = NULL;
        pthread_mutex_unlock(&conn->waker->lock);
        ph_waker_unref(&conn->waker);
    }
}

void ph_conn_expect_wakes(struct ph_conn *conn, bool expects, unsigned interval_ms)
{
    if (expects) {
        struct ph_waker *waker = ph_conn_waker(conn);
        ph_waker_unref(&waker);
    }
    conn->expects_wakes = expects;
    conn->tick_ms = expects ? interval_ms : 0;
}

/* ---- Waking ---- */

static void queue_locked(struct ph_waker *waker)
{
    struct ph_pool *pool = waker->conn->listener->pool;
    waker->is_queued = true;
    atomic_fetch_add(&waker->references, 1);
    pthread_mutex_lock(&pool->wake_lock);
    bool is_first = pool->wakers == NULL;
    waker->next = pool->wakers;
    pool->wakers = waker;
    pthread_mutex_unlock(&pool->wake_lock);
    if (is_first) {
        uint64_t one = 1;
        ssize_t written = write(pool->idle_wake_fd, &one, sizeof one);
        (void)written; /* a full counter is readable too */
    }
}

void ph_conn_wake(struct ph_waker *waker)
{
    pthread_mutex_lock(&waker->lock);
    if (waker->conn != NULL && !waker->is_pending) {
        waker->is_pending = true;
        if (waker->is_idle && !waker->is_queued) {
            queue_locked(waker);
        }
    }
    pthread_mutex_unlock(&waker->lock);
}

bool ph_wake_take(struct ph_conn *conn)
{
    pthread_mutex_lock(&conn->waker->lock);
    bool was_pending = conn->waker->is_pending;
    conn->waker->is_pending = false;
    pthread_mutex_unlock(&conn->waker->lock);
    return was_pending;
}

/* ---- The owner's side ---- */

bool ph_wake_idle_begin(struct ph_conn *conn)
{
    pthread_mutex_lock(&conn->waker->lock);
    if (!conn->waker->is_pending) {
        return true;
    }
    pthread_mutex_unlock(&conn->waker->lock);
    return false;
}

bool ph_wake_idle(struct ph_conn *conn)
{
    struct ph_waker *waker = conn->waker;
    struct ph_pool *pool = conn->listener->pool;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    atomic_fetch_add(&waker->references, 1); /* until the lock is given back */
    waker->is_idle = true;
    uint64_t tick_ms = conn->tick_ms;
    uint64_t now_ms = tick_ms == 0 ? 0 : ph_mono_ms(pool->options.clock);
    atomic_store_explicit(&conn->tick_at_ms, tick_ms == 0 ? 0 : now_ms + tick_ms, memory_order_release);
    atomic_fetch_add_explicit(&conn->handovers, 1, memory_order_release);
    bool is_given = epoll_ctl(pool->idle_fd, EPOLL_CTL_ADD, conn->pollable.fd, &event) == 0;
    waker->is_idle = is_given;
    pthread_mutex_unlock(&waker->lock);
    ph_waker_unref(&waker);
    return is_given;
}

void ph_wake_tick(struct ph_conn *conn, uint64_t now_ms)
{
    uint64_t at = atomic_load_explicit(&conn->tick_at_ms, memory_order_acquire);
    if (at != 0 && now_ms >= at &&
        atomic_compare_exchange_strong_explicit(&conn->tick_at_ms, &at, 0, memory_order_acq_rel,
                                                memory_order_relaxed)) {
        ph_conn_wake(conn->waker);
    }
}

/* ---- The idler ---- */

static void give_back_locked(struct ph_pool *pool, struct ph_waker *waker)
{
    struct ph_conn *conn = waker->conn;
    waker->is_idle = false;
    epoll_ctl(pool->idle_fd, EPOLL_CTL_DEL, conn->pollable.fd, NULL);
    (void)atomic_load_explicit(&conn->handovers, memory_order_acquire);
    if (!ph_conn_hand_to_epoll(conn, EPOLLIN | EPOLLOUT)) {
        abort(); /* it has been in that set before: ph_conn_run sees to it */
    }
}

static void has_input(struct ph_pool *pool, struct ph_conn *conn)
{
    struct ph_waker *waker = conn->waker;
    atomic_fetch_add(&waker->references, 1);
    pthread_mutex_lock(&waker->lock);
    give_back_locked(pool, waker);
    pthread_mutex_unlock(&waker->lock);
    ph_waker_unref(&waker);
}

static void wake_all(struct ph_pool *pool)
{
    pthread_mutex_lock(&pool->wake_lock);
    struct ph_waker *waker = pool->wakers;
    pool->wakers = NULL;
    pthread_mutex_unlock(&pool->wake_lock);
    while (waker != NULL) {
        struct ph_waker *next = waker->next;
        pthread_mutex_lock(&waker->lock);
        waker->is_queued = false;
        if (waker->conn != NULL && waker->is_idle) {
            give_back_locked(pool, waker);
        }
        pthread_mutex_unlock(&waker->lock);
        ph_waker_unref(&waker);
        waker = next;
    }
}

/* Input first: a connection that the wakes give back may be freed by a worker, while an event of its own still stands in
 * the array. */
static void *idler_main(void *arg)
{
    struct ph_pool *pool = arg;
    pthread_setname_np(pthread_self(), "idler");
    while (!atomic_load(&pool->idler_ends)) {
        struct epoll_event events[EVENTS_AT_A_TIME];
        int count = epoll_wait(pool->idle_fd, events, EVENTS_AT_A_TIME, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL) {
                has_input(pool, events[i].data.ptr);
            }
        }
        uint64_t times;
        ssize_t got = read(pool->idle_wake_fd, &times, sizeof times);
        (void)got; /* nothing, if it was all input */
        wake_all(pool);
    }
    wake_all(pool);
    return NULL;
}

bool ph_wake_open(struct ph_pool *pool)
{
    pthread_mutex_init(&pool->wake_lock, NULL);
    pool->idle_fd = epoll_create1(EPOLL_CLOEXEC);
    pool->idle_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    return pool->idle_fd >= 0 && pool->idle_wake_fd >= 0 &&
           epoll_ctl(pool->idle_fd, EPOLL_CTL_ADD, pool->idle_wake_fd, &event) == 0;
}

void ph_wake_close(struct ph_pool *pool)
{
    if (pool->idle_fd >= 0) {
        ph_io_close_descriptor(pool->idle_fd);
    }
    if (pool->idle_wake_fd >= 0) {
        close(pool->idle_wake_fd);
    }
    pthread_mutex_destroy(&pool->wake_lock);
}

int ph_wake_start(struct ph_pool *pool)
{
    int errnum = pthread_create(&pool->idler, NULL, idler_main, pool);
    pool->has_idler = errnum == 0;
    return errnum;
}

void ph_wake_stop(struct ph_pool *pool)
{
    if (pool->has_idler) {
        uint64_t one = 1;
        atomic_store(&pool->idler_ends, true);
        ssize_t written = write(pool->idle_wake_fd, &one, sizeof one);
        (void)written;
        pthread_join(pool->idler, NULL);
        pool->has_idler = false;
    }
}
