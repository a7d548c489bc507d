/* SPDX-License-Identifier: Apache-2.0 */
#include "base/jobs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct ph_jobs {
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct ph_job *first;
    struct ph_job **last;
    unsigned waiting;
    unsigned queue_max;
    bool is_stopping;
    char name[16]; /* the kernel's maximum for a thread */
    unsigned thread_count;
    pthread_t threads[];
};

static struct ph_job *take(struct ph_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    while (jobs->first == NULL && !jobs->is_stopping) {
        pthread_cond_wait(&jobs->has_work, &jobs->lock);
    }
    struct ph_job *job = jobs->first;
    if (job != NULL) {
        jobs->first = job->next;
        if (jobs->first == NULL) {
            jobs->last = &jobs->first;
        }
        jobs->waiting--;
    }
    pthread_mutex_unlock(&jobs->lock);
    return job;
}

static void *thread_main(void *arg)
{
    struct ph_jobs *jobs = arg;
    pthread_setname_np(pthread_self(), jobs->name);
    for (struct ph_job *job = take(jobs); job != NULL; job = take(jobs)) {
        job->run(job);
    }
    return NULL;
}

int ph_jobs_new(unsigned threads, unsigned queue_max, const char *thread_name, struct ph_jobs **out_jobs,
                struct ph_error *err)
{
    struct ph_jobs *jobs = ph_zalloc(sizeof *jobs + threads * sizeof jobs->threads[0]);
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->has_work, NULL);
    jobs->last = &jobs->first;
    jobs->queue_max = queue_max;
    snprintf(jobs->name, sizeof jobs->name, "%s", thread_name);
    for (unsigned i = 0; i < threads; i++) {
        int errnum = pthread_create(&jobs->threads[i], NULL, thread_main, jobs);
        if (errnum != 0) {
            ph_jobs_free(&jobs);
            return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "start of a %s thread", thread_name);
        }
        jobs->thread_count++;
    }
    *out_jobs = jobs;
    return PH_OK;
}

void ph_jobs_free(struct ph_jobs **jobs_ptr)
{
    struct ph_jobs *jobs = *jobs_ptr;
    if (jobs == NULL) {
        return;
    }
    pthread_mutex_lock(&jobs->lock);
    jobs->is_stopping = true;
    pthread_cond_broadcast(&jobs->has_work);
    pthread_mutex_unlock(&jobs->lock);
    for (unsigned i = 0; i < jobs->thread_count; i++) {
        pthread_join(jobs->threads[i], NULL);
    }
    pthread_cond_destroy(&jobs->has_work);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
    *jobs_ptr = NULL;
}

int ph_jobs_submit(struct ph_jobs *jobs, struct ph_job *job)
{
    int result = PH_OK;
    pthread_mutex_lock(&jobs->lock);
    if (jobs->is_stopping || jobs->waiting >= jobs->queue_max) {
        result = PH_EBUSY;
    } else {
        job->next = NULL;
        *jobs->last = job;
        jobs->last = &job->next;
        jobs->waiting++;
        pthread_cond_signal(&jobs->has_work);
    }
    pthread_mutex_unlock(&jobs->lock);
    return result;
}

unsigned ph_jobs_waiting(struct ph_jobs *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    unsigned waiting = jobs->waiting;
    pthread_mutex_unlock(&jobs->lock);
    return waiting;
}
