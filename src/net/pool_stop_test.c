/* SPDX-License-Identifier: Apache-2.0 */
/* The orderly stop, and the gate that lets others run while some wait for the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/net-private.h"
#include "net/test_echo.h"
#include "net/test_support.h"

enum { WORKERS = 2, THREADS_MAX = 6, GRACE_MS = 5000 };

struct fixture {
    char directory[PH_TEST_PATH_MAX];
    struct ph_test_pool pool;
    struct ph_test_echo echo;
    char bound[PH_LISTENER_NAME_MAX];
    char implicit_bound[PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ph_test_directory_make(f->directory);
    ph_test_certificate_make(f->directory, "first", "mx.example.org");
    ph_test_echo_init(&f->echo);
    ph_test_pool_init(
        &f->pool,
        &(struct ph_pool_options){.workers = WORKERS, .threads_max = THREADS_MAX, .stop_grace_ms = GRACE_MS});
    struct ph_listener_options listener = {
        .address = "127.0.0.1:0", .service = &ph_test_echo_service, .context = &f->echo};
    ph_test_pool_listen(&f->pool, &listener, f->bound);
    listener.tls = PH_LISTENER_TLS_IMPLICIT;
    ph_test_pool_listen(&f->pool, &listener, f->implicit_bound);
    struct ph_tls_context *tls = ph_test_tls_context(f->directory, (const char *const[]){"first", NULL});
    ph_pool_set_tls(f->pool.pool, tls);
    ph_tls_context_unref(&tls);
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

static void greet(struct ph_test_client *client, const char *bound)
{
    ph_test_connect(client, bound, NULL);
    ph_test_expect(client, "hello");
}

/* ---- The stop ---- */

static void test_idle_sessions_get_a_last_line(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client over_tls;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    ph_test_connect(&over_tls, f->implicit_bound, NULL);
    ph_test_start_tls(&over_tls, NULL);
    ph_test_expect(&over_tls, "hello over TLS");
    ph_pool_stop(f->pool.pool);
    ph_pool_stop(f->pool.pool);
    ph_test_expect(&f->client, "goodbye shutdown");
    ph_test_expect_end(&f->client);
    ph_test_expect(&over_tls, "goodbye shutdown");
    ph_test_expect_end(&over_tls);
    ph_test_pool_join(&f->pool);
    assert_int_equal(atomic_load(&f->echo.closed[PH_CLOSE_SHUTDOWN]), 2);
    ph_test_hang_up(&over_tls);
}

static void test_sessions_that_have_not_begun(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client silent;
    ph_test_pool_start(&f->pool);
    ph_test_connect(&silent, f->implicit_bound, NULL);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 1);
    ph_pool_stop(f->pool.pool);
    ph_test_expect_end(&silent);
    ph_test_pool_join(&f->pool);
    assert_int_equal(atomic_load(&f->echo.opened), 0);
    ph_test_hang_up(&silent);
}

static void test_long_answer_is_finished(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    ph_test_connect_narrow(&f->client, f->bound);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "big 9000000\r\nnever seen\r\n");
    ph_test_pool_settle(&f->pool);
    ph_pool_stop(f->pool.pool);
    ph_test_echo_expect_octets(&f->client, 9000000);
    ph_test_expect(&f->client, "goodbye shutdown");
    ph_test_expect_end(&f->client);
    ph_test_pool_join(&f->pool);
}

/* The answer is made, and what is left of it is with the connection. */
static void test_rest_of_an_answer_is_finished(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    ph_test_connect_narrow(&f->client, f->bound);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "answer 1000000\r\nanswer 1000000\r\nanswer 1000000\r\nanswer 1000000\r\n");
    ph_test_pool_settle(&f->pool);
    ph_pool_stop(f->pool.pool);
    static const char last[] = "goodbye shutdown\r\n";
    enum { ANSWER = 1000000, MAX = 4 * ANSWER + 100 };
    uint8_t *all = malloc(MAX);
    assert_non_null(all);
    size_t len = ph_test_read_bytes(&f->client, all, MAX) - strlen(last);
    assert_true(len >= ANSWER && len < MAX && len % ANSWER == 0);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(all[i], ph_test_echo_octet(i % ANSWER));
    }
    assert_memory_equal(all + len, last, strlen(last));
    free(all);
    ph_test_pool_join(&f->pool);
}

