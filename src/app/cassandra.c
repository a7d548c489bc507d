/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cassandra.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "db/cassandra/cassandra.h"

enum { PASSWORD_MAX = 1024, NODES_MAX = 256, SCHEMA_CHANGE_MS = 120000 };

/* ---- Files ---- */

/* The first line of the file, the caller's to wipe and free. */
static int read_password(const char *path, char **out_password, struct ph_error *err)
{
    *out_password = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "cassandra.password_file: %.160s",
                             path);
    }
    char *line = ph_zalloc(PASSWORD_MAX + 1);
    ssize_t len = read(fd, line, PASSWORD_MAX);
    int number = errno;
    close(fd);
    if (len < 0) {
        free(line);
        return ph_fail_errno(err, PH_EUNAVAILABLE, number, "cassandra.password_file: %.160s", path);
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0') {
        ph_wipe_free(&line);
        return ph_fail(err, PH_EINVALID, "cassandra.password_file: %.160s: the first line is empty", path);
    }
    *out_password = line;
    return PH_OK;
}

static int check_readable(const char *key, const char *path, struct ph_error *err)
{
    if (path[0] != '\0' && access(path, R_OK) != 0) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "cassandra.%s: %.160s", key, path);
    }
    return PH_OK;
}

int ph_app_cassandra_check(const struct ph_config *config, struct ph_error *err)
{
    const struct ph_config_cassandra *section = &config->root->cassandra;
    const struct {
        const char *key;
        const char *path;
    } files[] = {
        {"tls_ca_file", section->tls_ca_file},
        {"tls_certificate_file", section->tls_certificate_file},
        {"tls_key_file", section->tls_key_file},
    };
    int result = PH_OK;
    for (size_t i = 0; result == PH_OK && i < sizeof files / sizeof files[0]; i++) {
        result = check_readable(files[i].key, files[i].path, err);
    }
    char *password = NULL;
    if (result == PH_OK && section->password_file[0] != '\0') {
        result = read_password(section->password_file, &password, err);
    }
    ph_wipe_free(&password);
    return result;
}

/* ---- Connecting ---- */

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

/* Borrows from CONFIG; *OUT_PASSWORD, which the options borrow too, is the caller's to wipe and free. */
static int driver_options(const struct ph_config *config, struct ph_cql_options *out, char **out_password,
                          struct ph_error *err)
{
    const struct ph_config_cassandra *section = &config->root->cassandra;
    *out_password = NULL;
    int result = ph_app_cassandra_check(config, err);
    if (result == PH_OK && section->password_file[0] != '\0') {
        result = read_password(section->password_file, out_password, err);
    }
    *out = (struct ph_cql_options){
        .contact_points = (const char *const *)section->contact_points,
        .contact_point_count = section->contact_points_count,
        .local_datacenter = section->local_datacenter,
        .username = or_null(section->username),
        .password = *out_password,
        .tls_ca_file = or_null(section->tls_ca_file),
        .tls_certificate_file = or_null(section->tls_certificate_file),
        .tls_key_file = or_null(section->tls_key_file),
        .tls_verify_host = section->tls_verify_host,
        .request_timeout_ms = section->request_timeout_ms,
        .connect_timeout_ms = section->connect_timeout_ms,
        .connections_per_node = section->connections_per_node,
        .threads = section->threads,
    };
    if (result == PH_OK && (section->contact_points_count == 0 || section->local_datacenter[0] == '\0')) {
        result =
            ph_fail(err, PH_EINVALID, "cassandra.contact_points and cassandra.local_datacenter say nothing");
    }
    return result;
}

/* Whom was asked, behind which what they said stands. */
static int explain(const struct ph_config_cassandra *section, int result, struct ph_error *err)
{
    if (result == PH_EUNAVAILABLE && err != NULL) {
        struct ph_error said = *err;
        return ph_fail(err, result,
                       "no node of datacenter %.40s answers (cassandra.contact_points: %.60s%s): %.100s",
                       section->local_datacenter, section->contact_points[0],
                       section->contact_points_count > 1 ? ", ..." : "", said.text);
    }
    return result;
}

