/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra/test_keyspace.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "db/cassandra/schema.h"
#include "db/test_store.h"

enum { TABLES_MAX = 64, TABLE_NAME_MAX = 64, TEXT_MAX = 256, RUNS_MAX = 10 };

/* Whether that name, of the kernel's and in no directory, was still free. It is this process's until it ends. */
static bool take_name(const char *text)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int len = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "%s", text);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    bool is_ours = bind(fd, (const struct sockaddr *)&name,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) == 0;
    if (!is_ours) {
        close(fd);
    }
    return is_ours;
}

/* 0 for the first process of this executable on that node, 1 for one that runs beside it, and so on. */
static unsigned number_of_this_run(const char *address)
{
    static unsigned number = RUNS_MAX;
    for (unsigned i = 0; i < RUNS_MAX && number == RUNS_MAX; i++) {
        char text[100];
        snprintf(text, sizeof text, "posthouse %.32s %u %.48s", program_invocation_short_name, i, address);
        number = take_name(text) ? i : RUNS_MAX;
    }
    if (number == RUNS_MAX) {
        fprintf(stderr, "%u of %s run on %s already\n", RUNS_MAX, program_invocation_short_name, address);
        abort();
    }
    return number;
}

void ph_test_keyspace_options(enum ph_cassandra_profile profile, bool is_shared,
                              char name[PH_TEST_KEYSPACE_NAME_MAX], struct ph_cassandra_options *out_options)
{
    static const char *address; /* the driver borrows it */
    address = getenv("POSTHOUSE_TEST_CASSANDRA");
    snprintf(name, PH_TEST_KEYSPACE_NAME_MAX, "t%u_%.32s_%s%s", number_of_this_run(address),
             program_invocation_short_name, profile == PH_CASSANDRA_LWT ? "lwt" : "free",
             is_shared ? "_james" : "");
    for (char *at = name; *at != '\0'; at++) {
        bool is_plain = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9');
        *at = is_plain ? *at : '_';
    }
    *out_options = (struct ph_cassandra_options){
        .driver = {.contact_points = &address, .contact_point_count = 1, .local_datacenter = "dc1"},
        .keyspace = {name, profile, is_shared},
        .prepares_when_used = true,
        .leaves_schema = true,
        .clock = &ph_clock_system,
    };
}

/* ---- Emptying ---- */

struct tables {
    char names[TABLES_MAX][TABLE_NAME_MAX];
    size_t count;
};

static int run(struct ph_cql_session *session, const char *text, struct ph_cql_result **out_result,
               struct ph_error *err)
{
    char error[PH_CQL_ERROR_MAX];
    enum ph_cql_status status = ph_cql_run(session, text, out_result, error);
    return status == PH_CQL_OK ? PH_OK : ph_cassandra_fail(err, status, true, text, error);
}

static int list_tables(struct ph_cql_session *session, const char *keyspace, struct tables *out_tables,
                       struct ph_error *err)
{
    char text[TEXT_MAX];
    struct ph_cql_result *result;
    snprintf(text, sizeof text, "SELECT table_name FROM system_schema.tables WHERE keyspace_name = '%s'",
             keyspace);
    int rc = run(session, text, &result, err);
    if (rc != PH_OK) {
        return rc;
    }
    out_tables->count = 0;
    for (size_t row = 0; row < ph_cql_result_row_count(result) && out_tables->count < TABLES_MAX; row++) {
        const uint8_t *name;
        size_t len;
        if (ph_cql_result_cell(result, row, 0, &name, &len)) {
            snprintf(out_tables->names[out_tables->count++], TABLE_NAME_MAX, "%.*s", (int)len,
                     (const char *)name);
        }
    }
    ph_cql_result_free(result);
    return PH_OK;
}

