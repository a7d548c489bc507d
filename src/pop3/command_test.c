/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pop3/command.h"

static void expect_line(struct ph_bytes input, size_t max, enum ph_pop3_line wanted, const char *wanted_line,
                        size_t wanted_consumed)
{
    struct ph_bytes line;
    size_t consumed = 4711;
    assert_int_equal(ph_pop3_line_take(input, max, &line, &consumed), wanted);
    assert_int_equal(consumed, wanted_consumed);
    if (wanted_line != NULL) {
        assert_true(ph_bytes_eq(line, ph_bytes_str(wanted_line)));
    }
}

static void lines(void **state)
{
    (void)state;
    expect_line(PH_BYTES("STAT\r\n"), 255, PH_POP3_LINE_READY, "STAT", 6);
    expect_line(PH_BYTES("STAT\r\nLIST\r\n"), 255, PH_POP3_LINE_READY, "STAT", 6);
    expect_line(PH_BYTES("STAT\n"), 255, PH_POP3_LINE_READY, "STAT", 5);
    expect_line(PH_BYTES("\r\n"), 255, PH_POP3_LINE_READY, "", 2);
    expect_line(PH_BYTES("\n"), 255, PH_POP3_LINE_READY, "", 1);
    expect_line(PH_BYTES("PASS a\rb\r\r\n"), 255, PH_POP3_LINE_READY, "PASS a\rb\r", 11);
}

static void incomplete_lines(void **state)
{
    (void)state;
    expect_line(PH_BYTES(""), 255, PH_POP3_LINE_NEEDS_MORE, "", 0);
    expect_line(PH_BYTES("STAT"), 255, PH_POP3_LINE_NEEDS_MORE, "", 0);
    expect_line(PH_BYTES("STAT\r"), 255, PH_POP3_LINE_NEEDS_MORE, "", 0);
}

static void the_limit_counts_the_end_of_the_line(void **state)
{
    (void)state;
    expect_line(PH_BYTES("STAT\r\n"), 6, PH_POP3_LINE_READY, "STAT", 6);
    expect_line(PH_BYTES("STAT\r\n"), 5, PH_POP3_LINE_TOO_LONG, "", 6);
    expect_line(PH_BYTES("STAT\r"), 5, PH_POP3_LINE_TOO_LONG, "", 5);
    expect_line(PH_BYTES("STAT"), 5, PH_POP3_LINE_NEEDS_MORE, "", 0);
    expect_line(PH_BYTES("STATSTAT\r\nQUIT\r\n"), 6, PH_POP3_LINE_TOO_LONG, "", 16);
}

static void a_nul_is_told_apart(void **state)
{
    (void)state;
    expect_line(PH_BYTES("PASS a\0b\r\nQUIT\r\n"), 255, PH_POP3_LINE_HAS_NUL, NULL, 10);
    /* One behind the line is the next line's. */
    expect_line(PH_BYTES("STAT\r\n\0\r\n"), 255, PH_POP3_LINE_READY, "STAT", 6);
}

static void expect_command(const char *line, const char *keyword, const char *text, unsigned word_count,
                           const char *first, const char *second)
{
    struct ph_pop3_command command;
    ph_pop3_command_parse(ph_bytes_str(line), &command);
    assert_true(ph_bytes_eq(command.keyword, ph_bytes_str(keyword)));
    assert_true(ph_bytes_eq(command.text, ph_bytes_str(text)));
    assert_int_equal(command.word_count, word_count);
    assert_true(ph_bytes_eq(command.words[0], ph_bytes_str(first)));
    assert_true(ph_bytes_eq(command.words[1], ph_bytes_str(second)));
}

static void commands(void **state)
{
    (void)state;
    expect_command("STAT", "STAT", "", 0, "", "");
    expect_command("top 1 10", "top", "1 10", 2, "1", "10");
    expect_command("LIST  1 ", "LIST", " 1 ", 1, "1", "");
    expect_command("LIST ", "LIST", "", 0, "", "");
    expect_command("A 1 2 3 4", "A", "1 2 3 4", 4, "1", "2");
    expect_command("", "", "", 0, "", "");
    expect_command(" STAT", "", "STAT", 1, "STAT", "");
}

static void a_password_keeps_its_blanks(void **state)
{
    (void)state;
    expect_command("PASS  two  blanks ", "PASS", " two  blanks ", 2, "two", "blanks");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(incomplete_lines),
        cmocka_unit_test(the_limit_counts_the_end_of_the_line),
        cmocka_unit_test(a_nul_is_told_apart),
        cmocka_unit_test(commands),
        cmocka_unit_test(a_password_keeps_its_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
