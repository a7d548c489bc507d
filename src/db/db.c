/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of the statement layer: counts and times each statement, and hands on to the engine.
 */
#include <assert.h>
#include <pthread.h>

#include "db/db-private.h"
#include "net/pool.h"

void ph_db_count(struct ph_db *db, enum ph_stmt stmt, uint64_t spent_us, bool has_failed)
{
    struct ph_stmt_counters *counters = &db->counters[stmt];
    atomic_fetch_add_explicit(&counters->count, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->total_us, spent_us, memory_order_relaxed);
    if (has_failed) {
        atomic_fetch_add_explicit(&counters->failures, 1, memory_order_relaxed);
    }
    if (!db->engine->counts_itself && ph_stmt_info(stmt)->condition == PH_STMT_CONDITIONAL) {
        ph_db_count_conditional(db, stmt);
    }
}

void ph_db_count_conditional(struct ph_db *db, enum ph_stmt stmt)
{
    atomic_fetch_add_explicit(&db->counters[stmt].conditional, 1, memory_order_relaxed);
}

void ph_db_count_round(struct ph_db *db)
{
    atomic_fetch_add_explicit(&db->rounds, 1, memory_order_relaxed);
}

const struct ph_db_traits *ph_db_traits(const struct ph_db *db)
{
    return &db->engine->traits;
}

uint64_t ph_db_rounds(const struct ph_db *db)
{
    return atomic_load_explicit(&db->rounds, memory_order_relaxed);
}

void ph_db_remote_stats(struct ph_db *db, struct ph_db_remote_stats *out_stats)
{
    *out_stats = (struct ph_db_remote_stats){0};
    if (db->engine->remote_stats != NULL) {
        db->engine->remote_stats(db, out_stats);
    }
}

unsigned ph_db_waiting(struct ph_db *db)
{
    return db->engine->waiting(db);
}

void ph_db_stats(struct ph_db *db, enum ph_stmt stmt, struct ph_stmt_stats *out_stats)
{
    const struct ph_stmt_counters *counters = &db->counters[stmt];
    out_stats->count = atomic_load_explicit(&counters->count, memory_order_relaxed);
    out_stats->failures = atomic_load_explicit(&counters->failures, memory_order_relaxed);
    out_stats->total_us = atomic_load_explicit(&counters->total_us, memory_order_relaxed);
    out_stats->conditional = atomic_load_explicit(&counters->conditional, memory_order_relaxed);
}

/* ---- Reading ---- */

void ph_db_rows_begin(struct ph_rows *rows, struct ph_db *db, enum ph_stmt stmt, uint64_t started_us)
{
    rows->db = db;
    rows->stmt = stmt;
    rows->started_us = started_us;
    rows->has_failed = false;
}

int ph_db_query_values(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params,
                       unsigned param_count, struct ph_rows **out_rows, struct ph_error *err)
{
    assert(ph_stmt_info(stmt)->kind == PH_STMT_READ);
    uint64_t started_us = ph_mono_us(db->clock);
    *out_rows = NULL;
    int result = db->engine->query(db, stmt, params, param_count, out_rows, err);
    if (!db->engine->counts_itself) {
        ph_db_count_round(db);
    }
    if (result != PH_OK) {
        if (!db->engine->counts_itself) {
            ph_db_count(db, stmt, ph_mono_us(db->clock) - started_us, true);
        }
        return result;
    }
    ph_db_rows_begin(*out_rows, db, stmt, started_us);
    return PH_OK;
}

int ph_rows_next(struct ph_rows *rows, struct ph_error *err)
{
    int result = rows->db->engine->next(rows, err);
    rows->has_failed = rows->has_failed || result < 0;
    return result;
}

void ph_rows_end(struct ph_rows **rows)
{
    if (*rows != NULL) {
        struct ph_db *db = (*rows)->db;
        if (!db->engine->counts_itself) {
            ph_db_count(db, (*rows)->stmt, ph_mono_us(db->clock) - (*rows)->started_us, (*rows)->has_failed);
        }
        db->engine->end(*rows);
        *rows = NULL;
    }
}

bool ph_row_i64(const struct ph_rows *rows, unsigned column, int64_t *out_value)
{
    return rows->db->engine->cell_i64(rows, column, out_value);
}

