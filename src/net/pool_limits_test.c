/* SPDX-License-Identifier: Apache-2.0 */
/* How many may come, what becomes of one too many, and what idle ones cost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/test_echo.h"
#include "net/test_support.h"

enum { TOTAL_MAX = 12, PER_ADDRESS_MAX = 3 };

struct fixture {
    char directory[PH_TEST_PATH_MAX];
    struct ph_test_pool pool;
    struct ph_test_echo echo;
    char bound[PH_LISTENER_NAME_MAX];
    char unix_bound[PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
};

static void set_up_with(void **state, const struct ph_pool_options *options)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    char unix_address[PH_TEST_PATH_MAX + 32];
    ph_test_directory_make(f->directory);
    snprintf(unix_address, sizeof unix_address, "unix:%s/socket", f->directory);
    ph_test_echo_init(&f->echo);
    ph_test_pool_init(&f->pool, options);
    struct ph_listener_options listener = {
        .address = "127.0.0.1:0", .service = &ph_test_echo_service, .context = &f->echo};
    ph_test_pool_listen(&f->pool, &listener, f->bound);
    listener.address = unix_address;
    ph_test_pool_listen(&f->pool, &listener, f->unix_bound);
    ph_test_pool_start(&f->pool);
    *state = f;
}

static int set_up(void **state)
{
    set_up_with(state, &(struct ph_pool_options){.workers = 2,
                                                 .connections_max = TOTAL_MAX,
                                                 .connections_per_address_max = PER_ADDRESS_MAX});
    return 0;
}

static int set_up_wide(void **state)
{
    set_up_with(state, &(struct ph_pool_options){.workers = 2});
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

static void test_limit_by_address(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client clients[PER_ADDRESS_MAX];
    struct ph_test_client other;
    for (int i = 0; i < PER_ADDRESS_MAX; i++) {
        greet(&clients[i], f->bound, "127.0.0.2");
    }
    ph_test_connect(&f->client, f->bound, "127.0.0.2");
    /* It speaks before it reads: the line comes all the same. */
    (void)ph_test_send_what_goes(&f->client, "EHLO\r\n", 6);
    ph_test_expect(&f->client, "goodbye refused");
    ph_test_expect_end(&f->client);
    ph_test_hang_up(&f->client);
    greet(&other, f->bound, "127.0.0.3");
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == PER_ADDRESS_MAX + 1);
    ph_test_hang_up(&clients[0]);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == PER_ADDRESS_MAX);
    greet(&clients[0], f->bound, "127.0.0.2");
    assert_non_null(
        strstr(ph_test_pool_log(&f->pool), "event=refused session=4 protocol=echo remote=127.0.0.2:"));
    assert_non_null(strstr(ph_test_pool_log(&f->pool), "reason=\"too many connections from this address\""));
    struct ph_pool_stats stats;
    ph_pool_get_stats(f->pool.pool, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.accepted, PER_ADDRESS_MAX + 3);
    for (int i = 0; i < PER_ADDRESS_MAX; i++) {
        ph_test_hang_up(&clients[i]);
    }
    ph_test_hang_up(&other);
}

static void test_limit_of_all(void **state)
{
    struct fixture *f = *state;
    struct ph_test_client clients[TOTAL_MAX];
    for (int i = 0; i < TOTAL_MAX; i++) {
        greet(&clients[i], f->unix_bound, NULL); /* which no address counts */
    }
    ph_test_connect(&f->client, f->bound, NULL);
    ph_test_expect(&f->client, "goodbye refused");
    ph_test_expect_end(&f->client);
    ph_test_hang_up(&f->client);
    assert_non_null(strstr(ph_test_pool_log(&f->pool), "reason=\"too many connections\""));
    ph_test_hang_up(&clients[0]);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == TOTAL_MAX - 1);
    greet(&clients[0], f->bound, NULL);
    for (int i = 0; i < TOTAL_MAX; i++) {
        ph_test_hang_up(&clients[i]);
    }
}

