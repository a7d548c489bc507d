/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void assert_holds(struct ph_buf *buf, const char *expected)
{
    assert_int_equal(buf->len, strlen(expected));
    assert_string_equal(ph_buf_cstr(buf), expected);
    assert_true(buf->len <= buf->cap && buf->cap <= buf->max);
}

static void test_appends(void **state)
{
    (void)state;
    struct ph_buf buf = PH_BUF(1000);
    assert_null(buf.ptr);
    assert_holds(&buf, "");
    ph_buf_str(&buf, "+OK ");
    ph_buf_u64(&buf, 0);
    ph_buf_byte(&buf, ' ');
    ph_buf_u64(&buf, UINT64_MAX);
    ph_buf_bytes(&buf, PH_BYTES(" a"));
    ph_buf_bytes(&buf, (struct ph_bytes){NULL, 0});
    ph_buf_printf(&buf, " %s-%d", "x", -5);
    ph_buf_printf(&buf, "%s", "");
    assert_holds(&buf, "+OK 0 18446744073709551615 a x--5");
    assert_false(buf.has_overflowed);
    ph_buf_fini(&buf);
    assert_null(buf.ptr);
    ph_buf_str(&buf, "again");
    assert_holds(&buf, "again");
    ph_buf_fini(&buf);
}

static void test_maximum_may_be_reached_by_every_kind_of_append(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct ph_buf buf = PH_BUF(10);
        ph_buf_str(&buf, "12345");
        if (kind == 0) {
            ph_buf_str(&buf, "67890");
        } else if (kind == 1) {
            ph_buf_printf(&buf, "%s", "67890");
        } else {
            uint8_t *at = ph_buf_reserve(&buf, 5);
            assert_non_null(at);
            memcpy(at, "67890", 5);
            buf.len += 5;
        }
        assert_false(buf.has_overflowed);
        assert_holds(&buf, "1234567890");
        ph_buf_fini(&buf);
    }
}

static void test_past_the_maximum_nothing_is_appended(void **state)
{
    (void)state;
    struct ph_buf buf = PH_BUF(10);
    ph_buf_str(&buf, "12345678");
    ph_buf_str(&buf, "abc");
    assert_true(buf.has_overflowed);
    assert_holds(&buf, "12345678");
    ph_buf_printf(&buf, "%d", 999);
    assert_null(ph_buf_reserve(&buf, 3));
    assert_null(ph_buf_reserve(&buf, SIZE_MAX));
    assert_holds(&buf, "12345678");
    /* What fits is taken; the flag stays, so that one question at the end is enough. */
    ph_buf_str(&buf, "9");
    assert_true(buf.has_overflowed);
    assert_holds(&buf, "123456789");
    ph_buf_consume(&buf, 9);
    assert_true(buf.has_overflowed);
    ph_buf_clear(&buf);
    assert_false(buf.has_overflowed);
    assert_holds(&buf, "");
    ph_buf_fini(&buf);
}

static void test_maximum_of_nothing(void **state)
{
    (void)state;
    struct ph_buf buf = PH_BUF(0);
    assert_non_null(ph_buf_reserve(&buf, 0));
    ph_buf_append(&buf, NULL, 0);
    assert_false(buf.has_overflowed);
    ph_buf_byte(&buf, 'x');
    assert_true(buf.has_overflowed);
    assert_holds(&buf, "");
    ph_buf_fini(&buf);
}

static void test_growth_is_in_leaps_and_stops_at_the_maximum(void **state)
{
    (void)state;
    struct ph_buf buf = PH_BUF(100000);
    unsigned moves = 0;
    size_t cap = 0;
    for (size_t i = 0; i < 100000; i++) {
        ph_buf_byte(&buf, (uint8_t)i);
        moves += buf.cap != cap;
        cap = buf.cap;
    }
    assert_true(moves < 20);
    assert_int_equal(buf.cap, 100000);
    for (size_t i = 0; i < 100000; i++) {
        assert_int_equal(buf.ptr[i], (uint8_t)i);
    }
    ph_buf_byte(&buf, 1);
    assert_true(buf.has_overflowed);
    ph_buf_fini(&buf);
}

static void test_consume(void **state)
{
    (void)state;
    struct ph_buf buf = PH_BUF(100);
    ph_buf_str(&buf, "hello world");
    ph_buf_consume(&buf, 0);
    ph_buf_consume(&buf, 6);
    assert_holds(&buf, "world");
    ph_buf_consume(&buf, 5);
    assert_holds(&buf, "");
    ph_buf_str(&buf, "x");
    ph_buf_consume(&buf, SIZE_MAX);
    assert_holds(&buf, "");
    ph_buf_fini(&buf);
}

static void test_wipe_leaves_an_empty_buffer(void **state)
{
    (void)state;
    struct ph_buf buf = PH_BUF(100);
    ph_buf_wipe(&buf);
    ph_buf_str(&buf, "secret");
    ph_buf_wipe(&buf);
    assert_null(buf.ptr);
    assert_holds(&buf, "");
    assert_int_equal(buf.max, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appends),
        cmocka_unit_test(test_maximum_may_be_reached_by_every_kind_of_append),
        cmocka_unit_test(test_past_the_maximum_nothing_is_appended),
        cmocka_unit_test(test_maximum_of_nothing),
        cmocka_unit_test(test_growth_is_in_leaps_and_stops_at_the_maximum),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_wipe_leaves_an_empty_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
