/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra/keyspace.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"

enum { AGREEMENT_LOOKS = 150, AGREEMENT_PAUSE_NS = 200 * 1000 * 1000 };

int ph_cassandra_fail(struct ph_error *err, enum ph_cql_status status, bool is_write, const char *what,
                      const char *text)
{
    static const int classes[] = {
        [PH_CQL_OK] = PH_EBUG,
        [PH_CQL_UNAVAILABLE] = PH_EUNAVAILABLE,
        [PH_CQL_OVERLOADED] = PH_EUNAVAILABLE, /* busy is what somebody else holds */
        [PH_CQL_TIMEOUT] = PH_EUNAVAILABLE,
        [PH_CQL_INVALID] = PH_EINVALID,
        [PH_CQL_DENIED] = PH_EDENIED,
        [PH_CQL_FAILED] = PH_EUNAVAILABLE,
    };
    int class = is_write && (status == PH_CQL_TIMEOUT || status == PH_CQL_FAILED) ? PH_EUNKNOWN_OUTCOME
                                                                                  : classes[status];
    return ph_fail(err, class, "%.100s: %.140s", what, text);
}

/* ---- One request, awaited ---- */

struct wait {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    struct ph_cql_result *result;
};

static void wake(void *ctx, struct ph_cql_result *result)
{
    struct wait *wait = ctx;
    pthread_mutex_lock(&wait->mutex);
    wait->result = result;
    pthread_cond_signal(&wait->cond);
    pthread_mutex_unlock(&wait->mutex);
}

/* *OUT_RESULT is the caller's to free. */
static int run(struct ph_cql_session *session, const char *text, enum ph_cql_consistency consistency,
               const struct ph_cql_value *values, size_t value_count, struct ph_cql_result **out_result,
               struct ph_error *err)
{
    const struct ph_cql_settings settings = {.consistency = consistency, .is_idempotent = true};
    struct ph_cql_statement *statement = NULL;
    char error[PH_CQL_ERROR_MAX];
    enum ph_cql_status status = ph_cql_prepare(session, text, &settings, &statement, error);
    if (status != PH_CQL_OK) {
        return ph_cassandra_fail(err, status, false, text, error);
    }
    struct wait wait = {.mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};
    ph_cql_execute(session, statement, values, value_count, NULL, 0, wake, &wait);
    pthread_mutex_lock(&wait.mutex);
    while (wait.result == NULL) {
        pthread_cond_wait(&wait.cond, &wait.mutex);
    }
    pthread_mutex_unlock(&wait.mutex);
    ph_cql_statement_free(statement);
    status = ph_cql_result_status(wait.result);
    if (status != PH_CQL_OK) {
        int result = ph_cassandra_fail(err, status, value_count > 0, text, ph_cql_result_error(wait.result));
        ph_cql_result_free(wait.result);
        return result;
    }
    *out_result = wait.result;
    return PH_OK;
}

/* ---- What is remembered ---- */

static bool cell_is(const struct ph_cql_result *result, size_t row, size_t column, const char *text)
{
    const uint8_t *ptr;
    size_t len;
    return ph_cql_result_cell(result, row, column, &ptr, &len) &&
           ph_bytes_eq(ph_bytes_of(ptr, len), ph_bytes_str(text));
}

int ph_cassandra_remembered_read(struct ph_cql_session *session, const char *name,
                                 struct ph_cassandra_remembered *out_remembered, struct ph_error *err)
{
    *out_remembered = (struct ph_cassandra_remembered){0};
    char text[128];
    snprintf(text, sizeof text, "SELECT name, value FROM %s.settings", name);
    struct ph_cql_result *found = NULL;
    int result = run(session, text, PH_CQL_LOCAL_QUORUM, NULL, 0, &found, err);
    if (result != PH_OK) {
        return result;
    }
    for (size_t row = 0; row < ph_cql_result_row_count(found); row++) {
        if (cell_is(found, row, 0, "profile")) {
            out_remembered->is_there = true;
            if (cell_is(found, row, 1, ph_cassandra_profile_name(PH_CASSANDRA_LWT_FREE))) {
                out_remembered->profile = PH_CASSANDRA_LWT_FREE;
            } else if (!cell_is(found, row, 1, ph_cassandra_profile_name(PH_CASSANDRA_LWT))) {
                result = ph_fail(err, PH_ECORRUPT, "keyspace %s: its profile is none that this version knows",
                                 name);
            }
        } else if (cell_is(found, row, 0, "shared_with_james")) {
            out_remembered->is_shared = cell_is(found, row, 1, "true");
        }
    }
    ph_cql_result_free(found);
    return result;
}

