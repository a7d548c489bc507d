/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables, and what says that a file is ours: application_id, and user_version as the version of the schema.
 *
 * A new store gets everything in one transaction. One of an older version is refused until it has been upgraded
 * (ph_sqlite_schema_upgrade): what it lacks is looked for table by table and column by column, so what was interrupted, or
 * done by hand, is only completed. A newer one is refused, because an older program would break its rules.
 *
 * Triggers are no data: where a store's are of another text than ours, ours replace them.
 */
#include "db/sqlite/engine.h"

enum { APPLICATION_ID = 0x506F7374 /* "Post" */, SCHEMA_VERSION = 2 };

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

/* ---- Upgrading ---- */

static const struct lacking {
    int version;
    const char *table;
    const char *column; /* empty: the table itself */
    const char *statement;
} upgrades[] = {
#define X(version, table, column, statement) {version, table, column, statement},
#include "db/sqlite/schema_upgrade.def"
#undef X
};
enum { UPGRADE_COUNT = sizeof upgrades / sizeof upgrades[0] };

/* The whole text where STATEMENT is the beginning of one that makes a table. */
static const char *text_of(const char *statement)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        size_t len = strlen(statement);
        if (strncmp(tables[i], statement, len) == 0 && tables[i][len] == ' ') {
            return tables[i];
        }
    }
    return statement;
}

static int is_lacking(struct ph_sqlite_connection *connection, const struct lacking *one,
                      bool *out_is_lacking, struct ph_error *err)
{
    static const char query[] = "SELECT count(*) FROM pragma_table_info(?1) WHERE ?2 = '' OR name = ?2";
    sqlite3_stmt *stmt = NULL;
    int result = PH_OK;
    if (sqlite3_prepare_v2(connection->handle, query, -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 1, one->table, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_text(stmt, 2, one->column, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        result = ph_sqlite_fail(connection, err, query);
    } else {
        *out_is_lacking = sqlite3_column_int(stmt, 0) == 0;
    }
    sqlite3_finalize(stmt);
    return result;
}

/* Calls EACH for what is lacking, and with IS_UPGRADE adds it. */
static int look_for_lacking(struct ph_sqlite_connection *connection, bool is_upgrade,
                            ph_sqlite_schema_each *each, void *ctx, struct ph_error *err)
{
    int result = PH_OK;
    for (unsigned i = 0; result == PH_OK && i < UPGRADE_COUNT; i++) {
        const struct lacking *one = &upgrades[i];
        const char *statement = text_of(one->statement);
        bool is_absent = false;
        char text[128];
        result = is_lacking(connection, one, &is_absent, err);
        if (result != PH_OK || !is_absent) {
            continue;
        }
        if (one->column[0] == '\0') {
            snprintf(text, sizeof text, "no table %s", one->table);
        } else {
            snprintf(text, sizeof text, "table %s: no column %s", one->table, one->column);
        }
        each(text, statement, ctx);
        if (is_upgrade) {
            result = ph_sqlite_exec(connection, statement, err);
        }
    }
    return result;
}

/* ---- Which store it is ---- */

static int read_version(struct ph_sqlite_connection *connection, bool *out_is_empty, int64_t *out_version,
                        struct ph_error *err)
{
    int64_t application_id = 0;
    int64_t table_count = 0;
    int result = read_number(connection, "PRAGMA application_id", &application_id, err);
    if (result == PH_OK) {
        result = read_number(connection, "PRAGMA user_version", out_version, err);
    }
    if (result == PH_OK) {
        result = read_number(connection, "SELECT count(*) FROM sqlite_master", &table_count, err);
    }
    if (result != PH_OK) {
        return result;
    }
    *out_is_empty = application_id == 0 && *out_version == 0 && table_count == 0;
    if (*out_is_empty) {
        return PH_OK;
    }
    if (application_id != APPLICATION_ID) {
        return ph_fail(err, PH_EINVALID, "the database is not one of Posthouse");
    }
    return *out_version >= 1 && *out_version <= SCHEMA_VERSION
               ? PH_OK
               : ph_fail(err, PH_EINVALID,
                         "the database has schema version %lld, this program knows version %d",
                         (long long)*out_version, SCHEMA_VERSION);
}

int ph_sqlite_schema_look(struct ph_sqlite_connection *connection, bool is_upgrade,
                          ph_sqlite_schema_each *each, void *ctx, struct ph_error *err)
{
    bool is_empty = false;
    int64_t version = 0;
    char set_version[64];
    snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", SCHEMA_VERSION);
    int result = read_version(connection, &is_empty, &version, err);
    if (result != PH_OK || is_empty) {
        return result;
    }
    if (is_upgrade) {
        result = ph_sqlite_exec(connection, "BEGIN IMMEDIATE", err);
    }
    if (result == PH_OK) {
        result = look_for_lacking(connection, is_upgrade, each, ctx, err);
    }
    if (is_upgrade && result == PH_OK) {
        result = ph_sqlite_exec(connection, set_version, err);
    }
    if (is_upgrade) {
        struct ph_error ignored;
        int ended = ph_sqlite_exec(connection, result == PH_OK ? "COMMIT" : "ROLLBACK",
                                   result == PH_OK ? err : &ignored);
        result = result == PH_OK ? ended : result;
    }
    return result;
}

/* The first thing that is lacking, for the text of an error. */
struct first_lacking {
    unsigned count;
    char statement[96];
};

static void note_lacking(const char *text, const char *statement, void *ctx)
{
    (void)text;
    struct first_lacking *first = ctx;
    if (first->count++ == 0) {
        snprintf(first->statement, sizeof first->statement, "%s", statement);
    }
}

static int check_complete(struct ph_sqlite_connection *connection, int64_t version, struct ph_error *err)
{
    struct first_lacking first = {0};
    int result = look_for_lacking(connection, false, note_lacking, &first, err);
    if (result == PH_OK && (first.count > 0 || version != SCHEMA_VERSION)) {
        result =
            ph_fail(err, PH_EINVALID,
                    "the database lacks %u tables and columns (%s%s); `posthouse schema check` lists them, "
                    "`posthouse schema upgrade` adds them",
                    first.count, first.statement, first.count > 1 ? ", ..." : "");
    }
    return result;
}

int ph_sqlite_schema(struct ph_sqlite_connection *connection, struct ph_error *err)
{
    bool is_empty = false;
    int64_t version = 0;
    int result = read_version(connection, &is_empty, &version, err);
    if (result == PH_OK && is_empty) {
        return make_tables(connection, err);
    }
    if (result == PH_OK) {
        result = check_complete(connection, version, err);
    }
    return result == PH_OK ? renew_triggers(connection, err) : result;
}
