/* SPDX-License-Identifier: Apache-2.0 */
/* TLS by command and from the start. */
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/net-private.h"
#include "net/test_echo.h"
#include "net/test_support.h"

enum { HANDSHAKE_MS = 10000 };

enum listener { COMMAND, IMPLICIT, LISTENERS };

struct fixture {
    char directory[PH_TEST_PATH_MAX];
    struct ph_test_pool pool;
    struct ph_test_echo echo;
    char bound[LISTENERS][PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    static const struct ph_listener_options listeners[LISTENERS] = {
        [COMMAND] = {.tls = PH_LISTENER_TLS_START},
        [IMPLICIT] = {.tls = PH_LISTENER_TLS_IMPLICIT},
    };
    ph_test_directory_make(f->directory);
    ph_test_certificate_make(f->directory, "first", "mx.example.org");
    ph_test_certificate_make(f->directory, "second", "mx.example.net");
    ph_test_echo_init(&f->echo);
    const struct ph_pool_options options = {
        .workers = 3,
        .tls_handshake_ms = HANDSHAKE_MS,
    };
    ph_test_pool_init(&f->pool, &options);
    for (size_t i = 0; i < LISTENERS; i++) {
        struct ph_listener_options listener = listeners[i];
        listener.address = "127.0.0.1:0";
        listener.service = &ph_test_echo_service;
        listener.context = &f->echo;
        ph_test_pool_listen(&f->pool, &listener, f->bound[i]);
    }
    struct ph_tls_context *tls =
        ph_test_tls_context(f->directory, (const char *const[]){"first", "second", NULL});
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

static void assert_certificate(const struct ph_test_client *client, const char *expected)
{
    char name[64] = "";
    X509 *certificate = SSL_get1_peer_certificate(client->ssl);
    assert_non_null(certificate);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    assert_string_equal(name, expected);
}

static void connect_with_tls(struct fixture *f)
{
    ph_test_connect(&f->client, f->bound[IMPLICIT], NULL);
    ph_test_start_tls(&f->client, NULL);
    ph_test_expect(&f->client, "hello over TLS");
}

/* ---- By command ---- */

static void test_tls_by_command(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[COMMAND], NULL);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "clear\r\ntls\r\n");
    ph_test_expect(&f->client, "1 clear");
    ph_test_expect(&f->client, "go");
    ph_test_start_tls(&f->client, "mx.example.net");
    assert_certificate(&f->client, "second");
    ph_test_send(&f->client, "secret\r\n");
    ph_test_expect(&f->client, "101 secret"); /* tls_started() was called */
    ph_test_send(&f->client, "quit\r\n");
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
}

/* RFC 3207 section 4.2: what somebody put behind the command in clear is never obeyed. */
static void test_injected_commands_are_dropped(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[COMMAND], NULL);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "tls\r\ninjected\r\nbig 1000\r\nhalf of a li");
    ph_test_expect(&f->client, "go");
    ph_test_start_tls(&f->client, NULL);
    ph_test_send(&f->client, "ne\r\n");
    ph_test_expect(&f->client, "101 ne");
}

/* Behind an answer that the socket does not take at once: the command's answer goes out in clear, all of it. */
static void test_tls_behind_a_long_answer(void **state)
{
    struct fixture *f = *state;
    ph_test_connect_narrow(&f->client, f->bound[COMMAND]);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "answer 1000000\r\ntls\r\n");
    ph_test_pool_settle(&f->pool);
    ph_test_echo_expect_octets(&f->client, 1000000);
    ph_test_expect(&f->client, "go");
    ph_test_start_tls(&f->client, NULL);
    ph_test_send(&f->client, "x\r\n");
    ph_test_expect(&f->client, "101 x");
}

/* ---- From the start ---- */

static void test_conversation(void **state)
{
    struct fixture *f = *state;
    connect_with_tls(f);
    ph_test_send(&f->client, "a\r\nbig 3000000\r\npark during\r\nanswer 500000\r\npark before\r\nb\r\n");
    ph_test_expect(&f->client, "1 a");
    ph_test_echo_expect_octets(&f->client, 3000000);
    ph_test_expect(&f->client, "resumed");
    ph_test_echo_expect_octets(&f->client, 500000);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "2 b");
    for (int i = 0; i < 100; i++) {
        ph_test_send(&f->client, "park during\r\n");
        ph_test_expect(&f->client, "resumed");
    }
    ph_test_send(&f->client, "quit\r\n");
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
}

/* A record holds more than the service takes at once, and no event will tell of the rest. */
static void test_what_tls_holds_back_is_not_forgotten(void **state)
{
    struct fixture *f = *state;
    connect_with_tls(f);
    for (int round = 0; round < 5; round++) {
        struct ph_buf all = PH_BUF(SSL3_RT_MAX_PLAIN_LENGTH);
        int count = 0;
        while (all.len < 15000) {
            ph_buf_printf(&all, count % 100 == 50 ? "park during\r\n" : "%d\r\n", count);
            count++;
        }
        ph_test_send_bytes(&f->client, all.ptr, all.len);
        for (int i = 0; i < count; i++) {
            const char *line = ph_test_read_line(&f->client);
            assert_non_null(line);
            assert_true((strcmp(line, "resumed") == 0) == (i % 100 == 50));
        }
        ph_buf_fini(&all);
    }
}