static int put(struct ph_cql_session *session, const char *keyspace, const char *name, const char *value,
               struct ph_error *err)
{
    char text[128];
    snprintf(text, sizeof text, "INSERT INTO %s.settings (name, value) VALUES (?, ?)", keyspace);
    const struct ph_cql_value values[] = {
        {(const uint8_t *)name, (int32_t)strlen(name)},
        {(const uint8_t *)value, (int32_t)strlen(value)},
    };
    struct ph_cql_result *done = NULL;
    int result = run(session, text, PH_CQL_EACH_QUORUM, values, 2, &done, err);
    if (result == PH_OK) {
        ph_cql_result_free(done);
    }
    return result;
}

/* ---- All nodes know the tables ---- */

/* Whether all rows of TEXT, a column of UUIDs, are *VERSION; the first ever seen becomes it. */
static bool is_version(struct ph_cql_session *session, const char *text, uint8_t version[16],
                       bool *has_version)
{
    struct ph_cql_result *found = NULL;
    char error[PH_CQL_ERROR_MAX];
    if (ph_cql_run(session, text, &found, error) != PH_CQL_OK) {
        return false;
    }
    bool is_same = true;
    for (size_t row = 0; row < ph_cql_result_row_count(found); row++) {
        const uint8_t *ptr;
        size_t len;
        if (!ph_cql_result_cell(found, row, 0, &ptr, &len) || len != 16) {
            continue;
        }
        if (!*has_version) {
            memcpy(version, ptr, 16);
            *has_version = true;
        }
        is_same = is_same && memcmp(version, ptr, 16) == 0;
    }
    ph_cql_result_free(found);
    return is_same;
}

/* The driver sees to that in its own datacenter alone. A node that is down is not waited for longer than that. */
static void wait_for_agreement(struct ph_cql_session *session)
{
    for (unsigned i = 0; i < AGREEMENT_LOOKS; i++) {
        uint8_t version[16];
        bool has_version = false;
        if (is_version(session, "SELECT schema_version FROM system.local", version, &has_version) &&
            is_version(session, "SELECT schema_version FROM system.peers", version, &has_version)) {
            return;
        }
        const struct timespec pause = {.tv_nsec = AGREEMENT_PAUSE_NS};
        nanosleep(&pause, NULL);
    }
}

int ph_cassandra_remembered_write(struct ph_cql_session *session,
                                  const struct ph_cassandra_keyspace *keyspace, struct ph_error *err)
{
    wait_for_agreement(session);
    /* The profile last: without it the rest counts for nothing. */
    int result =
        put(session, keyspace->name, "shared_with_james", keyspace->is_shared ? "true" : "false", err);
    return result == PH_OK
               ? put(session, keyspace->name, "profile", ph_cassandra_profile_name(keyspace->profile), err)
               : result;
}

int ph_cassandra_remembered_agree(const struct ph_cassandra_remembered *remembered,
                                  const struct ph_cassandra_keyspace *keyspace, struct ph_error *err)
{
    if (!remembered->is_there) {
        return ph_fail(err, PH_EINVALID,
                       "keyspace %s does not say yet what it is: run `posthouse schema upgrade` once",
                       keyspace->name);
    }
    if (remembered->profile != keyspace->profile) {
        return ph_fail(err, PH_EINVALID,
                       "keyspace %s is of profile %s, this node is configured for %s: set cassandra.profile",
                       keyspace->name, ph_cassandra_profile_name(remembered->profile),
                       ph_cassandra_profile_name(keyspace->profile));
    }
    if (remembered->is_shared != keyspace->is_shared) {
        return ph_fail(err, PH_EINVALID,
                       "keyspace %s is %sshared with James, this node is configured otherwise: set "
                       "cassandra.shared_with_james",
                       keyspace->name, remembered->is_shared ? "" : "not ");
    }
    return PH_OK;
}
