/* SPDX-License-Identifier: Apache-2.0 */
#include "db/test_store.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/cassandra/test_keyspace.h"
#include "db/sqlite/sqlite.h"

static int open_sqlite(struct ph_test_store *store, struct ph_error *err)
{
    const struct ph_sqlite_options options = {
        .directory = store->directory,
        .page_bytes = store->page_bytes,
        .database_bytes_max = store->bytes_max,
        .checkpoint_bytes = store->checkpoint_bytes,
        .clock = &ph_clock_system,
        .log = &store->log,
    };
    return ph_sqlite_open(&options, &store->db, err);
}

const struct ph_test_engine ph_test_engines[] = {
    {"sqlite", open_sqlite, NULL},
#ifdef PH_WITH_CASSANDRA
    {"cassandra", ph_test_keyspace_open_free, ph_test_keyspace_clear_free},
    {"cassandra-lwt-james", ph_test_keyspace_open_james, ph_test_keyspace_clear_james},
#endif
};
unsigned ph_test_engine_count = 1;

static __attribute__((constructor)) void look_for_cassandra(void)
{
    if (getenv("POSTHOUSE_TEST_CASSANDRA") != NULL) {
        ph_test_engine_count = sizeof ph_test_engines / sizeof ph_test_engines[0];
    }
}

static void open_store(struct ph_test_store *store)
{
    struct ph_error err = {0};
    if (store->engine->open(store, &err) != PH_OK) {
        fail_msg("%s: %s", store->engine->name, err.text);
    }
}

void ph_test_store_init(struct ph_test_store *store, const struct ph_test_engine *engine)
{
    *store = (struct ph_test_store){.engine = engine};
    snprintf(store->directory, sizeof store->directory, "/tmp/posthouse-test-XXXXXX");
    assert_non_null(mkdtemp(store->directory));
    ph_log_init(&store->log, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR, &ph_clock_system);
    ph_uuid_gen_init(&store->ids, &ph_clock_system, &ph_rand_system);
    struct ph_error err = {0};
    if (engine->clear != NULL && engine->clear(store, &err) != PH_OK) {
        fail_msg("%s: %s", engine->name, err.text);
    }
    open_store(store);
}

void ph_test_store_reopen(struct ph_test_store *store)
{
    ph_db_close(&store->db);
    open_store(store);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void ph_test_remove_tree(const char *directory)
{
    assert_int_equal(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void ph_test_store_fini(struct ph_test_store *store)
{
    ph_db_close(&store->db);
    ph_uuid_gen_fini(&store->ids);
    ph_test_remove_tree(store->directory);
}

uint64_t ph_test_count(struct ph_db *db, enum ph_stmt stmt)
{
    struct ph_stmt_stats stats;
    ph_db_stats(db, stmt, &stats);
    return stats.count;
}

struct ph_test_cost ph_test_cost(struct ph_db *db)
{
    struct ph_test_cost cost = {0};
    for (unsigned i = 0; i < PH_STMT_COUNT; i++) {
        const struct ph_stmt_info *info = ph_stmt_info((enum ph_stmt)i);
        struct ph_stmt_stats stats;
        ph_db_stats(db, (enum ph_stmt)i, &stats);
        *(info->kind == PH_STMT_READ ? &cost.reads : &cost.writes) += stats.count;
        cost.conditional += stats.conditional;
    }
    return cost;
}
