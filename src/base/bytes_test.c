/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bytes.h"

static const struct ph_bytes none = {NULL, 0};

static void assert_bytes(struct ph_bytes bytes, const char *expected)
{
    assert_int_equal(bytes.len, strlen(expected));
    assert_true(ph_bytes_eq(bytes, ph_bytes_str(expected)));
}

static void test_equality(void **state)
{
    (void)state;
    assert_true(ph_bytes_eq(none, PH_BYTES("")));
    assert_true(ph_bytes_eq(PH_BYTES("a\0b"), PH_BYTES("a\0b")));
    assert_false(ph_bytes_eq(PH_BYTES("a\0b"), PH_BYTES("a\0c")));
    assert_false(ph_bytes_eq(PH_BYTES("a"), PH_BYTES("ab")));
    assert_true(ph_bytes_ieq(PH_BYTES("QuIt"), PH_BYTES("qUiT")));
    /* ASCII letters alone fold: not [ with {, not octets of other character sets. */
    assert_false(ph_bytes_ieq(PH_BYTES("[@"), PH_BYTES("{`")));
    assert_false(ph_bytes_ieq(PH_BYTES("\xC4"), PH_BYTES("\xE4")));
    assert_true(ph_bytes_starts(PH_BYTES("PROXY x"), PH_BYTES("PROXY ")));
    assert_true(ph_bytes_starts(PH_BYTES("x"), none));
    assert_false(ph_bytes_starts(PH_BYTES("PRO"), PH_BYTES("PROXY ")));
    assert_true(ph_bytes_istarts(PH_BYTES("from:<>"), PH_BYTES("FROM:")));
}

static void test_views_never_leave_their_bytes(void **state)
{
    (void)state;
    struct ph_bytes text = PH_BYTES("abc");
    assert_bytes(ph_bytes_from(text, 0), "abc");
    assert_bytes(ph_bytes_from(text, 2), "c");
    assert_bytes(ph_bytes_from(text, 3), "");
    assert_bytes(ph_bytes_from(text, SIZE_MAX), "");
    assert_bytes(ph_bytes_first(text, 2), "ab");
    assert_bytes(ph_bytes_first(text, SIZE_MAX), "abc");
    assert_bytes(ph_bytes_from(none, 0), "");
    assert_bytes(ph_bytes_str(NULL), "");
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(ph_bytes_find(PH_BYTES("a:b:"), ':'), 1);
    assert_int_equal(ph_bytes_find(PH_BYTES("ab"), ':'), 2);
    assert_int_equal(ph_bytes_find(none, ':'), 0);
    assert_int_equal(ph_bytes_find_crlf(PH_BYTES("a\rb\nc\r\n")), 5);
    assert_int_equal(ph_bytes_find_crlf(PH_BYTES("\r\r\n")), 1);
    assert_int_equal(ph_bytes_find_crlf(PH_BYTES("a\r")), 2);
    assert_int_equal(ph_bytes_find_crlf(PH_BYTES("\n\r")), 2);
    assert_int_equal(ph_bytes_find_crlf(none), 0);
}

static void test_words(void **state)
{
    (void)state;
    struct ph_bytes rest = PH_BYTES("  TOP\t 1  10 ");
    assert_bytes(ph_bytes_next_word(&rest), "TOP");
    assert_bytes(rest, "1  10 ");
    assert_bytes(ph_bytes_next_word(&rest), "1");
    assert_bytes(ph_bytes_next_word(&rest), "10");
    assert_int_equal(rest.len, 0);
    assert_bytes(ph_bytes_next_word(&rest), "");
    rest = PH_BYTES(" \t");
    assert_bytes(ph_bytes_next_word(&rest), "");
    assert_int_equal(rest.len, 0);
    rest = none;
    assert_bytes(ph_bytes_next_word(&rest), "");
    assert_bytes(ph_bytes_trim(PH_BYTES(" \ta b\t ")), "a b");
    assert_bytes(ph_bytes_trim(PH_BYTES("  ")), "");
    assert_bytes(ph_bytes_trim(none), "");
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        struct ph_bytes text;
        bool is_number;
        uint64_t value;
    } cases[] = {
        {PH_BYTES("0"), true, 0},
        {PH_BYTES("007"), true, 7},
        {PH_BYTES("18446744073709551615"), true, UINT64_MAX},
        {PH_BYTES("18446744073709551616"), false, 0},
        {PH_BYTES("18446744073709551620"), false, 0},
        {PH_BYTES("99999999999999999999999"), false, 0},
        {PH_BYTES(""), false, 0},
        {PH_BYTES("-1"), false, 0},
        {PH_BYTES("+1"), false, 0},
        {PH_BYTES(" 1"), false, 0},
        {PH_BYTES("1 "), false, 0},
        {PH_BYTES("0x10"), false, 0},
        {PH_BYTES("1\0"), false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 4711;
        assert_int_equal(ph_bytes_to_u64(cases[i].text, &value), cases[i].is_number);
        assert_int_equal(value, cases[i].is_number ? cases[i].value : 4711);
    }
}

static void test_copies_are_terminated(void **state)
{
    (void)state;
    char *copy = ph_bytes_dup(PH_BYTES("a\0b"));
    assert_memory_equal(copy, "a\0b\0", 4);
    free(copy);
    copy = ph_bytes_dup(none);
    assert_string_equal(copy, "");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equality), cmocka_unit_test(test_views_never_leave_their_bytes),
        cmocka_unit_test(test_find),     cmocka_unit_test(test_words),
        cmocka_unit_test(test_numbers),  cmocka_unit_test(test_copies_are_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
