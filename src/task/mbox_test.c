/* SPDX-License-Identifier: Apache-2.0 */
#include "task/mbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/message_row.h"
#include "task/mail_date.h"

#define FROM "From alice@example.org Sun Nov 22 20:35:00 2026\n"

/* The messages of TEXT, fed PIECE octets at a time, each between < and >. */
static void read_all(const char *text, size_t piece, struct ph_mbox *mbox, struct ph_buf *out)
{
    struct ph_bytes all = ph_bytes_str(text);
    size_t given = 0;
    struct ph_bytes rest = {all.ptr, 0};
    ph_buf_clear(out);
    for (;;) {
        struct ph_bytes data;
        switch (ph_mbox_next(mbox, &rest, given == all.len, &data)) {
        case PH_MBOX_MORE: {
            size_t more = all.len - given < piece ? all.len - given : piece;
            rest = ph_bytes_of(all.ptr + given - rest.len, rest.len + more);
            given += more;
            break;
        }
        case PH_MBOX_BEGIN: ph_buf_byte(out, '<'); break;
        case PH_MBOX_DATA: ph_buf_bytes(out, data); break;
        case PH_MBOX_END: ph_buf_byte(out, '>'); break;
        case PH_MBOX_OVER: return;
        case PH_MBOX_WRONG: ph_buf_byte(out, '!'); return;
        }
    }
}

static void assert_reads(const char *text, const char *messages)
{
    struct ph_buf out = PH_BUF(65536);
    for (size_t piece = 1; piece < 100; piece += piece < 8 ? 1 : 13) {
        struct ph_mbox mbox;
        ph_mbox_init(&mbox);
        read_all(text, piece, &mbox, &out);
        assert_string_equal(ph_buf_cstr(&out), messages);
        ph_mbox_fini(&mbox);
    }
    ph_buf_fini(&out);
}

static void test_messages_are_told_apart(void **state)
{
    (void)state;
    assert_reads("", "");
    assert_reads(FROM "A: b\n\nx\n\n" FROM "C: d\n\ny\n\n", "<A: b\n\nx\n><C: d\n\ny\n>");
    assert_reads(FROM "A: b\n\nx\n", "<A: b\n\nx\n>");
    assert_reads(FROM "A: b\n\nno end", "<A: b\n\nno end>");
    assert_reads(FROM "A: b\n\n\n" FROM "A: b\n\n", "<A: b\n\n><A: b\n>");
    assert_reads(FROM, "<>");
}

static void test_line_ends_are_kept(void **state)
{
    (void)state;
    assert_reads("From x Sun Nov 22 20:35:00 2026\r\nA: b\r\n\r\nx\r\n\r\n" FROM "C: d\n\ny\n",
                 "<A: b\r\n\r\nx\r\n><C: d\n\ny\n>");
}

static void test_quoting_is_undone(void **state)
{
    (void)state;
    assert_reads(FROM "A: b\n\n>From me\n>>From you\n>from\n> From\n>Fromage\n",
                 "<A: b\n\nFrom me\n>From you\n>from\n> From\n>Fromage\n>");
}

static void test_a_line_that_only_begins_so_is_text(void **state)
{
    (void)state;
    /* Not behind an empty line; and without a date. */
    assert_reads(FROM "A: b\n\nx\n" FROM "y\n", "<A: b\n\nx\n" FROM "y\n>");
    assert_reads(FROM "A: b\n\nx\n\nFrom here on\n", "<A: b\n\nx\n\nFrom here on\n>");
    /* A sender with blanks, or none, begins a message all the same. */
    assert_reads("From - Sun Nov 22 20:35:00 2026\nA: b\n\n\nFrom  Sun Nov 22 20:35 +0100 2026\nB: c\n",
                 "<A: b\n\n><B: c\n>");
}

static void test_what_is_no_mbox_is_refused(void **state)
{
    (void)state;
    assert_reads("Subject: x\n\n" FROM, "!");
    assert_reads("\n" FROM, "!");
}

static void test_fields_of_the_file_are_read_and_left_out(void **state)
{
    (void)state;
    struct ph_mbox mbox;
    struct ph_buf out = PH_BUF(65536);
    const char *text = FROM "X-IMAPbase: 12345 0000000099 work\nX-UID: 7\nStatus: RO\nA: b\nx-status: AF\n"
                            "X-Keywords: work $Forwarded\n  bad(atom)\nX-UIDL: 0001abc\n\nStatus: here\n";
    ph_mbox_init(&mbox);
    read_all(text, 10, &mbox, &out);
    assert_string_equal(ph_buf_cstr(&out), "<A: b\n\nStatus: here\n>");
    assert_int_equal(mbox.message.flags, PH_FLAG_SEEN | PH_FLAG_ANSWERED | PH_FLAG_FLAGGED);
    assert_int_equal(mbox.message.uid, 7);
    assert_int_equal(mbox.message.uid_validity, 12345);
    assert_int_equal(mbox.message.uid_next, 100);
    assert_string_equal(ph_buf_cstr(&mbox.message.keywords), "work $Forwarded");
    assert_string_equal(ph_buf_cstr(&mbox.message.uidl), "0001abc");
    assert_int_equal(mbox.message.date_ms, 1795379700000);
    assert_false(mbox.message.is_internal);
    ph_mbox_fini(&mbox);

    ph_mbox_init(&mbox);
    read_all(FROM "X-IMAP: 1 2\nSubject: DON'T DELETE THIS MESSAGE\n\ndata\n", 5, &mbox, &out);
    assert_true(mbox.message.is_internal);
    ph_mbox_fini(&mbox);
    ph_buf_fini(&out);
}

