/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a store in a directory of its own, on each engine that there is.
 *
 * A contract suite runs once for every engine of ph_test_engines; the group's state is the engine:
 *
 *     for (unsigned i = 0; i < ph_test_engine_count; i++) {
 *         failed += run_suite(&ph_test_engines[i]);
 *     }
 */
#ifndef PH_DB_TEST_STORE_H
#define PH_DB_TEST_STORE_H

#include "db/db.h"

struct ph_test_store;

struct ph_test_engine {
    const char *name;
    int (*open)(struct ph_test_store *store, struct ph_error *err);
    int (*clear)(struct ph_test_store *store,
                 struct ph_error *err); /* before it is opened first; NULL: nothing */
};

/* SQLite; and Cassandra where POSTHOUSE_TEST_CASSANDRA names a node, "127.0.0.1:9042" (its datacenter: dc1), in two
 * of its variants, which between them have most of what there is: see db/cassandra/test_keyspace.h. */
extern const struct ph_test_engine ph_test_engines[];
extern unsigned ph_test_engine_count;

struct ph_test_store {
    const struct ph_test_engine *engine;
    char directory[64];
    struct ph_log log; /* errors to standard error, unless a test changes it */
    struct ph_db *db;
    struct ph_uuid_gen ids;
    uint64_t bytes_max;        /* of the database, from the next opening; 0: no limit */
    uint64_t checkpoint_bytes; /* likewise; 0: the default */
    unsigned page_bytes;       /* of a new store; 0: the default */
};

/* Both end the test where they fail. */
void ph_test_store_init(struct ph_test_store *store, const struct ph_test_engine *engine);
void ph_test_store_fini(struct ph_test_store *store);
/* As a restart. */
void ph_test_store_reopen(struct ph_test_store *store);

void ph_test_remove_tree(const char *directory);
/* How often STMT ran. */
uint64_t ph_test_count(struct ph_db *db, enum ph_stmt stmt);
/* Of all statements, of one kind; and how many of those were conditional. */
struct ph_test_cost {
    uint64_t reads;
    uint64_t writes;
    uint64_t conditional;
};
struct ph_test_cost ph_test_cost(struct ph_db *db);

#endif
