/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations over the pool: input in pieces, long answers, parks, what a connection may hold in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net-private.h"
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
    ph_test_pool_init(&f->pool, &(struct ph_pool_options){.workers = 3});
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
    ph_test_echo_fini(&f->echo);
    free(f);
    return 0;
}

static void test_pipelined_commands_in_one_segment(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "a\r\nb\r\n\r\nquit\r\nc\r\n");
    ph_test_expect(&f->client, "1 a");
    ph_test_expect(&f->client, "2 b");
    ph_test_expect(&f->client, "3 ");
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
    ph_test_half_close(&f->client);
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[PH_CLOSE_SERVICE]) == 1);
}

static void test_commands_octet_by_octet(void **state)
{
    struct fixture *f = *state;
    const char *text = "first\r\nsecond\r\nbig 100\r\npark during\r\nquit\r\n";
    for (const char *at = text; *at != '\0'; at++) {
        ph_test_send_bytes(&f->client, at, 1);
        if (at - text < 20) {
            ph_test_pause(); /* so that the octets are not joined on the way */
        }
    }
    ph_test_expect(&f->client, "1 first");
    ph_test_expect(&f->client, "2 second");
    ph_test_echo_expect_octets(&f->client, 100);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
}

/* Many more than one stint of a worker has turns. */
static void test_thousands_of_pipelined_commands(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 5000 };
    struct ph_buf all = PH_BUF(1 << 20);
    for (int i = 1; i <= COUNT; i++) {
        ph_buf_printf(&all, "%d\r\n", i);
    }
    ph_test_send_bytes(&f->client, all.ptr, all.len);
    for (int i = 1; i <= COUNT; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "%d %d", i, i);
        ph_test_expect(&f->client, expected);
    }
    ph_buf_fini(&all);
}

static void test_a_command_that_never_ends_is_cut_off(void **state)
{
    struct fixture *f = *state;
    static uint8_t octets[PH_CONN_INPUT_MAX + PH_CONN_READ_BYTES];
    memset(octets, 'x', sizeof octets);
    (void)ph_test_send_what_goes(&f->client, octets, sizeof octets);
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[PH_CLOSE_SERVICE]) == 1);
}

static void test_long_answers(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "big 5000000\r\nbetween\r\nbig 1\r\nanswer 1000000\r\nbig 65536\r\nend\r\n");
    ph_test_echo_expect_octets(&f->client, 5000000);
    ph_test_expect(&f->client, "1 between");
    ph_test_echo_expect_octets(&f->client, 1);
    ph_test_echo_expect_octets(&f->client, 1000000);
    ph_test_echo_expect_octets(&f->client, 65536);
    ph_test_expect(&f->client, "2 end");
}

static void test_much_input(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 5000000 };
    uint8_t *octets = malloc(LEN);
    assert_non_null(octets);
    for (size_t i = 0; i < LEN; i++) {
        octets[i] = ph_test_echo_octet(i);
    }
    ph_test_send(&f->client, "sink 5000000\r\n");
    ph_test_send_bytes(&f->client, octets, LEN);
    ph_test_send(&f->client, "after\r\nsink 1\r\n");
    ph_test_send_bytes(&f->client, octets, 1);
    ph_test_expect(&f->client, "took 5000000");
    ph_test_expect(&f->client, "1 after");
    ph_test_expect(&f->client, "took 1");
    free(octets);
}

static void test_half_close_after_pipelined_commands(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "a\r\nbig 3000000\r\npark during\r\nb\r\npark before\r\nanswer 500000\r\nc\r\n");
    ph_test_half_close(&f->client);
    ph_test_expect(&f->client, "1 a");
    ph_test_echo_expect_octets(&f->client, 3000000);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "2 b");
    ph_test_expect(&f->client, "resumed");
    ph_test_echo_expect_octets(&f->client, 500000);
    ph_test_expect(&f->client, "3 c");
    ph_test_expect_end(&f->client);
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[PH_CLOSE_PEER]) == 1);
}

/* What the peer still says after our last word must not turn into a reset that takes that word away. */
static void test_last_line_survives_unread_input(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 200000 };
    uint8_t *noise = calloc(1, LEN);
    assert_non_null(noise);
    memcpy(noise, "quit\r\n", 6);
    (void)ph_test_send_what_goes(&f->client, noise, LEN);
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
    free(noise);
    assert_int_equal(ph_test_pool_connections(&f->pool), 1);
    ph_test_hang_up(&f->client);
    f->client.fd = -1;
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
}

/* ---- Parks ---- */

static void test_parks(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 300; i++) {
        ph_test_send(&f->client, "park before\r\nx\r\npark during\r\npark during\r\ny\r\n");
        ph_test_expect(&f->client, "resumed");
        assert_non_null(ph_test_read_line(&f->client));
        ph_test_expect(&f->client, "resumed");
        ph_test_expect(&f->client, "resumed");
        assert_non_null(ph_test_read_line(&f->client));
    }
    ph_test_send(&f->client, "before\r\npark after\r\nafter\r\n");
    ph_test_expect(&f->client, "601 before"); /* replies go out before the wait */
    ph_test_echo_release(&f->echo, 1);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "602 after");
    ph_test_send(&f->client, "chain 500\r\nend\r\n");
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "603 end");
}

