/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the embedded engine, for its own files.
 */
#ifndef PH_DB_SQLITE_ENGINE_H
#define PH_DB_SQLITE_ENGINE_H

#include <pthread.h>
#include <sqlite3.h>

#include "db/db-private.h"
#include "db/sqlite/sqlite.h"

/* ---- connection.c: a connection with its prepared statements ---- */

enum { PH_SQLITE_PARAMS_MAX = 24, PH_SQLITE_BUSY_MS = 5000 };

struct ph_sqlite_connection {
    sqlite3 *handle;
    sqlite3_stmt *stmts[PH_STMT_COUNT + 1];             /* prepared when first used */
    uint8_t uuids[PH_SQLITE_PARAMS_MAX][PH_UUID_BYTES]; /* of the statement that is bound */
};

enum ph_sqlite_role { PH_SQLITE_READER, PH_SQLITE_WRITER, PH_SQLITE_CHECKPOINTER };

int ph_sqlite_connect(struct ph_sqlite_connection *connection, const char *path, enum ph_sqlite_role role,
                      struct ph_error *err) PH_MUST_USE;
void ph_sqlite_disconnect(struct ph_sqlite_connection *connection);

/* Makes *OUT_STMT ready to step. COPY_TEXT: text and blobs may go away before it is stepped. */
int ph_sqlite_bind(struct ph_sqlite_connection *connection, enum ph_stmt stmt, const struct ph_value *params,
                   unsigned param_count, bool copy_text, sqlite3_stmt **out_stmt,
                   struct ph_error *err) PH_MUST_USE;

/* Runs SQL that gives no rows. */
int ph_sqlite_exec(struct ph_sqlite_connection *connection, const char *sql,
                   struct ph_error *err) PH_MUST_USE;

/* The class of what went wrong last on this connection, and its text: WHAT, SQLite's words. */
int ph_sqlite_fail(struct ph_sqlite_connection *connection, struct ph_error *err, const char *what);

/* ---- schema.c ---- */

/* Makes the tables of a new store; PH_EINVALID for a file that is not ours, newer than we are, or not upgraded yet. */
int ph_sqlite_schema(struct ph_sqlite_connection *connection, struct ph_error *err) PH_MUST_USE;
/* As sqlite.h has it, on an open connection. */
int ph_sqlite_schema_look(struct ph_sqlite_connection *connection, bool is_upgrade,
                          ph_sqlite_schema_each *each, void *ctx, struct ph_error *err) PH_MUST_USE;

/* ---- reader.c: the connections that read ---- */

enum { PH_SQLITE_IDLE_READERS_MAX = 32 };

struct ph_sqlite_rows;

struct ph_sqlite_readers {
    const char *path;
    pthread_mutex_t lock;
    struct ph_sqlite_rows *idle; /* each with its connection; last used first */
    unsigned idle_count;
};

void ph_sqlite_readers_init(struct ph_sqlite_readers *readers, const char *path);
/* Every read has ended. */
void ph_sqlite_readers_fini(struct ph_sqlite_readers *readers);

int ph_sqlite_query(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                    struct ph_rows **out_rows, struct ph_error *err) PH_MUST_USE;
int ph_sqlite_next(struct ph_rows *rows, struct ph_error *err) PH_MUST_USE;
void ph_sqlite_end(struct ph_rows *rows);
bool ph_sqlite_cell_i64(const struct ph_rows *rows, unsigned column, int64_t *out_value);
bool ph_sqlite_cell_bytes(const struct ph_rows *rows, unsigned column, struct ph_bytes *out_value);
bool ph_sqlite_cell_uuid(const struct ph_rows *rows, unsigned column, struct ph_uuid *out_value);

/* ---- checkpoint.c: moving the log into the file ---- */

struct ph_sqlite_checkpointer {
    struct ph_sqlite_connection connection;
    const struct ph_log *log;
    const struct ph_clock *clock;
    uint64_t frame_bytes;
    uint64_t threshold_bytes;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_thread;
    bool is_wanted;
    bool is_stopping;
    atomic_bool has_moved; /* the log is in the file, all but what was written meanwhile */
    atomic_uint frames;    /* in the log, after the last transaction */
    uint64_t asked_bytes;  /* the writer's: how long the log was when it last asked */
};

int ph_sqlite_checkpointer_start(struct ph_sqlite_checkpointer *checkpointer, const char *path,
                                 uint64_t threshold_bytes, unsigned page_bytes, const struct ph_clock *clock,
                                 const struct ph_log *log, struct ph_error *err) PH_MUST_USE;
void ph_sqlite_checkpointer_stop(struct ph_sqlite_checkpointer *checkpointer);
/* On the writer thread, between transactions; FRAMES is the length of the log. May start the log anew. */
void ph_sqlite_checkpointer_look(struct ph_sqlite_checkpointer *checkpointer,
                                 struct ph_sqlite_connection *writer, unsigned frames);

/* ---- writer.c: the one thread that writes ---- */

enum { PH_SQLITE_BATCH_MAX = 512 };

struct ph_sqlite_writer {
    struct ph_db *db;
    struct ph_sqlite_connection connection;
    struct ph_sqlite_checkpointer *checkpointer;
    const struct ph_log *log;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct ph_plan *first;
    struct ph_plan **last;
    unsigned waiting;  /* plans in the list */
    unsigned expected; /* as many come soon, if those come back that were there lately */
    bool is_stopping;
    struct ph_db_companion companion; /* ctx and functions NULL: none */

    /* The thread's own. */
    unsigned log_frames;
    uint64_t run_us;  /* what the last transaction's statements took */
    uint64_t sync_us; /* and its commit, with all syncs */
    struct ph_arena companion_arena;
    unsigned batch_max;
    unsigned batch_count;
    struct ph_plan *batch[PH_SQLITE_BATCH_MAX];
    int results[PH_SQLITE_BATCH_MAX];
};

/* WRITER's connection stands already. */
int ph_sqlite_writer_start(struct ph_sqlite_writer *writer, struct ph_error *err) PH_MUST_USE;
/* Applies what waits first. */
void ph_sqlite_writer_stop(struct ph_sqlite_writer *writer);
void ph_sqlite_submit(struct ph_db *db, struct ph_plan *plan);
unsigned ph_sqlite_waiting(struct ph_db *db);
void ph_sqlite_set_companion(struct ph_db *db, const struct ph_db_companion *companion);

/* ---- copy.c ---- */

int ph_sqlite_copy(struct ph_db *db, const char *path, uint64_t bytes_per_second,
                   struct ph_error *err) PH_MUST_USE;

/* ---- open.c ---- */

struct ph_sqlite {
    struct ph_db db;
    char *path;
    int lock_fd;
    struct ph_sqlite_readers readers;
    struct ph_sqlite_writer writer;
    struct ph_sqlite_checkpointer checkpointer;
};

#endif
