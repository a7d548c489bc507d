/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/delay.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"

struct note {
    struct ph_delayed delayed;
    int number;
};

static int order[1000];
static int count;
static sem_t ran;

static void note_and_free(struct ph_delayed *delayed)
{
    struct note *note = (struct note *)delayed;
    order[count++] = note->number;
    free(note);
    sem_post(&ran);
}

static void add(struct ph_delays *delays, int number, unsigned delay_ms)
{
    struct note *note = ph_zalloc(sizeof *note);
    note->delayed.run = note_and_free;
    note->number = number;
    ph_delays_add(delays, &note->delayed, delay_ms);
}

static struct ph_delays *begin(void)
{
    struct ph_delays *delays;
    count = 0;
    assert_int_equal(sem_init(&ran, 0, 0), 0);
    assert_int_equal(ph_delays_new(&delays, NULL), PH_OK);
    return delays;
}

static void each_runs_when_due(void **state)
{
    (void)state;
    struct ph_delays *delays = begin();
    add(delays, 99, 3600000);
    for (int i = 0; i < 3; i++) {
        add(delays, i, 1);
        sem_wait(&ran);
        assert_int_equal(order[i], i);
    }
    ph_delays_free(&delays);
    assert_int_equal(count, 4);
    assert_int_equal(order[3], 99);
}

static void in_a_hurry_nothing_waits(void **state)
{
    (void)state;
    struct ph_delays *delays = begin();
    add(delays, 1, 3600000);
    ph_delays_hurry(delays);
    sem_wait(&ran);
    add(delays, 2, 3600000);
    sem_wait(&ran);
    assert_int_equal(count, 2);
    ph_delays_free(&delays);
}

/* What is hours away runs at the end, in the order it is due. */
static void the_end_runs_what_is_left_in_order(void **state)
{
    (void)state;
    struct ph_delays *delays = begin();
    for (int i = 0; i < 1000; i++) {
        int number = i * 387 % 1000; /* each once */
        add(delays, number, 3600000U + (unsigned)number * 60000);
    }
    ph_delays_free(&delays);
    assert_int_equal(count, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(order[i], i);
    }
}

static void *add_many(void *arg)
{
    for (int i = 0; i < 200; i++) {
        add(arg, i, (unsigned)i % 3);
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    struct ph_delays *delays = begin();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, delays), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < 800; i++) {
        sem_wait(&ran);
    }
    ph_delays_free(&delays);
    assert_int_equal(count, 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_runs_when_due),
        cmocka_unit_test(in_a_hurry_nothing_waits),
        cmocka_unit_test(the_end_runs_what_is_left_in_order),
        cmocka_unit_test(many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