/* To look is much cheaper than to empty what is empty. */
static int empty_table(struct ph_cql_session *session, const char *keyspace, const char *table,
                       struct ph_error *err)
{
    char text[TEXT_MAX];
    struct ph_cql_result *result;
    snprintf(text, sizeof text, "SELECT * FROM %s.%s LIMIT 1", keyspace, table);
    int rc = run(session, text, &result, err);
    if (rc != PH_OK) {
        return rc;
    }
    bool is_empty = ph_cql_result_row_count(result) == 0;
    ph_cql_result_free(result);
    if (is_empty || strcmp(table, "settings") == 0) {
        return PH_OK;
    }
    snprintf(text, sizeof text, "TRUNCATE %s.%s", keyspace, table);
    rc = run(session, text, &result, err);
    if (rc == PH_OK) {
        ph_cql_result_free(result);
    }
    return rc;
}

static int make(struct ph_cql_session *session, const struct ph_cassandra_options *options,
                struct ph_error *err)
{
    const struct ph_replication replication = {"dc1", 1};
    struct ph_schema_findings done = {0};
    int result = ph_cassandra_schema_create(session, &options->keyspace, &replication, 1, &done, err);
    ph_schema_findings_free(&done);
    return result;
}

int ph_test_keyspace_clear(const struct ph_cassandra_options *options, struct ph_error *err)
{
    char error[PH_CQL_ERROR_MAX];
    struct ph_cql_options driver = options->driver;
    driver.request_timeout_ms = 60000; /* tables take their time */
    driver.connect_timeout_ms = 10000;
    struct ph_cql_session *session;
    enum ph_cql_status status = ph_cql_connect(&driver, &session, error);
    if (status != PH_CQL_OK) {
        return ph_cassandra_fail(err, status, false, "Cassandra", error);
    }
    static char made[4][PH_TEST_KEYSPACE_NAME_MAX]; /* by this process */
    unsigned at = ph_cassandra_variant(&options->keyspace) >> 1;
    at = at > 3 ? 3 : at;
    struct tables tables;
    int result = PH_OK;
    if (strcmp(made[at], options->keyspace.name) != 0) {
        result = make(session, options, err);
        snprintf(made[at], sizeof made[at], "%s", options->keyspace.name);
    }
    if (result == PH_OK) {
        result = list_tables(session, options->keyspace.name, &tables, err);
    }
    for (size_t i = 0; result == PH_OK && i < tables.count; i++) {
        result = empty_table(session, options->keyspace.name, tables.names[i], err);
    }
    ph_cql_close(session);
    return result;
}

/* ---- Of a test store ---- */

static int open_one(struct ph_test_store *store, enum ph_cassandra_profile profile, bool is_shared,
                    struct ph_error *err)
{
    char name[PH_TEST_KEYSPACE_NAME_MAX];
    struct ph_cassandra_options options;
    ph_test_keyspace_options(profile, is_shared, name, &options);
    options.log = &store->log;
    return ph_cassandra_open(&options, &store->db, err);
}

static int clear_one(enum ph_cassandra_profile profile, bool is_shared, struct ph_error *err)
{
    char name[PH_TEST_KEYSPACE_NAME_MAX];
    struct ph_cassandra_options options;
    ph_test_keyspace_options(profile, is_shared, name, &options);
    return ph_test_keyspace_clear(&options, err);
}

int ph_test_keyspace_open_free(struct ph_test_store *store, struct ph_error *err)
{
    return open_one(store, PH_CASSANDRA_LWT_FREE, false, err);
}

int ph_test_keyspace_clear_free(struct ph_test_store *store, struct ph_error *err)
{
    (void)store;
    return clear_one(PH_CASSANDRA_LWT_FREE, false, err);
}

int ph_test_keyspace_open_james(struct ph_test_store *store, struct ph_error *err)
{
    return open_one(store, PH_CASSANDRA_LWT, true, err);
}

int ph_test_keyspace_clear_james(struct ph_test_store *store, struct ph_error *err)
{
    (void)store;
    return clear_one(PH_CASSANDRA_LWT, true, err);
}
