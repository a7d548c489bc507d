/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which texts of the list are the keyspace's, and each of them prepared: at once when the server starts, so that what
 * the schema lacks is found then, or one by one as they are used, where a process uses few.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "db/cassandra/engine.h"
#include "net/pool.h"

void ph_cassandra_prepared_init(struct ph_cassandra_prepared *prepared, struct ph_cql_session *session,
                                const struct ph_cassandra_keyspace *keyspace)
{
    pthread_mutex_init(&prepared->lock, NULL);
    prepared->session = session;
    prepared->keyspace = keyspace->name;
    prepared->variant = ph_cassandra_variant(keyspace);
    unsigned at = 0;
    for (unsigned stmt = 0; stmt < PH_STMT_COUNT; stmt++) {
        struct ph_cassandra_texts *texts = &prepared->texts[stmt];
        texts->ids = &prepared->ids[at];
        for (unsigned id = 0; id < PH_CQL_ID_COUNT; id++) {
            const struct ph_cql_info *info = ph_cql_info((enum ph_cql_id)id);
            if (info->stmt == stmt && (info->where & prepared->variant) != 0) {
                prepared->ids[at++] = (uint16_t)id;
                texts->count++;
                texts->roles |= 1U << info->role;
            }
        }
    }
}

static void free_statement(struct ph_cassandra_statement *statement)
{
    if (statement->handle != NULL) {
        ph_cql_statement_free(statement->handle);
    }
    free(statement->ready.text);
    free(statement);
}

void ph_cassandra_prepared_fini(struct ph_cassandra_prepared *prepared)
{
    for (unsigned id = 0; id < PH_CQL_ID_COUNT; id++) {
        struct ph_cassandra_statement *statement = atomic_load(&prepared->statements[id]);
        if (statement != NULL) {
            free_statement(statement);
        }
    }
    pthread_mutex_destroy(&prepared->lock);
}

/* ---- One text ---- */

static struct ph_cql_settings settings_of(const struct ph_cql_info *info, unsigned variant)
{
    enum { READ_PAGE_ROWS = 300 };
    bool is_lwt = (variant & (PH_CASSANDRA_LWT_OWN | PH_CASSANDRA_LWT_JAMES)) != 0;
    enum ph_cql_consistency regular = is_lwt ? PH_CQL_QUORUM : PH_CQL_LOCAL_QUORUM;
    bool is_counter = info->role == PH_CQL_ROLE_LOOSE || info->role == PH_CQL_ROLE_EACH_LOOSE;
    struct ph_cql_settings settings = {
        .consistency = regular,
        .serial_consistency = PH_CQL_SERIAL,
        .is_idempotent = !is_counter && info->role != PH_CQL_ROLE_CONDITIONAL,
        .page_rows = info->role == PH_CQL_ROLE_READ_PAGE ? READ_PAGE_ROWS : 0,
    };
    switch (info->level) {
    case PH_CQL_LEVEL_ONE: settings.consistency = PH_CQL_LOCAL_ONE; break;
    case PH_CQL_LEVEL_EACH: settings.consistency = PH_CQL_EACH_QUORUM; break;
    case PH_CQL_LEVEL_SERIAL: settings.consistency = is_lwt ? PH_CQL_SERIAL : regular; break;
    case PH_CQL_LEVEL_REGULAR: break;
    }
    return settings;
}

static int read_types(struct ph_cassandra_statement *statement, struct ph_error *err)
{
    size_t params = ph_cql_param_count(statement->handle);
    size_t columns = ph_cql_column_count(statement->handle);
    if (params != statement->ready.param_count || columns > PH_CASSANDRA_COLUMNS_MAX) {
        return ph_fail(err, PH_EBUG, "%s: %zu parameters, %zu columns", statement->info->name, params,
                       columns);
    }
    for (size_t i = 0; i < params; i++) {
        statement->types[i] = (uint8_t)ph_cql_param_type(statement->handle, i);
    }
    statement->column_count = (unsigned)columns;
    for (size_t i = 0; i < columns; i++) {
        statement->column_types[i] = (uint8_t)ph_cql_column_type(statement->handle, i);
    }
    return PH_OK;
}

static int prepare_text(struct ph_cassandra_prepared *prepared, enum ph_cql_id id, struct ph_error *err)
{
    const struct ph_cql_info *info = ph_cql_info(id);
    struct ph_cassandra_statement *statement = ph_zalloc(sizeof *statement);
    char error[PH_CQL_ERROR_MAX];
    statement->info = info;
    statement->leaves_null_alone = strncmp(info->text, "INSERT ", 7) == 0;
    struct ph_cql_settings settings = settings_of(info, prepared->variant);
    statement->is_conditional =
        info->role == PH_CQL_ROLE_CONDITIONAL || settings.consistency == PH_CQL_SERIAL;
    int result = ph_cql_make_ready(info->text, prepared->keyspace, &statement->ready, err);
    if (result == PH_OK) {
        enum ph_cql_status status =
            ph_cql_prepare(prepared->session, statement->ready.text, &settings, &statement->handle, error);
        if (status != PH_CQL_OK) {
            statement->handle = NULL;
            result = ph_cassandra_fail(err, status, false, info->name, error);
        }
    }
    if (result == PH_OK) {
        result = read_types(statement, err);
    }
    if (result != PH_OK) {
        free_statement(statement);
        return result;
    }
    atomic_store_explicit(&prepared->statements[id], statement, memory_order_release);
    return PH_OK;
}

/* ---- All texts of a name ---- */

static bool is_there(struct ph_cassandra_prepared *prepared, enum ph_cql_id id)
{
    return ph_cql_info(id)->role == PH_CQL_ROLE_NOTHING || ph_cassandra_statement(prepared, id) != NULL;
}

int ph_cassandra_prepare(struct ph_cassandra_prepared *prepared, enum ph_stmt stmt, struct ph_error *err)
{
    const struct ph_cassandra_texts *texts = &prepared->texts[stmt];
    if (texts->count == 0) {
        return ph_fail(err, PH_EINVALID, "%s: not a statement of this kind of keyspace",
                       ph_stmt_info(stmt)->name);
    }
    unsigned missing = 0;
    for (unsigned i = 0; i < texts->count; i++) {
        missing += is_there(prepared, (enum ph_cql_id)texts->ids[i]) ? 0 : 1;
    }
    if (missing == 0) {
        return PH_OK;
    }
    int result = PH_OK;
    ph_pool_blocking_begin();
    pthread_mutex_lock(&prepared->lock);
    for (unsigned i = 0; i < texts->count && result == PH_OK; i++) {
        if (!is_there(prepared, (enum ph_cql_id)texts->ids[i])) {
            result = prepare_text(prepared, (enum ph_cql_id)texts->ids[i], err);
        }
    }
    pthread_mutex_unlock(&prepared->lock);
    ph_pool_blocking_end();
    return result;
}

int ph_cassandra_prepare_all(struct ph_cassandra_prepared *prepared, struct ph_error *err)
{
    int result = PH_OK;
    for (unsigned stmt = 0; stmt < PH_STMT_COUNT && result == PH_OK; stmt++) {
        if (prepared->texts[stmt].count > 0) {
            result = ph_cassandra_prepare(prepared, (enum ph_stmt)stmt, err);
        }
    }
    return result;
}

const struct ph_cassandra_statement *ph_cassandra_statement(const struct ph_cassandra_prepared *prepared,
                                                            enum ph_cql_id id)
{
    return atomic_load_explicit(&prepared->statements[id], memory_order_acquire);
}
