/* SPDX-License-Identifier: Apache-2.0 */
/* The PROXY header in front of clear text and of TLS, who may send it, and whom the limits count then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/test_echo.h"
#include "net/test_support.h"

enum { HEADER_MS = 10000, PER_ADDRESS = 3 };

enum listener { CLEAR, IMPLICIT, LISTENERS };

struct fixture {
    char directory[PH_TEST_PATH_MAX];
    struct ph_network trusted;
    struct ph_test_pool pool;
    struct ph_test_echo echo;
    char bound[LISTENERS][PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    static const enum ph_listener_tls kinds[LISTENERS] = {PH_LISTENER_TLS_START, PH_LISTENER_TLS_IMPLICIT};
    ph_test_directory_make(f->directory);
    ph_test_certificate_make(f->directory, "first", "mx.example.org");
    ph_test_echo_init(&f->echo);
    assert_int_equal(ph_network_parse("127.0.0.0/30", &f->trusted, NULL), PH_OK);
    const struct ph_pool_options options = {
        .workers = 2,
        .tls_handshake_ms = HEADER_MS,
        .connections_per_address_max = PER_ADDRESS,
        .proxy_networks = &f->trusted,
        .proxy_network_count = 1,
    };
    ph_test_pool_init(&f->pool, &options);
    for (size_t i = 0; i < LISTENERS; i++) {
        const struct ph_listener_options listener = {
            .address = "127.0.0.1:0",
            .tls = kinds[i],
            .has_proxy_header = true,
            .service = &ph_test_echo_service,
            .context = &f->echo,
        };
        ph_test_pool_listen(&f->pool, &listener, f->bound[i]);
    }
    struct ph_tls_context *tls = ph_test_tls_context(f->directory, (const char *const[]){"first", NULL});
    ph_pool_set_tls(f->pool.pool, tls);
    ph_tls_context_unref(&tls);
    ph_test_pool_start(&f->pool);
    f->client.fd = -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->client.fd >= 0) {
        ph_test_hang_up(&f->client);
    }
    ph_test_pool_fini(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), atomic_load(&f->echo.opened));
    ph_test_echo_fini(&f->echo);
    ph_test_directory_remove(f->directory);
    free(f);
    return 0;
}

#define V1 "PROXY TCP4 203.0.113.7 198.51.100.2 4711 25\r\n"
#define V2                               \
    "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x27" \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x02\x12\x67\0\x19\x04\0\0"

static void test_header_in_pieces(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct ph_bytes header;
        const char *peer;
        const char *local;
    } cases[] = {
        {PH_BYTES(V1), "203.0.113.7:4711", "198.51.100.2:25"},
        {PH_BYTES(V2), "[2001:db8::1]:4711", "[2001:db8::2]:25"},
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t piece = 1; piece < 64; piece += 11) {
            for (int kind = CLEAR; kind <= IMPLICIT; kind++) {
                ph_test_connect(&f->client, f->bound[kind], NULL);
                for (size_t at = 0; at < cases[i].header.len; at += piece) {
                    struct ph_bytes rest = ph_bytes_first(ph_bytes_from(cases[i].header, at), piece);
                    ph_test_send_bytes(&f->client, rest.ptr, rest.len);
                    ph_test_pause();
                }
                if (kind == IMPLICIT) {
                    ph_test_start_tls(&f->client, NULL);
                }
                ph_test_expect(&f->client, kind == CLEAR ? "hello" : "hello over TLS");
                ph_test_send(&f->client, "peer\r\nlocal\r\n");
                ph_test_expect(&f->client, cases[i].peer);
                ph_test_expect(&f->client, cases[i].local);
                ph_test_hang_up(&f->client);
                f->client.fd = -1;
            }
        }
    }
}

/* The proxy may send what its client says in the same segment. */
static void test_header_with_more_behind_it(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[CLEAR], NULL);
    ph_test_send(&f->client, V1 "one\r\ntls\r\ninjected\r\n");
    ph_test_expect(&f->client, "hello");
    ph_test_expect(&f->client, "1 one");
    ph_test_expect(&f->client, "go");
    ph_test_start_tls(&f->client, NULL);
    ph_test_send(&f->client, "peer\r\n");
    ph_test_expect(&f->client, "203.0.113.7:4711");
}

