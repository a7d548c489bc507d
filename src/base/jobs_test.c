/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/jobs.h"

struct test_job {
    struct ph_job job; /* first */
    sem_t *started;
    sem_t *may_end;
    atomic_uint *order;
    unsigned ran_at; /* 1 for the first to end */
};

static void run(struct ph_job *job)
{
    struct test_job *test = (struct test_job *)(void *)job;
    if (test->started != NULL) {
        sem_post(test->started);
        sem_wait(test->may_end);
    }
    test->ran_at = atomic_fetch_add(test->order, 1) + 1;
}

static struct ph_jobs *new_jobs(unsigned threads, unsigned queue_max)
{
    struct ph_jobs *jobs = NULL;
    struct ph_error err = {0};
    assert_int_equal(ph_jobs_new(threads, queue_max, "test", &jobs, &err), PH_OK);
    return jobs;
}

static void test_full_queue_refuses_and_free_runs_what_waits(void **state)
{
    (void)state;
    atomic_uint order = 0;
    sem_t started;
    sem_t may_end;
    sem_init(&started, 0, 0);
    sem_init(&may_end, 0, 0);
    struct ph_jobs *jobs = new_jobs(1, 2);
    struct test_job first = {.job.run = run, .started = &started, .may_end = &may_end, .order = &order};
    struct test_job waiting[3] = {
        {.job.run = run, .order = &order},
        {.job.run = run, .order = &order},
        {.job.run = run, .order = &order},
    };
    assert_int_equal(ph_jobs_submit(jobs, &first.job), PH_OK);
    sem_wait(&started); /* it runs, and does not wait in the queue any more */
    assert_int_equal(ph_jobs_submit(jobs, &waiting[0].job), PH_OK);
    assert_int_equal(ph_jobs_submit(jobs, &waiting[1].job), PH_OK);
    assert_int_equal(ph_jobs_submit(jobs, &waiting[2].job), PH_EBUSY);
    assert_int_equal(ph_jobs_waiting(jobs), 2);
    assert_int_equal(atomic_load(&order), 0);
    sem_post(&may_end);
    ph_jobs_free(&jobs);
    assert_null(jobs);
    assert_int_equal(first.ran_at, 1);
    assert_int_equal(waiting[0].ran_at, 2);
    assert_int_equal(waiting[1].ran_at, 3);
    assert_int_equal(waiting[2].ran_at, 0);
    sem_destroy(&started);
    sem_destroy(&may_end);
}

static void test_jobs_run_beside_each_other(void **state)
{
    (void)state;
    atomic_uint order = 0;
    sem_t started;
    sem_t may_end;
    sem_init(&started, 0, 0);
    sem_init(&may_end, 0, 0);
    struct ph_jobs *jobs = new_jobs(3, 3);
    struct test_job tests[3];
    for (int i = 0; i < 3; i++) {
        tests[i] =
            (struct test_job){.job.run = run, .started = &started, .may_end = &may_end, .order = &order};
        assert_int_equal(ph_jobs_submit(jobs, &tests[i].job), PH_OK);
    }
    for (int i = 0; i < 3; i++) {
        sem_wait(&started);
    }
    for (int i = 0; i < 3; i++) {
        sem_post(&may_end);
    }
    ph_jobs_free(&jobs);
    assert_int_equal(atomic_load(&order), 3);
    sem_destroy(&started);
    sem_destroy(&may_end);
}

enum { SUBMITTERS = 4, EACH = 500 };

struct submitter {
    pthread_t thread;
    struct ph_jobs *jobs;
    struct test_job tests[EACH];
    unsigned accepted;
};

static void *submit_many(void *arg)
{
    struct submitter *submitter = arg;
    for (int i = 0; i < EACH; i++) {
        submitter->accepted += ph_jobs_submit(submitter->jobs, &submitter->tests[i].job) == PH_OK;
    }
    return NULL;
}

static void test_each_accepted_job_runs_once(void **state)
{
    (void)state;
    static struct submitter submitters[SUBMITTERS];
    atomic_uint order = 0;
    struct ph_jobs *jobs = new_jobs(2, 50);
    for (int i = 0; i < SUBMITTERS; i++) {
        submitters[i].jobs = jobs;
        for (int k = 0; k < EACH; k++) {
            submitters[i].tests[k] = (struct test_job){.job.run = run, .order = &order};
        }
        assert_int_equal(pthread_create(&submitters[i].thread, NULL, submit_many, &submitters[i]), 0);
    }
    unsigned accepted = 0;
    for (int i = 0; i < SUBMITTERS; i++) {
        pthread_join(submitters[i].thread, NULL);
        accepted += submitters[i].accepted;
    }
    ph_jobs_free(&jobs);
    assert_int_equal(atomic_load(&order), accepted);
    unsigned ran = 0;
    for (int i = 0; i < SUBMITTERS; i++) {
        for (int k = 0; k < EACH; k++) {
            ran += submitters[i].tests[k].ran_at != 0;
        }
    }
    assert_int_equal(ran, accepted);
}

static void test_free_of_nothing(void **state)
{
    (void)state;
    struct ph_jobs *jobs = NULL;
    ph_jobs_free(&jobs);
    jobs = new_jobs(2, 1);
    ph_jobs_free(&jobs);
    assert_null(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_queue_refuses_and_free_runs_what_waits),
        cmocka_unit_test(test_jobs_run_beside_each_other),
        cmocka_unit_test(test_each_accepted_job_runs_once),
        cmocka_unit_test(test_free_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
