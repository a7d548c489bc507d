/* SPDX-License-Identifier: Apache-2.0 */
/* Connections that wait for their peer and for news at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/test_echo.h"
#include "net/test_support.h"

struct fixture {
    struct ph_test_pool pool;
    struct ph_test_echo echo;
    char bound[PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ph_test_echo_init(&f->echo);
    ph_test_pool_init(&f->pool, &(struct ph_pool_options){.workers = 3, .stop_grace_ms = 1000});
    const struct ph_listener_options listener = {
        .address = "127.0.0.1:0", .service = &ph_test_echo_service, .context = &f->echo};
    ph_test_pool_listen(&f->pool, &listener, f->bound);
    ph_test_pool_start(&f->pool);
    ph_test_connect(&f->client, f->bound, NULL);
    ph_test_expect(&f->client, "hello");
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
    (void)ph_test_echo_wake(&f->echo); /* connections and pool are gone */
    ph_test_echo_fini(&f->echo);
    free(f);
    return 0;
}

static void watch(struct ph_test_client *client)
{
    ph_test_send(client, "watch 0\r\n");
    ph_test_expect(client, "ok");
}

static void test_woken_while_idle(void **state)
{
    struct fixture *f = *state;
    watch(&f->client);
    for (int i = 0; i < 20; i++) {
        if (i % 2 == 0) {
            ph_test_pool_settle(&f->pool); /* it is idle for certain */
        }
        (void)ph_test_echo_wake(&f->echo);
        ph_test_expect(&f->client, "woken");
    }
    ph_test_send(&f->client, "a\r\npark during\r\nb");
    ph_test_expect(&f->client, "1 a");
    ph_test_expect(&f->client, "resumed");
    (void)ph_test_echo_wake(&f->echo);
    ph_test_expect(&f->client, "woken");
    ph_test_send(&f->client, "\r\n");
    ph_test_expect(&f->client, "2 b");
}

static void test_a_wake_that_nobody_expects_is_kept(void **state)
{
    struct fixture *f = *state;
    watch(&f->client);
    ph_test_send(&f->client, "unwatch\r\n");
    ph_test_expect(&f->client, "ok");
    ph_test_pool_settle(&f->pool);
    (void)ph_test_echo_wake(&f->echo);
    (void)ph_test_echo_wake(&f->echo);
    ph_test_send(&f->client, "a\r\nwatch 0\r\n");
    ph_test_expect(&f->client, "1 a");
    ph_test_expect(&f->client, "ok");
    ph_test_expect(&f->client, "woken");
    ph_test_send(&f->client, "b\r\n");
    ph_test_expect(&f->client, "2 b");
}

static void test_a_wake_during_a_command_comes_behind_it(void **state)
{
    struct fixture *f = *state;
    watch(&f->client);
    ph_test_send(&f->client, "park after\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    (void)ph_test_echo_wake(&f->echo);
    ph_test_echo_release(&f->echo, 1);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "woken");
}

static void test_an_interval_wakes_too_and_puts_no_timeout_off(void **state)
{
    struct fixture *f = *state;
    enum { INTERVAL_MS = PH_TEST_ECHO_TIMEOUT_MS / 4 };
    char line[32];
    snprintf(line, sizeof line, "watch %d\r\n", INTERVAL_MS);
    ph_test_send(&f->client, line);
    ph_test_expect(&f->client, "ok");
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, INTERVAL_MS);
    ph_test_expect(&f->client, "woken");
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, INTERVAL_MS);
    ph_test_expect(&f->client, "woken");
    ph_test_pool_settle(&f->pool);
    /* What was said then did put it off; from here on, nothing is said and nothing comes. */
    ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS);
    const char *last = ph_test_read_line(&f->client);
    while (last != NULL && strcmp(last, "woken") == 0) {
        last = ph_test_read_line(&f->client);
    }
    assert_string_equal(last, "goodbye timeout");
}

static void test_the_stop_reaches_the_idle(void **state)
{
    struct fixture *f = *state;
    watch(&f->client);
    ph_test_pool_settle(&f->pool);
    ph_pool_stop(f->pool.pool);
    ph_test_expect(&f->client, "goodbye shutdown");
    ph_test_expect_end(&f->client);
    ph_test_hang_up(&f->client);
    f->client.fd = -1;
    ph_test_pool_join(&f->pool);
}

static void test_a_peer_that_goes_while_idle(void **state)
{
    struct fixture *f = *state;
    watch(&f->client);
    ph_test_pool_settle(&f->pool);
    ph_test_reset(&f->client);
    f->client.fd = -1;
    PH_TEST_WAIT_UNTIL(ph_test_echo_closed(&f->echo) == 1);
    (void)ph_test_echo_wake(&f->echo);
}

/* ---- Many at once ---- */

struct storm {
    struct ph_test_echo *echo;
    atomic_bool ends;
};

static void *wake_all(void *arg)
{
    struct storm *storm = arg;
    while (!atomic_load(&storm->ends)) {
        (void)ph_test_echo_wake(storm->echo);
    }
    return NULL;
}

/* What is sent is answered in order, whatever wakes come between; whoever goes, goes. */
static void test_a_storm_of_wakes(void **state)
{
    struct fixture *f = *state;
    enum { CLIENTS = 24, ROUNDS = 40, WAKERS = 2 };
    static struct ph_test_client clients[CLIENTS];
    struct storm storm = {.echo = &f->echo};
    pthread_t threads[WAKERS];
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_connect(&clients[i], f->bound, NULL);
        ph_test_expect(&clients[i], "hello");
        watch(&clients[i]);
    }
    for (int i = 0; i < WAKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, wake_all, &storm), 0);
    }
    for (int round = 1; round <= ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            ph_test_send(&clients[i], i % 3 == 0 ? "park during\r\nx\r\n" : "x\r\n");
        }
        for (int i = 0; i < CLIENTS; i++) {
            char expected[32];
            snprintf(expected, sizeof expected, "%d x", round);
            const char *line = ph_test_read_line(&clients[i]);
            while (line != NULL && strcmp(line, expected) != 0) {
                assert_true(strcmp(line, "woken") == 0 || strcmp(line, "resumed") == 0);
                line = ph_test_read_line(&clients[i]);
            }
            assert_non_null(line);
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 2 == 0) {
            ph_test_reset(&clients[i]);
        } else {
            ph_test_hang_up(&clients[i]);
        }
    }
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 1);
    atomic_store(&storm.ends, true);
    for (int i = 0; i < WAKERS; i++) {
        pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_woken_while_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wake_that_nobody_expects_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wake_during_a_command_comes_behind_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_interval_wakes_too_and_puts_no_timeout_off, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_stop_reaches_the_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_peer_that_goes_while_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_storm_of_wakes, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
