/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/name_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"

static struct ph_clock_manual time_now;
static struct ph_clock clock_now;
static struct ph_name_cache *cache;
static struct ph_arena arena;
static const struct ph_bytes nothing;

static int set_up(void **state)
{
    (void)state;
    time_now = (struct ph_clock_manual){.mono_us = 1000000};
    clock_now = ph_clock_from_manual(&time_now);
    cache = ph_name_cache_new(&clock_now, &ph_rand_system, 64, 10);
    ph_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_name_cache_free(&cache);
    ph_arena_fini(&arena);
    return 0;
}

static void put(enum ph_name_kind kind, const char *name, bool is_there, const char *value)
{
    ph_name_cache_put(cache, ph_name_cache_mark(cache), kind, ph_bytes_str(name), is_there,
                      ph_bytes_str(value));
}

static bool knows(enum ph_name_kind kind, const char *name)
{
    bool is_there;
    return ph_name_cache_get(cache, kind, ph_bytes_str(name), NULL, &is_there, NULL);
}

static void answers_by_kind_and_name(void **state)
{
    (void)state;
    bool is_there = false;
    struct ph_bytes value;
    put(PH_NAME_USER, "a", true, "");
    put(PH_NAME_DOMAIN, "a", false, "");
    put(PH_NAME_MAPPINGS, "a", true, "value");
    assert_true(ph_name_cache_get(cache, PH_NAME_USER, PH_BYTES("a"), NULL, &is_there, NULL));
    assert_true(is_there);
    assert_true(ph_name_cache_get(cache, PH_NAME_DOMAIN, PH_BYTES("a"), NULL, &is_there, NULL));
    assert_false(is_there);
    assert_true(ph_name_cache_get(cache, PH_NAME_MAPPINGS, PH_BYTES("a"), &arena, &is_there, &value));
    assert_true(ph_bytes_eq(value, PH_BYTES("value")));
    assert_false(knows(PH_NAME_USER, "b"));
    put(PH_NAME_MAPPINGS, "a", true, "other");
    assert_true(ph_name_cache_get(cache, PH_NAME_MAPPINGS, PH_BYTES("a"), &arena, &is_there, &value));
    assert_true(ph_bytes_eq(value, PH_BYTES("other")));
}

static void answers_end(void **state)
{
    (void)state;
    put(PH_NAME_USER, "a", true, "");
    put(PH_NAME_USER, "b", true, "");
    time_now.mono_us += 9999999;
    assert_true(knows(PH_NAME_USER, "a"));
    ph_name_cache_drop(cache, PH_NAME_USER, PH_BYTES("a"));
    assert_false(knows(PH_NAME_USER, "a"));
    assert_true(knows(PH_NAME_USER, "b"));
    time_now.mono_us += 1;
    assert_false(knows(PH_NAME_USER, "b"));
    put(PH_NAME_USER, "b", true, "");
    ph_name_cache_clear(cache);
    assert_false(knows(PH_NAME_USER, "b"));
}

static void an_answer_from_before_a_change_is_not_kept(void **state)
{
    (void)state;
    uint64_t mark = ph_name_cache_mark(cache);
    ph_name_cache_drop(cache, PH_NAME_USER, PH_BYTES("a"));
    ph_name_cache_put(cache, mark, PH_NAME_USER, PH_BYTES("a"), false, nothing);
    assert_false(knows(PH_NAME_USER, "a"));
    mark = ph_name_cache_mark(cache);
    ph_name_cache_clear(cache);
    ph_name_cache_put(cache, mark, PH_NAME_USER, PH_BYTES("a"), false, nothing);
    assert_false(knows(PH_NAME_USER, "a"));
}

static void large_values_are_not_kept(void **state)
{
    (void)state;
    static const uint8_t big[PH_NAME_VALUE_MAX + 1];
    ph_name_cache_put(cache, ph_name_cache_mark(cache), PH_NAME_MAPPINGS, PH_BYTES("a"), true,
                      ph_bytes_of(big, sizeof big));
    assert_false(knows(PH_NAME_MAPPINGS, "a"));
    ph_name_cache_put(cache, ph_name_cache_mark(cache), PH_NAME_MAPPINGS, PH_BYTES("a"), true,
                      ph_bytes_of(big, sizeof big - 1));
    assert_true(knows(PH_NAME_MAPPINGS, "a"));
}

static void names_that_do_not_exist_push_out_few_that_do(void **state)
{
    (void)state;
    char name[32];
    put(PH_NAME_USER, "alice", true, "");
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "nobody-%d", i);
        put(PH_NAME_USER, name, false, "");
    }
    assert_true(knows(PH_NAME_USER, "alice"));
    unsigned known = 0;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "nobody-%d", i);
        known += knows(PH_NAME_USER, name) ? 1 : 0;
    }
    assert_in_range(known, 1, 63);
}

static void *hammer(void *arg)
{
    struct ph_arena own;
    ph_arena_init(&own, 0);
    for (unsigned i = 0; i < 3000; i++) {
        char name[32];
        bool is_there;
        struct ph_bytes value;
        snprintf(name, sizeof name, "name-%u", i % 100);
        uint64_t mark = ph_name_cache_mark(cache);
        if (!ph_name_cache_get(cache, PH_NAME_MAPPINGS, ph_bytes_str(name), &own, &is_there, &value)) {
            ph_name_cache_put(cache, mark, PH_NAME_MAPPINGS, ph_bytes_str(name), true, ph_bytes_str(name));
        } else if (!ph_bytes_eq(value, ph_bytes_str(name))) {
            *(bool *)arg = false;
        }
        if (i % 7 == 0) {
            ph_name_cache_drop(cache, PH_NAME_MAPPINGS, ph_bytes_str(name));
        }
        ph_arena_reset(&own);
    }
    ph_arena_fini(&own);
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    bool is_right[4] = {true, true, true, true};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &is_right[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(is_right[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_by_kind_and_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_from_before_a_change_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_values_are_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_that_do_not_exist_push_out_few_that_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
