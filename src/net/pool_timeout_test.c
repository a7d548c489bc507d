/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer may not do: be silent, not read, go on talking. And what it cannot make us do: run in circles. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "net/net-private.h"
#include "net/test_echo.h"
#include "net/test_support.h"

struct fixture {
    char directory[PH_TEST_PATH_MAX];
    struct ph_test_pool pool;
    struct ph_test_echo echo;
    char bound[PH_LISTENER_NAME_MAX];
    char unix_bound[PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    char unix_address[PH_TEST_PATH_MAX + 32];
    ph_test_directory_make(f->directory);
    snprintf(unix_address, sizeof unix_address, "unix:%s/socket", f->directory);
    ph_test_echo_init(&f->echo);
    ph_test_pool_init(&f->pool, &(struct ph_pool_options){.workers = 2});
    struct ph_listener_options listener = {
        .address = "127.0.0.1:0", .service = &ph_test_echo_service, .context = &f->echo};
    ph_test_pool_listen(&f->pool, &listener, f->bound);
    listener.address = unix_address;
    ph_test_pool_listen(&f->pool, &listener, f->unix_bound);
    ph_test_pool_start(&f->pool);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_fini(&f->pool);
    assert_int_equal(ph_test_echo_closed(&f->echo), atomic_load(&f->echo.opened));
    ph_test_echo_fini(&f->echo);
    ph_test_directory_remove(f->directory);
    free(f);
    return 0;
}

static void greet(struct ph_test_client *client, const char *bound, const char *from)
{
    ph_test_connect(client, bound, from);
    ph_test_expect(client, "hello");
}

static void wait_closed(struct fixture *f, enum ph_close_reason reason)
{
    PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[reason]) == 1);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
}

static void test_silent_peer(void **state)
{
    struct fixture *f = *state;
    greet(&f->client, f->bound, NULL);
    ph_test_send(&f->client, "half of a li");
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS - 1);
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_pool_connections(&f->pool), 1);
    ph_test_pool_advance(&f->pool, 1);
    ph_test_expect(&f->client, "goodbye timeout");
    ph_test_expect_end(&f->client);
    wait_closed(f, PH_CLOSE_TIMEOUT);
    ph_test_hang_up(&f->client);
}

static void test_input_starts_the_time_anew(void **state)
{
    struct fixture *f = *state;
    greet(&f->client, f->unix_bound, NULL);
    for (int i = 0; i < 5; i++) {
        ph_test_pool_settle(&f->pool);
        ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS / 2 + 1);
        ph_test_send(&f->client, "x\r\n");
        assert_non_null(ph_test_read_line(&f->client));
    }
    ph_test_send(&f->client, "timeout 5\r\n");
    ph_test_expect(&f->client, "ok");
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, 5);
    ph_test_expect(&f->client, "goodbye timeout");
    ph_test_expect_end(&f->client);
    ph_test_hang_up(&f->client);
    wait_closed(f, PH_CLOSE_TIMEOUT);
}

static void test_no_timeout(void **state)
{
    struct fixture *f = *state;
    greet(&f->client, f->bound, NULL);
    ph_test_send(&f->client, "timeout 0\r\n");
    ph_test_expect(&f->client, "ok");
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, UINT32_MAX / 1000 * 1000);
    ph_test_pool_settle(&f->pool);
    ph_test_send(&f->client, "x\r\n");
    ph_test_expect(&f->client, "1 x");
    ph_test_hang_up(&f->client);
}

/* A slow store is not the peer's fault. */
static void test_no_time_passes_in_a_worker(void **state)
{
    struct fixture *f = *state;
    greet(&f->client, f->bound, NULL);
    ph_test_send(&f->client, "block\r\nx\r\n");
    ph_test_echo_wait_held(&f->echo, 1);
    ph_test_pool_advance(&f->pool, 3 * PH_TEST_ECHO_TIMEOUT_MS);
    for (int i = 0; i < 300; i++) {
        ph_test_pause(); /* some rounds of the housekeeper */
    }
    ph_test_echo_release(&f->echo, 1);
    ph_test_expect(&f->client, "blocked");
    ph_test_expect(&f->client, "1 x");
    ph_test_hang_up(&f->client);
}