static void test_nothing_happens_while_parked(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "park after\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_test_send(&f->client, "one\r\n");
    ph_test_half_close(&f->client);
    /* A park may take longer than any peer may be silent. */
    ph_test_pool_advance(&f->pool, 100 * PH_TEST_ECHO_TIMEOUT_MS);
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_echo_release(&f->echo, 1);
    ph_test_expect(&f->client, "resumed");
    ph_test_expect(&f->client, "1 one");
    ph_test_expect_end(&f->client);
}

static void test_peer_that_goes_while_parked(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "park after\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_test_reset(&f->client);
    f->client.fd = -1;
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_echo_release(&f->echo, 1);
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[PH_CLOSE_PEER]) == 1);
}

/* ---- What is held for a peer that does not read ---- */

struct held {
    size_t output;
    size_t input;
};

/* Of the largest connection; for a pool where all is quiet. */
static struct held largest(struct fixture *f)
{
    struct ph_pool *pool = f->pool.pool;
    struct held held = {0};
    pthread_mutex_lock(&pool->list_lock);
    for (struct ph_conn *conn = pool->connections; conn != NULL; conn = conn->next) {
        (void)atomic_load_explicit(&conn->handovers, memory_order_acquire);
        held.output = conn->out_left_len > held.output ? conn->out_left_len : held.output;
        held.input = conn->in_left_len > held.input ? conn->in_left_len : held.input;
        atomic_fetch_add_explicit(&conn->handovers, 1, memory_order_release);
    }
    pthread_mutex_unlock(&pool->list_lock);
    return held;
}

static void test_memory_for_a_peer_that_does_not_read(void **state)
{
    struct fixture *f = *state;
    enum { CLIENTS = 20, ANSWER = 100000 };
    static struct ph_test_client clients[CLIENTS];
    struct ph_buf commands = PH_BUF(1 << 20);
    while (commands.len < 500000) {
        ph_buf_str(&commands, "big 200000\r\nanswer 100000\r\npark during\r\nanswer 100000\r\nx\r\n");
    }
    size_t before = ph_test_heap_bytes();
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_connect_narrow(&clients[i], f->bound);
        (void)ph_test_send_what_goes(&clients[i], commands.ptr, commands.len);
    }
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.opened) == CLIENTS + 1);
    ph_test_pool_settle(&f->pool);
    struct held held = largest(f);
    assert_in_range(held.output, 1, PH_CONN_HIGH_WATER + ANSWER);
    assert_in_range(held.input, 1, PH_CONN_READ_BYTES);
    size_t bound = (size_t)CLIENTS * (PH_CONN_HIGH_WATER + ANSWER + PH_CONN_READ_BYTES + 1024);
    assert_true(ph_test_heap_bytes() - before < bound * ph_test_heap_factor());
    /* Whoever reads after all gets everything. */
    ph_test_expect(&clients[0], "hello");
    ph_test_echo_expect_octets(&clients[0], 200000);
    ph_test_echo_expect_octets(&clients[0], 100000);
    ph_test_expect(&clients[0], "resumed");
    ph_test_echo_expect_octets(&clients[0], 100000);
    ph_test_expect(&clients[0], "1 x");
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_hang_up(&clients[i]);
    }
    ph_buf_fini(&commands);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 1);
}

static void test_output_past_its_maximum_ends_the_session(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "overflow\r\n");
    ph_test_expect_end(&f->client);
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[PH_CLOSE_SERVICE]) == 1);
    assert_non_null(strstr(ph_test_pool_log(&f->pool), "event=output-overflow"));
}

/* Whoever finishes the park still holds the connection. */
static void test_output_past_its_maximum_and_parked(void **state)
{
    struct fixture *f = *state;
    ph_test_send(&f->client, "overflow park\r\n");
    ph_test_expect_end(&f->client);
    assert_int_equal(ph_test_echo_closed(&f->echo), 0);
    ph_test_echo_release(&f->echo, 1);
    PH_TEST_WAIT_UNTIL(ph_test_echo_closed(&f->echo) == 1);
}

/* ---- Many at once ---- */

static void test_many_sessions_at_once(void **state)
{
    struct fixture *f = *state;
    enum { CLIENTS = 40, ROUNDS = 20 };
    static struct ph_test_client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_connect(&clients[i], f->bound, NULL);
    }
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_expect(&clients[i], "hello");
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            ph_test_send(&clients[i], i % 2 == 0 ? "park during\r\nx\r\npark before\r\nbig 70000\r\n"
                                                 : "big 70000\r\nchain 3\r\nx\r\nchain 1\r\n");
        }
        for (int i = 0; i < CLIENTS; i++) {
            char expected[32];
            snprintf(expected, sizeof expected, "%d x", round + 1);
            if (i % 2 == 1) {
                ph_test_echo_expect_octets(&clients[i], 70000);
            }
            ph_test_expect(&clients[i], "resumed");
            ph_test_expect(&clients[i], expected);
            ph_test_expect(&clients[i], "resumed");
            if (i % 2 == 0) {
                ph_test_echo_expect_octets(&clients[i], 70000);
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 3 == 0) {
            ph_test_reset(&clients[i]);
        } else {
            ph_test_hang_up(&clients[i]);
        }
    }
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pipelined_commands_in_one_segment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commands_octet_by_octet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thousands_of_pipelined_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_command_that_never_ends_is_cut_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_much_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_half_close_after_pipelined_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_last_line_survives_unread_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_happens_while_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peer_that_goes_while_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_for_a_peer_that_does_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_output_past_its_maximum_ends_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_output_past_its_maximum_and_parked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_sessions_at_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
