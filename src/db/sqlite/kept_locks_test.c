/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <sqlite3.h>

#include "db/sqlite/kept_locks.h"

enum { READERS = 3 };

struct fixture {
    char directory[64];
    char path[96];
    sqlite3 *writer;
    sqlite3 *readers[READERS];
};

static sqlite3 *connect_through(const char *path, const char *layer)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, layer),
                     SQLITE_OK);
    return handle;
}

static void run(sqlite3 *handle, const char *sql)
{
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/posthouse-locks-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/db", f->directory);
    f->writer = connect_through(f->path, ph_kept_locks_layer());
    run(f->writer, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
                   "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    for (int i = 0; i < READERS; i++) {
        f->readers[i] = connect_through(f->path, ph_kept_locks_layer());
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(sqlite3_close(f->readers[i]), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(f->writer), SQLITE_OK);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(rmdir(f->directory), 0); /* the log and its index went with the last connection */
    free(f);
    return 0;
}

static int restart_log(sqlite3 *handle)
{
    return sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

/* Another process, which knows nothing of the layer, wants the log to start anew: this program with the path. */
static int be_another_process(const char *path)
{
    sqlite3 *handle = NULL;
    int rc = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(handle, "SELECT count(*) FROM t", NULL, NULL, NULL);
    }
    rc = rc == SQLITE_OK ? restart_log(handle) : 255;
    sqlite3_close(handle);
    return rc;
}

static int restart_log_elsewhere(struct fixture *f)
{
    char program[] = "/proc/self/exe";
    char *arguments[] = {program, f->path, NULL};
    pid_t child;
    int status;
    assert_int_equal(posix_spawn(&child, program, NULL, NULL, arguments, environ), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void write_one(struct fixture *f)
{
    run(f->writer, "INSERT INTO t VALUES (2)");
}

static void a_kept_lock_hinders_nobody_of_the_process(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 20; round++) {
        run(f->readers[round % READERS], "SELECT count(*) FROM t");
        assert_int_equal(restart_log(f->writer), SQLITE_OK);
        write_one(f);
    }
}

static void a_reader_holds_the_log(void **state)
{
    struct fixture *f = *state;
    run(f->readers[0], "BEGIN; SELECT count(*) FROM t");
    write_one(f);
    assert_int_equal(restart_log(f->writer), SQLITE_BUSY);
    run(f->readers[0], "COMMIT");
    assert_int_equal(restart_log(f->writer), SQLITE_OK);
}

static void one_of_two_readers_holds_the_log(void **state)
{
    struct fixture *f = *state;
    run(f->readers[0], "BEGIN; SELECT count(*) FROM t");
    run(f->readers[1], "BEGIN; SELECT count(*) FROM t");
    write_one(f);
    run(f->readers[0], "COMMIT");
    assert_int_equal(restart_log(f->writer), SQLITE_BUSY);
    run(f->readers[1], "COMMIT");
    assert_int_equal(restart_log(f->writer), SQLITE_OK);
}

/* The first connection keeps for all; its end leaves the others their locks. */
static void a_reader_is_safe_from_another_process_when_the_keeper_goes(void **state)
{
    struct fixture *f = *state;
    run(f->readers[0], "BEGIN; SELECT count(*) FROM t");
    write_one(f);
    assert_int_equal(restart_log_elsewhere(f), SQLITE_BUSY);
    assert_int_equal(sqlite3_close(f->writer), SQLITE_OK);
    assert_int_equal(restart_log_elsewhere(f), SQLITE_BUSY);
    f->writer = connect_through(f->path, ph_kept_locks_layer());
    run(f->readers[0], "COMMIT");
    assert_int_equal(restart_log(f->writer), SQLITE_OK);
}

static void every_reader_sees_what_was_committed(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 50; round++) {
        write_one(f);
        sqlite3_stmt *stmt;
        assert_int_equal(
            sqlite3_prepare_v2(f->readers[round % READERS], "SELECT count(*) FROM t", -1, &stmt, NULL),
            SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), round + 2);
        sqlite3_finalize(stmt);
        if (round % 7 == 0) {
            assert_int_equal(restart_log(f->writer), SQLITE_OK);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        return be_another_process(argv[1]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_kept_lock_hinders_nobody_of_the_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_holds_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_of_two_readers_holds_the_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_is_safe_from_another_process_when_the_keeper_goes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(every_reader_sees_what_was_committed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
