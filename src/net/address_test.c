/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include <cmocka.h>

#include "net/address.h"

static struct ph_address address_of(const char *ip, uint16_t port)
{
    struct ph_address address;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, ip, &in.sin_addr) == 1) {
        ph_address_from_sockaddr((const struct sockaddr *)(const void *)&in, &address);
    } else {
        assert_int_equal(inet_pton(AF_INET6, ip, &in6.sin6_addr), 1);
        ph_address_from_sockaddr((const struct sockaddr *)(const void *)&in6, &address);
    }
    return address;
}

static void test_forms(void **state)
{
    (void)state;
    static const struct {
        const char *ip;
        const char *ip_text;
        const char *text;
        const char *literal;
        bool is_v4;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", "192.0.2.1:25", "[192.0.2.1]", true},
        {"255.255.255.255", "255.255.255.255", "255.255.255.255:25", "[255.255.255.255]", true},
        {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1:25", "[192.0.2.1]", true},
        {"2001:DB8::1", "2001:db8::1", "[2001:db8::1]:25", "[IPv6:2001:db8::1]", false},
        {"::", "::", "[::]:25", "[IPv6:::]", false},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:25", "[IPv6:1:2:3:4:5:6:7:8]", false},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:25", "[IPv6:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[PH_ADDRESS_TEXT_MAX];
        struct ph_address address = address_of(cases[i].ip, 25);
        ph_address_format_ip(&address, text);
        assert_string_equal(text, cases[i].ip_text);
        ph_address_format(&address, text);
        assert_string_equal(text, cases[i].text);
        ph_address_format_literal(&address, text);
        assert_string_equal(text, cases[i].literal);
        assert_int_equal(ph_address_is_ipv4(&address), cases[i].is_v4);
    }
}

static void test_unix_sockets_have_no_address(void **state)
{
    (void)state;
    char text[PH_ADDRESS_TEXT_MAX];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct ph_address address;
    struct ph_network everything;
    ph_address_from_sockaddr((const struct sockaddr *)(const void *)&un, &address);
    ph_address_format(&address, text);
    assert_string_equal(text, "unix");
    ph_address_format_ip(&address, text);
    assert_string_equal(text, "unix");
    assert_false(ph_address_is_ipv4(&address));
    assert_int_equal(ph_network_parse("::/0", &everything, NULL), PH_OK);
    assert_false(ph_network_has(&everything, &address));
    assert_int_equal(ph_network_parse("0.0.0.0/0", &everything, NULL), PH_OK);
    assert_false(ph_network_has(&everything, &address));
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *network;
        const char *inside;
        const char *outside;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
        {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
        {"192.0.2.4/30", "192.0.2.7", "192.0.2.8"},
        {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
        {"192.0.2.1/32", "192.0.2.1", "192.0.2.0"},
        {"0.0.0.0/0", "203.0.113.9", "2001:db8::1"},
        {"127.0.0.0/8", "127.255.0.1", "128.0.0.1"},
        {"10.0.0.0/9", "10.127.255.255", "10.128.0.0"},
        {"2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"},
        {"2001:db8::8/125", "2001:db8::f", "2001:db8::10"},
        {"::1", "::1", "::2"},
        {"fe80::/10", "febf::1", "fec0::1"},
        /* All of IPv6 is not all of IPv4: whoever wants both says both. */
        {"::/0", "2001:db8::1", "192.0.2.1"},
        {"::/64", "::1", "192.0.2.1"},
        {"::ffff:192.0.2.0/120", "192.0.2.77", "192.0.3.77"},
        {"::ffff:0.0.0.0/96", "192.0.2.1", "::1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ph_network network;
        struct ph_error err = {0};
        if (ph_network_parse(cases[i].network, &network, &err) != PH_OK) {
            fail_msg("%s", err.text);
        }
        struct ph_address inside = address_of(cases[i].inside, 1);
        struct ph_address outside = address_of(cases[i].outside, 1);
        if (!ph_network_has(&network, &inside) || ph_network_has(&network, &outside)) {
            fail_msg("%s, %s, %s", cases[i].network, cases[i].inside, cases[i].outside);
        }
    }
}

static void test_what_is_no_network(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "/",
        "/8",
        "192.0.2.1/",
        "192.0.2.0/33",
        "192.0.2.0/-1",
        "192.0.2.0/+8",
        "192.0.2.0/ 8",
        "192.0.2.0/8x",
        "192.0.2.0/24/24",
        "192.0.2.1/24",
        "2001:db8::1/32",
        "2001:db8::/129",
        "192.0.2",
        "192.0.2.1.1",
        "192.0.2.256",
        "192.0.2.01",
        "0x7f.0.0.1",
        " 127.0.0.1",
        "127.0.0.1 ",
        "localhost",
        "[::1]",
        "::1%lo",
        "1:2:3:4:5:6:7:8:9",
        "2001:db8::/18446744073709551616",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff/64",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ph_network network = {.prefix_bits = 77};
        struct ph_error err = {0};
        if (ph_network_parse(bad[i], &network, &err) != PH_EINVALID) {
            fail_msg("\"%s\" is a network?", bad[i]);
        }
        assert_int_equal(err.code, PH_EINVALID);
        assert_int_equal(network.prefix_bits, 77);
    }
}

static void test_lists_of_networks(void **state)
{
    (void)state;
    struct ph_network networks[2];
    struct ph_address in = address_of("127.0.0.1", 1);
    struct ph_address in6 = address_of("::1", 1);
    struct ph_address out = address_of("192.0.2.1", 1);
    assert_int_equal(ph_network_parse("127.0.0.0/8", &networks[0], NULL), PH_OK);
    assert_int_equal(ph_network_parse("::1/128", &networks[1], NULL), PH_OK);
    assert_true(ph_networks_have(networks, 2, &in));
    assert_true(ph_networks_have(networks, 2, &in6));
    assert_false(ph_networks_have(networks, 2, &out));
    assert_false(ph_networks_have(networks, 1, &in6));
    assert_false(ph_networks_have(NULL, 0, &in));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_unix_sockets_have_no_address),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_what_is_no_network),
        cmocka_unit_test(test_lists_of_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