/* Cut off without a last line, which would stand inside of the answer. */
static void test_peer_that_does_not_read(void **state)
{
    struct fixture *f = *state;
    uint8_t octet = 0;
    size_t got = 0;
    ph_test_connect_narrow(&f->client, f->bound);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "big 50000000\r\nx\r\n");
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS);
    ph_test_pool_settle(&f->pool);
    ph_test_pool_advance(&f->pool, PH_CONN_DRAIN_MS);
    wait_closed(f, PH_CLOSE_OUTPUT);
    for (; ph_test_read_bytes(&f->client, &octet, 1) == 1; got++) {
        assert_int_equal(octet, ph_test_echo_octet(got));
    }
    assert_true(got < 50000000);
    ph_test_hang_up(&f->client);
}

static void test_slow_reader_gets_all(void **state)
{
    struct fixture *f = *state;
    enum { LEN = 2000000, ROUNDS = 8 };
    static uint8_t octets[LEN / ROUNDS];
    ph_test_connect_narrow(&f->client, f->bound);
    ph_test_expect(&f->client, "hello");
    ph_test_send(&f->client, "big 2000000\r\nanswer 1000000\r\nquit\r\n");
    for (size_t i = 0; i < ROUNDS; i++) {
        ph_test_pool_settle(&f->pool);
        ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS - 1);
        assert_int_equal(ph_test_read_bytes(&f->client, octets, sizeof octets), sizeof octets);
        for (size_t k = 0; k < sizeof octets; k++) {
            assert_int_equal(octets[k], ph_test_echo_octet(i * sizeof octets + k));
        }
    }
    for (size_t i = 0; i < 4; i++) {
        /* Closing already: the last answer has as much time as any. */
        ph_test_pool_settle(&f->pool);
        ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS - 1);
        assert_int_equal(ph_test_read_bytes(&f->client, octets, sizeof octets), sizeof octets);
    }
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
    ph_test_hang_up(&f->client);
    wait_closed(f, PH_CLOSE_SERVICE);
}

/* What a socket takes of an answer that nobody reads. */
static uint64_t room_of_a_socket(struct fixture *f)
{
    struct ph_test_client client;
    struct ph_pool *pool = f->pool.pool;
    greet(&client, f->unix_bound, NULL);
    ph_test_send(&client, "big 50000000\r\n");
    ph_test_pool_settle(&f->pool);
    pthread_mutex_lock(&pool->list_lock);
    (void)atomic_load_explicit(&pool->connections->handovers, memory_order_acquire);
    uint64_t room = ph_conn_bytes_out(pool->connections);
    atomic_fetch_add_explicit(&pool->connections->handovers, 1, memory_order_release);
    pthread_mutex_unlock(&pool->list_lock);
    ph_test_hang_up(&client);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    return room;
}

/* The socket is full when the session parks: the resume waits for the peer to read, but not for ever. */
static void test_resume_into_a_full_socket(void **state)
{
    struct fixture *f = *state;
    enum { REST = 60000 };
    uint64_t room = room_of_a_socket(f);
    size_t first = room - REST / 2;
    uint8_t *octets = malloc(first + REST);
    assert_non_null(octets);
    for (int is_reading = 0; is_reading < 2; is_reading++) {
        char commands[128];
        snprintf(commands, sizeof commands, "answer %zu\r\nanswer %d\r\npark after\r\n", first, REST);
        ph_test_connect(&f->client, f->unix_bound, NULL);
        ph_test_send(&f->client, commands);
        ph_test_echo_release(&f->echo, 1);
        ph_test_pool_settle(&f->pool);
        if (is_reading == 1) {
            ph_test_expect(&f->client, "hello");
            assert_int_equal(ph_test_read_bytes(&f->client, octets, first + REST), first + REST);
            ph_test_expect(&f->client, "resumed");
        } else {
            ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS);
            ph_test_pool_settle(&f->pool);
            assert_int_equal(ph_test_pool_connections(&f->pool), 1);
            ph_test_pool_advance(&f->pool, PH_CONN_DRAIN_MS);
            PH_TEST_WAIT_UNTIL(atomic_load(&f->echo.closed[PH_CLOSE_OUTPUT]) == 1);
        }
        ph_test_hang_up(&f->client);
    }
    free(octets);
}

/* After our last word nobody stays by talking on. */
static void test_peer_that_talks_on(void **state)
{
    struct fixture *f = *state;
    greet(&f->client, f->bound, NULL);
    ph_test_send(&f->client, "quit\r\nand another thing");
    ph_test_expect(&f->client, "bye");
    ph_test_expect_end(&f->client);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(ph_test_pool_connections(&f->pool), 1);
        ph_test_send(&f->client, ".");
        ph_test_pool_settle(&f->pool);
        ph_test_pool_advance(&f->pool, PH_CONN_DRAIN_MS / 10 - 1);
    }
    ph_test_pool_advance(&f->pool, PH_CONN_DRAIN_MS / 10);
    wait_closed(f, PH_CLOSE_SERVICE);
    ph_test_hang_up(&f->client);
}

