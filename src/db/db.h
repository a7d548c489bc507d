/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement layer: named reads, and plans for writing, on whichever engine is open.
 *
 * Threads: any, at once. Reads block the calling thread for as long as the engine takes (a page fault; a round
 * trip) and hand a worker's place on meanwhile where that is worth it. ph_db_submit never blocks.
 *
 * What is promised (embedded engine): a plan whose completion says PH_OK is on disk. Plans are applied in the
 * order they were submitted. A read started after a completion sees its plan.
 */
#ifndef PH_DB_DB_H
#define PH_DB_DB_H

#include "base/log.h"
#include "db/plan.h"

struct ph_db;
struct ph_rows;

/* ---- Reading ---- */

/* Starts a read. *OUT_ROWS holds a connection of the engine: be done with it soon, and always call ph_rows_end. Params are copied. */
int ph_db_query_values(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params,
                       unsigned param_count, struct ph_rows **out_rows, struct ph_error *err) PH_MUST_USE;
#define ph_db_query(db, out_rows, err, stmt, ...)                                                            \
    ph_db_query_values((db), (stmt), (const struct ph_value[]){__VA_ARGS__},                                 \
                       (unsigned)(sizeof((const struct ph_value[]){__VA_ARGS__}) / sizeof(struct ph_value)), \
                       (out_rows), (err))

/* 1: a row stands; 0: no more; negative: failed. */
int ph_rows_next(struct ph_rows *rows, struct ph_error *err) PH_MUST_USE;
void ph_rows_end(struct ph_rows **rows);

/* Cells of the row that stands, by column from 0. False for NULL (or a value of another type), and the output is
 * then untouched. Views live until the next ph_rows_next or ph_rows_end. */
bool ph_row_i64(const struct ph_rows *rows, unsigned column, int64_t *out_value);
bool ph_row_bool(const struct ph_rows *rows, unsigned column, bool *out_value);
bool ph_row_bytes(const struct ph_rows *rows, unsigned column, struct ph_bytes *out_value); /* text or blob */
bool ph_row_uuid(const struct ph_rows *rows, unsigned column, struct ph_uuid *out_value);

/* ---- Writing ---- */

/* Hands PLAN to the writer. DONE is called once, on a thread of the engine; it must be short and not block (resume
 * a session, signal a waiter). PLAN and its arena belong to the engine until then. */
void ph_db_submit(struct ph_db *db, struct ph_plan *plan,
                  void (*done)(struct ph_plan *plan, int result, void *ctx), void *ctx);
/* Submits and waits. The result as in plan.h; the text is put into ERR. */
int ph_db_apply(struct ph_db *db, struct ph_plan *plan, struct ph_error *err) PH_MUST_USE;

/* ---- Content that lies beside the database ---- */

/* What a commit waits for besides the database's own sync. begin() is called on the writer thread before a
 * transaction commits and starts making everything appended so far durable; it may add statements to PLAN (run in the same
 * transaction). finish() waits for it. If finish() fails, no plan of that transaction is reported as done. */
struct ph_db_companion {
    void *ctx;
    int (*begin)(void *ctx, struct ph_plan *plan);
    int (*finish)(void *ctx, struct ph_error *err);
};
void ph_db_set_companion(struct ph_db *db, const struct ph_db_companion *companion);

/* ---- Copying ---- */

/* All of the database, of one moment that is not before the call, into a new file PATH, which is on disk and was checked
 * when this returns. Others read and write meanwhile. BYTES_PER_SECOND 0: as fast as it goes. PH_ECORRUPT: the
 * database is damaged; PH_ELIMIT: the disk is full. */
int ph_db_copy(struct ph_db *db, const char *path, uint64_t bytes_per_second,
               struct ph_error *err) PH_MUST_USE;

/* ---- Life and figures ---- */

void ph_db_close(struct ph_db **db);

struct ph_stmt_stats {
    uint64_t count;
    uint64_t failures;
    uint64_t total_us;
};
/* Plans that were submitted and are in no transaction yet. */
unsigned ph_db_waiting(struct ph_db *db);
void ph_db_stats(struct ph_db *db, enum ph_stmt stmt, struct ph_stmt_stats *out_stats);

#endif