static void test_much_input(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 3000000 };
    uint8_t *octets = malloc(LEN);
    assert_non_null(octets);
    for (size_t i = 0; i < LEN; i++) {
        octets[i] = ph_test_echo_octet(i);
    }
    connect_with_tls(f);
    ph_test_send(&f->client, "sink 3000000\r\n");
    ph_test_send_bytes(&f->client, octets, LEN);
    ph_test_expect(&f->client, "took 3000000");
    free(octets);
}

static void test_octet_by_octet(void **state)
{
    struct fixture *f = *state;
    connect_with_tls(f);
    for (const char *at = "first\r\npark during\r\n"; *at != '\0'; at++) {
        ph_test_send_bytes(&f->client, at, 1);
        ph_test_pause();
    }
    ph_test_expect(&f->client, "1 first");
    ph_test_expect(&f->client, "resumed");
}

static void test_memory_for_a_peer_that_does_not_read(void **state)
{
    struct fixture *f = *state;
    ph_test_connect_narrow(&f->client, f->bound[IMPLICIT]);
    ph_test_start_tls(&f->client, NULL);
    for (int i = 0; i < 20; i++) {
        ph_test_send(&f->client, "big 200000\r\npark during\r\nanswer 100000\r\n");
    }
    ph_test_pool_settle(&f->pool);
    struct ph_pool *pool = f->pool.pool;
    pthread_mutex_lock(&pool->list_lock);
    struct ph_conn *conn = pool->connections;
    (void)atomic_load_explicit(&conn->handovers, memory_order_acquire);
    assert_in_range(conn->out_left_len, 1, PH_CONN_HIGH_WATER + 100000);
    atomic_fetch_add_explicit(&conn->handovers, 1, memory_order_release);
    pthread_mutex_unlock(&pool->list_lock);
    ph_test_expect(&f->client, "hello over TLS");
    for (int i = 0; i < 20; i++) {
        ph_test_echo_expect_octets(&f->client, 200000);
        ph_test_expect(&f->client, "resumed");
        ph_test_echo_expect_octets(&f->client, 100000);
    }
}

/* Records without data neither hold a worker nor lose what comes behind them. */
static void test_key_updates(void **state)
{
    struct fixture *f = *state;
    connect_with_tls(f);
    for (int i = 0; i < 200; i++) {
        int kind = i % 2 == 0 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
        assert_int_equal(SSL_key_update(f->client.ssl, kind), 1);
        assert_int_equal(SSL_do_handshake(f->client.ssl), 1);
        if (i % 20 == 0) {
            ph_test_send(&f->client, "park during\r\n");
            ph_test_expect(&f->client, "resumed");
        }
    }
    ph_test_send(&f->client, "end\r\n");
    ph_test_expect(&f->client, "1 end");
}

static void test_what_is_no_tls(void **state)
{
    struct fixture *f = *state;
    ph_test_connect(&f->client, f->bound[IMPLICIT], NULL);
    ph_test_send(&f->client, "EHLO example.org\r\n");
    while (ph_test_read_line(&f->client) != NULL) {
    }
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    assert_int_equal(atomic_load(&f->echo.opened), 0);
    const char *log = ph_test_pool_log(&f->pool);
    assert_non_null(strstr(log, "event=tls-failed"));
    assert_non_null(strstr(log, "reason=\"wrong version number\""));
}

static void test_new_certificates_while_running(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client later;
    connect_with_tls(f);
    assert_certificate(&f->client, "first");
    struct ph_tls_context *tls = ph_test_tls_context(f->directory, (const char *const[]){"second", NULL});
    ph_pool_set_tls(f->pool.pool, tls);
    ph_tls_context_unref(&tls);
    ph_test_connect(&later, f->bound[IMPLICIT], NULL);
    ph_test_start_tls(&later, NULL);
    assert_certificate(&later, "second");
    ph_test_expect(&later, "hello over TLS");
    ph_test_hang_up(&later);
    ph_test_send(&f->client, "still here\r\n");
    ph_test_expect(&f->client, "1 still here");
    ph_pool_set_tls(f->pool.pool, NULL);
    ph_test_connect(&later, f->bound[IMPLICIT], NULL);
    ph_test_expect_end(&later);
    ph_test_hang_up(&later);
    assert_non_null(strstr(ph_test_pool_log(&f->pool), "reason=\"no certificate is configured\""));
}

/* However it comes, the handshake has its time as a whole. */
static void test_slow_handshake(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client silent;
    /* The begin of a record that is a ClientHello of 512 octets. */
    static const uint8_t hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3};
    ph_test_connect(&silent, f->bound[IMPLICIT], NULL);
    ph_test_connect(&f->client, f->bound[IMPLICIT], NULL);
    for (size_t i = 0; i < sizeof hello; i++) {
        PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 2);
        ph_test_send_bytes(&f->client, hello + i, 1);
        ph_test_pool_settle(&f->pool);
        ph_test_pool_advance(&f->pool, HANDSHAKE_MS / (unsigned)sizeof hello - 1);
    }
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_pool_connections(&f->pool), 2);
    ph_test_pool_advance(&f->pool, HANDSHAKE_MS / 10);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    ph_test_expect_end(&f->client);
    ph_test_expect_end(&silent);
    ph_test_hang_up(&silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tls_by_command, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_injected_commands_are_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tls_behind_a_long_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_conversation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_tls_holds_back_is_not_forgotten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_much_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_octet_by_octet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_for_a_peer_that_does_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_key_updates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_tls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_new_certificates_while_running, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_handshake, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
