/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader against a second one that sees the whole message at once and is written for clearness alone: all short
 * inputs over the octets that matter, each cut everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "smtp/data.h"

struct result {
    struct ph_buf content;
    bool is_done;
    bool has_bare_newline;
    size_t taken;
};

static void keep(void *ctx, struct ph_bytes content)
{
    assert_true(content.len > 0);
    ph_buf_bytes(ctx, content);
}

static void read_in_pieces(struct ph_bytes input, const size_t *cuts, size_t cut_count, struct result *out)
{
    struct ph_smtp_data data = {0};
    size_t from = 0;
    ph_buf_clear(&out->content);
    for (size_t i = 0; i <= cut_count && !ph_smtp_data_is_done(&data); i++) {
        size_t to = i < cut_count ? cuts[i] : input.len;
        struct ph_bytes piece = ph_bytes_first(ph_bytes_from(input, from), to - from);
        size_t taken = ph_smtp_data_feed(&data, piece, keep, &out->content);
        assert_true(taken == piece.len || ph_smtp_data_is_done(&data));
        from += taken;
    }
    out->is_done = ph_smtp_data_is_done(&data);
    out->has_bare_newline = data.has_bare_newline;
    out->taken = from;
}

/* The message as RFC 5321 writes it: lines by CRLF, one dot taken off, until a line is a dot alone. */
static void read_by_the_book(struct ph_bytes input, struct result *out)
{
    ph_buf_clear(&out->content);
    out->is_done = false;
    out->has_bare_newline = false;
    size_t at = 0;
    while (at < input.len) {
        struct ph_bytes rest = ph_bytes_from(input, at);
        size_t len = ph_bytes_find_crlf(rest);
        bool is_ended = len < rest.len;
        struct ph_bytes line = ph_bytes_first(rest, len);
        at += len + (is_ended ? 2 : 0);
        if (is_ended && ph_bytes_eq(line, PH_BYTES("."))) {
            out->is_done = true;
            break;
        }
        if (line.len > 0 && line.ptr[0] == '.') {
            line = ph_bytes_from(line, 1);
        }
        for (size_t i = 0; i < line.len; i++) {
            bool is_open_end = !is_ended && i + 1 == line.len && line.ptr[i] == '\r';
            if ((line.ptr[i] == '\r' && !is_open_end) || line.ptr[i] == '\n') {
                out->has_bare_newline = true;
            }
        }
        ph_buf_bytes(&out->content, line);
        if (is_ended) {
            ph_buf_str(&out->content, "\r\n");
        }
    }
    out->taken = at;
}

static void assert_same(struct ph_bytes input, const struct result *got, const struct result *wanted)
{
    if (got->is_done != wanted->is_done || got->taken != wanted->taken ||
        got->has_bare_newline != wanted->has_bare_newline) {
        fail_msg("input %.*s: done %d %d, taken %zu %zu, bare %d %d", (int)input.len, (const char *)input.ptr,
                 got->is_done, wanted->is_done, got->taken, wanted->taken, got->has_bare_newline,
                 wanted->has_bare_newline);
    }
    struct ph_bytes content = ph_buf_view(&got->content);
    struct ph_bytes right = ph_buf_view(&wanted->content);
    /* A CR behind a dot is held back until the next octet says what it is. */
    if (!got->is_done && content.len + 1 == right.len && right.ptr[right.len - 1] == '\r') {
        right.len--;
    }
    assert_true(ph_bytes_eq(content, right));
}

static void test_every_short_input_at_every_cut(void **state)
{
    (void)state;
    static const uint8_t octets[] = {'\r', '\n', '.', 'x'};
    enum { LEN_MAX = 8 };
    struct result got = {.content = PH_BUF(64)};
    struct result wanted = {.content = PH_BUF(64)};
    for (size_t len = 0; len <= LEN_MAX; len++) {
        for (size_t number = 0; number < (size_t)1 << (2 * len); number++) {
            uint8_t text[LEN_MAX];
            for (size_t i = 0; i < len; i++) {
                text[i] = octets[(number >> (2 * i)) & 3];
            }
            struct ph_bytes input = {text, len};
            read_by_the_book(input, &wanted);
            for (size_t cut = 0; cut <= len; cut++) {
                read_in_pieces(input, &cut, 1, &got);
                assert_same(input, &got, &wanted);
            }
            static const size_t each_octet[] = {1, 2, 3, 4, 5, 6, 7};
            read_in_pieces(input, each_octet, len > 0 ? len - 1 : 0, &got);
            assert_same(input, &got, &wanted);
        }
    }
    ph_buf_fini(&got.content);
    ph_buf_fini(&wanted.content);
}

