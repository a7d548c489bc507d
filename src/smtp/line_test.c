/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "smtp/line.h"

static void check_line(struct ph_bytes input, enum ph_smtp_line_status status, size_t consumed,
                       struct ph_bytes wanted)
{
    struct ph_bytes line = {NULL, 0};
    size_t got = 99;
    assert_int_equal(ph_smtp_line_next(input, 12, &line, &got), status);
    assert_int_equal(got, consumed);
    if (status == PH_SMTP_LINE_OK) {
        assert_true(ph_bytes_eq(line, wanted));
    }
}

static void test_only_crlf_ends_a_line(void **state)
{
    (void)state;
    const struct ph_bytes none = {NULL, 0};
    check_line(PH_BYTES("NOOP\r\nQUIT\r\n"), PH_SMTP_LINE_OK, 6, PH_BYTES("NOOP"));
    check_line(PH_BYTES("\r\n"), PH_SMTP_LINE_OK, 2, none);
    check_line(PH_BYTES(""), PH_SMTP_LINE_MORE, 0, none);
    check_line(PH_BYTES("NOOP"), PH_SMTP_LINE_MORE, 0, none);
    check_line(PH_BYTES("NOOP\r"), PH_SMTP_LINE_MORE, 0, none);
    check_line(PH_BYTES("NOOP\nQUIT"), PH_SMTP_LINE_BARE_LF, 5, none);
    check_line(PH_BYTES("\n"), PH_SMTP_LINE_BARE_LF, 1, none);
    check_line(PH_BYTES("NO\rOP\r\n"), PH_SMTP_LINE_BARE_CR, 7, none);
    check_line(PH_BYTES("NOOP\r\r\n"), PH_SMTP_LINE_BARE_CR, 7, none);
}

static void test_the_maximum_counts_crlf(void **state)
{
    (void)state;
    check_line(PH_BYTES("0123456789\r\n"), PH_SMTP_LINE_OK, 12, PH_BYTES("0123456789"));
    check_line(PH_BYTES("0123456789\r"), PH_SMTP_LINE_MORE, 0, (struct ph_bytes){NULL, 0});
    check_line(PH_BYTES("0123456789A\r\n"), PH_SMTP_LINE_TOO_LONG, 0, (struct ph_bytes){NULL, 0});
}

static void test_the_rest_of_a_long_line_is_passed_over_in_pieces(void **state)
{
    (void)state;
    size_t consumed = 0;
    assert_int_equal(ph_smtp_line_skip(PH_BYTES("abc"), &consumed), PH_SMTP_LINE_MORE);
    assert_int_equal(consumed, 3);
    assert_int_equal(ph_smtp_line_skip(PH_BYTES("abc\r"), &consumed), PH_SMTP_LINE_MORE);
    assert_int_equal(consumed, 3);
    assert_int_equal(ph_smtp_line_skip(PH_BYTES("\r\nNOOP"), &consumed), PH_SMTP_LINE_OK);
    assert_int_equal(consumed, 2);
    assert_int_equal(ph_smtp_line_skip(PH_BYTES("ab\ncd"), &consumed), PH_SMTP_LINE_BARE_LF);
    assert_int_equal(consumed, 3);
}

static void check_split(const char *line, const char *verb, const char *argument)
{
    struct ph_bytes v;
    struct ph_bytes a;
    assert_true(ph_smtp_line_split(ph_bytes_str(line), &v, &a));
    assert_true(ph_bytes_eq(v, ph_bytes_str(verb)));
    assert_true(ph_bytes_eq(a, ph_bytes_str(argument)));
}

