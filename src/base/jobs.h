/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small bounded queue with threads of its own, for work that must not slow others: password hashing above all.
 *
 * A job runs once, on one of the queue's threads, and then nobody touches it again; the submitter owns its memory
 * until run returns. ph_jobs_free runs what was submitted, then ends the threads.
 * Threads: any may submit. ph_jobs_submit never blocks: PH_EBUSY when the queue is full.
 */
#ifndef PH_BASE_JOBS_H
#define PH_BASE_JOBS_H

#include "base/error.h"

struct ph_jobs;

struct ph_job {
    void (*run)(struct ph_job *job);
    struct ph_job *next; /* the queue's */
};

/* THREADS at least 1; QUEUE_MAX jobs may wait. */
int ph_jobs_new(unsigned threads, unsigned queue_max, const char *thread_name, struct ph_jobs **out_jobs,
                struct ph_error *err) PH_MUST_USE;
void ph_jobs_free(struct ph_jobs **jobs);
int ph_jobs_submit(struct ph_jobs *jobs, struct ph_job *job) PH_MUST_USE;
/* How many wait for a thread now. */
unsigned ph_jobs_waiting(struct ph_jobs *jobs);

#endif
