/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_fixture.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "db/sqlite/sqlite.h"

void ph_store_fixture_open(struct ph_store_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    snprintf(fixture->directory, sizeof fixture->directory, "/tmp/ph-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    ph_log_init(&fixture->log, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR, &ph_clock_system);
    ph_arena_init(&fixture->arena, 0);
    struct ph_sqlite_options options = {
        .directory = fixture->directory, .clock = &ph_clock_system, .log = &fixture->log};
    if (ph_sqlite_open(&options, &fixture->db, &fixture->err) != PH_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat;
    (void)type;
    (void)ftw;
    return remove(path);
}

void ph_store_fixture_close(struct ph_store_fixture *fixture)
{
    ph_db_close(&fixture->db);
    ph_arena_fini(&fixture->arena);
    assert_int_equal(nftw(fixture->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

uint64_t ph_store_fixture_statements(struct ph_store_fixture *fixture)
{
    uint64_t count = 0;
    for (unsigned stmt = 0; stmt < PH_STMT_COUNT; stmt++) {
        struct ph_stmt_stats stats;
        ph_db_stats(fixture->db, (enum ph_stmt)stmt, &stats);
        count += stats.count;
    }
    return count;
}
