/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary heap by the time things are due; it holds one entry for each session that waits, and so is as bounded
 * as they are. Entries due at once keep no order among themselves.
 */
#include "auth/delay.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

struct ph_delays {
    pthread_mutex_t lock;
    pthread_cond_t has_news;
    struct ph_delayed **heap;
    size_t count;
    size_t cap;
    bool is_hurried;
    bool is_stopping;
    pthread_t thread;
};

static void swap(struct ph_delayed **a, struct ph_delayed **b)
{
    struct ph_delayed *old = *a;
    *a = *b;
    *b = old;
}

static void push(struct ph_delays *delays, struct ph_delayed *delayed)
{
    if (delays->count == delays->cap) {
        delays->cap = delays->cap == 0 ? 64 : 2 * delays->cap;
        delays->heap = ph_realloc(delays->heap, delays->cap * sizeof(struct ph_delayed *));
    }
    struct ph_delayed **heap = delays->heap;
    size_t at = delays->count++;
    heap[at] = delayed;
    while (at > 0 && heap[at]->due_us < heap[(at - 1) / 2]->due_us) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static struct ph_delayed *pop(struct ph_delays *delays)
{
    struct ph_delayed **heap = delays->heap;
    struct ph_delayed *first = heap[0];
    heap[0] = heap[--delays->count];
    size_t at = 0;
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < delays->count; child++) {
            least = heap[child]->due_us < heap[least]->due_us ? child : least;
        }
        if (least == at) {
            return first;
        }
        swap(&heap[at], &heap[least]);
        at = least;
    }
}

static void wait_until(struct ph_delays *delays, uint64_t due_us)
{
    struct timespec when = {.tv_sec = (time_t)(due_us / 1000000), .tv_nsec = (long)(due_us % 1000000) * 1000};
    pthread_cond_timedwait(&delays->has_news, &delays->lock, &when);
}

static void *thread_main(void *arg)
{
    struct ph_delays *delays = arg;
    pthread_mutex_lock(&delays->lock);
    while (delays->count > 0 || !delays->is_stopping) {
        if (delays->count == 0) {
            pthread_cond_wait(&delays->has_news, &delays->lock);
        } else if (!delays->is_hurried && delays->heap[0]->due_us > ph_mono_us(&ph_clock_system)) {
            wait_until(delays, delays->heap[0]->due_us);
        } else {
            struct ph_delayed *delayed = pop(delays);
            pthread_mutex_unlock(&delays->lock);
            delayed->run(delayed);
            pthread_mutex_lock(&delays->lock);
        }
    }
    pthread_mutex_unlock(&delays->lock);
    return NULL;
}

int ph_delays_new(struct ph_delays **out_delays, struct ph_error *err)
{
    struct ph_delays *delays = ph_zalloc(sizeof *delays);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&delays->lock, NULL);
    pthread_cond_init(&delays->has_news, &attributes);
    pthread_condattr_destroy(&attributes);
    int errnum = pthread_create(&delays->thread, NULL, thread_main, delays);
    if (errnum != 0) {
        pthread_cond_destroy(&delays->has_news);
        pthread_mutex_destroy(&delays->lock);
        free(delays);
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "start of the thread for late answers");
    }
    pthread_setname_np(delays->thread, "ph-late");
    *out_delays = delays;
    return PH_OK;
}

void ph_delays_free(struct ph_delays **delays_ptr)
{
    struct ph_delays *delays = *delays_ptr;
    if (delays == NULL) {
        return;
    }
    pthread_mutex_lock(&delays->lock);
    delays->is_hurried = true;
    delays->is_stopping = true;
    pthread_cond_signal(&delays->has_news);
    pthread_mutex_unlock(&delays->lock);
    pthread_join(delays->thread, NULL);
    pthread_cond_destroy(&delays->has_news);
    pthread_mutex_destroy(&delays->lock);
    free(delays->heap);
    free(delays);
    *delays_ptr = NULL;
}

void ph_delays_hurry(struct ph_delays *delays)
{
    pthread_mutex_lock(&delays->lock);
    delays->is_hurried = true;
    pthread_cond_signal(&delays->has_news);
    pthread_mutex_unlock(&delays->lock);
}

void ph_delays_add(struct ph_delays *delays, struct ph_delayed *delayed, unsigned delay_ms)
{
    delayed->due_us = ph_mono_us(&ph_clock_system) + (uint64_t)delay_ms * 1000;
    pthread_mutex_lock(&delays->lock);
    push(delays, delayed);
    if (delays->heap[0] == delayed) {
        pthread_cond_signal(&delays->has_news);
    }
    pthread_mutex_unlock(&delays->lock);
}
