/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate and the housekeeper.
 *
 * The gate counts threads that run or wait in epoll ("running"); at most options.workers may pass it. A worker that
 * begins to block leaves the gate and lets a spare thread in, made if there is none for the free slot and the
 * maximum allows. When it comes back it does not wait: it finishes its session above the number, then, if there are
 * too many, goes to the spares. So a return from the store costs no wake-up.
 *
 * The thread that calls ph_pool_run is the housekeeper: deadlines, paused listeners, the stop.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net-private.h"
#include "net/tls.h"

enum {
    TICK_MS = 100,
    ARENA_BYTES = 16 * 1024,
    DEFAULT_THREADS = 64,
    DEFAULT_CONNECTIONS = 10000,
    DEFAULT_HANDSHAKE_MS = 30000,
};

static _Thread_local struct ph_pool *current_pool;
static _Thread_local unsigned blocking_depth;

/* ---- The gate ---- */

/* For a thread that is counted as spare. */
static void wait_for_slot_locked(struct ph_pool *pool)
{
    while (atomic_load(&pool->running) >= pool->options.workers && !pool->is_ending) {
        pthread_cond_wait(&pool->has_slot, &pool->gate_lock);
    }
    pool->spare--;
    atomic_fetch_add(&pool->running, 1);
}

static void pass_gate(struct ph_pool *pool)
{
    pthread_mutex_lock(&pool->gate_lock);
    wait_for_slot_locked(pool);
    pthread_mutex_unlock(&pool->gate_lock);
}

/* After a session: makes way where more run than shall. */
static void leave_if_too_many(struct ph_pool *pool)
{
    if (atomic_load_explicit(&pool->running, memory_order_relaxed) <= pool->options.workers) {
        return;
    }
    pthread_mutex_lock(&pool->gate_lock);
    if (atomic_load(&pool->running) > pool->options.workers) {
        atomic_fetch_sub(&pool->running, 1);
        pool->spare++;
        wait_for_slot_locked(pool);
    }
    pthread_mutex_unlock(&pool->gate_lock);
}

static void *worker_main(void *arg);

static int add_thread_locked(struct ph_pool *pool)
{
    int errnum = pthread_create(&pool->threads[pool->thread_count], NULL, worker_main, pool);
    if (errnum == 0) {
        pool->thread_count++;
        pool->spare++;
    }
    return errnum;
}

void ph_pool_blocking_begin(void)
{
    struct ph_pool *pool = current_pool;
    if (pool == NULL || blocking_depth++ > 0) {
        return;
    }
    pthread_mutex_lock(&pool->gate_lock);
    unsigned now_running = atomic_fetch_sub(&pool->running, 1) - 1;
    if (now_running < pool->options.workers && !pool->is_ending) {
        /* A spare thread that was woken and has not come yet has a slot already. */
        if (pool->spare >= pool->options.workers - now_running) {
            pthread_cond_signal(&pool->has_slot);
        } else if (pool->thread_count < pool->options.threads_max) {
            /* Without another thread the others go on with one less. */
            (void)add_thread_locked(pool);
        }
    }
    pthread_mutex_unlock(&pool->gate_lock);
}

void ph_pool_blocking_end(void)
{
    if (current_pool != NULL && --blocking_depth == 0) {
        atomic_fetch_add(&current_pool->running, 1);
    }
}

/* ---- Workers ---- */