int ph_app_cassandra_open(const struct ph_config *config, const struct ph_log *log, bool is_brief,
                          struct ph_db **out_db, struct ph_error *err)
{
    const struct ph_config_cassandra *section = &config->root->cassandra;
    struct ph_cassandra_options options = {
        .keyspace = ph_app_cassandra_keyspace(config),
        .requests_max = section->requests_max,
        .queue_max = section->requests_waiting_max,
        .prepares_when_used = is_brief,
        .clock = &ph_clock_system,
        .log = log,
    };
    char *password = NULL;
    *out_db = NULL;
    int result = driver_options(config, &options.driver, &password, err);
    if (result == PH_OK) {
        result = explain(section, ph_cassandra_open(&options, out_db, err), err);
    }
    ph_wipe_free(&password);
    return result;
}

/* ---- Schema ---- */

int ph_app_cassandra_schema(const struct ph_config *config, const struct ph_app_schema_request *request,
                            void (*each)(const char *text, const char *statement, void *ctx), void *ctx,
                            struct ph_error *err)
{
    struct ph_cql_options options;
    struct ph_cql_session *session = NULL;
    struct ph_schema_findings findings = {0};
    char *password = NULL;
    char error[PH_CQL_ERROR_MAX];
    int result = driver_options(config, &options, &password, err);
    if (options.request_timeout_ms < SCHEMA_CHANGE_MS) {
        options.request_timeout_ms = SCHEMA_CHANGE_MS; /* until all nodes agree */
    }
    if (result == PH_OK) {
        enum ph_cql_status status = ph_cql_connect(&options, &session, error);
        result = status == PH_CQL_OK ? PH_OK : ph_cassandra_fail(err, status, false, "Cassandra", error);
        result = explain(&config->root->cassandra, result, err);
    }
    ph_wipe_free(&password);
    if (result != PH_OK) {
        return result;
    }
    switch (request->work) {
    case PH_APP_SCHEMA_CREATE:
        result = ph_cassandra_schema_create(session, &request->keyspace, request->replication,
                                            request->replication_count, &findings, err);
        break;
    case PH_APP_SCHEMA_CHECK:
        result = ph_cassandra_schema_check(session, &request->keyspace, &findings, err);
        break;
    case PH_APP_SCHEMA_UPGRADE:
        result = ph_cassandra_schema_upgrade(session, &request->keyspace, request->is_change, &findings, err);
        break;
    }
    for (size_t i = 0; i < findings.count; i++) {
        each(findings.list[i].text, findings.list[i].statement, ctx);
    }
    if (result == PH_OK && request->work == PH_APP_SCHEMA_CHECK && findings.count == 0) {
        result = ph_cassandra_schema_verify(session, &request->keyspace, &findings, err);
    }
    ph_schema_findings_free(&findings);
    ph_cql_close(session);
    return result;
}

/* ---- Figures ---- */

static json_t *nodes(struct ph_cql_session *session)
{
    struct ph_cql_node *list = ph_alloc(NODES_MAX * sizeof *list);
    size_t count = ph_cql_nodes(session, list, NODES_MAX);
    json_t *all = json_array();
    for (size_t i = 0; i < count && i < NODES_MAX; i++) {
        json_array_append_new(
            all, json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "address", list[i].address, "datacenter",
                           list[i].datacenter, "up", (int)list[i].is_up, "requests",
                           (json_int_t)list[i].requests, "errors", (json_int_t)list[i].errors, "mean_us",
                           (json_int_t)(list[i].requests == 0 ? 0 : list[i].total_us / list[i].requests)));
    }
    free(list);
    return all;
}

json_t *ph_app_cassandra_figures(struct ph_db *db)
{
    const struct ph_cassandra_keyspace *keyspace = ph_cassandra_keyspace_of(db);
    struct ph_db_remote_stats stats;
    ph_db_remote_stats(db, &stats);
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "keyspace",
                     keyspace->name, "profile", ph_cassandra_profile_name(keyspace->profile),
                     "shared_with_james", (int)keyspace->is_shared, "requests", (json_int_t)stats.requests,
                     "under_way", (json_int_t)stats.under_way, "queued", (json_int_t)stats.queued, "refused",
                     (json_int_t)stats.refused, "retries", (json_int_t)stats.retries, "timeouts",
                     (json_int_t)stats.timeouts, "serial_timeouts", (json_int_t)stats.serial_timeouts,
                     "connections", (json_int_t)stats.connections, "nodes", nodes(ph_cassandra_session(db)));
}