static void check_message(struct ph_bytes input, struct ph_bytes content, bool has_bare_newline, size_t left)
{
    struct result got = {.content = PH_BUF(1024)};
    read_in_pieces(input, NULL, 0, &got);
    assert_true(got.is_done);
    assert_true(ph_bytes_eq(ph_buf_view(&got.content), content));
    assert_int_equal(got.has_bare_newline, has_bare_newline);
    assert_int_equal(input.len - got.taken, left);
    ph_buf_fini(&got.content);
}

static void test_messages_end_where_they_should(void **state)
{
    (void)state;
    check_message(PH_BYTES(".\r\n"), PH_BYTES(""), false, 0);
    check_message(PH_BYTES("a\r\n.\r\nQUIT\r\n"), PH_BYTES("a\r\n"), false, 6);
    check_message(PH_BYTES("..\r\n...\r\n.a\r\n.\r\n"), PH_BYTES(".\r\n..\r\na\r\n"), false, 0);
    check_message(PH_BYTES("end.\r\n.\r\n"), PH_BYTES("end.\r\n"), false, 0);
}

/* What other servers have taken for the end of a message, each followed by the true one. */
static void test_smuggled_ends_are_content(void **state)
{
    (void)state;
    static const struct ph_bytes ends[] = {
        PH_BYTES("\n.\n"),   PH_BYTES("\n.\r\n"),     PH_BYTES("\r\n.\n"), PH_BYTES("\r.\r"),
        PH_BYTES("\r.\r\n"), PH_BYTES("\n.\r"),       PH_BYTES("\r\n.\r"), PH_BYTES("\r\n\0.\r\n"),
        PH_BYTES("\r\r.\r"), PH_BYTES("\r\n.\r\r\n"),
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct ph_buf input = PH_BUF(1024);
        ph_buf_str(&input, "a");
        ph_buf_bytes(&input, ends[i]);
        ph_buf_str(&input, "MAIL FROM:<evil@example.net>\r\n.\r\n");
        struct result got = {.content = PH_BUF(1024)};
        read_in_pieces(ph_buf_view(&input), NULL, 0, &got);
        assert_true(got.is_done);
        assert_int_equal(got.taken, input.len);
        /* All but the one with the NUL have a bare CR or LF. */
        assert_int_equal(got.has_bare_newline, ph_bytes_find(ends[i], '\0') == ends[i].len);
        ph_buf_fini(&got.content);
        ph_buf_fini(&input);
    }
}

static void test_a_large_message_comes_through_in_large_runs(void **state)
{
    (void)state;
    enum { LINES = 20000 };
    struct ph_buf input = PH_BUF(1 << 24);
    struct result got = {.content = PH_BUF(1 << 24)};
    for (unsigned i = 0; i < LINES; i++) {
        ph_buf_printf(&input, "%sline %u\r\n", i % 100 == 0 ? ".." : "", i);
    }
    size_t content_len = input.len - LINES / 100;
    ph_buf_str(&input, ".\r\n");
    size_t cuts[64];
    for (size_t i = 0; i < 64; i++) {
        cuts[i] = (i + 1) * input.len / 65;
    }
    read_in_pieces(ph_buf_view(&input), cuts, 64, &got);
    assert_true(got.is_done);
    assert_false(got.has_bare_newline);
    assert_int_equal(got.content.len, content_len);
    ph_buf_fini(&got.content);
    ph_buf_fini(&input);
}

static bool has_bare_newline(struct ph_bytes content)
{
    for (size_t i = 0; i < content.len; i++) {
        bool is_cr = content.ptr[i] == '\r';
        bool is_lf = content.ptr[i] == '\n';
        if ((is_cr && (i + 1 == content.len || content.ptr[i + 1] != '\n')) ||
            (is_lf && (i == 0 || content.ptr[i - 1] != '\r'))) {
            return true;
        }
    }
    return false;
}

static void test_bare_newlines_in_chunks(void **state)
{
    (void)state;
    static const uint8_t octets[] = {'\r', '\n', 'x'};
    enum { LEN = 6, INPUTS = 729 };
    for (unsigned number = 0; number < INPUTS; number++) {
        uint8_t text[LEN];
        for (unsigned i = 0, rest = number; i < LEN; i++, rest /= 3) {
            text[i] = octets[rest % 3];
        }
        for (size_t len = 0; len <= LEN; len++) {
            for (size_t cut = 0; cut <= len; cut++) {
                struct ph_bytes content = {text, len};
                struct ph_smtp_newlines newlines = {0};
                ph_smtp_newlines_feed(&newlines, ph_bytes_first(content, cut));
                ph_smtp_newlines_feed(&newlines, ph_bytes_from(content, cut));
                ph_smtp_newlines_finish(&newlines);
                assert_int_equal(newlines.has_bare_newline, has_bare_newline(content));
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_short_input_at_every_cut),
        cmocka_unit_test(test_messages_end_where_they_should),
        cmocka_unit_test(test_smuggled_ends_are_content),
        cmocka_unit_test(test_a_large_message_comes_through_in_large_runs),
        cmocka_unit_test(test_bare_newlines_in_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
