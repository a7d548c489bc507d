/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and what says that a file is ours: application_id, and user_version as the version of the schema.
 *
 * A new store gets everything in one transaction. A store of an older version would be brought up here, step by
 * step, in one transaction each; a newer one is refused, because an older program would break its rules.
 *
 * Triggers are no data: where a store's are of another text than ours, ours replace them.
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

/* ---- Triggers ---- */

static const char trigger_start[] = "CREATE TRIGGER ";

/* The name in a CREATE TRIGGER; empty for any other statement. */
static struct ph_bytes trigger_name(const char *sql)
{
    size_t start = sizeof trigger_start - 1;
    if (strncmp(sql, trigger_start, start) != 0) {
        return (struct ph_bytes){NULL, 0};
    }
    return ph_bytes_of(sql + start, strcspn(sql + start, " "));
}

static int has_trigger(struct ph_sqlite_connection *connection, const char *sql, bool *out_has,
                       struct ph_error *err)
{
    static const char query[] = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND sql = ?1";
    sqlite3_stmt *stmt = NULL;
    int result = PH_OK;
    if (sqlite3_prepare_v2(connection->handle, query, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 1, sql, -1, SQLITE_STATIC) != SQLITE_OK || sqlite3_step(stmt) != SQLITE_ROW) {
        result = ph_sqlite_fail(connection, err, query);
    } else {
        *out_has = sqlite3_column_int(stmt, 0) == 1;
    }
    sqlite3_finalize(stmt);
    return result;
}

static int replace_trigger(struct ph_sqlite_connection *connection, const char *sql, struct ph_error *err)
{
    struct ph_bytes name = trigger_name(sql);
    char drop[96];
    snprintf(drop, sizeof drop, "DROP TRIGGER IF EXISTS %.*s", (int)name.len, (const char *)name.ptr);
    int result = ph_sqlite_exec(connection, "BEGIN IMMEDIATE", err);
    if (result == PH_OK) {
        result = ph_sqlite_exec(connection, drop, err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_exec(connection, sql, err);
    }
    return result == PH_OK ? ph_sqlite_exec(connection, "COMMIT", err) : result;
}

static int renew_triggers(struct ph_sqlite_connection *connection, struct ph_error *err)
{
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < sizeof tables / sizeof tables[0]; i++) {
        bool has = true;
        if (trigger_name(tables[i]).len > 0) {
            result = has_trigger(connection, tables[i], &has, err);
        }
        if (result == PH_OK && !has) {
            result = replace_trigger(connection, tables[i], err);
        }
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
    return renew_triggers(connection, err);
}
