/* SPDX-License-Identifier: Apache-2.0 */
/* Where one may listen, what is refused, and what becomes of names in the file system. */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/net-private.h"
#include "net/test_echo.h"
#include "net/test_support.h"

struct fixture {
    char directory[PH_TEST_PATH_MAX];
    char address[PH_TEST_PATH_MAX + 32]; /* unix:DIRECTORY/socket */
    struct ph_test_pool pool;
    struct ph_test_echo echo;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    ph_test_directory_make(f->directory);
    snprintf(f->address, sizeof f->address, "unix:%s/socket", f->directory);
    ph_test_echo_init(&f->echo);
    ph_test_pool_init(&f->pool, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ph_test_pool_fini(&f->pool);
    ph_test_echo_fini(&f->echo);
    ph_test_directory_remove(f->directory);
    free(f);
    return 0;
}

static int try_listen(struct fixture *f, const char *address, char *bound)
{
    const struct ph_listener_options options = {
        .address = address, .service = &ph_test_echo_service, .context = &f->echo};
    struct ph_error err = {0};
    int result = ph_pool_listen(f->pool.pool, &options, bound, &err);
    assert_int_equal(result, err.code);
    return result;
}

static void expect_service(const char *bound)
{
    struct ph_test_client client;
    ph_test_connect(&client, bound, NULL);
    ph_test_expect(&client, "hello");
    ph_test_send(&client, "quit\r\n");
    ph_test_expect(&client, "bye");
    ph_test_expect_end(&client);
    ph_test_hang_up(&client);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    closedir(directory);
    return count;
}

static void test_free_ports(void **state)
{
    struct fixture *f = *state;
    static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", "0.0.0.0:0", "[::]:0"};
    char bound[4][PH_LISTENER_NAME_MAX];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(try_listen(f, addresses[i], bound[i]), PH_OK);
        assert_true(ph_bytes_starts(ph_bytes_str(bound[i]), ph_bytes_first(ph_bytes_str(addresses[i]), 4)));
        assert_string_not_equal(bound[i], addresses[i]);
    }
    ph_test_pool_start(&f->pool);
    for (size_t i = 0; i < 4; i++) {
        expect_service(bound[i]);
    }
}

/* Also where the listener is for all addresses. */
static void test_connections_know_their_own_address(void **state)
{
    struct fixture *f = *state;
    char narrow[PH_LISTENER_NAME_MAX];
    char wide[PH_LISTENER_NAME_MAX];
    char expected[PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
    assert_int_equal(try_listen(f, "127.0.0.1:0", narrow), PH_OK);
    assert_int_equal(try_listen(f, "0.0.0.0:0", wide), PH_OK);
    ph_test_pool_start(&f->pool);
    ph_test_connect(&client, narrow, NULL);
    ph_test_expect(&client, "hello");
    ph_test_send(&client, "local\r\n");
    ph_test_expect(&client, narrow);
    ph_test_hang_up(&client);
    snprintf(expected, sizeof expected, "127.0.0.9%s", strchr(wide, ':'));
    ph_test_connect(&client, expected, "127.0.0.7");
    ph_test_expect(&client, "hello");
    ph_test_send(&client, "local\r\npeer\r\n");
    ph_test_expect(&client, expected);
    const char *peer = ph_test_read_line(&client);
    assert_true(peer != NULL && ph_bytes_starts(ph_bytes_str(peer), PH_BYTES("127.0.0.7:")));
    ph_test_hang_up(&client);
}

/* Set once on the listener, not with three system calls on each connection. */
static void test_accepted_sockets_inherit_their_options(void **state)
{
    struct fixture *f = *state;
    char bound[PH_LISTENER_NAME_MAX];
    struct ph_test_client client;
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 128 * 1024},
    };
    assert_int_equal(try_listen(f, "127.0.0.1:0", bound), PH_OK);
    ph_test_pool_start(&f->pool);
    ph_test_connect(&client, bound, NULL);
    ph_test_expect(&client, "hello");
    pthread_mutex_lock(&f->pool.pool->list_lock);
    int fd = f->pool.pool->connections->pollable.fd;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int value = 0;
        socklen_t len = sizeof value;
        assert_int_equal(getsockopt(fd, options[i].level, options[i].name, &value, &len), 0);
        assert_int_equal(value, options[i].value);
    }
    pthread_mutex_unlock(&f->pool.pool->list_lock);
    ph_test_hang_up(&client);
}

