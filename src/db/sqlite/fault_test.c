/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Nth write fails, for each N until a run meets no failure; then the Nth sync. Whatever fails:
 *
 *     a plan that was reported done is there, now and after a restart;
 *     a plan that failed with anything but an unknown outcome is not there;
 *     an unknown outcome is one of the two, whole;
 *     the service goes on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/sqlite/engine.h"
#include "db/sqlite/fault_vfs.h"
#include "db/test_store.h"

enum { PLANS = 12, ROWS_A_PLAN = 3, MOST_FAULTS = 3000 };

struct run {
    struct ph_test_store store;
    struct ph_arena arena;
    struct ph_uuid mailboxes[PLANS + 1]; /* one for each plan, one for the plan behind the trouble */
    int results[PLANS + 1];
};

static void write_plan(struct run *run, unsigned i)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    ph_arena_reset(&run->arena);
    ph_plan_init(&plan, &run->arena);
    for (unsigned row = 0; row < ROWS_A_PLAN; row++) {
        struct ph_uuid id = ph_uuid_gen_next(&run->store.ids);
        ph_plan_add(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT,
                    ph_uuid_value(&run->mailboxes[i]), ph_uuid_value(&id), ph_i64(1));
    }
    run->results[i] = ph_db_apply(run->store.db, &plan, &err);
}

static unsigned count_rows(struct run *run, unsigned i)
{
    struct ph_error err = {0};
    struct ph_rows *rows;
    unsigned count = 0;
    int result = ph_db_query(run->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST,
                             ph_uuid_value(&run->mailboxes[i]));
    assert_int_equal(result, PH_OK);
    while ((result = ph_rows_next(rows, &err)) == 1) {
        count++;
    }
    assert_int_equal(result, 0);
    ph_rows_end(&rows);
    return count;
}

static void check(struct run *run, unsigned at)
{
    for (unsigned i = 0; i <= PLANS; i++) {
        unsigned count = count_rows(run, i);
        bool is_right = run->results[i] == PH_OK                 ? count == ROWS_A_PLAN
                        : run->results[i] == PH_EUNKNOWN_OUTCOME ? count == ROWS_A_PLAN || count == 0
                                                                 : count == 0;
        if (!is_right) {
            fail_msg("operation %u failed: plan %u was reported %s and has %u rows", at, i,
                     ph_error_name(run->results[i]), count);
        }
    }
}

static void check_integrity(struct run *run)
{
    sqlite3 *handle = ((struct ph_sqlite *)run->store.db)->writer.connection.handle;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_prepare_v2(handle, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
}

/* One run with a failure at operation AT; false if there was none. */
static bool run_with(enum ph_fault fault, unsigned at, unsigned times)
{
    struct run *run = calloc(1, sizeof *run);
    ph_test_store_init(&run->store, &ph_test_engines[0]);
    run->store.log.level = PH_LOG_ERROR + 1;
    run->store.checkpoint_bytes = 8U << 10;
    ph_test_store_reopen(&run->store);
    ph_arena_init(&run->arena, 0);
    for (unsigned i = 0; i <= PLANS; i++) {
        run->mailboxes[i] = ph_uuid_gen_next(&run->store.ids);
    }
    ph_fault_arm(fault, at, times);
    for (unsigned i = 0; i < PLANS; i++) {
        write_plan(run, i);
    }
    bool has_failed = ph_fault_disarm();
    write_plan(run, PLANS);
    assert_int_equal(run->results[PLANS], PH_OK);
    check(run, at);
    ph_test_store_reopen(&run->store);
    check(run, at);
    check_integrity(run);
    ph_arena_fini(&run->arena);
    ph_test_store_fini(&run->store);
    free(run);
    return has_failed;
}

static void run_all(enum ph_fault fault, unsigned times)
{
    unsigned at = 1;
    while (run_with(fault, at, times)) {
        at++;
        assert_true(at < MOST_FAULTS);
    }
    assert_true(at > PLANS); /* each plan has been hit */
}

static void any_write_may_fail(void **state)
{
    (void)state;
    run_all(PH_FAULT_WRITE, 1);
}

static void any_write_may_find_the_disk_full_for_a_while(void **state)
{
    (void)state;
    run_all(PH_FAULT_FULL, 4);
}

static void any_sync_may_fail(void **state)
{
    (void)state;
    run_all(PH_FAULT_SYNC, 1);
}

static int setup_group(void **state)
{
    (void)state;
    ph_fault_vfs_register();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_write_may_fail),
        cmocka_unit_test(any_write_may_find_the_disk_full_for_a_while),
        cmocka_unit_test(any_sync_may_fail),
    };
    return cmocka_run_group_tests(tests, setup_group, NULL);
}
