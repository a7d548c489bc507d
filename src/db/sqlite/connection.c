/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to the file and its prepared statements, cached by name.
 *
 * Each connection belongs to one thread at a time, so SQLite's own mutexes are off. UUIDs are stored as sixteen
 * octets that sort by time; they are turned on the way in, into memory of the connection.
 */
#include <assert.h>
#include <errno.h>

#include "db/sqlite/engine.h"
#include "db/sqlite/kept_locks.h"
#include "db/sqlite/log_file.h"

/* ---- Errors ---- */

static int class_of(sqlite3 *handle, int errnum)
{
    int extended = sqlite3_extended_errcode(handle);
    switch (extended & 0xFF) {
    case SQLITE_CONSTRAINT:
        /* Only a key that is taken can come from outside. */
        return extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_UNIQUE ? PH_ECONFLICT
                                                                                                : PH_EBUG;
    case SQLITE_FULL:
    case SQLITE_TOOBIG: return PH_ELIMIT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return PH_ECORRUPT;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH:
    case SQLITE_ERROR: return PH_EBUG;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: return ph_error_class_of_errno(errnum) == PH_EDENIED ? PH_EDENIED : PH_EUNAVAILABLE;
    case SQLITE_IOERR: return ph_error_class_of_errno(errnum) == PH_ELIMIT ? PH_ELIMIT : PH_EUNAVAILABLE;
    default: return PH_EUNAVAILABLE;
    }
}

int ph_sqlite_fail(struct ph_sqlite_connection *connection, struct ph_error *err, const char *what)
{
    if (connection->handle == NULL) {
        return ph_fail(err, PH_EUNAVAILABLE, "%s: out of memory", what);
    }
    /* A COMMIT that fails has cleaned up behind itself, which clears SQLite's own copy of errno. */
    int left_errno = errno;
    int errnum = sqlite3_system_errno(connection->handle);
    errnum = errnum == 0 ? left_errno : errnum;
    int class = class_of(connection->handle, errnum);
    int code = sqlite3_errcode(connection->handle) & 0xFF;
    const char *message = sqlite3_errmsg(connection->handle);
    bool is_of_system = errnum != 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN);
    return is_of_system ? ph_fail_errno(err, class, errnum, "%s: %s", what, message)
                        : ph_fail(err, class, "%s: %s", what, message);
}

/* ---- Life ---- */

