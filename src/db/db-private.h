/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an engine implements; nobody else includes this.
 *
 * db.c is the front: it checks, counts and times, and hands on to the engine's functions. An engine embeds struct
 * ph_db and struct ph_rows as the first members of its own.
 */
#ifndef PH_DB_DB_PRIVATE_H
#define PH_DB_DB_PRIVATE_H

#include <stdatomic.h>

#include "db/db.h"

struct ph_db_engine {
    const char *name;
    int (*query)(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                 struct ph_rows **out_rows, struct ph_error *err);
    int (*next)(struct ph_rows *rows, struct ph_error *err);
    void (*end)(struct ph_rows *rows);
    bool (*cell_i64)(const struct ph_rows *rows, unsigned column, int64_t *out_value);
    bool (*cell_bytes)(const struct ph_rows *rows, unsigned column, struct ph_bytes *out_value);
    bool (*cell_uuid)(const struct ph_rows *rows, unsigned column, struct ph_uuid *out_value);
    /* Calls ph_plan_run_hooks in the order of applying, and ph_plan_finish once the outcome stands. */
    void (*submit)(struct ph_db *db, struct ph_plan *plan);
    void (*set_companion)(struct ph_db *db, const struct ph_db_companion *companion);
    unsigned (*waiting)(struct ph_db *db);
    int (*copy)(struct ph_db *db, const char *path, uint64_t bytes_per_second, struct ph_error *err);
    /* Applies what was submitted, then frees. */
    void (*close)(struct ph_db *db);
};

struct ph_stmt_counters {
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t failures;
    atomic_uint_fast64_t total_us;
};

struct ph_db {
    const struct ph_db_engine *engine;
    const struct ph_clock *clock;
    struct ph_stmt_counters counters[PH_STMT_COUNT + 1];
};

struct ph_rows {
    struct ph_db *db;
    enum ph_stmt stmt;
    uint64_t started_us;
    bool has_failed;
};

/* For engines: one run of a writing statement. */
void ph_db_count(struct ph_db *db, enum ph_stmt stmt, uint64_t spent_us, bool has_failed);

#endif
