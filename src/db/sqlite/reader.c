/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads: a query takes a connection, and the end of its rows gives it back.
 *
 * There are as many connections as threads that read at one moment; some idle ones are kept, last used first, so
 * that few of them have warm caches. The statement is reset at the end, which ends the read transaction: rows that
 * are held keep the log from starting anew.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "db/sqlite/engine.h"

struct ph_sqlite_rows {
    struct ph_rows rows;
    struct ph_sqlite_connection connection;
    struct ph_sqlite_readers *readers;
    sqlite3_stmt *stmt; /* bound, stepped and not reset; NULL while idle */
    struct ph_sqlite_rows *next;
};

void ph_sqlite_readers_init(struct ph_sqlite_readers *readers, const char *path)
{
    pthread_mutex_init(&readers->lock, NULL);
    readers->path = path;
    readers->idle = NULL;
    readers->idle_count = 0;
}

void ph_sqlite_readers_fini(struct ph_sqlite_readers *readers)
{
    while (readers->idle != NULL) {
        struct ph_sqlite_rows *rows = readers->idle;
        readers->idle = rows->next;
        ph_sqlite_disconnect(&rows->connection);
        free(rows);
    }
    pthread_mutex_destroy(&readers->lock);
}

static int take(struct ph_sqlite_readers *readers, struct ph_sqlite_rows **out_rows, struct ph_error *err)
{
    pthread_mutex_lock(&readers->lock);
    struct ph_sqlite_rows *rows = readers->idle;
    if (rows != NULL) {
        readers->idle = rows->next;
        readers->idle_count--;
    }
    pthread_mutex_unlock(&readers->lock);
    if (rows == NULL) {
        rows = ph_zalloc(sizeof *rows);
        rows->readers = readers;
        int result = ph_sqlite_connect(&rows->connection, readers->path, PH_SQLITE_READER, err);
        if (result != PH_OK) {
            free(rows);
            return result;
        }
    }
    *out_rows = rows;
    return PH_OK;
}

static void give_back(struct ph_sqlite_rows *rows)
{
    struct ph_sqlite_readers *readers = rows->readers;
    pthread_mutex_lock(&readers->lock);
    bool is_kept = readers->idle_count < PH_SQLITE_IDLE_READERS_MAX;
    if (is_kept) {
        rows->next = readers->idle;
        readers->idle = rows;
        readers->idle_count++;
    }
    pthread_mutex_unlock(&readers->lock);
    if (!is_kept) {
        ph_sqlite_disconnect(&rows->connection);
        free(rows);
    }
}

int ph_sqlite_query(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                    struct ph_rows **out_rows, struct ph_error *err)
{
    struct ph_sqlite *engine = (struct ph_sqlite *)db;
    struct ph_sqlite_rows *rows;
    int result = take(&engine->readers, &rows, err);
    if (result != PH_OK) {
        return result;
    }
    result = ph_sqlite_bind(&rows->connection, stmt, params, param_count, true, &rows->stmt, err);
    if (result != PH_OK) {
        rows->stmt = NULL;
        give_back(rows);
        return result;
    }
    *out_rows = &rows->rows;
    return PH_OK;
}

int ph_sqlite_next(struct ph_rows *base, struct ph_error *err)
{
    struct ph_sqlite_rows *rows = (struct ph_sqlite_rows *)base;
    errno = 0;
    switch (sqlite3_step(rows->stmt)) {
    case SQLITE_ROW: return 1;
    case SQLITE_DONE: return 0;
    default: return ph_sqlite_fail(&rows->connection, err, ph_stmt_info(base->stmt)->name);
    }
}

void ph_sqlite_end(struct ph_rows *base)
{
    struct ph_sqlite_rows *rows = (struct ph_sqlite_rows *)base;
    sqlite3_reset(rows->stmt);
    rows->stmt = NULL;
    give_back(rows);
}

/* ---- Cells ----
 *
 * One call finds the cell; what is asked of it then is cheap. SQLite wants such a cell "protected" where threads share
 * its connection, and nobody shares ours. */

static sqlite3_value *cell_of(const struct ph_rows *base, unsigned column)
{
    return sqlite3_column_value(((const struct ph_sqlite_rows *)base)->stmt, (int)column);
}

bool ph_sqlite_cell_i64(const struct ph_rows *base, unsigned column, int64_t *out_value)
{
    sqlite3_value *cell = cell_of(base, column);
    if (sqlite3_value_type(cell) != SQLITE_INTEGER) {
        return false;
    }
    *out_value = sqlite3_value_int64(cell);
    return true;
}

bool ph_sqlite_cell_bytes(const struct ph_rows *base, unsigned column, struct ph_bytes *out_value)
{
    sqlite3_value *cell = cell_of(base, column);
    int type = sqlite3_value_type(cell);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB) {
        return false;
    }
    const void *ptr = sqlite3_value_blob(cell);
    *out_value = ph_bytes_of(ptr, (size_t)sqlite3_value_bytes(cell));
    return true;
}

bool ph_sqlite_cell_uuid(const struct ph_rows *base, unsigned column, struct ph_uuid *out_value)
{
    struct ph_bytes octets;
    if (!ph_sqlite_cell_bytes(base, column, &octets) || octets.len != PH_UUID_BYTES) {
        return false;
    }
    ph_uuid_from_sortable(octets.ptr, out_value);
    return true;
}
