/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the Cassandra engine, for its own files.
 */
#ifndef PH_DB_CASSANDRA_ENGINE_H
#define PH_DB_CASSANDRA_ENGINE_H

#include <pthread.h>

#include "db/cassandra/cassandra.h"
#include "db/cassandra/cell.h"
#include "db/cassandra/cql.h"
#include "db/db-private.h"

/* ---- prepared.c: the statements of the keyspace's variant ---- */

enum { PH_CASSANDRA_COLUMNS_MAX = 32 };

struct ph_cassandra_statement {
    const struct ph_cql_info *info;
    struct ph_cql_statement *handle;
    struct ph_cql_ready ready;
    bool leaves_null_alone; /* an INSERT */
    bool is_conditional;    /* needs consensus */
    uint8_t types[PH_CQL_PARAMS_MAX];
    unsigned column_count;
    uint8_t column_types[PH_CASSANDRA_COLUMNS_MAX];
};

/* The texts of one name, in the order of the list. */
struct ph_cassandra_texts {
    const uint16_t *ids; /* enum ph_cql_id */
    unsigned count;
    unsigned roles; /* bit N: one has role N */
};

struct ph_cassandra_prepared {
    struct ph_cql_session *session;
    const char *keyspace;
    unsigned variant;
    pthread_mutex_t lock; /* of preparing */
    _Atomic(struct ph_cassandra_statement *) statements[PH_CQL_ID_COUNT];
    uint16_t ids[PH_CQL_ID_COUNT];
    struct ph_cassandra_texts texts[PH_STMT_COUNT];
};

void ph_cassandra_prepared_init(struct ph_cassandra_prepared *prepared, struct ph_cql_session *session,
                                const struct ph_cassandra_keyspace *keyspace);
void ph_cassandra_prepared_fini(struct ph_cassandra_prepared *prepared);
int ph_cassandra_prepare_all(struct ph_cassandra_prepared *prepared, struct ph_error *err) PH_MUST_USE;
/* Sees to it that all texts of STMT are prepared; blocks the first time. PH_EINVALID: it has none here. */
int ph_cassandra_prepare(struct ph_cassandra_prepared *prepared, enum ph_stmt stmt,
                         struct ph_error *err) PH_MUST_USE;
/* Of a text that is prepared. */
const struct ph_cassandra_statement *ph_cassandra_statement(const struct ph_cassandra_prepared *prepared,
                                                            enum ph_cql_id id);

/* ---- request.c: one CQL statement under way, and how many may be ---- */

struct ph_cassandra;

struct ph_cassandra_request {
    struct ph_cassandra *engine;
    const struct ph_cassandra_statement *statement;
    /* Called once; takes *ANSWER by setting it NULL. RESULT is PH_OK or a class: PH_EUNAVAILABLE and PH_EBUSY say that
     * nothing was changed. The request is gone after it. */
    void (*done)(struct ph_cassandra_request *request, int result, struct ph_cql_result **answer,
                 struct ph_error *err);
    void *ctx;
    unsigned index;   /* the caller's */
    bool is_admitted; /* part of something that has begun: it may wait however many do */
    bool was_sent;
    uint64_t queued_ms;
    uint64_t started_us;
    struct ph_arena arena;
    struct ph_bytes paging;
    struct ph_cassandra_request *next;
    unsigned value_count;
    struct ph_cql_value values[PH_CQL_PARAMS_MAX];
};

struct ph_cassandra_requests {
    pthread_mutex_t lock;
    pthread_cond_t is_idle;
    unsigned max;
    unsigned queue_max;
    unsigned wait_ms;
    unsigned under_way;
    unsigned queued;
    struct ph_cassandra_request *first;
    struct ph_cassandra_request **last;
    atomic_uint_fast64_t refused;
};

void ph_cassandra_requests_init(struct ph_cassandra_requests *requests, unsigned max, unsigned queue_max,
                                unsigned wait_ms);
/* Waits until none is under way or queued. */
void ph_cassandra_requests_drain(struct ph_cassandra_requests *requests);
void ph_cassandra_requests_fini(struct ph_cassandra_requests *requests);

/* Makes a request of PARAMS, which are borrowed until it is done, or with IS_COPIED not at all. PAGING is copied.
 * NOW_US: what its timestamps go by. */
int ph_cassandra_request_new(struct ph_cassandra *engine, const struct ph_cassandra_statement *statement,
                             const struct ph_value *params, unsigned param_count, bool is_copied,
                             uint64_t now_us, struct ph_cassandra_request **out_request,
                             struct ph_error *err) PH_MUST_USE;
/* Sends it now or when its turn comes; may call done() before it returns, where it cannot wait. */
void ph_cassandra_request_send(struct ph_cassandra_request *request);

/* A cell of an answer to STATEMENT. */
struct ph_cassandra_cell ph_cassandra_answer_cell(const struct ph_cassandra_statement *statement,
                                                  const struct ph_cql_result *answer, size_t row,
                                                  unsigned column);
/* Whether ROW counts, of a statement whose role passes over some. DOMAIN: the last parameter's text. */
bool ph_cassandra_row_counts(const struct ph_cassandra_statement *statement,
                             const struct ph_cql_result *answer, size_t row, struct ph_bytes domain);

/* ---- rows.c: reading ---- */

int ph_cassandra_query(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params,
                       unsigned param_count, struct ph_rows **out_rows, struct ph_error *err) PH_MUST_USE;
int ph_cassandra_query_each(struct ph_db *db, const struct ph_db_read *reads, size_t count, bool is_beside,
                            int (*each)(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err),
                            void *ctx, struct ph_error *err) PH_MUST_USE;
int ph_cassandra_next(struct ph_rows *rows, struct ph_error *err) PH_MUST_USE;
void ph_cassandra_end(struct ph_rows *rows);
bool ph_cassandra_row_i64(const struct ph_rows *rows, unsigned column, int64_t *out_value);
bool ph_cassandra_row_bytes(const struct ph_rows *rows, unsigned column, struct ph_bytes *out_value);
bool ph_cassandra_row_uuid(const struct ph_rows *rows, unsigned column, struct ph_uuid *out_value);

/* ---- run.c and steps.c: plans ---- */

void ph_cassandra_submit(struct ph_db *db, struct ph_plan *plan);

/* ---- open.c ---- */

struct ph_cassandra {
    struct ph_db db;
    struct ph_cql_session *session;
    struct ph_cassandra_keyspace keyspace; /* its name is a copy */
    const struct ph_log *log;
    struct ph_cassandra_prepared prepared;
    struct ph_cassandra_requests requests;
    pthread_mutex_t lock; /* of plans */
    pthread_cond_t is_idle;
    unsigned plans; /* under way */
    atomic_uint_fast64_t logged_ms;
    atomic_uint_fast64_t unlogged; /* failures since then */
};

#endif