bool ph_row_bool(const struct ph_rows *rows, unsigned column, bool *out_value)
{
    int64_t value;
    if (!rows->db->engine->cell_i64(rows, column, &value)) {
        return false;
    }
    *out_value = value != 0;
    return true;
}

bool ph_row_bytes(const struct ph_rows *rows, unsigned column, struct ph_bytes *out_value)
{
    return rows->db->engine->cell_bytes(rows, column, out_value);
}

bool ph_row_uuid(const struct ph_rows *rows, unsigned column, struct ph_uuid *out_value)
{
    return rows->db->engine->cell_uuid(rows, column, out_value);
}

/* ---- Writing ---- */

void ph_db_submit(struct ph_db *db, struct ph_plan *plan,
                  void (*done)(struct ph_plan *plan, int result, void *ctx), void *ctx)
{
    plan->done = done;
    plan->done_ctx = ctx;
    plan->next = NULL;
    plan->error = (struct ph_error){0};
    db->engine->submit(db, plan);
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    bool is_done;
    int result;
};

static void wake(struct ph_plan *plan, int result, void *ctx)
{
    (void)plan;
    struct waiter *waiter = ctx;
    pthread_mutex_lock(&waiter->lock);
    waiter->result = result;
    waiter->is_done = true;
    pthread_cond_signal(&waiter->is_over);
    pthread_mutex_unlock(&waiter->lock);
}

static int wait_for(struct waiter *waiter, const struct ph_plan *plan, struct ph_error *err)
{
    pthread_mutex_lock(&waiter->lock);
    bool has_to_wait = !waiter->is_done;
    pthread_mutex_unlock(&waiter->lock);
    if (has_to_wait) {
        ph_pool_blocking_begin();
        pthread_mutex_lock(&waiter->lock);
        while (!waiter->is_done) {
            pthread_cond_wait(&waiter->is_over, &waiter->lock);
        }
        pthread_mutex_unlock(&waiter->lock);
        ph_pool_blocking_end();
    }
    pthread_cond_destroy(&waiter->is_over);
    pthread_mutex_destroy(&waiter->lock);
    if (waiter->result != PH_OK && err != NULL) {
        *err = plan->error;
    }
    return waiter->result;
}

int ph_db_apply(struct ph_db *db, struct ph_plan *plan, struct ph_error *err)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, PH_OK};
    ph_db_submit(db, plan, wake, &waiter);
    return wait_for(&waiter, plan, err);
}

/* ---- Reading side by side ---- */

static int query_in_turn(struct ph_db *db, const struct ph_db_read *reads, size_t count,
                         int (*each)(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err),
                         void *ctx, struct ph_error *err)
{
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < count; i++) {
        struct ph_rows *rows;
        result = ph_db_query_values(db, reads[i].stmt, reads[i].params, reads[i].param_count, &rows, err);
        if (result == PH_OK) {
            result = each(rows, i, ctx, err);
            ph_rows_end(&rows);
        }
    }
    return result;
}

int ph_db_query_each(struct ph_db *db, const struct ph_db_read *reads, size_t count, struct ph_plan *beside,
                     int (*each)(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err),
                     void *ctx, struct ph_error *err)
{
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, PH_OK};
    if (beside != NULL) {
        ph_db_submit(db, beside, wake, &waiter);
    }
    int result = db->engine->query_each != NULL
                     ? db->engine->query_each(db, reads, count, beside != NULL, each, ctx, err)
                     : query_in_turn(db, reads, count, each, ctx, err);
    int written = beside == NULL ? PH_OK : wait_for(&waiter, beside, result == PH_OK ? err : NULL);
    return result != PH_OK ? result : written;
}

int ph_db_copy(struct ph_db *db, const char *path, uint64_t bytes_per_second, struct ph_error *err)
{
    return db->engine->copy(db, path, bytes_per_second, err);
}

/* ---- Life ---- */

void ph_db_set_companion(struct ph_db *db, const struct ph_db_companion *companion)
{
    db->engine->set_companion(db, companion);
}

void ph_db_close(struct ph_db **db)
{
    if (*db != NULL) {
        (*db)->engine->close(*db);
        *db = NULL;
    }
}