static void test_long_lines_pass(void **state)
{
    (void)state;
    enum { LONG = 10000 };
    static char text[2 * LONG];
    static char wanted[2 * LONG];
    static char line[LONG + 1];
    memset(line, 'x', LONG);
    snprintf(text, sizeof text, FROM "A: b\n\n>From %s\nend\n", line);
    snprintf(wanted, sizeof wanted, "<A: b\n\nFrom %s\nend\n>", line);
    assert_reads(text, wanted);
}

/* ---- Writing ---- */

static void assert_writes(const char *message, const char *mbox)
{
    struct ph_buf out = PH_BUF(65536);
    for (size_t piece = 1; piece < 20; piece++) {
        struct ph_mbox_quote quote = {0};
        struct ph_bytes rest = ph_bytes_str(message);
        ph_buf_clear(&out);
        while (rest.len > 0) {
            ph_mbox_quote(&quote, ph_bytes_first(rest, piece), &out);
            rest = ph_bytes_from(rest, piece);
        }
        ph_mbox_quote_end(&quote, &out);
        assert_string_equal(ph_buf_cstr(&out), mbox);
    }
    ph_buf_fini(&out);
}

static void test_messages_are_quoted(void **state)
{
    (void)state;
    assert_writes("A: b\r\n\r\nFrom x\r\n>From y\r\nFro\r\nx From \r\n",
                  "A: b\n\n>From x\n>>From y\nFro\nx From \n\n");
    assert_writes("", "\n");
    assert_writes("A: b\r\n\r\nno end", "A: b\n\nno end\n\n");
    assert_writes("A: b\r\n\r\nFrom", "A: b\n\nFrom\n\n");
    assert_writes("a\rb\r\n\rFrom x\r\n", "a\rb\n\rFrom x\n\n");
}

static void test_what_is_written_is_read_again(void **state)
{
    (void)state;
    struct ph_mbox mbox;
    struct ph_buf file = PH_BUF(65536);
    struct ph_buf out = PH_BUF(65536);
    const struct ph_mbox_head head = {.date_ms = 1700000000000,
                                      .flags = PH_FLAG_SEEN | PH_FLAG_DRAFT | PH_FLAG_DELETED,
                                      .keywords = PH_BYTES("a b"),
                                      .uidl = PH_BYTES("u1"),
                                      .uid = 5,
                                      .uid_validity = 77,
                                      .uid_next = 9};
    struct ph_mbox_quote quote = {0};
    ph_mbox_put_from(&file, head.date_ms);
    ph_mbox_put_fields(&file, &head);
    ph_mbox_quote(&quote, PH_BYTES("A: b\r\n\r\nFrom x\r\n\r\n"), &file);
    ph_mbox_quote_end(&quote, &file);
    ph_mbox_init(&mbox);
    read_all(ph_buf_cstr(&file), 7, &mbox, &out);
    assert_string_equal(ph_buf_cstr(&out), "<A: b\n\nFrom x\n\n>");
    assert_int_equal(mbox.message.flags, head.flags);
    assert_int_equal(mbox.message.uid, 5);
    assert_int_equal(mbox.message.uid_validity, 77);
    assert_int_equal(mbox.message.uid_next, 9);
    assert_int_equal(mbox.message.date_ms, head.date_ms);
    assert_string_equal(ph_buf_cstr(&mbox.message.keywords), "a b");
    assert_string_equal(ph_buf_cstr(&mbox.message.uidl), "u1");
    ph_mbox_fini(&mbox);
    ph_buf_fini(&file);
    ph_buf_fini(&out);
}

/* ---- Dates ---- */

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* -1: none */
    } dates[] = {
        {"Sun, 22 Nov 2026 20:35:00 +0000", 1795379700},
        {"22 Nov 2026 21:35:00 +0100 (CET)", 1795379700},
        {"Sun Nov 22 20:35:00 2026", 1795379700},
        {"alice@example.org  Sun Nov 22 20:35:00 2026", 1795379700},
        {"Sun Nov 22 15:35 EST 2026", 1795379700},
        {"Thu, 1 Jan 70 00:00:00 GMT", 0},
        {"29 Feb 2024 12:00:00 -0130", 1709213400},
        {"Wed, 31 Dec 2099 23:59:59 +0000", 4102444799},
        {"Wed, 32 Dec 2099 23:59:59 +0000", -1},
        {"Sun, 22 Nov 2026 24:35:00 +0000", -1},
        {"22 Nov 2026", -1},
        {"", -1},
        {"Nov Nov Nov", -1},
        {"1 Jan 1970 00:00:00 +0100", -1},
    };
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        int64_t ms = -1000;
        bool is_date = ph_mail_date_parse(ph_bytes_str(dates[i].text), &ms);
        assert_int_equal(is_date, dates[i].seconds >= 0);
        if (is_date) {
            assert_int_equal(ms, dates[i].seconds * 1000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages_are_told_apart),
        cmocka_unit_test(test_line_ends_are_kept),
        cmocka_unit_test(test_quoting_is_undone),
        cmocka_unit_test(test_a_line_that_only_begins_so_is_text),
        cmocka_unit_test(test_what_is_no_mbox_is_refused),
        cmocka_unit_test(test_fields_of_the_file_are_read_and_left_out),
        cmocka_unit_test(test_long_lines_pass),
        cmocka_unit_test(test_messages_are_quoted),
        cmocka_unit_test(test_what_is_written_is_read_again),
        cmocka_unit_test(test_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
