/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uuid.h"

/* A random source that repeats what it is given. */
static void fill_pattern(void *ctx, void *out, size_t len)
{
    const uint8_t *pattern = ctx;
    memcpy(out, pattern, len);
}

static struct ph_uuid parse(const char *text)
{
    struct ph_uuid id;
    assert_int_equal(ph_uuid_parse(ph_bytes_str(text), &id), PH_OK);
    return id;
}

static void assert_text(const struct ph_uuid *id, const char *expected)
{
    char text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(id, text);
    assert_string_equal(text, expected);
}

/* RFC 4122 sections 4.1.2 to 4.1.6 and 4.5. The expected text was made by another implementation. */
static void test_layout(void **state)
{
    (void)state;
    uint8_t pattern[8] = {0xE1, 0x43, 0x00, 0x02, 0x03, 0x04, 0x05, 0x06};
    struct ph_clock_manual manual = {.real_us = 1700000000123456U};
    struct ph_clock clock = ph_clock_from_manual(&manual);
    struct ph_rand rand = {fill_pattern, pattern};
    struct ph_uuid_gen gen;
    ph_uuid_gen_init(&gen, &clock, &rand);
    struct ph_uuid id = ph_uuid_gen_next(&gen);
    ph_uuid_gen_fini(&gen);
    assert_text(&id, "04c29680-833b-11ee-a143-010203040506");
    assert_true(ph_uuid_is_time(&id));
    assert_int_equal(ph_uuid_unix_us(&id), 1700000000123456U);
}

static void test_time_never_repeats_or_goes_back(void **state)
{
    (void)state;
    struct ph_clock_manual manual = {.real_us = 1700000000000000U};
    struct ph_clock clock = ph_clock_from_manual(&manual);
    struct ph_uuid_gen gen;
    ph_uuid_gen_init(&gen, &clock, &ph_rand_system);
    struct ph_uuid last = ph_uuid_gen_next(&gen);
    static const int64_t moves_us[] = {0, 1, 0, 0, -3600000000, 5, -1, 3600000000, 0, -1700000000000000, 7};
    for (size_t i = 0; i < 10000; i++) {
        manual.real_us += (uint64_t)moves_us[i % (sizeof moves_us / sizeof *moves_us)];
        if (manual.real_us < 1000000 || manual.real_us > 1800000000000000U) {
            manual.real_us = 1700000000000000U;
        }
        struct ph_uuid id = ph_uuid_gen_next(&gen);
        assert_true(ph_uuid_compare(&last, &id) < 0);
        assert_memory_equal(last.b + 8, id.b + 8, 8);
        last = id;
    }
    ph_uuid_gen_fini(&gen);
}

enum { THREADS = 4, EACH = 2000, ALL = THREADS * EACH };

struct maker {
    pthread_t thread;
    struct ph_uuid_gen *gen;
    struct ph_uuid ids[EACH];
};