/* ---- Nobody burns the processor ---- */

static void test_loops_that_must_not_be(void **state)
{
    struct fixture *f = *state;
    static struct ph_test_client clients[6];
    uint8_t *noise = calloc(1, 1000000);
    assert_non_null(noise);
    /* A long answer not read by a peer that has sent its end. */
    ph_test_connect_narrow(&clients[0], f->bound);
    ph_test_send(&clients[0], "big 50000000\r\n");
    ph_test_half_close(&clients[0]);
    /* ... and by one that goes on sending. */
    ph_test_connect_narrow(&clients[1], f->bound);
    ph_test_send(&clients[1], "big 50000000\r\n");
    (void)ph_test_send_what_goes(&clients[1], noise, 1000000);
    /* A parked session whose peer sent more, and its end. */
    greet(&clients[2], f->bound, NULL);
    ph_test_send(&clients[2], "park after\r\nmore\r\n");
    ph_test_half_close(&clients[2]);
    /* The same over a unix socket. */
    greet(&clients[3], f->unix_bound, NULL);
    ph_test_send(&clients[3], "park after\r\n");
    ph_test_half_close(&clients[3]);
    /* A last line not read. */
    ph_test_connect_narrow(&clients[4], f->unix_bound);
    ph_test_send(&clients[4], "answer 1000000\r\nquit\r\nmore");
    /* Half a command. */
    greet(&clients[5], f->unix_bound, NULL);
    ph_test_send(&clients[5], "half");
    ph_test_echo_wait_held(&f->echo, 2);
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_pool_connections(&f->pool), 6);
    /* Broken ones end at once, but for the parked ones, which end with their park. */
    for (size_t i = 0; i < 6; i++) {
        ph_test_reset(&clients[i]);
    }
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_pool_connections(&f->pool), 2);
    ph_test_echo_release(&f->echo, 2);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    free(noise);
}

/* ---- Deadlines against everything else ---- */

/* What came is thrown away; false once the connection has ended. */
static bool lives(const struct ph_test_client *client)
{
    static uint8_t octets[65536];
    ssize_t got;
    do {
        got = recv(client->fd, octets, sizeof octets, MSG_DONTWAIT);
    } while (got > 0);
    return got < 0 && errno == EAGAIN;
}

/* Time flies while sessions talk, park, answer, break: whoever is late is closed once, by its owner. */
static void test_deadlines_at_any_moment(void **state)
{
    struct fixture *f = *state;
    enum { CLIENTS = 16, ROUNDS = 400 };
    static struct ph_test_client clients[CLIENTS];
    static const char *const commands[] = {
        "park during\r\npark during\r\n", "x\r\n", "chain 10\r\n", "big 300000\r\n", "half", "\r\nquit\r\n",
    };
    uint32_t random = 1;
    /* The housekeeper looks all the time: nobody takes its wake-up away. */
    assert_int_equal(eventfd_write(f->pool.pool->wake_fd, 1), 0);
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_connect(&clients[i], i % 2 == 0 ? f->bound : f->unix_bound, NULL);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            random = random * 1664525U + 1013904223U;
            unsigned dice = random >> 24;
            const char *command = commands[dice % 6];
            if (dice > 240) {
                ph_test_reset(&clients[i]);
            } else if (lives(&clients[i])) {
                (void)ph_test_send_what_goes(&clients[i], command, strlen(command));
                continue;
            } else {
                ph_test_hang_up(&clients[i]);
            }
            ph_test_connect(&clients[i], dice % 2 == 0 ? f->bound : f->unix_bound, NULL);
        }
        f->pool.manual.mono_us += PH_TEST_ECHO_TIMEOUT_MS * 250ULL;
        if (round % 4 == 0) {
            ph_test_pause();
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_hang_up(&clients[i]);
    }
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    assert_true(atomic_load(&f->echo.closed[PH_CLOSE_TIMEOUT]) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_silent_peer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_input_starts_the_time_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_timeout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_time_passes_in_a_worker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peer_that_does_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_reader_gets_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_resume_into_a_full_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peer_that_talks_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loops_that_must_not_be, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deadlines_at_any_moment, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