static void test_verb_and_argument(void **state)
{
    (void)state;
    struct ph_bytes v;
    struct ph_bytes a;
    check_split("NOOP", "NOOP", "");
    check_split("noop  ", "noop", "");
    check_split("MAIL FROM:<a@b>  \t", "MAIL", "FROM:<a@b>");
    check_split("EHLO\tx", "EHLO", "x");
    check_split("VRFY J\xC3\xBCrgen", "VRFY", "J\xC3\xBCrgen");
    assert_false(ph_smtp_line_split(PH_BYTES(""), &v, &a));
    assert_false(ph_smtp_line_split(PH_BYTES(" NOOP"), &v, &a));
    assert_false(ph_smtp_line_split(PH_BYTES("NOOP\0x"), &v, &a));
    assert_false(ph_smtp_line_split(PH_BYTES("NOOP \x7F"), &v, &a));
    assert_false(ph_smtp_line_split(PH_BYTES("MAIL<a@b>"), &v, &a));
    assert_false(ph_smtp_line_split(PH_BYTES("\x16\x03\x01"), &v, &a)); /* a TLS client on a port without */
}

static void test_keyword_before_a_path(void **state)
{
    (void)state;
    struct ph_bytes argument = PH_BYTES("from:<a@b>");
    assert_true(ph_smtp_take_keyword(&argument, PH_BYTES("FROM:")));
    assert_true(ph_bytes_eq(argument, PH_BYTES("<a@b>")));
    argument = PH_BYTES("TO:  <a@b>");
    assert_true(ph_smtp_take_keyword(&argument, PH_BYTES("TO:")));
    assert_true(ph_bytes_eq(argument, PH_BYTES("<a@b>")));
    argument = PH_BYTES("TO <a@b>");
    assert_false(ph_smtp_take_keyword(&argument, PH_BYTES("TO:")));
}

static void test_chunk_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *argument;
        int result;
        uint64_t size;
        bool is_last;
    } cases[] = {
        {"0", PH_OK, 0, false},
        {"1000", PH_OK, 1000, false},
        {"86 LAST", PH_OK, 86, true},
        {"86  last", PH_OK, 86, true},
        {"0 LAST", PH_OK, 0, true},
        {"18446744073709551615", PH_OK, UINT64_MAX, false},
        {"18446744073709551616", PH_OK, UINT64_MAX, false},
        {"999999999999999999999999999999 LAST", PH_OK, UINT64_MAX, true},
        {"", PH_EINVALID, 0, false},
        {"LAST", PH_EINVALID, 0, false},
        {"-1", PH_EINVALID, 0, false},
        {"+1", PH_EINVALID, 0, false},
        {"0x10", PH_EINVALID, 0, false},
        {"1,000", PH_EINVALID, 0, false},
        {"10 LASTLY", PH_EINVALID, 0, false},
        {"10 LAST x", PH_EINVALID, 0, false},
        {"10 10", PH_EINVALID, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t size = 0;
        bool is_last = false;
        assert_int_equal(ph_smtp_parse_chunk(ph_bytes_str(cases[i].argument), &size, &is_last),
                         cases[i].result);
        if (cases[i].result == PH_OK) {
            assert_true(size == cases[i].size);
            assert_int_equal(is_last, cases[i].is_last);
        }
    }
}

static void test_hello_names(void **state)
{
    (void)state;
    static const char *const good[] = {"client.example.net",   "localhost", "[192.0.2.1]",
                                       "[IPv6:2001:db8::1]",   "my_pc",     "-odd-.name-",
                                       "xn--bcher-kva.example"};
    static const char *const bad[] = {
        "",   "a b",      "a(comment)", "a;b",  "a@b",          "<a>",         "a:b", "[",
        "[]", "[1.2.3.4", "a\"b",       "a\\b", "b\xC3\xBC.de", "[1.2.3.4] x", "a,b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ph_smtp_is_hello_name(ph_bytes_str(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ph_smtp_is_hello_name(ph_bytes_str(bad[i])));
    }
    uint8_t name[256];
    memset(name, 'a', sizeof name);
    assert_true(ph_smtp_is_hello_name((struct ph_bytes){name, 255}));
    assert_false(ph_smtp_is_hello_name((struct ph_bytes){name, 256}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_crlf_ends_a_line),
        cmocka_unit_test(test_the_maximum_counts_crlf),
        cmocka_unit_test(test_the_rest_of_a_long_line_is_passed_over_in_pieces),
        cmocka_unit_test(test_verb_and_argument),
        cmocka_unit_test(test_keyword_before_a_path),
        cmocka_unit_test(test_chunk_sizes),
        cmocka_unit_test(test_hello_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
