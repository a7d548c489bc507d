/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "pop3/dots.h"

/* Stuffs TEXT in pieces of PIECE octets behind something that stands in the output already. */
static void stuff(struct ph_bytes text, size_t piece, struct ph_buf *out)
{
    struct ph_dots dots = {0};
    for (size_t at = 0; at < text.len; at += piece) {
        size_t from = out->len;
        ph_buf_bytes(out, ph_bytes_first(ph_bytes_from(text, at), piece));
        ph_dots_stuff(&dots, out, from);
    }
    ph_dots_end(&dots, out);
}

static void expect(struct ph_bytes text, const char *wanted)
{
    for (size_t piece = 1; piece <= text.len + 1; piece++) {
        struct ph_buf out = PH_BUF(4096);
        ph_buf_str(&out, "+OK\r\n");
        stuff(text, piece, &out);
        assert_string_equal(ph_buf_cstr(&out), wanted);
        ph_buf_fini(&out);
    }
}

static void nothing_to_stuff(void **state)
{
    (void)state;
    expect(PH_BYTES(""), "+OK\r\n.\r\n");
    expect(PH_BYTES("a\r\n"), "+OK\r\na\r\n.\r\n");
    expect(PH_BYTES("a.b\r\nc.\r\n"), "+OK\r\na.b\r\nc.\r\n.\r\n");
}

static void a_dot_that_opens_a_line_is_doubled(void **state)
{
    (void)state;
    expect(PH_BYTES(".\r\n"), "+OK\r\n..\r\n.\r\n");
    expect(PH_BYTES(".a\r\n..\r\n.\r\nb.\r\n"), "+OK\r\n..a\r\n...\r\n..\r\nb.\r\n.\r\n");
    expect(PH_BYTES("a\r\n.\r\n.\r\n.\r\n"), "+OK\r\na\r\n..\r\n..\r\n..\r\n.\r\n");
    expect(PH_BYTES("a\n.\nb\r\n"), "+OK\r\na\n..\nb\r\n.\r\n");
    expect(PH_BYTES("a\r.\r\n"), "+OK\r\na\r.\r\n.\r\n");
}

static void the_last_line_gets_its_end_only_where_it_has_none(void **state)
{
    (void)state;
    expect(PH_BYTES("a"), "+OK\r\na\r\n.\r\n");
    expect(PH_BYTES("."), "+OK\r\n..\r\n.\r\n");
    expect(PH_BYTES("a\r\n."), "+OK\r\na\r\n..\r\n.\r\n");
    expect(PH_BYTES("a\r"), "+OK\r\na\r\r\n.\r\n");
    expect(PH_BYTES("a\n"), "+OK\r\na\n\r\n.\r\n");
    expect(PH_BYTES("a\r\n\r\n"), "+OK\r\na\r\n\r\n.\r\n");
}

/* Octet by octet, as RFC 1939 says it. */
static void reference(struct ph_bytes text, struct ph_buf *out)
{
    bool opens = true;
    for (size_t i = 0; i < text.len; i++) {
        if (opens && text.ptr[i] == '.') {
            ph_buf_byte(out, '.');
        }
        ph_buf_byte(out, text.ptr[i]);
        opens = text.ptr[i] == '\n';
    }
    bool ends = text.len == 0 || (text.len >= 2 && memcmp(text.ptr + text.len - 2, "\r\n", 2) == 0);
    ph_buf_str(out, ends ? ".\r\n" : "\r\n.\r\n");
}

static void the_same_as_octet_by_octet_however_it_is_cut(void **state)
{
    (void)state;
    static const char octets[] = "..\r\n\r\na\n";
    uint64_t seed = 1939;
    for (int round = 0; round < 3000; round++) {
        char text[80];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t len = (seed >> 33) % sizeof text;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = octets[(seed >> 33) % (sizeof octets - 1)];
        }
        struct ph_buf wanted = PH_BUF(4096);
        reference(ph_bytes_of(text, len), &wanted);
        size_t piece = 1 + (size_t)round % 17;
        struct ph_buf out = PH_BUF(4096);
        stuff(ph_bytes_of(text, len), piece, &out);
        assert_string_equal(ph_buf_cstr(&out), ph_buf_cstr(&wanted));
        ph_buf_fini(&wanted);
        ph_buf_fini(&out);
    }
}

static void large_content_with_a_dot_on_every_line(void **state)
{
    (void)state;
    enum { LINES = 40000 };
    struct ph_buf text = PH_BUF(1 << 20);
    struct ph_buf wanted = PH_BUF(1 << 20);
    for (int i = 0; i < LINES; i++) {
        ph_buf_str(&text, ".x\r\n");
        ph_buf_str(&wanted, "..x\r\n");
    }
    ph_buf_str(&wanted, ".\r\n");
    struct ph_buf out = PH_BUF(1 << 20);
    stuff(ph_buf_view(&text), 32768, &out);
    assert_true(ph_bytes_eq(ph_buf_view(&out), ph_buf_view(&wanted)));
    ph_buf_fini(&text);
    ph_buf_fini(&wanted);
    ph_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_stuff),
        cmocka_unit_test(a_dot_that_opens_a_line_is_doubled),
        cmocka_unit_test(the_last_line_gets_its_end_only_where_it_has_none),
        cmocka_unit_test(the_same_as_octet_by_octet_however_it_is_cut),
        cmocka_unit_test(large_content_with_a_dot_on_every_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
