/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hook of the plan puts a job into a queue: hooks run on threads of the engine and must not block.
 */
#include "blob/leftovers.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

enum { THREADS = 4, WAITING_MAX = 20000, TRIES = 5, FIRST_PAUSE_MS = 200 };

struct ph_leftovers {
    struct ph_leftovers_options options;
    struct ph_jobs *jobs;
    bool is_closing;
    bool is_hopeless; /* while closing, one could not be cleared for a reason that holds for all */
};

struct clearing {
    struct ph_job job;
    struct ph_leftovers *owner;
    struct ph_leftover leftover;
};

struct awaiting {
    struct ph_plan_hook hook;
    struct ph_leftovers *owner;
    bool is_after;
    struct ph_leftover leftover;
};

static void log_left(const struct ph_leftovers *leftovers, const struct ph_leftover *leftover,
                     const struct ph_error *err)
{
    for (unsigned i = 0; i < leftover->count; i++) {
        struct ph_log_line line;
        char id[PH_BLOB_ID_TEXT_MAX + 1];
        ph_log_begin(&line, leftovers->options.log, PH_LOG_WARNING, "content-left");
        ph_log_bytes(&line, "blob", ph_blob_id_format(&leftover->blobs[i], id));
        ph_log_error(&line, err);
        ph_log_end(&line);
    }
}

static bool is_passing(int result)
{
    return result == PH_EUNAVAILABLE || result == PH_EBUSY || result == PH_EUNKNOWN_OUTCOME;
}

static void pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

static bool is_set(const bool *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

static void run(struct ph_job *job)
{
    struct clearing *clearing = (struct clearing *)job;
    struct ph_leftovers *owner = clearing->owner;
    struct ph_error err = {0};
    int result = ph_fail(&err, PH_EUNAVAILABLE, "the process ends");
    for (unsigned i = 0; i < TRIES && is_passing(result); i++) {
        bool is_closing = is_set(&owner->is_closing);
        if (is_closing && (i > 0 || is_set(&owner->is_hopeless))) {
            __atomic_store_n(&owner->is_hopeless, true, __ATOMIC_RELAXED);
            break;
        }
        if (i > 0) {
            pause_ms((unsigned)FIRST_PAUSE_MS << i);
        }
        err = (struct ph_error){0};
        result = owner->options.clear(owner->options.ctx, &clearing->leftover, &err);
    }
    if (result != PH_OK) {
        log_left(owner, &clearing->leftover, &err);
    }
    free(clearing);
}

int ph_leftovers_new(const struct ph_leftovers_options *options, struct ph_leftovers **out_leftovers,
                     struct ph_error *err)
{
    struct ph_leftovers *leftovers = ph_zalloc(sizeof *leftovers);
    leftovers->options = *options;
    int result = ph_jobs_new(THREADS, WAITING_MAX, "content", &leftovers->jobs, err);
    if (result != PH_OK) {
        free(leftovers);
        return result;
    }
    *out_leftovers = leftovers;
    return PH_OK;
}

void ph_leftovers_free(struct ph_leftovers **leftovers)
{
    if (*leftovers != NULL) {
        __atomic_store_n(&(*leftovers)->is_closing, true, __ATOMIC_RELAXED);
        ph_jobs_free(&(*leftovers)->jobs);
        free(*leftovers);
        *leftovers = NULL;
    }
}

void ph_leftovers_now(struct ph_leftovers *leftovers, const struct ph_leftover *leftover)
{
    struct clearing *clearing = ph_alloc(sizeof *clearing);
    *clearing = (struct clearing){.job.run = run, .owner = leftovers, .leftover = *leftover};
    if (ph_jobs_submit(leftovers->jobs, &clearing->job) != PH_OK) {
        struct ph_error err = {0};
        (void)ph_fail(&err, PH_EBUSY, "too much waits");
        log_left(leftovers, leftover, &err);
        free(clearing);
    }
}

static void done(struct ph_plan *plan, struct ph_plan_hook *hook, int result)
{
    (void)plan;
    const struct awaiting *awaiting = (const struct awaiting *)hook;
    bool is_due = awaiting->is_after ? result == PH_OK : result != PH_OK && result != PH_EUNKNOWN_OUTCOME;
    if (is_due) {
        ph_leftovers_now(awaiting->owner, &awaiting->leftover);
    }
}

static void await(struct ph_leftovers *leftovers, struct ph_plan *plan, const struct ph_leftover *leftover,
                  bool is_after)
{
    struct awaiting *awaiting = ph_arena_zalloc(plan->arena, sizeof *awaiting);
    *awaiting =
        (struct awaiting){.hook.done = done, .owner = leftovers, .is_after = is_after, .leftover = *leftover};
    ph_plan_hook_add(plan, &awaiting->hook);
}

void ph_leftovers_after(struct ph_leftovers *leftovers, struct ph_plan *plan,
                        const struct ph_leftover *leftover)
{
    await(leftovers, plan, leftover, true);
}

void ph_leftovers_unless(struct ph_leftovers *leftovers, struct ph_plan *plan,
                         const struct ph_leftover *leftover)
{
    await(leftovers, plan, leftover, false);
}

unsigned ph_leftovers_waiting(struct ph_leftovers *leftovers)
{
    return ph_jobs_waiting(leftovers->jobs);
}
