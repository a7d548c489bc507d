/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/credential_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct ph_clock_manual time_now;
static struct ph_clock clock_now;
static struct ph_credential_cache *cache;

static int set_up(void **state)
{
    (void)state;
    time_now = (struct ph_clock_manual){.mono_us = 1000000};
    clock_now = ph_clock_from_manual(&time_now);
    cache = ph_credential_cache_new(&clock_now, &ph_rand_system, 64, 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_credential_cache_free(&cache);
    return 0;
}

static struct ph_credential credential(const char *user, const char *password)
{
    struct ph_credential made;
    ph_credential_hash(cache, ph_bytes_str(user), ph_bytes_str(password), &made);
    return made;
}

static void put(const char *user, const char *password)
{
    struct ph_credential made = credential(user, password);
    ph_credential_cache_put(cache, ph_credential_cache_mark(cache), &made);
}

static bool has(const char *user, const char *password)
{
    struct ph_credential made = credential(user, password);
    return ph_credential_cache_has(cache, &made);
}

static void only_what_was_put(void **state)
{
    (void)state;
    put("alice", "secret");
    assert_true(has("alice", "secret"));
    assert_false(has("alice", "secret2"));
    assert_false(has("alice", ""));
    assert_false(has("alic", "esecret"));
    assert_false(has("bob", "secret"));
    put("alice", "other");
    assert_true(has("alice", "other"));
    assert_false(has("alice", "secret"));
}

static void it_ends(void **state)
{
    (void)state;
    put("alice", "secret");
    time_now.mono_us += 9999999;
    assert_true(has("alice", "secret"));
    time_now.mono_us += 1;
    assert_false(has("alice", "secret"));
}

static void a_user_is_forgotten(void **state)
{
    (void)state;
    put("alice", "secret");
    put("bob", "secret");
    ph_credential_cache_forget(cache, PH_BYTES("alice"));
    assert_false(has("alice", "secret"));
    assert_true(has("bob", "secret"));
}

static void what_was_verified_before_a_change_is_not_kept(void **state)
{
    (void)state;
    struct ph_credential made = credential("alice", "secret");
    uint64_t mark = ph_credential_cache_mark(cache);
    ph_credential_cache_forget(cache, PH_BYTES("alice"));
    ph_credential_cache_put(cache, mark, &made);
    assert_false(has("alice", "secret"));
}

static void it_is_bounded(void **state)
{
    (void)state;
    char user[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(user, sizeof user, "user-%d", i);
        put(user, "secret");
        assert_true(has(user, "secret"));
    }
    unsigned known = 0;
    for (int i = 0; i < 1000; i++) {
        snprintf(user, sizeof user, "user-%d", i);
        known += has(user, "secret") ? 1 : 0;
    }
    assert_in_range(known, 1, 64);
}

static void it_can_be_off(void **state)
{
    (void)state;
    ph_credential_cache_free(&cache);
    cache = ph_credential_cache_new(&clock_now, &ph_rand_system, 64, 0);
    put("alice", "secret");
    assert_false(has("alice", "secret"));
    ph_credential_cache_free(&cache);
    cache = ph_credential_cache_new(&clock_now, &ph_rand_system, 0, 10);
    put("alice", "secret");
    assert_false(has("alice", "secret"));
}

static void two_processes_hash_differently(void **state)
{
    (void)state;
    struct ph_credential one = credential("alice", "secret");
    struct ph_credential_cache *other = ph_credential_cache_new(&clock_now, &ph_rand_system, 64, 10);
    struct ph_credential two;
    ph_credential_hash(other, PH_BYTES("alice"), PH_BYTES("secret"), &two);
    assert_memory_not_equal(one.user, two.user, sizeof one.user);
    assert_memory_not_equal(one.proof, two.proof, sizeof one.proof);
    ph_credential_cache_free(&other);
}

static void *hammer(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 3000; i++) {
        char user[32];
        snprintf(user, sizeof user, "user-%u", i % 50);
        if (!has(user, "secret")) {
            put(user, "secret");
        }
        if (i % 5 == 0) {
            ph_credential_cache_forget(cache, ph_bytes_str(user));
        }
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    put("alice", "secret");
    assert_true(has("alice", "secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_was_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_is_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_verified_before_a_change_is_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_can_be_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_processes_hash_differently, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
