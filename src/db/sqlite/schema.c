/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and what says that a file is ours: application_id, and user_version as the version of the schema.
 *
 * A new store gets everything in one transaction. A store of an older version would be brought up here, step by
 * step, in one transaction each; a newer one is refused, because an older program would break its rules.
 */
#include "db/sqlite/engine.h"

enum { APPLICATION_ID = 0x506F7374 /* "Post" */, SCHEMA_VERSION = 1 };

static const char *const tables[] = {
#define X(sql) sql,
#include "db/sqlite/schema_account.def"
#include "db/sqlite/schema_blob.def"
#include "db/sqlite/schema_message.def"
#undef X
};

static int read_number(struct ph_sqlite_connection *connection, const char *sql, int64_t *out_value,
                       struct ph_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = PH_OK;
    if (sqlite3_prepare_v2(connection->handle, sql, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        result = ph_sqlite_fail(connection, err, sql);
    } else {
        *out_value = sqlite3_column_int64(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return result;
}

static int make_tables(struct ph_sqlite_connection *connection, struct ph_error *err)
{
    char ids[96];
    snprintf(ids, sizeof ids, "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION_ID,
             SCHEMA_VERSION);
    int result = ph_sqlite_exec(connection, "BEGIN IMMEDIATE", err);
    for (size_t i = 0; result == PH_OK && i < sizeof tables / sizeof tables[0]; i++) {
        result = ph_sqlite_exec(connection, tables[i], err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_exec(connection, ids, err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_exec(connection, "COMMIT", err);
    }
    return result;
}

int ph_sqlite_schema(struct ph_sqlite_connection *connection, struct ph_error *err)
{
    int64_t application_id = 0;
    int64_t version = 0;
    int64_t table_count = 0;
    int result = read_number(connection, "PRAGMA application_id", &application_id, err);
    if (result == PH_OK) {
        result = read_number(connection, "PRAGMA user_version", &version, err);
    }
    if (result == PH_OK) {
        result = read_number(connection, "SELECT count(*) FROM sqlite_master", &table_count, err);
    }
    if (result != PH_OK) {
        return result;
    }
    if (application_id == 0 && version == 0 && table_count == 0) {
        return make_tables(connection, err);
    }
    if (application_id != APPLICATION_ID) {
        return ph_fail(err, PH_EINVALID, "the database is not one of Posthouse");
    }
    if (version != SCHEMA_VERSION) {
        return ph_fail(err, PH_EINVALID,
                       "the database has schema version %lld, this program knows version %d",
                       (long long)version, SCHEMA_VERSION);
    }
    return PH_OK;
}