static void *worker_main(void *arg)
{
    struct ph_pool *pool = arg;
    struct ph_worker worker = {.pool = pool, .out = PH_BUF(PH_CONN_OUTPUT_MAX)};
    worker.in = ph_alloc((size_t)PH_CONN_INPUT_MAX + PH_CONN_READ_BYTES);
    ph_arena_init(&worker.arena, ARENA_BYTES);
    pthread_setname_np(pthread_self(), "worker");
    current_pool = pool;
    pass_gate(pool);
    for (;;) {
        struct epoll_event event;
        int count = epoll_wait(pool->epoll_fd, &event, 1, -1);
        if (count == 1) {
            struct ph_pollable *pollable = event.data.ptr;
            if (pollable == &pool->stop_pollable) {
                break;
            }
            atomic_fetch_add_explicit(&pool->events, 1, memory_order_relaxed);
            atomic_fetch_add_explicit(&pool->busy, 1, memory_order_relaxed);
            pollable->ready(pollable, &worker, event.events);
            atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_relaxed);
            if (worker.out.cap > (size_t)2 * PH_CONN_HIGH_WATER) {
                ph_buf_fini(&worker.out); /* one great answer is no reason to keep a megabyte a thread */
            }
        }
        leave_if_too_many(pool);
    }
    atomic_fetch_sub(&pool->running, 1);
    current_pool = NULL;
    ph_buf_fini(&worker.out);
    ph_arena_fini(&worker.arena);
    free(worker.in);
    return NULL;
}

/* ---- Life ---- */

static void apply_defaults(struct ph_pool_options *options)
{
    if (options->workers == 0) {
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        options->workers = processors > 0 ? (unsigned)processors * 2U : 2U;
    }
    if (options->threads_max == 0) {
        options->threads_max = DEFAULT_THREADS;
    }
    if (options->threads_max < options->workers) {
        options->threads_max = options->workers;
    }
    if (options->connections_max == 0) {
        options->connections_max = DEFAULT_CONNECTIONS;
    }
    if (options->tls_handshake_ms == 0) {
        options->tls_handshake_ms = DEFAULT_HANDSHAKE_MS;
    }
}

int ph_pool_new(const struct ph_pool_options *options, struct ph_pool **out_pool, struct ph_error *err)
{
    struct ph_pool *pool = ph_zalloc(sizeof *pool);
    pool->options = *options;
    apply_defaults(&pool->options);
    pool->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    pool->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pool->threads = ph_zalloc(pool->options.threads_max * sizeof pool->threads[0]);
    pool->addresses = ph_registry_table_new();
    ph_rand_fill(&ph_rand_system, pool->address_hash_key, sizeof pool->address_hash_key);
    pthread_mutex_init(&pool->gate_lock, NULL);
    pthread_cond_init(&pool->has_slot, NULL);
    pthread_mutex_init(&pool->list_lock, NULL);
    /* Level-triggered and never read: every worker sees it. */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &pool->stop_pollable};
    bool has_idle_set = ph_wake_open(pool);
    if (pool->epoll_fd < 0 || pool->stop_fd < 0 || pool->wake_fd < 0 || !has_idle_set ||
        epoll_ctl(pool->epoll_fd, EPOLL_CTL_ADD, pool->stop_fd, &event) != 0) {
        int errnum = errno;
        ph_pool_free(&pool);
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "set-up of the worker pool");
    }
    *out_pool = pool;
    return PH_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void ph_pool_free(struct ph_pool **pool_ptr)
{
    struct ph_pool *pool = *pool_ptr;
    *pool_ptr = NULL;
    if (pool == NULL) {
        return;
    }
    for (struct ph_listener *listener = pool->listeners; listener != NULL;) {
        struct ph_listener *next = listener->next;
        ph_listener_free(listener);
        listener = next;
    }
    if (pool->epoll_fd >= 0) {
        ph_io_close_descriptor(pool->epoll_fd);
    }
    close_fd(pool->stop_fd);
    close_fd(pool->wake_fd);
    ph_wake_close(pool);
    ph_tls_context_unref(&pool->tls);
    ph_registry_table_free(&pool->addresses);
    pthread_mutex_destroy(&pool->list_lock);
    pthread_cond_destroy(&pool->has_slot);
    pthread_mutex_destroy(&pool->gate_lock);
    free(pool->threads);
    free(pool);
}

void ph_pool_set_tls(struct ph_pool *pool, struct ph_tls_context *tls)
{
    pthread_mutex_lock(&pool->list_lock);
    struct ph_tls_context *old = pool->tls;
    pool->tls = tls == NULL ? NULL : ph_tls_context_ref(tls);
    pthread_mutex_unlock(&pool->list_lock);
    ph_tls_context_unref(&old);
}