static void test_health_check_keeps_the_addresses(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[CLEAR], "127.0.0.2");
    ph_test_send_bytes(&f->client, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "peer\r\n");
    const char *peer = ph_test_read_line(&f->client);
    assert_true(peer != NULL && ph_bytes_starts(ph_bytes_str(peer), PH_BYTES("127.0.0.2:")));
}

static void expect_refused(struct fixture *f, const char *why)
{
    ph_test_expect_end(&f->client);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    assert_int_equal(atomic_load(&f->echo.opened), 0);
    assert_non_null(strstr(ph_test_pool_log(&f->pool), why));
}

static void test_only_trusted_peers_send_headers(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[CLEAR], "127.0.0.9");
    (void)ph_test_send_what_goes(&f->client, V1, strlen(V1));
    expect_refused(f, "reason=\"this address may not connect");
}

static void test_without_a_header_nobody_is_served(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[CLEAR], NULL);
    ph_test_send(&f->client, "EHLO example.org\r\n");
    expect_refused(f, "reason=\"no valid PROXY header\"");
}

static void test_peer_that_hangs_up_in_its_header(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[IMPLICIT], NULL);
    ph_test_send(&f->client, "PROXY TC");
    ph_test_half_close(&f->client);
    expect_refused(f, "");
}

static void test_slow_header(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[CLEAR], NULL);
    for (const char *at = "PROXY TCP4"; *at != '\0'; at++) {
        ph_test_send_bytes(&f->client, at, 1);
        ph_test_pool_settle(&f->pool);
        ph_test_pool_advance(&f->pool, HEADER_MS / 10 - 1);
    }
    assert_int_equal(ph_test_pool_connections(&f->pool), 1);
    ph_test_pool_advance(&f->pool, HEADER_MS / 10);
    expect_refused(f, "");
}

/* The limit counts who is behind the proxy: an IPv6 customer by its /64, the proxy itself not at all. */
static void test_limit_by_address_behind_the_proxy(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *source;
        bool is_served;
    } cases[] = {
        {"TCP6 2001:db8::1 ::1", true},     {"TCP6 2001:db8::2 ::1", true},
        {"TCP4 192.0.2.1 192.0.2.9", true}, {"TCP6 2001:db8::3 ::1", true},
        {"TCP6 2001:db8::ffff ::1", false}, {"TCP6 2001:db8:0:1::1 ::1", true},
        {"TCP4 192.0.2.2 192.0.2.9", true}, {"TCP4 192.0.2.1 192.0.2.9", true},
        {"TCP4 192.0.2.1 192.0.2.9", true}, {"TCP4 192.0.2.1 192.0.2.9", false},
    };
    struct ph_test_client clients[sizeof cases / sizeof *cases];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128];
        snprintf(header, sizeof header, "PROXY %s 4711 25\r\n", cases[i].source);
        ph_test_connect(&clients[i], f->bound[CLEAR], NULL);
        ph_test_send(&clients[i], header);
        ph_test_expect(&clients[i], cases[i].is_served ? "hello" : "goodbye refused");
        if (!cases[i].is_served) {
            ph_test_expect_end(&clients[i]);
        }
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ph_test_hang_up(&clients[i]);
    }
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    ph_test_connect(&f->client, f->bound[CLEAR], NULL);
    ph_test_send(&f->client, "PROXY TCP4 192.0.2.1 192.0.2.9 4711 25\r\n");
    ph_test_expect(&f->client, "hello"); /* counted down again */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_header_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_header_with_more_behind_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_health_check_keeps_the_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_trusted_peers_send_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_header_nobody_is_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peer_that_hangs_up_in_its_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit_by_address_behind_the_proxy, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
