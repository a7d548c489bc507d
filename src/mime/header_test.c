/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "mime/header.h"

static void next(struct ph_bytes *rest, const char *name, const char *value, const char *whole)
{
    struct ph_header_field field;
    assert_true(ph_header_next(rest, &field));
    assert_true(ph_bytes_eq(field.name, ph_bytes_str(name)));
    assert_true(ph_bytes_eq(field.value, ph_bytes_str(value)));
    assert_true(ph_bytes_eq(field.whole, ph_bytes_str(whole)));
}

static void test_fields_in_order(void **state)
{
    (void)state;
    struct ph_bytes rest = PH_BYTES("Subject: one\r\nReceived: from a\r\n\tby b\r\n ; now\r\nX:\r\nY : z\r\n"
                                    "\r\nbody: no\r\n");
    struct ph_header_field field;
    next(&rest, "Subject", " one", "Subject: one\r\n");
    next(&rest, "Received", " from a\r\n\tby b\r\n ; now", "Received: from a\r\n\tby b\r\n ; now\r\n");
    next(&rest, "X", "", "X:\r\n");
    next(&rest, "Y", " z", "Y : z\r\n");
    assert_false(ph_header_next(&rest, &field));
    assert_true(ph_bytes_starts(rest, PH_BYTES("\r\nbody")));
}

static void test_lines_that_are_no_fields(void **state)
{
    (void)state;
    struct ph_bytes rest = PH_BYTES("From a@b.example Thu Jan  1 00:00:00 1970\r\nnothing here\r\n : x\r\n"
                                    ": y\r\nJ\xC3\xBC: z\r\nA: b");
    struct ph_header_field field;
    next(&rest, "", "From a@b.example Thu Jan  1 00:00:00 1970",
         "From a@b.example Thu Jan  1 00:00:00 1970\r\n");
    next(&rest, "", "nothing here\r\n : x", "nothing here\r\n : x\r\n");
    next(&rest, "", ": y", ": y\r\n");
    next(&rest, "", "J\xC3\xBC: z", "J\xC3\xBC: z\r\n");
    next(&rest, "A", " b", "A: b");
    assert_false(ph_header_next(&rest, &field));
    assert_int_equal(rest.len, 0);
}

static void test_a_line_feed_alone_ends_nothing(void **state)
{
    (void)state;
    struct ph_bytes rest = PH_BYTES("A: b\nC: d\n\nbody\r\nE: f\r\n\r\n");
    next(&rest, "A", " b\nC: d\n\nbody", "A: b\nC: d\n\nbody\r\n");
    next(&rest, "E", " f", "E: f\r\n");
}

static void test_a_message_that_starts_with_a_blank(void **state)
{
    (void)state;
    struct ph_bytes rest = PH_BYTES(" x: y\r\nA: b\r\n");
    next(&rest, "", " x: y", " x: y\r\n");
    next(&rest, "A", " b", "A: b\r\n");
}

static void check_end(struct ph_bytes message, bool is_found, uint64_t offset)
{
    for (size_t cut = 0; cut <= message.len; cut++) {
        struct ph_header_end end = {0};
        ph_header_end_feed(&end, ph_bytes_first(message, cut));
        ph_header_end_feed(&end, ph_bytes_from(message, cut));
        assert_int_equal(end.is_found, is_found);
        assert_true(end.offset == offset);
    }
    struct ph_header_end end = {0};
    for (size_t at = 0; at < message.len; at++) {
        ph_header_end_feed(&end, ph_bytes_first(ph_bytes_from(message, at), 1));
    }
    assert_int_equal(end.is_found, is_found);
    assert_true(end.offset == offset);
}

static void test_the_end_of_a_header(void **state)
{
    (void)state;
    check_end(PH_BYTES(""), false, 0);
    check_end(PH_BYTES("\r\nbody\r\n\r\n"), true, 2);
    check_end(PH_BYTES("\r\n"), true, 2);
    check_end(PH_BYTES("A: b\r\n\r\nbody"), true, 8);
    check_end(PH_BYTES("A: b\r\nC: d\r\n\r\n"), true, 14);
    check_end(PH_BYTES("A: b\r\n"), false, 6);
    check_end(PH_BYTES("A: b"), false, 4);
    check_end(PH_BYTES("A: b\r\r\n\r\nbody"), true, 9);
    check_end(PH_BYTES("A: b\n\nC: d\r\n\r\n"), true, 14);
    check_end(PH_BYTES("A\r\n\rB\r\n\r\n"), true, 9);
    check_end(PH_BYTES("A\r\n\n\r\n\r\n"), true, 8);
    check_end(PH_BYTES("\r\r\n\r\nx"), true, 5);
    check_end(PH_BYTES("\nA\r\n\r\nx"), true, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_in_order),
        cmocka_unit_test(test_lines_that_are_no_fields),
        cmocka_unit_test(test_a_line_feed_alone_ends_nothing),
        cmocka_unit_test(test_a_message_that_starts_with_a_blank),
        cmocka_unit_test(test_the_end_of_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