static void *make_many(void *arg)
{
    struct maker *maker = arg;
    for (int i = 0; i < EACH; i++) {
        maker->ids[i] = ph_uuid_gen_next(maker->gen);
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b)
{
    return ph_uuid_compare(a, b);
}

static void test_threads_get_different_ids(void **state)
{
    (void)state;
    static struct maker makers[THREADS];
    static struct ph_uuid all[ALL];
    struct ph_uuid_gen gen;
    ph_uuid_gen_init(&gen, &ph_clock_system, &ph_rand_system);
    for (int i = 0; i < THREADS; i++) {
        makers[i].gen = &gen;
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make_many, &makers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(makers[i].thread, NULL);
        memcpy(all + i * EACH, makers[i].ids, sizeof makers[i].ids);
    }
    ph_uuid_gen_fini(&gen);
    qsort(all, ALL, sizeof *all, compare_ids);
    for (size_t i = 1; i < ALL; i++) {
        assert_true(ph_uuid_compare(&all[i - 1], &all[i]) < 0);
    }
}

static void test_processes_have_different_nodes(void **state)
{
    (void)state;
    struct ph_uuid_gen one;
    struct ph_uuid_gen other;
    ph_uuid_gen_init(&one, &ph_clock_system, &ph_rand_system);
    ph_uuid_gen_init(&other, &ph_clock_system, &ph_rand_system);
    assert_memory_not_equal(one.tail, other.tail, sizeof one.tail);
    assert_int_equal(one.tail[2] & 1, 1); /* multicast: no real card has it */
    ph_uuid_gen_fini(&one);
    ph_uuid_gen_fini(&other);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

/* What SQLite sorts by memcmp is what ph_uuid_compare says, for ids near each other and far apart. */
static void test_sortable_order_is_compare_order(void **state)
{
    (void)state;
    struct ph_uuid ids[400];
    for (size_t i = 0; i < 400; i++) {
        ph_rand_fill(&ph_rand_system, ids[i].b, sizeof ids[i].b);
        if (i % 2 == 1) {
            /* The predecessor with one octet changed. */
            uint8_t change = ids[i].b[1];
            size_t at = ids[i].b[0] % PH_UUID_BYTES;
            ids[i] = ids[i - 1];
            ids[i].b[at] = change;
        }
        ids[i].b[6] = (uint8_t)((ids[i].b[6] & 0x0FU) | 0x10U);
        ids[i].b[8] = (uint8_t)((ids[i].b[8] & 0x3FU) | 0x80U);
    }
    for (size_t i = 0; i < 400; i++) {
        uint8_t a[PH_UUID_BYTES];
        struct ph_uuid back;
        ph_uuid_to_sortable(&ids[i], a);
        ph_uuid_from_sortable(a, &back);
        assert_true(ph_uuid_eq(&ids[i], &back));
        for (size_t k = 0; k < 400; k++) {
            uint8_t b[PH_UUID_BYTES];
            ph_uuid_to_sortable(&ids[k], b);
            assert_int_equal(sign(memcmp(a, b, sizeof a)), sign(ph_uuid_compare(&ids[i], &ids[k])));
        }
    }
}

static void test_compare_is_time_first(void **state)
{
    (void)state;
    /* Octet order and time order differ: the low bits of the time come first in the text. */
    struct ph_uuid early = parse("ffffffff-0000-1000-bfff-ffffffffffff");
    struct ph_uuid late = parse("00000000-0001-1000-8000-000000000000");
    assert_true(ph_uuid_compare(&early, &late) < 0);
    struct ph_uuid tie = parse("ffffffff-0000-1000-bfff-fffffffffffe");
    assert_true(ph_uuid_compare(&tie, &early) < 0);
    assert_int_equal(ph_uuid_compare(&tie, &tie), 0);
    /* Before 1970 there is no Unix time to give. */
    assert_int_equal(ph_uuid_unix_us(&early), 0);
}

/* These values stand in stores for ever. They were computed by another implementation from the definition. */
static void test_ids_from_names_are_fixed(void **state)
{
    (void)state;
    struct ph_uuid id =
        ph_uuid_from_name(PH_BYTES("#private"), PH_BYTES("alice@example.org"), PH_BYTES("INBOX"));
    assert_text(&id, "f1f6083d-1fcb-1c30-bcf1-a76132dc1e8f");
    assert_true(ph_uuid_is_time(&id));
    struct ph_bytes nothing = {NULL, 0};
    id = ph_uuid_from_name(nothing, nothing, nothing);
    assert_text(&id, "98375498-3d89-1dcd-8b71-cbee9c15b69e");
    id = ph_uuid_from_name(PH_BYTES("a"), PH_BYTES("b"), PH_BYTES("c"));
    assert_text(&id, "c1d5b94b-9b60-1105-9e1c-c7848e6fb705");
    /* Parts do not run into each other. */
    id = ph_uuid_from_name(PH_BYTES("ab"), nothing, PH_BYTES("c"));
    assert_text(&id, "c3d82c39-57d7-1836-8f12-d310d54fb908");
}

static void test_text(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "04c29680-833b-11ee-a143-01020304050",
        "04c29680-833b-11ee-a143-0102030405067",
        "04c29680833b-11ee--a143-010203040506",
        "04c29680-833b-11ee-a143-01020304050g",
        "04c29680-833b-11ee-a143-01020304050 ",
        "{4c29680-833b-11ee-a143-01020304050}",
        "04c29680_833b_11ee_a143_010203040506",
    };
    struct ph_uuid id = parse("04C29680-833B-11eE-a143-010203040506");
    assert_text(&id, "04c29680-833b-11ee-a143-010203040506");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ph_uuid_parse(ph_bytes_str(bad[i]), &id), PH_EINVALID);
    }
    struct ph_uuid random = parse("04c29680-833b-41ee-a143-010203040506");
    assert_false(ph_uuid_is_time(&random));
    struct ph_uuid variant = parse("04c29680-833b-11ee-c143-010203040506");
    assert_false(ph_uuid_is_time(&variant));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_time_never_repeats_or_goes_back),
        cmocka_unit_test(test_threads_get_different_ids),
        cmocka_unit_test(test_processes_have_different_nodes),
        cmocka_unit_test(test_sortable_order_is_compare_order),
        cmocka_unit_test(test_compare_is_time_first),
        cmocka_unit_test(test_ids_from_names_are_fixed),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