static void test_parked_session_is_waited_for(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    ph_test_send(&f->client, "park after\r\nnever seen\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_pool_stop(f->pool.pool);
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_echo_release(&f->echo, 1);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "goodbye shutdown");
    ph_test_expect_end(&f->client);
    ph_test_pool_join(&f->pool);
}

/* The grace is for sessions; whoever finishes a park holds the memory, so even that end waits. */
static void test_parked_session_past_the_grace(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    ph_test_send(&f->client, "park after\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_pool_stop(f->pool.pool);
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, GRACE_MS);
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_echo_release(&f->echo, 1);
    ph_test_pool_join(&f->pool);
}

static void test_grace_ends_for_peers_that_do_not_read(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    ph_test_connect_narrow(&f->client, f->bound);
    ph_test_send(&f->client, "big 50000000\r\n");
    ph_test_pool_settle(&f->pool);
    ph_pool_stop(f->pool.pool);
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_pool_advance(&f->pool, GRACE_MS);
    ph_test_pool_join(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), 1);
}

static void test_command_in_the_store_is_finished(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    ph_test_send(&f->client, "block\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_pool_stop(f->pool.pool);
    for (int i = 0; i < 100; i++) {
        ph_test_pause();
    }
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_echo_release(&f->echo, 1);
    ph_test_expect(&f->client, "blocked");
    ph_test_expect(&f->client, "goodbye shutdown");
    ph_test_expect_end(&f->client);
    ph_test_pool_join(&f->pool);
}

static void test_nobody_is_accepted_any_more(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    ph_test_send(&f->client, "park after\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_pool_stop(f->pool.pool);
    ph_test_pool_settle(&f->pool); /* also: listeners that are shut do not make anybody run */
    struct ph_pool_options options = {.log = &f->pool.log, .clock = &f->pool.clock};
    struct ph_listener_options listener = {
        .address = f->bound, .service = &ph_test_echo_service, .context = &f->echo};
    struct ph_pool *next = NULL;
    struct ph_error err = {0};
    assert_int_equal(ph_pool_new(&options, &next, &err), PH_OK);
    PH_TEST_WAIT_UNTIL(ph_pool_listen(next, &listener, NULL, &err) ==
                       PH_OK); /* the next server has the port */
    ph_pool_free(&next);
    ph_test_echo_release(&f->echo, 1);
    ph_test_pool_join(&f->pool);
}

static void test_stop_before_the_start(void **state)
{
    struct fixture *f = *state;
    ph_pool_stop(f->pool.pool);
    ph_test_pool_start(&f->pool);
    ph_test_pool_join(&f->pool);
}

static void test_pool_that_never_ran(void **state)
{
    (void)state; /* set_up and tear_down are the test */
}

/* At whatever moment it comes: everybody is closed, nobody twice, and run() returns. */
static void test_stop_at_any_moment(void **state)
{
    enum { ROUNDS = 15, CLIENTS = 12 };
    static struct ph_test_client clients[CLIENTS];
    static uint8_t octets[4096];
    static const char *const commands[] = {
        "x\r\nx\r\nx\r\n",         "park during\r\npark during\r\npark before\r\npark during\r\n",
        "big 300000\r\nbig 1\r\n", "chain 20\r\nx\r\n",
        "half of a line",          "quit\r\n",
    };
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct fixture *f = NULL;
        assert_int_equal(set_up((void **)&f), 0);
        ph_test_pool_start(&f->pool);
        for (int i = 0; i < CLIENTS; i++) {
            ph_test_connect(&clients[i], f->bound, NULL);
            ph_test_send(&clients[i], commands[(i + round) % 6]);
            if (i == round) {
                ph_pool_stop(f->pool.pool);
                for (int k = i + 1; k < CLIENTS; k++) {
                    clients[k].fd = -1;
                }
                break;
            }
        }
        ph_pool_stop(f->pool.pool);
        for (int i = 0; i < CLIENTS; i++) {
            if (clients[i].fd >= 0) {
                while (ph_test_read_bytes(&clients[i], octets, sizeof octets) > 0) {
                }
                ph_test_hang_up(&clients[i]);
            }
        }
        ph_test_pool_join(&f->pool);
        assert_int_equal(tear_down((void **)&f), 0);
    }
}

/* ---- The gate ---- */

static void test_others_run_while_all_workers_block(void **state)
{
    struct fixture *f = *state;
    static struct ph_test_client blocking[THREADS_MAX];
    struct ph_pool_stats stats;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    for (int i = 0; i < THREADS_MAX; i++) {
        greet(&blocking[i], f->bound);
    }
    for (int i = 0; i < THREADS_MAX - 1; i++) {
        ph_test_send(&blocking[i], "block\r\n");
        ph_test_echo_wait_held(&f->echo, (unsigned)i + 1);
        ph_test_send(&f->client, "x\r\n");
        assert_non_null(ph_test_read_line(&f->client));
        /* As many as shall run are there for others, as long as there may be threads. */
        unsigned left = THREADS_MAX - (unsigned)i - 1;
        unsigned expected = left < WORKERS ? left : WORKERS;
        PH_TEST_WAIT_UNTIL(atomic_load(&f->pool.pool->running) == expected);
    }
    ph_pool_get_stats(f->pool.pool, &stats);
    assert_int_equal(stats.threads, THREADS_MAX);
    ph_test_send(&blocking[THREADS_MAX - 1], "block\r\n");
    ph_test_echo_release(&f->echo, THREADS_MAX);
    for (int i = 0; i < THREADS_MAX; i++) {
        ph_test_expect(&blocking[i], "blocked");
    }
    ph_test_send(&f->client, "x\r\n");
    assert_non_null(ph_test_read_line(&f->client));
    /* Those that came back above the number make way, one after each session; the rest is spare. */
    for (int i = 0; i < 100 && atomic_load(&f->pool.pool->running) > WORKERS; i++) {
        ph_test_send(&f->client, "x\r\n");
        assert_non_null(ph_test_read_line(&f->client));
    }
    PH_TEST_WAIT_UNTIL(atomic_load(&f->pool.pool->running) == WORKERS);
    ph_pool_get_stats(f->pool.pool, &stats);
    assert_int_equal(stats.threads, THREADS_MAX);
    for (int i = 0; i < THREADS_MAX; i++) {
        ph_test_hang_up(&blocking[i]);
    }
}

/* Both let somebody in, though they leave at the same moment. */
static void test_workers_that_block_at_once(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client other;
    ph_test_pool_start(&f->pool);
    greet(&f->client, f->bound);
    greet(&other, f->bound);
    for (int i = 0; i < 50; i++) {
        ph_test_send(&f->client, "block\r\n");
        ph_test_send(&other, "block\r\n");
        ph_test_echo_wait_held(&f->echo, 2);
        PH_TEST_WAIT_UNTIL(atomic_load(&f->pool.pool->running) == WORKERS);
        ph_test_echo_release(&f->echo, 2);
        ph_test_expect(&f->client, "blocked");
        ph_test_expect(&other, "blocked");
    }
    ph_test_hang_up(&other);
}

static void test_blocking_outside_of_a_pool(void **state)
{
    (void)state;
    ph_pool_blocking_begin();
    ph_pool_blocking_begin();
    ph_pool_blocking_end();
    ph_pool_blocking_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_idle_sessions_get_a_last_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sessions_that_have_not_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_answer_is_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rest_of_an_answer_is_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parked_session_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parked_session_past_the_grace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_grace_ends_for_peers_that_do_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_command_in_the_store_is_finished, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nobody_is_accepted_any_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_before_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pool_that_never_ran, set_up, tear_down),
        cmocka_unit_test(test_stop_at_any_moment),
        cmocka_unit_test_setup_teardown(test_others_run_while_all_workers_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_workers_that_block_at_once, set_up, tear_down),
        cmocka_unit_test(test_blocking_outside_of_a_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
