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
    struct ph_db_traits traits;
    /* Calls ph_db_count, ph_db_count_conditional and ph_db_count_round itself; else the front does for reads and rounds
     * of reads, and the engine for writes. */
    bool counts_itself;
    int (*query)(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                 struct ph_rows **out_rows, struct ph_error *err);
    /* As ph_db_query_each, the plan left out: IS_BESIDE says that there is one, so the round is its. NULL: the front
     * runs one read behind the other. Rows are given to ph_db_rows_begin before EACH sees them. */
    int (*query_each)(struct ph_db *db, const struct ph_db_read *reads, size_t count, bool is_beside,
                      int (*each)(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err),
                      void *ctx, struct ph_error *err);
    int (*next)(struct ph_rows *rows, struct ph_error *err);
    void (*end)(struct ph_rows *rows);
    bool (*cell_i64)(const struct ph_rows *rows, unsigned column, int64_t *out_value);
    bool (*cell_bytes)(const struct ph_rows *rows, unsigned column, struct ph_bytes *out_value);
    bool (*cell_uuid)(const struct ph_rows *rows, unsigned column, struct ph_uuid *out_value);
    /* Calls ph_plan_run_hooks in the order of applying, and ph_plan_finish once the outcome stands. */
    void (*submit)(struct ph_db *db, struct ph_plan *plan);
    void (*set_companion)(struct ph_db *db, const struct ph_db_companion *companion);
    unsigned (*waiting)(struct ph_db *db);
    void (*remote_stats)(struct ph_db *db, struct ph_db_remote_stats *out_stats); /* NULL: local */
    int (*copy)(struct ph_db *db, const char *path, uint64_t bytes_per_second, struct ph_error *err);
    /* Applies what was submitted, then frees. */
    void (*close)(struct ph_db *db);
};

struct ph_stmt_counters {
    atomic_uint_fast64_t count;
    atomic_uint_fast64_t failures;
    atomic_uint_fast64_t total_us;
    atomic_uint_fast64_t conditional;
};

struct ph_db {
    const struct ph_db_engine *engine;
    const struct ph_clock *clock;
    atomic_uint_fast64_t rounds;
    struct ph_stmt_counters counters[PH_STMT_COUNT + 1];
};

struct ph_rows {
    struct ph_db *db;
    enum ph_stmt stmt;
    uint64_t started_us;
    bool has_failed;
};

/* For engines: fills what the front keeps in ROWS, of a read that began at STARTED_US. */
void ph_db_rows_begin(struct ph_rows *rows, struct ph_db *db, enum ph_stmt stmt, uint64_t started_us);
/* For engines: one run of a writing statement (of any, where the engine counts itself). */
void ph_db_count(struct ph_db *db, enum ph_stmt stmt, uint64_t spent_us, bool has_failed);
void ph_db_count_conditional(struct ph_db *db, enum ph_stmt stmt);
void ph_db_count_round(struct ph_db *db);

#endif