int ph_sqlite_exec(struct ph_sqlite_connection *connection, const char *sql, struct ph_error *err)
{
    errno = 0;
    if (sqlite3_exec(connection->handle, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return ph_sqlite_fail(connection, err, sql);
    }
    return PH_OK;
}

/* Readers read the file through a map, the log through their small caches. The writer keeps the upper levels of all
 * trees and the mailboxes in use. A deleted row is overwritten where its page is written anyway. */
static const char *const settings[] = {
    [PH_SQLITE_READER] = "PRAGMA query_only = ON; PRAGMA cache_size = -1024; PRAGMA mmap_size = 1073741824",
    [PH_SQLITE_WRITER] = "PRAGMA synchronous = FULL; PRAGMA cache_size = 8192; PRAGMA foreign_keys = OFF;"
                         "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;"
                         "PRAGMA journal_size_limit = 134217728",
    [PH_SQLITE_CHECKPOINTER] = ("PRAGMA synchronous = FULL; PRAGMA cache_size = -256;"
                                "PRAGMA journal_size_limit = 134217728"),
};

int ph_sqlite_connect(struct ph_sqlite_connection *connection, const char *path, enum ph_sqlite_role role,
                      struct ph_error *err)
{
    memset(connection, 0, sizeof *connection);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                (role == PH_SQLITE_WRITER ? SQLITE_OPEN_CREATE : 0);
    int result = PH_OK;
    const char *layer = role == PH_SQLITE_WRITER ? ph_log_file_layer() : ph_kept_locks_layer();
    if (sqlite3_open_v2(path, &connection->handle, flags, layer) != SQLITE_OK) {
        result = ph_sqlite_fail(connection, err, path);
    } else {
        sqlite3_busy_timeout(connection->handle, PH_SQLITE_BUSY_MS);
        sqlite3_wal_autocheckpoint(connection->handle, 0);
        result = ph_sqlite_exec(connection, settings[role], err);
    }
    if (result != PH_OK) {
        ph_sqlite_disconnect(connection);
    }
    return result;
}

void ph_sqlite_disconnect(struct ph_sqlite_connection *connection)
{
    for (unsigned i = 0; i < PH_STMT_COUNT; i++) {
        sqlite3_finalize(connection->stmts[i]);
        connection->stmts[i] = NULL;
    }
    int rc = sqlite3_close(connection->handle);
    assert(rc == SQLITE_OK);
    (void)rc;
    connection->handle = NULL;
}

/* ---- Statements ---- */

static int prepare(struct ph_sqlite_connection *connection, enum ph_stmt stmt, struct ph_error *err)
{
    const struct ph_stmt_info *info = ph_stmt_info(stmt);
    if (info->sql == NULL) {
        return ph_fail(err, PH_EINVALID, "%s: not a statement of the embedded store", info->name);
    }
    if (sqlite3_prepare_v3(connection->handle, info->sql, -1, SQLITE_PREPARE_PERSISTENT,
                           &connection->stmts[stmt], NULL) != SQLITE_OK) {
        return ph_sqlite_fail(connection, err, info->name);
    }
    return PH_OK;
}

/* SQLite takes a null pointer for NULL. */
static const void *start_of(struct ph_bytes bytes)
{
    return bytes.len == 0 ? (const void *)"" : bytes.ptr;
}

static int bind_one(struct ph_sqlite_connection *connection, sqlite3_stmt *prepared, int at,
                    const struct ph_value *value, sqlite3_destructor_type keep)
{
    switch (value->type) {
    case PH_VALUE_NULL: return sqlite3_bind_null(prepared, at);
    case PH_VALUE_I64:
    case PH_VALUE_BOOL:
    case PH_VALUE_TIME: return sqlite3_bind_int64(prepared, at, value->i64);
    case PH_VALUE_TEXT:
        return sqlite3_bind_text64(prepared, at, start_of(value->bytes), value->bytes.len, keep, SQLITE_UTF8);
    case PH_VALUE_BLOB:
        return sqlite3_bind_blob64(prepared, at, start_of(value->bytes), value->bytes.len, keep);
    case PH_VALUE_UUID: {
        uint8_t *octets = connection->uuids[at - 1];
        ph_uuid_to_sortable(&value->uuid, octets);
        return sqlite3_bind_blob(prepared, at, octets, PH_UUID_BYTES, SQLITE_STATIC);
    }
    }
    return SQLITE_MISUSE;
}

int ph_sqlite_bind(struct ph_sqlite_connection *connection, enum ph_stmt stmt, const struct ph_value *params,
                   unsigned param_count, bool copy_text, sqlite3_stmt **out_stmt, struct ph_error *err)
{
    if (connection->stmts[stmt] == NULL) {
        int result = prepare(connection, stmt, err);
        if (result != PH_OK) {
            return result;
        }
    }
    sqlite3_stmt *prepared = connection->stmts[stmt];
    assert(param_count <= PH_SQLITE_PARAMS_MAX);
    if (sqlite3_bind_parameter_count(prepared) != (int)param_count) {
        return ph_fail(err, PH_EBUG, "%s: %u parameters given, %d wanted", ph_stmt_info(stmt)->name,
                       param_count, sqlite3_bind_parameter_count(prepared));
    }
    for (unsigned i = 0; i < param_count; i++) {
        if (bind_one(connection, prepared, (int)i + 1, &params[i],
                     copy_text ? SQLITE_TRANSIENT : SQLITE_STATIC) != SQLITE_OK) {
            return ph_sqlite_fail(connection, err, ph_stmt_info(stmt)->name);
        }
    }
    *out_stmt = prepared;
    return PH_OK;
}