static void poke(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; /* a full counter is readable too */
}

void ph_pool_stop(struct ph_pool *pool)
{
    atomic_store(&pool->is_stopping, true);
    poke(pool->wake_fd);
}

static int start_workers(struct ph_pool *pool, struct ph_error *err)
{
    sigset_t all;
    sigset_t old;
    int errnum = 0;
    /* Signals are the main thread's; a write to a closed socket must not end the process. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_mutex_lock(&pool->gate_lock);
    while (errnum == 0 && pool->thread_count < pool->options.workers) {
        errnum = add_thread_locked(pool);
    }
    pthread_mutex_unlock(&pool->gate_lock);
    errnum = errnum == 0 ? ph_wake_start(pool) : errnum;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return errnum == 0 ? PH_OK : ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "start of a worker thread");
}

static void end_workers(struct ph_pool *pool)
{
    pthread_mutex_lock(&pool->gate_lock);
    pool->is_ending = true;
    pthread_cond_broadcast(&pool->has_slot);
    unsigned count = pool->thread_count;
    pthread_mutex_unlock(&pool->gate_lock);
    poke(pool->stop_fd);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(pool->threads[i], NULL);
    }
}

static unsigned count_connections(struct ph_pool *pool)
{
    pthread_mutex_lock(&pool->list_lock);
    unsigned count = pool->connection_count;
    pthread_mutex_unlock(&pool->list_lock);
    return count;
}

static void end_connections(struct ph_pool *pool)
{
    for (struct ph_listener *listener = pool->listeners; listener != NULL; listener = listener->next) {
        ph_listener_close(listener);
    }
    uint64_t give_up_ms = ph_mono_ms(pool->options.clock) + pool->options.stop_grace_ms;
    while (atomic_load(&pool->accepting) > 0) {
        poll(NULL, 0, 1); /* from here on nobody is added: each is told below */
    }
    ph_registry_sweep(pool, 0, true);
    while (count_connections(pool) > 0) {
        uint64_t now_ms = ph_mono_ms(pool->options.clock);
        if (now_ms >= give_up_ms) {
            ph_registry_break(pool);
        } else {
            ph_registry_sweep(pool, now_ms, false);
        }
        atomic_fetch_add(&pool->rounds, 1);
        poll(NULL, 0, 10);
    }
}

int ph_pool_run(struct ph_pool *pool, struct ph_error *err)
{
    int result = start_workers(pool, err);
    while (result == PH_OK && !atomic_load(&pool->is_stopping)) {
        struct pollfd wake = {.fd = pool->wake_fd, .events = POLLIN};
        poll(&wake, 1, TICK_MS);
        ph_registry_sweep(pool, ph_mono_ms(pool->options.clock), false);
        atomic_fetch_add(&pool->rounds, 1);
        for (struct ph_listener *listener = pool->listeners; listener != NULL; listener = listener->next) {
            if (atomic_exchange(&listener->is_paused, false)) {
                ph_listener_arm(listener);
            }
        }
    }
    atomic_store(&pool->is_stopping, true);
    end_connections(pool);
    end_workers(pool);
    ph_wake_stop(pool);
    assert(count_connections(pool) == 0);
    return result;
}

void ph_pool_get_stats(struct ph_pool *pool, struct ph_pool_stats *out_stats)
{
    pthread_mutex_lock(&pool->list_lock);
    out_stats->connections = pool->connection_count;
    out_stats->accepted = pool->accepted;
    out_stats->refused = pool->refused;
    pthread_mutex_unlock(&pool->list_lock);
    pthread_mutex_lock(&pool->gate_lock);
    out_stats->threads = pool->thread_count;
    pthread_mutex_unlock(&pool->gate_lock);
    out_stats->busy = atomic_load_explicit(&pool->busy, memory_order_relaxed);
    out_stats->events = atomic_load_explicit(&pool->events, memory_order_relaxed);
}
