/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/spool.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/ph-spool-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory); /* fails unless it is empty: spools leave no names */
}

static void assert_pattern(struct ph_spool *spool, uint64_t offset, size_t len)
{
    uint8_t out[4096];
    struct ph_error err = {0};
    assert_true(len <= sizeof out);
    assert_int_equal(ph_spool_read(spool, offset, out, len, &err), PH_OK);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(out[i], (uint8_t)((offset + i) * 31));
    }
}

static void write_pattern(struct ph_spool *spool, size_t len)
{
    uint8_t octets[4096];
    assert_true(len <= sizeof octets);
    for (size_t i = 0; i < len; i++) {
        octets[i] = (uint8_t)((spool->size + i) * 31);
    }
    struct ph_error err = {0};
    assert_int_equal(ph_spool_write(spool, ph_bytes_of(octets, len), &err), PH_OK);
}

static void stays_in_memory_up_to_its_limit(void **state)
{
    (void)state;
    struct ph_spool spool;
    ph_spool_init(&spool, directory, 1000, 5000);
    write_pattern(&spool, 600);
    write_pattern(&spool, 400);
    assert_int_equal(spool.fd, -1);
    assert_int_equal(ph_spool_view(&spool).len, 1000);
    assert_pattern(&spool, 0, 1000);
    assert_pattern(&spool, 999, 1);
    assert_pattern(&spool, 1000, 0);
    ph_spool_fini(&spool);
}

static void moves_to_a_nameless_file_past_it(void **state)
{
    (void)state;
    struct ph_spool spool;
    ph_spool_init(&spool, directory, 1000, 50000);
    write_pattern(&spool, 1000);
    write_pattern(&spool, 1);
    assert_true(spool.fd >= 0);
    assert_null(ph_spool_view(&spool).ptr);
    for (int i = 0; i < 10; i++) {
        write_pattern(&spool, 4096);
    }
    assert_int_equal(spool.size, 1001 + 40960);
    for (uint64_t at = 0; at + 3000 <= spool.size; at += 2999) {
        assert_pattern(&spool, at, 3000);
    }
    ph_spool_fini(&spool);
}

static void is_used_again_after_a_clear(void **state)
{
    (void)state;
    struct ph_spool spool;
    ph_spool_init(&spool, directory, 100, 5000);
    write_pattern(&spool, 4000);
    ph_spool_clear(&spool);
    assert_int_equal(spool.size, 0);
    assert_int_equal(spool.fd, -1);
    write_pattern(&spool, 50);
    assert_pattern(&spool, 0, 50);
    write_pattern(&spool, 4000);
    assert_pattern(&spool, 49, 4000);
    ph_spool_fini(&spool);
}

static void keeps_nothing_of_a_write_past_the_maximum(void **state)
{
    (void)state;
    struct ph_spool spool;
    struct ph_error err = {0};
    uint8_t octets[200] = {0};
    ph_spool_init(&spool, directory, 100, 150);
    assert_int_equal(ph_spool_write(&spool, ph_bytes_of(octets, 151), &err), PH_ELIMIT);
    assert_int_equal(spool.size, 0);
    write_pattern(&spool, 120);
    assert_int_equal(ph_spool_write(&spool, ph_bytes_of(octets, 31), &err), PH_ELIMIT);
    write_pattern(&spool, 30);
    assert_pattern(&spool, 0, 150);
    ph_spool_fini(&spool);
}

static void reading_past_the_end_is_our_bug(void **state)
{
    (void)state;
    struct ph_spool spool;
    struct ph_error err = {0};
    uint8_t out[8];
    ph_spool_init(&spool, directory, 100, 150);
    write_pattern(&spool, 10);
    assert_int_equal(ph_spool_read(&spool, 5, out, 6, &err), PH_EBUG);
    assert_int_equal(ph_spool_read(&spool, UINT64_MAX, out, 2, &err), PH_EBUG);
    ph_spool_fini(&spool);
}

static void a_directory_that_is_not_there_is_unavailable(void **state)
{
    (void)state;
    struct ph_spool spool;
    struct ph_error err = {0};
    ph_spool_init(&spool, "/nonexistent/spool", 10, 1000);
    write_pattern(&spool, 8);
    uint8_t octets[8] = {0};
    assert_int_equal(ph_spool_write(&spool, ph_bytes_of(octets, 8), &err), PH_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "/nonexistent/spool"));
    assert_pattern(&spool, 0, 8);
    ph_spool_fini(&spool);
}

/* The file size limit stands in for a full disk: both are the LIMIT class, and both may cut a write in two. */
static void a_full_disk_is_a_limit_and_passes(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    struct ph_spool spool;
    ph_spool_init(&spool, directory, 100, 100000);
    write_pattern(&spool, 3000);

    struct rlimit small = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    uint8_t octets[2000];
    memset(octets, 0xEE, sizeof octets);
    struct ph_error err = {0};
    int rc = ph_spool_write(&spool, ph_bytes_of(octets, sizeof octets), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(rc, PH_ELIMIT);
    assert_int_equal(spool.size, 3000);

    write_pattern(&spool, 4000);
    assert_pattern(&spool, 3000, 4000);
    ph_spool_fini(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stays_in_memory_up_to_its_limit),
        cmocka_unit_test(moves_to_a_nameless_file_past_it),
        cmocka_unit_test(is_used_again_after_a_clear),
        cmocka_unit_test(keeps_nothing_of_a_write_past_the_maximum),
        cmocka_unit_test(reading_past_the_end_is_our_bug),
        cmocka_unit_test(a_directory_that_is_not_there_is_unavailable),
        cmocka_unit_test(a_full_disk_is_a_limit_and_passes),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
