/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/leftovers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* What the store does with a leftover, instead of its work. */
struct clearer {
    atomic_uint calls;
    atomic_uint failures_left;
    int failure;
    unsigned blobs;
};

static int clear(void *ctx, const struct ph_leftover *leftover, struct ph_error *err)
{
    struct clearer *clearer = ctx;
    atomic_fetch_add(&clearer->calls, 1);
    if (atomic_load(&clearer->failures_left) > 0) {
        atomic_fetch_sub(&clearer->failures_left, 1);
        return ph_fail(err, clearer->failure, "not now");
    }
    clearer->blobs = leftover->count;
    return PH_OK;
}

static struct ph_leftovers *make(struct clearer *clearer, struct ph_log *log)
{
    struct ph_leftovers *leftovers = NULL;
    struct ph_error err = {0};
    ph_log_init(log, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR + 1, &ph_clock_system);
    const struct ph_leftovers_options options = {.clear = clear, .ctx = clearer, .log = log};
    assert_int_equal(ph_leftovers_new(&options, &leftovers, &err), PH_OK);
    return leftovers;
}

static void finish_plan(struct ph_leftovers *leftovers, bool is_after, int result)
{
    struct ph_arena arena;
    struct ph_plan plan;
    const struct ph_leftover leftover = {.count = 2};
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    if (is_after) {
        ph_leftovers_after(leftovers, &plan, &leftover);
    } else {
        ph_leftovers_unless(leftovers, &plan, &leftover);
    }
    for (struct ph_plan_hook *hook = plan.hooks; hook != NULL; hook = hook->next) {
        hook->done(&plan, hook, result);
    }
    ph_arena_fini(&arena);
}

static void a_plan_that_is_done_lets_go(void **state)
{
    (void)state;
    static const struct {
        bool is_after;
        int result;
        unsigned calls;
    } cases[] = {
        {true, PH_OK, 1},  {true, PH_EUNAVAILABLE, 0},  {true, PH_EUNKNOWN_OUTCOME, 0},
        {false, PH_OK, 0}, {false, PH_EUNAVAILABLE, 1}, {false, PH_EUNKNOWN_OUTCOME, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct clearer clearer = {.blobs = 0};
        struct ph_log log;
        struct ph_leftovers *leftovers = make(&clearer, &log);
        finish_plan(leftovers, cases[i].is_after, cases[i].result);
        ph_leftovers_free(&leftovers);
        assert_int_equal(clearer.calls, cases[i].calls);
        assert_int_equal(clearer.blobs, 2 * cases[i].calls);
    }
}

static void what_fails_for_good_is_not_tried_again(void **state)
{
    (void)state;
    struct clearer clearer = {.failures_left = 5, .failure = PH_EDENIED};
    struct ph_log log;
    struct ph_leftovers *leftovers = make(&clearer, &log);
    ph_leftovers_now(leftovers, &(struct ph_leftover){.count = 1});
    ph_leftovers_free(&leftovers);
    assert_int_equal(clearer.calls, 1);
}

static void closing_does_not_wait_for_a_store_that_is_gone(void **state)
{
    (void)state;
    enum { MANY = 1000, THREADS_MOST = 16 };
    struct clearer clearer = {.failures_left = 1000000, .failure = PH_EUNAVAILABLE};
    struct ph_log log;
    struct ph_leftovers *leftovers = make(&clearer, &log);
    for (unsigned i = 0; i < MANY; i++) {
        ph_leftovers_now(leftovers, &(struct ph_leftover){.count = 1});
    }
    ph_leftovers_free(&leftovers);
    assert_true(clearer.calls <= 2 * THREADS_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_that_is_done_lets_go),
        cmocka_unit_test(what_fails_for_good_is_not_tried_again),
        cmocka_unit_test(closing_does_not_wait_for_a_store_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
