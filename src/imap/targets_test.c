/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "imap/targets.h"

static void expect_page(int64_t first, int64_t last, uint64_t total, uint64_t wanted_first,
                        uint64_t wanted_last)
{
    uint64_t got_first = 4711;
    uint64_t got_last = 4711;
    ph_imap_page_settle(first, last, total, &got_first, &got_last);
    assert_int_equal(got_first, wanted_first);
    assert_int_equal(got_last, wanted_last);
}

/* RFC 9394 section 3.1. */
static void pages(void **state)
{
    (void)state;
    expect_page(1, 500, 1000, 1, 500);
    expect_page(500, 1, 1000, 1, 500);
    expect_page(901, 1100, 1000, 901, 1000);
    expect_page(-1, -100, 1000, 901, 1000);
    expect_page(-100, -1, 1000, 901, 1000);
    expect_page(-1, -100, 7, 1, 7);
    expect_page(-3, -4, 7, 4, 5);
}

static void pages_of_nothing(void **state)
{
    (void)state;
    expect_page(1001, 1100, 1000, 1, 0);
    expect_page(-1001, -1100, 1000, 1, 0);
    expect_page(1, 10, 0, 1, 0);
    expect_page(-1, -10, 0, 1, 0);
}

/* Of a command's own changes, news keep still; not of what somebody else did to the same message, nor of its own to others. */
static void what_is_told_already(void **state)
{
    (void)state;
    const struct ph_uid_range ranges[] = {{3, 5}, {9, 9}};
    struct ph_imap_told told = {.ranges = ranges, .count = 2, .first_modseq = 70, .modseq = 71};
    struct ph_imap_session session = {.told = &told};
    assert_ptr_equal(ph_imap_told_find(&session, 3, 70), &told);
    assert_ptr_equal(ph_imap_told_find(&session, 5, 71), &told);
    assert_ptr_equal(ph_imap_told_find(&session, 9, 71), &told);
    assert_null(ph_imap_told_find(&session, 4, 72));
    assert_null(ph_imap_told_find(&session, 4, 69));
    assert_null(ph_imap_told_find(&session, 6, 70));
    assert_null(ph_imap_told_find(&session, 2, 70));
    assert_null(ph_imap_told_find(&session, 10, 70));
    session.told = NULL;
    assert_null(ph_imap_told_find(&session, 3, 70));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),
        cmocka_unit_test(pages_of_nothing),
        cmocka_unit_test(what_is_told_already),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
