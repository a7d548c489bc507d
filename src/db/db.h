/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement layer: named reads, and plans for writing, on whichever engine is open.
 *
 * Threads: any, at once. Reads block the calling thread for as long as the engine takes (a page fault; a round
 * trip) and hand a worker's place on meanwhile where that is worth it. ph_db_submit never blocks.
 *
 * What is promised: a plan whose completion says PH_OK is durable (SQLite: on disk; Cassandra: on the replicas that
 * the profile's consistency level asks for), and a read started after the completion sees it. On Cassandra that holds
 * inside one datacenter; another one sees it when replication comes there. What else differs between engines is in
 * struct ph_db_traits.
 */
#ifndef PH_DB_DB_H
#define PH_DB_DB_H

#include "base/log.h"
#include "db/plan.h"

struct ph_db;
struct ph_rows;

/* What an engine has beyond what every engine has. */
struct ph_db_traits {
    const char *name;       /* "sqlite", "cassandra" */
    bool is_all_or_nothing; /* a plan that fails has changed nothing; else see plan.h */
    bool is_in_order;       /* plans are applied, and completions called, in the order they were submitted */
    bool is_in_name_order;  /* pages of names come in their order; else in one that stays the same */
    bool is_local;       /* the data is this process's alone and lies in a directory: segments, copy, check */
    bool has_conditions; /* of two that make the same name at once, one is told */
    bool is_shared;      /* an Apache James works on the same tables */
};
const struct ph_db_traits *ph_db_traits(const struct ph_db *db);

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

/* ---- Reading side by side ---- */

struct ph_db_read {
    enum ph_stmt stmt;
    unsigned param_count;
    const struct ph_value *params;
};

/* Runs COUNT reads, and BESIDE (a plan; NULL: none) with them: at the same time and in one round where the engine can
 * (a bounded number under way), else one behind the other. Calls EACH for every read in the order given, on this
 * thread, with rows that stand before the first; what EACH returns that is not PH_OK ends it and is returned, once
 * everything that was sent has come back. A read sees BESIDE or does not. EACH does not end ROWS. */
int ph_db_query_each(struct ph_db *db, const struct ph_db_read *reads, size_t count, struct ph_plan *beside,
                     int (*each)(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err),
                     void *ctx, struct ph_error *err) PH_MUST_USE;

/* ---- Writing ---- */

/* Hands PLAN to the writer. DONE is called once, on a thread of the engine or, where nothing could be sent, on this
 * one before the call returns; it must be short and not block (resume a session, signal a waiter). PLAN and its arena belong to the engine until then. */
void ph_db_submit(struct ph_db *db, struct ph_plan *plan,
                  void (*done)(struct ph_plan *plan, int result, void *ctx), void *ctx);
/* Submits and waits. The result as in plan.h; the text is put into ERR. */
int ph_db_apply(struct ph_db *db, struct ph_plan *plan, struct ph_error *err) PH_MUST_USE;

/* ---- Content that lies beside the database ---- */

/* What a commit waits for besides the database's own sync. begin() is called on the writer thread before a
 * transaction commits and starts making everything appended so far durable; it may add statements to PLAN (run in the same
 * transaction). finish() waits for it. If finish() fails, no plan of that transaction is reported as done. Only of an engine that
 * is local; another one never calls it. */
struct ph_db_companion {
    void *ctx;
    int (*begin)(void *ctx, struct ph_plan *plan);
    int (*finish)(void *ctx, struct ph_error *err);
};
void ph_db_set_companion(struct ph_db *db, const struct ph_db_companion *companion);

/* ---- Copying ---- */

/* All of the database, of one moment that is not before the call, into a new file PATH, which is on disk and was checked
 * when this returns. Others read and write meanwhile. BYTES_PER_SECOND 0: as fast as it goes. PH_ECORRUPT: the
 * database is damaged; PH_ELIMIT: the disk is full; PH_EINVALID: the engine is not local, its own tools copy it. */
int ph_db_copy(struct ph_db *db, const char *path, uint64_t bytes_per_second,
               struct ph_error *err) PH_MUST_USE;

/* ---- Life and figures ---- */

void ph_db_close(struct ph_db **db);

/* Of what was really sent: on Cassandra a statement of ours may be several of its own, reads that guard a write and
 * further pages among them. */
struct ph_stmt_stats {
    uint64_t count;
    uint64_t failures;
    uint64_t total_us;
    uint64_t
        conditional; /* of count: those that needed consensus (Cassandra), or may apply or not (SQLite) */
};
/* Plans that were submitted and are in no transaction yet; on Cassandra, those under way. */
unsigned ph_db_waiting(struct ph_db *db);
/* How often a caller waited for the engine: a read is one, reads side by side are one, a plan is as many as it has
 * steps one behind the other. */
uint64_t ph_db_rounds(const struct ph_db *db);

/* Of an engine that speaks to other machines; all 0 elsewhere. */
struct ph_db_remote_stats {
    uint64_t requests;
    uint64_t under_way; /* sent and not answered */
    uint64_t queued;    /* not sent yet */
    uint64_t refused;   /* never sent: too many waited, or for too long */
    uint64_t retries;
    uint64_t timeouts;
    uint64_t serial_timeouts; /* of these: of consensus */
    uint64_t connections;
};
void ph_db_remote_stats(struct ph_db *db, struct ph_db_remote_stats *out_stats);
void ph_db_stats(struct ph_db *db, enum ph_stmt stmt, struct ph_stmt_stats *out_stats);

#endif
