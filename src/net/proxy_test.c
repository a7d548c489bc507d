/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/proxy.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TCP4_ADDRESSES "\xC0\0\x02\x01\xC0\0\x02\x02\x12\x67\0\x19"
#define IP6_A "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define IP6_B "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x02"

/* SOURCE is NULL for a header that says to keep the socket's addresses. */
static const struct {
    struct ph_bytes header;
    const char *source;
    const char *destination;
} good[] = {
    {PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"), "192.0.2.1:4711", "192.0.2.2:25"},
    {PH_BYTES("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535",
     "255.255.255.255:65535"},
    {PH_BYTES("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0:0", "0.0.0.0:0"},
    {PH_BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 4711 25\r\n"), "[2001:db8::1]:4711", "[2001:db8::2]:25"},
    {PH_BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 25\r\n"), "192.0.2.1:4711", "[::1]:25"},
    {PH_BYTES(
         "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
    {PH_BYTES("PROXY UNKNOWN\r\n"), NULL, NULL},
    {PH_BYTES(
         "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
     NULL, NULL},
    {PH_BYTES(SIGNATURE "\x21\x11\0\x0C" TCP4_ADDRESSES), "192.0.2.1:4711", "192.0.2.2:25"},
    {PH_BYTES(SIGNATURE "\x21\x11\0\x11" TCP4_ADDRESSES "\x04\0\x02xy"), "192.0.2.1:4711", "192.0.2.2:25"},
    {PH_BYTES(SIGNATURE "\x21\x21\0\x24" IP6_A IP6_B "\x12\x67\0\x19"), "[2001:db8::1]:4711",
     "[2001:db8::2]:25"},
    {PH_BYTES(SIGNATURE "\x20\0\0\0"), NULL, NULL},
    {PH_BYTES(SIGNATURE "\x20\x11\0\x0C" TCP4_ADDRESSES), NULL, NULL},
    {PH_BYTES(SIGNATURE "\x21\0\0\0"), NULL, NULL},
    {PH_BYTES(SIGNATURE "\x21\x12\0\x0C" TCP4_ADDRESSES), NULL, NULL},
    {PH_BYTES(SIGNATURE "\x21\x31\0\x02xy"), NULL, NULL},
};

static const struct ph_bytes bad[] = {
    PH_BYTES("EHLO example.org\r\n"),
    PH_BYTES("PROXYTCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("proxy TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES(" PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY  TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY TCP4  192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY TCP4\t192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25 \r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 25 1\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 4711 \r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 65536 25\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 -1 25\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 0x1 25\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2.1\0 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY TCP4 192.0.2 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY TCP4 ::1 ::1 4711 25\r\n"),
    PH_BYTES("PROXY TCP6 192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY TCP6 2001:db8::1%lo 2001:db8::2 4711 25\r\n"),
    PH_BYTES("PROXY TCP5 192.0.2.1 192.0.2.2 4711 25\r\n"),
    PH_BYTES("PROXY \r\n"),
    PH_BYTES("PROXY UNKNOWNS\r\n"),
    /* 107 octets are the longest line there is, and this one is not ended by then. */
    PH_BYTES(
        "PROXY UNKNOWN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"),
    PH_BYTES(SIGNATURE "\x11\x11\0\x0C" TCP4_ADDRESSES), /* version 1 */
    PH_BYTES(SIGNATURE "\x22\x11\0\x0C" TCP4_ADDRESSES), /* no such command */
    PH_BYTES(SIGNATURE "\x21\x11\0\x0B" TCP4_ADDRESSES), /* shorter than its addresses */
    PH_BYTES(SIGNATURE "\x21\x21\0\x23" IP6_A IP6_B "\x12\x67\0"),
    PH_BYTES(SIGNATURE "\x21\x11\xFF\xFF" TCP4_ADDRESSES), /* longer than we wait for */
    PH_BYTES("\r\n\r\n\0\r\nQUIT\r"),
};

static void assert_address(const struct ph_address *address, const char *expected)
{
    char text[PH_ADDRESS_TEXT_MAX];
    ph_address_format(address, text);
    assert_string_equal(text, expected);
}

static void test_good_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct ph_proxy_header header;
        assert_int_equal(ph_proxy_parse(good[i].header, &header), good[i].header.len);
        assert_int_equal(header.is_local, good[i].source == NULL);
        if (good[i].source != NULL) {
            assert_address(&header.source, good[i].source);
            assert_address(&header.destination, good[i].destination);
        }
    }
}

static void test_bad_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ph_proxy_header header;
        if (ph_proxy_parse(bad[i], &header) != PH_EINVALID) {
            fail_msg("%.*s is a header?", (int)bad[i].len, (const char *)bad[i].ptr);
        }
    }
}

/* However the octets arrive: more are wanted until the last one is there, and what follows does not matter. */
static void test_any_split_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint8_t longer[256];
        struct ph_proxy_header header;
        for (size_t len = 0; len < good[i].header.len; len++) {
            assert_int_equal(ph_proxy_parse(ph_bytes_first(good[i].header, len), &header), 0);
        }
        memset(longer, '\n', sizeof longer);
        memcpy(longer, good[i].header.ptr, good[i].header.len);
        assert_int_equal(ph_proxy_parse(ph_bytes_of(longer, sizeof longer), &header), good[i].header.len);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool was_bad = false;
        for (size_t len = 0; len <= bad[i].len; len++) {
            struct ph_proxy_header header;
            int result = ph_proxy_parse(ph_bytes_first(bad[i], len), &header);
            assert_true(result == PH_EINVALID || (result == 0 && !was_bad));
            was_bad = result == PH_EINVALID;
        }
        assert_true(was_bad);
    }
}

static void test_longest_header(void **state)
{
    (void)state;
    uint8_t octets[PH_PROXY_HEADER_MAX + 1] = SIGNATURE "\x21\x11\x0F\xF0" TCP4_ADDRESSES;
    struct ph_proxy_header header;
    assert_int_equal(ph_proxy_parse(ph_bytes_of(octets, PH_PROXY_HEADER_MAX - 1), &header), 0);
    assert_int_equal(ph_proxy_parse(ph_bytes_of(octets, PH_PROXY_HEADER_MAX), &header), PH_PROXY_HEADER_MAX);
    octets[15] = 0xF1;
    assert_int_equal(ph_proxy_parse(ph_bytes_of(octets, sizeof octets), &header), PH_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_headers),
        cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_any_split_gives_the_same),
        cmocka_unit_test(test_longest_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
