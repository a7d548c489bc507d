/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each restriction in a child of its own, which tries what is forbidden and tells by its exit code what it could do.
 */
#include "app/sandbox.h"
#include "mime/charset.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            fprintf(stderr, "%s:%d: %s: errno %d\n", __FILE__, __LINE__, #condition, errno); \
            return 1;                                                                        \
        }                                                                                    \
    } while (0)

/* The status of a child that runs BODY. */
static int in_child(int (*body)(const char *directory), const char *directory)
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(body(directory));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void make_tree(char directory[64])
{
    snprintf(directory, 64, "/tmp/posthouse-sandbox-XXXXXX");
    assert_non_null(mkdtemp(directory));
    char path[128];
    static const char *const names[] = {"data", "etc", "run", "outside"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        assert_int_equal(mkdir(path, 0755), 0);
        snprintf(path, sizeof path, "%s/%s/file", directory, names[i]);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(fd >= 0);
        close(fd);
    }
}

static void remove_tree(const char *directory)
{
    static const char *const names[] = {"data/new", "data/file", "data",         "etc/file", "etc",
                                        "run/file", "run",       "outside/file", "outside",  "."};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)remove(path);
    }
    (void)rmdir(directory);
}

static bool can_open(const char *directory, const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static int try_paths(const char *directory)
{
    char data[128];
    char etc[128];
    snprintf(data, sizeof data, "%s/data", directory);
    snprintf(etc, sizeof etc, "%s/etc", directory);
    const char *const writable[] = {data};
    const char *const readable[] = {etc, "/nonexistent"};
    const struct ph_paths paths = {
        .writable = writable, .writable_count = 1, .readable = readable, .readable_count = 2};
    int version = 0;
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(ph_landlock_restrict(&paths, &version, NULL) == PH_OK);
    if (version == 0) { /* a kernel without Landlock: the server runs all the same, and says so */
        CHECK(can_open(directory, "outside/file", O_RDONLY));
        return 0;
    }
    CHECK(can_open(directory, "data/new", O_RDWR | O_CREAT | O_EXCL));
    CHECK(can_open(directory, "data/file", O_RDONLY));
    CHECK(can_open(directory, "etc/file", O_RDONLY));
    CHECK(!can_open(directory, "etc/file", O_WRONLY) && errno == EACCES);
    CHECK(!can_open(directory, "etc/new", O_WRONLY | O_CREAT) && errno == EACCES);
    CHECK(!can_open(directory, "outside/file", O_RDONLY) && errno == EACCES);
    CHECK(!can_open(directory, "data/../outside/file", O_RDONLY) && errno == EACCES);
    CHECK(!can_open("/etc", "shadow", O_RDONLY) && errno == EACCES);
    return 0;
}

static void test_files_outside_are_out_of_reach(void **state)
{
    (void)state;
    char directory[64];
    make_tree(directory);
    int status = in_child(try_paths, directory);
    remove_tree(directory);
    assert_int_equal(status, 0);
}

static void *touch_memory(void *arg)
{
    free(malloc(1 << 20));
    return arg;
}

static int try_calls(const char *directory)
{
    CHECK(ph_seccomp_restrict(PH_CONFIG_SECCOMP_ENFORCE, false, NULL) == PH_OK);
    char *const words[] = {(char *)(uintptr_t) "true", NULL};
    CHECK(execv("/bin/true", words) == -1 && errno == EPERM);
    CHECK(fork() == -1 && errno == EPERM);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EPERM);
    CHECK(socket(AF_INET6, SOCK_DGRAM, 0) == -1 && errno == EPERM);
    CHECK(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EPERM);
    CHECK(setuid(getuid()) == -1 && errno == EPERM);
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
          errno == EPERM);
    CHECK(kill(getppid(), 0) == -1 && errno == EPERM);
    /* What a server does all day. */
    CHECK(can_open(directory, "data/new", O_RDWR | O_CREAT));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    close(fd);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, touch_memory, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static void test_calls_that_a_server_never_makes_are_refused(void **state)
{
    (void)state;
    char directory[64];
    make_tree(directory);
    int status = in_child(try_calls, directory);
    remove_tree(directory);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int try_to_connect(const char *directory)
{
    (void)directory;
    CHECK(ph_seccomp_restrict(PH_CONFIG_SECCOMP_ENFORCE, true, NULL) == PH_OK);
    struct sockaddr_in nobody = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK(connect(fd, (const struct sockaddr *)&nobody, sizeof nobody) == -1 && errno == ECONNREFUSED);
    CHECK(listen(fd, 1) == -1 && errno == EPERM);
    close(fd);
    CHECK(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EPERM);
    CHECK(fork() == -1 && errno == EPERM);
    return 0;
}

static void test_connections_to_elsewhere_are_made_where_the_store_is_there(void **state)
{
    (void)state;
    int status = in_child(try_to_connect, "");
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int try_kill(const char *directory)
{
    (void)directory;
    CHECK(ph_seccomp_restrict(PH_CONFIG_SECCOMP_KILL, false, NULL) == PH_OK);
    (void)socket(AF_INET, SOCK_STREAM, 0);
    return 0;
}

static void test_or_end_the_process(void **state)
{
    (void)state;
    int status = in_child(try_kill, "");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* A message of a charset that nobody has met yet does not end the server. */
static int try_charsets(const char *directory)
{
    static const char *const names[] = {"gb2312", "big5",   "shift_jis", "iso-2022-jp",
                                        "euc-kr", "koi8-r", "utf-16"};
    (void)directory;
    ph_charset_keep_all();
    CHECK(ph_seccomp_restrict(PH_CONFIG_SECCOMP_KILL, false, NULL) == PH_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK(ph_charset_is_known(ph_bytes_str(names[i])));
    }
    return 0;
}

static void test_charsets_are_there(void **state)
{
    (void)state;
    assert_int_equal(in_child(try_charsets, ""), 0);
}

static int try_off(const char *directory)
{
    (void)directory;
    CHECK(ph_seccomp_restrict(PH_CONFIG_SECCOMP_OFF, false, NULL) == PH_OK);
    CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    return 0;
}

static void test_or_not(void **state)
{
    (void)state;
    assert_int_equal(in_child(try_off, ""), 0);
}

/* Some user that is not root. */
enum { SOMEBODY = 65534 };

static int try_privileges(const char *directory)
{
    char data_dir[128];
    snprintf(data_dir, sizeof data_dir, "%s/data/new", directory);
    struct ph_config_root root = {.data_dir = data_dir};
    const struct ph_config config = {.root = &root};
    const struct ph_privileges privileges = {.has_user = true, .uid = SOMEBODY, .gid = SOMEBODY};
    struct stat info;
    CHECK(chmod(directory, 0755) == 0);
    CHECK(ph_privileges_lower(&privileges, &config, NULL) == PH_OK);
    CHECK(geteuid() == SOMEBODY && getegid() == SOMEBODY && getgroups(0, NULL) == 0);
    CHECK(stat(data_dir, &info) == 0 && info.st_uid == SOMEBODY && (info.st_mode & 0777) == 0700);
    ph_privileges_raise(&privileges);
    CHECK(geteuid() == 0);
    ph_privileges_lower_again(&privileges);
    CHECK(geteuid() == SOMEBODY);
    CHECK(ph_privileges_drop(&privileges, NULL) == PH_OK);
    CHECK(setuid(0) == -1 && seteuid(0) == -1 && setgid(0) == -1);
    CHECK(!can_open(directory, "outside/file", O_WRONLY));
    return 0;
}

/* Root's data directory is not for another user. */
static int try_foreign_data_dir(const char *directory)
{
    char data_dir[128];
    snprintf(data_dir, sizeof data_dir, "%s/data", directory);
    struct ph_config_root root = {.data_dir = data_dir};
    const struct ph_config config = {.root = &root};
    const struct ph_privileges privileges = {.has_user = true, .uid = SOMEBODY, .gid = SOMEBODY};
    struct ph_error err = {0};
    CHECK(ph_privileges_lower(&privileges, &config, &err) == PH_EDENIED);
    CHECK(strstr(err.text, "belongs to uid 0") != NULL && geteuid() == 0);
    return 0;
}

static int try_names(const char *directory)
{
    (void)directory;
    struct ph_config_root root = {.user = (char *)(uintptr_t) "nobody", .group = (char *)(uintptr_t) ""};
    const struct ph_config config = {.root = &root};
    struct ph_privileges privileges;
    CHECK(ph_privileges_find(&config, &privileges, NULL) == PH_OK);
    CHECK(privileges.has_user && privileges.uid == SOMEBODY);
    root.group = (char *)(uintptr_t) "no-such-group";
    CHECK(ph_privileges_find(&config, &privileges, NULL) == PH_EINVALID);
    root.user = (char *)(uintptr_t) "no-such-user";
    CHECK(ph_privileges_find(&config, &privileges, NULL) == PH_EINVALID);
    root.user = (char *)(uintptr_t) "root";
    root.group = (char *)(uintptr_t) "";
    CHECK(ph_privileges_find(&config, &privileges, NULL) == PH_OK && !privileges.has_user);
    root.user = (char *)(uintptr_t) "";
    CHECK(ph_privileges_find(&config, &privileges, NULL) == PH_OK && !privileges.has_user);
    return 0;
}

/* Who is not root becomes nobody else, whatever the configuration names. */
static int try_without_root(const char *directory)
{
    (void)directory;
    struct ph_config_root root = {.user = (char *)(uintptr_t) "no-such-user",
                                  .group = (char *)(uintptr_t) ""};
    const struct ph_config config = {.root = &root};
    struct ph_privileges privileges;
    CHECK(geteuid() != 0 || setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0);
    uid_t before = geteuid();
    CHECK(ph_privileges_find(&config, &privileges, NULL) == PH_OK && !privileges.has_user);
    CHECK(ph_privileges_lower(&privileges, &config, NULL) == PH_OK);
    ph_privileges_raise(&privileges);
    CHECK(geteuid() == before);
    CHECK(ph_privileges_drop(&privileges, NULL) == PH_OK);
    CHECK(geteuid() == before && setuid(0) == -1);
    return 0;
}

static void test_root_is_left_for_good(void **state)
{
    (void)state;
    assert_int_equal(in_child(try_without_root, ""), 0);
    if (geteuid() != 0) {
        return; /* there is no root to leave */
    }
    char directory[64];
    make_tree(directory);
    int left = in_child(try_privileges, directory);
    char made[128];
    snprintf(made, sizeof made, "%s/data/new", directory);
    (void)rmdir(made);
    int foreign = in_child(try_foreign_data_dir, directory);
    int names = in_child(try_names, directory);
    remove_tree(directory);
    assert_int_equal(left, 0);
    assert_int_equal(foreign, 0);
    assert_int_equal(names, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_outside_are_out_of_reach),
        cmocka_unit_test(test_calls_that_a_server_never_makes_are_refused),
        cmocka_unit_test(test_connections_to_elsewhere_are_made_where_the_store_is_there),
        cmocka_unit_test(test_or_end_the_process),
        cmocka_unit_test(test_charsets_are_there),
        cmocka_unit_test(test_or_not),
        cmocka_unit_test(test_root_is_left_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
