/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/mem.h"
#include "db/cassandra/engine.h"
#include "db/cassandra/schema.h"

static void set_companion(struct ph_db *db, const struct ph_db_companion *companion)
{
    /* Content that lies beside the database is of an engine that is local. */
    (void)db;
    (void)companion;
}

static unsigned waiting(struct ph_db *db)
{
    struct ph_cassandra *engine = (struct ph_cassandra *)db;
    pthread_mutex_lock(&engine->lock);
    unsigned plans = engine->plans;
    pthread_mutex_unlock(&engine->lock);
    return plans;
}

static void remote_stats(struct ph_db *db, struct ph_db_remote_stats *out_stats)
{
    struct ph_cassandra *engine = (struct ph_cassandra *)db;
    struct ph_cql_metrics metrics = {0};
    ph_cql_session_metrics(engine->session, &metrics);
    pthread_mutex_lock(&engine->requests.lock);
    uint64_t under_way = engine->requests.under_way;
    uint64_t queued = engine->requests.queued;
    pthread_mutex_unlock(&engine->requests.lock);
    *out_stats = (struct ph_db_remote_stats){
        .requests = metrics.requests,
        .under_way = under_way,
        .queued = queued,
        .refused = atomic_load(&engine->requests.refused),
        .retries = metrics.retries,
        .timeouts = metrics.timeouts,
        .serial_timeouts = metrics.serial_timeouts,
        .connections = metrics.connections,
    };
}

static int copy(struct ph_db *db, const char *path, uint64_t bytes_per_second, struct ph_error *err)
{
    (void)db;
    (void)path;
    (void)bytes_per_second;
    return ph_fail(err, PH_EINVALID, "a keyspace is copied by Cassandra's own tools (nodetool snapshot)");
}

/* ---- Life ---- */

static void close_engine(struct ph_db *db)
{
    struct ph_cassandra *engine = (struct ph_cassandra *)db;
    pthread_mutex_lock(&engine->lock);
    while (engine->plans > 0) {
        pthread_cond_wait(&engine->is_idle, &engine->lock);
    }
    pthread_mutex_unlock(&engine->lock);
    ph_cassandra_requests_drain(&engine->requests);
    ph_cassandra_prepared_fini(&engine->prepared);
    ph_cql_close(engine->session);
    ph_cassandra_requests_fini(&engine->requests);
    pthread_cond_destroy(&engine->is_idle);
    pthread_mutex_destroy(&engine->lock);
    free((char *)(uintptr_t)engine->keyspace.name);
    free(engine);
}

/* Of profile lwt two who make the same name are told apart. */
#define FUNCTIONS(is_lwt, is_james)                                                                \
    {                                                                                              \
        .traits = {.name = "cassandra", .has_conditions = (is_lwt), .is_shared = (is_james)},      \
        .counts_itself = true, .query = ph_cassandra_query, .query_each = ph_cassandra_query_each, \
        .next = ph_cassandra_next, .end = ph_cassandra_end, .cell_i64 = ph_cassandra_row_i64,      \
        .cell_bytes = ph_cassandra_row_bytes, .cell_uuid = ph_cassandra_row_uuid,                  \
        .submit = ph_cassandra_submit, .set_companion = set_companion, .waiting = waiting,         \
        .remote_stats = remote_stats, .copy = copy, .close = close_engine,                         \
    }

/* By profile, then by whether it is shared. */
static const struct ph_db_engine functions[2][2] = {
    [PH_CASSANDRA_LWT] = {FUNCTIONS(true, false), FUNCTIONS(true, true)},
    [PH_CASSANDRA_LWT_FREE] = {FUNCTIONS(false, false), FUNCTIONS(false, true)},
};

static bool is_cassandra(const struct ph_db *db)
{
    return db->engine >= &functions[0][0] && db->engine <= &functions[1][1];
}

struct ph_cql_session *ph_cassandra_session(struct ph_db *db)
{
    return is_cassandra(db) ? ((struct ph_cassandra *)db)->session : NULL;
}

const struct ph_cassandra_keyspace *ph_cassandra_keyspace_of(struct ph_db *db)
{
    return is_cassandra(db) ? &((struct ph_cassandra *)db)->keyspace : NULL;
}

/* What is missing, a line each. */
static int verify(const struct ph_cassandra_options *options, struct ph_cql_session *session,
                  struct ph_error *err)
{
    struct ph_schema_findings findings = {0};
    int result = ph_cassandra_schema_verify(session, &options->keyspace, &findings, err);
    for (size_t i = 0; result != PH_OK && i < findings.count; i++) {
        struct ph_log_line line;
        ph_log_begin(&line, options->log, PH_LOG_ERROR, "schema-lacks");
        ph_log_str(&line, "what", findings.list[i].text);
        if (findings.list[i].statement != NULL) {
            ph_log_str(&line, "statement", findings.list[i].statement);
        }
        ph_log_end(&line);
    }
    ph_schema_findings_free(&findings);
    return result;
}

int ph_cassandra_open(const struct ph_cassandra_options *options, struct ph_db **out_db, struct ph_error *err)
{
    struct ph_cql_session *session;
    struct ph_cql_options driver = options->driver;
    char error[PH_CQL_ERROR_MAX] = "";
    *out_db = NULL;
    if (driver.request_timeout_ms == 0) {
        driver.request_timeout_ms = PH_CASSANDRA_REQUEST_MS;
    }
    if (driver.connect_timeout_ms == 0) {
        driver.connect_timeout_ms = PH_CASSANDRA_CONNECT_MS;
    }
    enum ph_cql_status status = ph_cql_connect(&driver, &session, error);
    if (status != PH_CQL_OK) {
        return ph_cassandra_fail(err, status, false, "Cassandra", error);
    }
    struct ph_cassandra *engine = ph_zalloc(sizeof *engine);
    engine->db.engine = &functions[options->keyspace.profile][options->keyspace.is_shared ? 1 : 0];
    engine->db.clock = options->clock;
    engine->log = options->log;
    engine->session = session;
    engine->keyspace = options->keyspace;
    engine->keyspace.name = ph_strdup(options->keyspace.name);
    unsigned max = options->requests_max != 0 ? options->requests_max : PH_CASSANDRA_REQUESTS_MAX;
    ph_cassandra_requests_init(&engine->requests, max, options->queue_max != 0 ? options->queue_max : max * 4,
                               driver.request_timeout_ms / 2);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->is_idle, NULL);
    ph_cassandra_prepared_init(&engine->prepared, session, &engine->keyspace);
    int result = options->leaves_schema ? PH_OK : verify(options, session, err);
    if (result == PH_OK && !options->prepares_when_used) {
        result = ph_cassandra_prepare_all(&engine->prepared, err);
    }
    if (result != PH_OK) {
        close_engine(&engine->db);
        return result;
    }
    *out_db = &engine->db;
    return PH_OK;
}
