/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <cmocka.h>

#include "delivery/trace.h"

static const uint64_t now_us = 1795379700000000;

static void check_received(const struct ph_trace *trace, struct ph_bytes recipient, const char *wanted)
{
    struct ph_buf out = PH_BUF(PH_TRACE_BYTES_MAX);
    ph_trace_put_received(&out, trace, "mx.example.org", "abc", recipient, now_us);
    assert_string_equal(ph_buf_cstr(&out), wanted);
    ph_buf_fini(&out);
}

static struct ph_address address(int family, const char *text)
{
    struct sockaddr_storage storage = {0};
    struct ph_address out;
    storage.ss_family = (sa_family_t)family;
    void *ip = family == AF_INET ? (void *)&((struct sockaddr_in *)&storage)->sin_addr
                                 : (void *)&((struct sockaddr_in6 *)&storage)->sin6_addr;
    assert_int_equal(inet_pton(family, text, ip), 1);
    ph_address_from_sockaddr((struct sockaddr *)&storage, &out);
    return out;
}

static void test_received(void **state)
{
    (void)state;
    struct ph_address peer = address(AF_INET, "192.0.2.1");
    struct ph_trace trace = {"ESMTP", PH_BYTES("client.example.net"), &peer, "", false, false};
    check_received(&trace, PH_BYTES("alice@example.org"),
                   "Received: from client.example.net ([192.0.2.1])\r\n"
                   "\tby mx.example.org with ESMTP\r\n"
                   "\tid abc\r\n"
                   "\tfor <alice@example.org>;\r\n"
                   "\tSun, 22 Nov 2026 20:35:00 +0000\r\n");
}

static void test_received_with_all_and_with_little(void **state)
{
    (void)state;
    struct ph_address peer = address(AF_INET6, "2001:db8::1");
    struct ph_trace full = {
        "UTF8SMTPSA", PH_BYTES("[IPv6:2001:db8::1]"), &peer, "TLSv1.3 TLS_AES_256_GCM_SHA384", true, true};
    check_received(&full, PH_BYTES("j\xC3\xBCrgen@example.org"),
                   "Received: from [IPv6:2001:db8::1] ([IPv6:2001:db8::1])\r\n"
                   "\tby mx.example.org with UTF8SMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
                   "\tid abc\r\n"
                   "\tfor <j\xC3\xBCrgen@example.org>;\r\n"
                   "\tSun, 22 Nov 2026 20:35:00 +0000\r\n");

    struct ph_trace local = {"local", {NULL, 0}, NULL, "", false, false};
    check_received(&local, (struct ph_bytes){NULL, 0},
                   "Received: by mx.example.org with local\r\n"
                   "\tid abc;\r\n"
                   "\tSun, 22 Nov 2026 20:35:00 +0000\r\n");
}

static void test_a_unix_socket_has_no_address_to_tell(void **state)
{
    (void)state;
    struct ph_address peer = {.family = PH_ADDRESS_UNIX};
    struct ph_trace trace = {"LMTP", PH_BYTES("mx.example.org"), &peer, "", false, false};
    check_received(&trace, PH_BYTES("j\xC3\xBCrgen@example.org"),
                   "Received: from mx.example.org\r\n"
                   "\tby mx.example.org with LMTP\r\n"
                   "\tid abc;\r\n"
                   "\tSun, 22 Nov 2026 20:35:00 +0000\r\n");
}

static void test_envelope(void **state)
{
    (void)state;
    struct ph_buf out = PH_BUF(PH_TRACE_BYTES_MAX);
    ph_trace_put_return_path(&out, PH_BYTES("\"a b\"@example.net"));
    ph_trace_put_return_path(&out, PH_BYTES(""));
    ph_trace_put_delivered_to(&out, PH_BYTES("alice@example.org"));
    assert_string_equal(ph_buf_cstr(&out), "Return-Path: <\"a b\"@example.net>\r\n"
                                           "Return-Path: <>\r\n"
                                           "Delivered-To: alice@example.org\r\n");
    ph_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_received),
        cmocka_unit_test(test_received_with_all_and_with_little),
        cmocka_unit_test(test_a_unix_socket_has_no_address_to_tell),
        cmocka_unit_test(test_envelope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