/* ---- Few descriptors, many connections ---- */

/* The server's accept and the clients' sockets take from one table, so the clients' come first. */
static void test_few_descriptors(void **state)
{
    struct fixture *f = *state;
    enum { CLIENTS = 8, ROOM = 64 };
    static struct ph_test_client clients[CLIENTS];
    int ballast[ROOM];
    size_t count = 0;
    struct rlimit old;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    greet(&f->client, f->unix_bound, NULL);
    ph_test_pool_settle(&f->pool);
    snprintf(name.sun_path, sizeof name.sun_path, "%s", f->unix_bound + strlen("unix:"));
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] =
            (struct ph_test_client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
        assert_true(clients[i].fd >= 0);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    const struct rlimit few = {(rlim_t)clients[CLIENTS - 1].fd + ROOM, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int fd = dup(STDERR_FILENO); fd >= 0; fd = dup(STDERR_FILENO)) {
        assert_true(count < ROOM);
        ballast[count++] = fd;
    }
    assert_int_equal(errno, EMFILE);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(connect(clients[i].fd, (const struct sockaddr *)(const void *)&name, sizeof name),
                         0);
    }
    PH_TEST_WAIT_UNTIL(strstr(ph_test_pool_log(&f->pool), "event=accept-failed") != NULL);
    struct ph_pool_stats before;
    struct ph_pool_stats after;
    ph_pool_get_stats(f->pool.pool, &before);
    for (int i = 0; i < 300; i++) {
        ph_test_pause();
    }
    ph_pool_get_stats(f->pool.pool, &after);
    assert_true(after.events - before.events < 300); /* tried now and then, not in a loop */
    assert_int_equal(after.accepted, 1);
    /* Two descriptors serve the two that came first, the rest waits on. */
    close(ballast[--count]);
    close(ballast[--count]);
    ph_test_expect(&clients[0], "hello");
    ph_test_expect(&clients[1], "hello");
    while (count > 0) {
        close(ballast[--count]);
    }
    for (int i = 2; i < CLIENTS; i++) {
        ph_test_expect(&clients[i], "hello");
    }
    const char *complaint = strstr(ph_test_pool_log(&f->pool), "event=accept-failed");
    assert_non_null(complaint);
    assert_null(strstr(complaint + 1, "event=accept-failed")); /* said once, though tried often */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    for (int i = 0; i < CLIENTS; i++) {
        ph_test_hang_up(&clients[i]);
    }
    ph_test_hang_up(&f->client);
}

static void test_idle_connections_are_cheap(void **state)
{
    struct fixture *f = *state;
    enum { IDLE = 2000, BYTES_MAX = 1024 };
    static int fds[IDLE];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    /* What is made once is there after the first. */
    greet(&f->client, f->bound, NULL);
    size_t before = ph_test_heap_bytes();
    for (size_t i = 0; i < IDLE; i++) {
        struct ph_test_client client;
        greet(&client, f->bound, NULL);
        fds[i] = client.fd;
    }
    ph_test_pool_settle(&f->pool);
    assert_int_equal(ph_test_pool_connections(&f->pool), IDLE + 1);
    size_t each = (ph_test_heap_bytes() - before) / IDLE;
    print_message("an idle connection takes %zu octets of heap\n", each);
    assert_true(each < (size_t)BYTES_MAX * ph_test_heap_factor());
    /* All are told and all end. */
    ph_test_pool_advance(&f->pool, PH_TEST_ECHO_TIMEOUT_MS);
    PH_TEST_WAIT_UNTIL(ph_test_pool_connections(&f->pool) == 0);
    assert_int_equal(atomic_load(&f->echo.closed[PH_CLOSE_TIMEOUT]), IDLE + 1);
    for (size_t i = 0; i < IDLE; i++) {
        close(fds[i]);
    }
    ph_test_hang_up(&f->client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limit_by_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit_of_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_few_descriptors, set_up_wide, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_connections_are_cheap, set_up_wide, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