static void test_what_is_no_address(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1: 25",
        "127.0.0.1:25x",
        "127.1:0",
        "2130706433:0",
        "0x7f.0.0.1:0",
        "localhost:0",
        ":25",
        "*:25",
        "::1:25",
        "2001:db8::1:25",
        "[::1]",
        "[::1]25",
        "[::1:25",
        "[]:25",
        "[127.0.0.1]:0",
        "unix:",
        "unix:relative/path",
        "unix:/a/very/long/path/that/does/not/fit/into/the/kernels/structure/for/addresses/of/unix/sockets/which/has/one/hundred/and/eight",
    };
    unsigned before = open_descriptors();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (try_listen(f, bad[i], NULL) != PH_EINVALID) {
            fail_msg("\"%s\" is an address?", bad[i]);
        }
    }
    assert_int_equal(open_descriptors(), before);
}

static void test_taken_port(void **state)
{
    struct fixture *f = *state;
    char bound[PH_LISTENER_NAME_MAX];
    assert_int_equal(try_listen(f, "127.0.0.1:0", bound), PH_OK);
    unsigned before = open_descriptors();
    for (int i = 0; i < 10; i++) {
        assert_int_equal(try_listen(f, bound, NULL), PH_EBUSY);
    }
    assert_int_equal(open_descriptors(), before);
}

/* ---- Unix sockets ---- */

static const char *path_of(const struct fixture *f)
{
    return f->address + strlen("unix:");
}

static void test_unix_socket(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    char bound[PH_LISTENER_NAME_MAX];
    assert_int_equal(try_listen(f, f->address, bound), PH_OK);
    assert_string_equal(bound, f->address);
    assert_int_equal(stat(path_of(f), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    ph_test_pool_start(&f->pool);
    expect_service(bound);
    struct ph_test_client client;
    ph_test_connect(&client, bound, NULL);
    ph_test_expect(&client, "hello");
    ph_test_send(&client, "peer\r\n");
    ph_test_expect(&client, "unix");
    ph_test_hang_up(&client);
    ph_pool_stop(f->pool.pool);
    ph_test_pool_join(&f->pool);
    assert_int_equal(access(path_of(f), F_OK), -1);
}

static void test_living_socket_is_left_alone(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(try_listen(f, f->address, NULL), PH_OK);
    assert_int_equal(try_listen(f, f->address, NULL), PH_EBUSY);
    ph_test_pool_start(&f->pool);
    expect_service(f->address);
}

/* Its backlog is full: that must not make the second server wait, nor take it for dead. */
static void test_living_socket_that_accepts_nobody(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int waiting[8];
    size_t count = 0;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path_of(f));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 0), 0);
    for (int result = 0; result == 0; count++) {
        assert_true(count < 8);
        waiting[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        result = connect(waiting[count], (const struct sockaddr *)(const void *)&name, sizeof name);
    }
    assert_int_equal(try_listen(f, f->address, NULL), PH_EBUSY);
    while (count > 0) {
        close(waiting[--count]);
    }
    close(fd);
    assert_int_equal(unlink(path_of(f)), 0);
}

static void test_socket_of_a_dead_server_is_taken_over(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path_of(f));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)(const void *)&name, sizeof name), 0);
    assert_int_equal(listen(fd, 1), 0);
    close(fd);
    assert_int_equal(try_listen(f, f->address, NULL), PH_OK);
    ph_test_pool_start(&f->pool);
    expect_service(f->address);
}

/* connect(2) says "refused" of any file that is no socket: no reason to remove it. */
static void test_other_files_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    int fd = open(path_of(f), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "precious", 8), 8);
    close(fd);
    assert_int_equal(try_listen(f, f->address, NULL), PH_EBUSY);
    assert_int_equal(stat(path_of(f), &status), 0);
    assert_int_equal(status.st_size, 8);
    assert_int_equal(unlink(path_of(f)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_free_ports, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_connections_know_their_own_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_accepted_sockets_inherit_their_options, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_taken_port, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unix_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_living_socket_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_living_socket_that_accepts_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_socket_of_a_dead_server_is_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_files_are_left_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
