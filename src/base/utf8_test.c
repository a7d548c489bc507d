/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"

static void test_well_formed_sequences(void **state)
{
    (void)state;
    assert_true(ph_utf8_is_valid(PH_BYTES("")));
    assert_true(ph_utf8_is_valid(PH_BYTES("plain")));
    assert_true(ph_utf8_is_valid(PH_BYTES("j\xC3\xBCrgen \xE6\x97\xA5 \xF0\x9F\x9A\x80")));
    assert_true(
        ph_utf8_is_valid(PH_BYTES("\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF")));
    assert_true(ph_utf8_is_valid(PH_BYTES("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")));
}

static void test_ill_formed_sequences(void **state)
{
    (void)state;
    static const struct ph_bytes bad[] = {
        PH_BYTES("\x80"),             /* a continuation alone */
        PH_BYTES("\xC3"),             /* cut */
        PH_BYTES("\xE6\x97"),         /* cut */
        PH_BYTES("\xC3\x28"),         /* no continuation */
        PH_BYTES("\xC0\x80"),         /* overlong NUL */
        PH_BYTES("\xC1\xBF"),         /* overlong */
        PH_BYTES("\xE0\x9F\xBF"),     /* overlong */
        PH_BYTES("\xF0\x8F\xBF\xBF"), /* overlong */
        PH_BYTES("\xED\xA0\x80"),     /* surrogate */
        PH_BYTES("\xF4\x90\x80\x80"), /* past U+10FFFF */
        PH_BYTES("\xF5\x80\x80\x80"), /* past U+10FFFF */
        PH_BYTES("\xFF"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ph_utf8_is_valid(bad[i]));
    }
}

static void test_ascii(void **state)
{
    (void)state;
    assert_true(ph_utf8_is_ascii(PH_BYTES("")));
    assert_true(ph_utf8_is_ascii(PH_BYTES("a\x7F")));
    assert_false(ph_utf8_is_ascii(PH_BYTES("a\xC3\xBC")));
}

static void test_characters_one_by_one(void **state)
{
    (void)state;
    static const struct {
        uint32_t code;
        bool is_valid;
    } wanted[] = {
        {'a', true},      {0xFC, true}, {0x20AC, true}, {0xFF, false},
        {0x10FFFF, true}, {0, true},    {0xE6, false},  {0x97, false},
    };
    struct ph_bytes rest = PH_BYTES("a\xC3\xBC\xE2\x82\xAC\xFF\xF4\x8F\xBF\xBF\0\xE6\x97");
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        uint32_t code = 0;
        assert_int_equal(ph_utf8_next(&rest, &code), wanted[i].is_valid);
        assert_int_equal(code, wanted[i].code);
    }
    assert_int_equal(rest.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_well_formed_sequences),
        cmocka_unit_test(test_characters_one_by_one),
        cmocka_unit_test(test_ill_formed_sequences),
        cmocka_unit_test(test_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
