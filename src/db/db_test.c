/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/sqlite/sqlite.h"

struct fixture {
    char directory[64];
    struct ph_log log;
    struct ph_db *db;
    struct ph_arena arena;
    struct ph_uuid_gen ids;
};

static int remove_tree(const char *directory)
{
    static const char *const names[] = {"posthouse.db", "posthouse.db-wal", "posthouse.db-shm", "lock"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
    return rmdir(directory);
}

static struct ph_sqlite_options options_of(const struct fixture *f)
{
    return (struct ph_sqlite_options){.directory = f->directory, .clock = &ph_clock_system, .log = &f->log};
}

static void open_db(struct fixture *f)
{
    struct ph_error err = {0};
    struct ph_sqlite_options options = options_of(f);
    if (ph_sqlite_open(&options, &f->db, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/ph-db-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    ph_log_init(&f->log, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR, &ph_clock_system);
    ph_arena_init(&f->arena, 0);
    ph_uuid_gen_init(&f->ids, &ph_clock_system, &ph_rand_system);
    open_db(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_db_close(&f->db);
    ph_arena_fini(&f->arena);
    ph_uuid_gen_fini(&f->ids);
    assert_int_equal(remove_tree(f->directory), 0);
    free(f);
    return 0;
}

static void what_was_written_is_read(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid mailbox = ph_uuid_gen_next(&f->ids);
    struct ph_uuid ids[3];
    ph_plan_init(&plan, &f->arena);
    for (int i = 0; i < 3; i++) {
        ids[i] = ph_uuid_gen_next(&f->ids);
        ph_plan_add(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(&mailbox),
                    ph_uuid_value(&ids[i]), ph_i64(100 + i));
    }
    assert_int_equal(ph_db_apply(f->db, &plan, &err), PH_OK);
    struct ph_rows *rows;
    assert_int_equal(ph_db_query(f->db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&mailbox)),
                     PH_OK);
    for (int i = 0; i < 3; i++) {
        struct ph_uuid id;
        int64_t size;
        assert_int_equal(ph_rows_next(rows, &err), 1);
        assert_true(ph_row_uuid(rows, 0, &id));
        assert_true(ph_row_i64(rows, 1, &size));
        assert_true(ph_uuid_eq(&id, &ids[i]));
        assert_int_equal(size, 100 + i);
    }
    assert_int_equal(ph_rows_next(rows, &err), 0);
    ph_rows_end(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
