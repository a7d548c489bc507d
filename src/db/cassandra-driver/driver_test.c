/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver against a real node, which POSTHOUSE_TEST_CASSANDRA names as address:port; its datacenter is dc1.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/cassandra-driver/driver.h"

#define KEYSPACE "ph_driver_test"
#define TABLE KEYSPACE ".things"

struct fixture {
    struct ph_cql_session *session;
};

/* ---- Waiting for a completion ---- */

struct call {
    pthread_mutex_t lock;
    pthread_cond_t is_done;
    struct ph_cql_result *result;
};

static void done(void *ctx, struct ph_cql_result *result)
{
    struct call *call = ctx;
    pthread_mutex_lock(&call->lock);
    call->result = result;
    pthread_cond_signal(&call->is_done);
    pthread_mutex_unlock(&call->lock);
}

static struct ph_cql_result *wait_for(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    while (call->result == NULL) {
        pthread_cond_wait(&call->is_done, &call->lock);
    }
    struct ph_cql_result *result = call->result;
    pthread_mutex_unlock(&call->lock);
    pthread_mutex_destroy(&call->lock);
    pthread_cond_destroy(&call->is_done);
    return result;
}

#define CALL                                                      \
    {                                                             \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL \
    }

static struct ph_cql_result *execute(struct fixture *f, const struct ph_cql_statement *statement,
                                     const struct ph_cql_value *values, size_t value_count)
{
    struct call call = CALL;
    ph_cql_execute(f->session, statement, values, value_count, NULL, 0, done, &call);
    return wait_for(&call);
}

static void expect_status(struct ph_cql_result *result, enum ph_cql_status status)
{
    if (ph_cql_result_status(result) != status) {
        fail_msg("status %d, not %d: %s", ph_cql_result_status(result), status, ph_cql_result_error(result));
    }
    if (status == PH_CQL_OK) {
        assert_string_equal(ph_cql_result_error(result), "");
    } else {
        assert_string_not_equal(ph_cql_result_error(result), "");
    }
    ph_cql_result_free(result);
}

/* ---- Values ---- */

struct number {
    uint8_t octets[8];
};

static struct number number(uint64_t value)
{
    struct number number;
    for (int i = 7; i >= 0; i--, value >>= 8) {
        number.octets[i] = (uint8_t)value;
    }
    return number;
}

static struct ph_cql_value of_number(const struct number *number)
{
    return (struct ph_cql_value){number->octets, sizeof number->octets};
}

static struct ph_cql_value of_text(const char *text)
{
    return (struct ph_cql_value){(const uint8_t *)text, (int32_t)strlen(text)};
}

static const struct ph_cql_value null_value = {NULL, PH_CQL_NULL};
static const struct ph_cql_value unset_value = {NULL, PH_CQL_UNSET};

/* ---- Set-up ---- */

static const char *node(void)
{
    const char *address = getenv("POSTHOUSE_TEST_CASSANDRA");
    if (address == NULL) {
        fail_msg("POSTHOUSE_TEST_CASSANDRA names no node (address:port): tools/cassandra starts one");
    }
    return address;
}

static struct ph_cql_options options_for(const char *const *contact_point)
{
    return (struct ph_cql_options){
        .contact_points = contact_point,
        .contact_point_count = 1,
        .local_datacenter = "dc1",
        .request_timeout_ms = 10000,
        .connect_timeout_ms = 5000,
    };
}

static void run(struct fixture *f, const char *text)
{
    char error[PH_CQL_ERROR_MAX];
    struct ph_cql_result *result = NULL;
    if (ph_cql_run(f->session, text, &result, error) != PH_CQL_OK) {
        fail_msg("%s: %s", text, error);
    }
    ph_cql_result_free(result);
}

static int open_session(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *contact_point = node();
    struct ph_cql_options options = options_for(&contact_point);
    char error[PH_CQL_ERROR_MAX];
    if (ph_cql_connect(&options, &f->session, error) != PH_CQL_OK) {
        fail_msg("%s: %s", contact_point, error);
    }
    *state = f;
    return 0;
}

static int close_session(void **state)
{
    struct fixture *f = *state;
    ph_cql_close(f->session);
    free(f);
    return 0;
}

static int make_table(void **state)
{
    open_session(state);
    run(*state, "CREATE KEYSPACE IF NOT EXISTS " KEYSPACE
                " WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 1}");
    run(*state, "CREATE TABLE IF NOT EXISTS " TABLE
                " (part bigint, id bigint, name text, data blob, PRIMARY KEY (part, id))");
    run(*state, "TRUNCATE " TABLE);
    return 0;
}

static struct ph_cql_statement *prepare(struct fixture *f, const char *text)
{
    static const struct ph_cql_settings settings = {
        .consistency = PH_CQL_LOCAL_QUORUM,
        .serial_consistency = PH_CQL_LOCAL_SERIAL,
        .is_idempotent = true,
        .page_rows = 3,
    };
    char error[PH_CQL_ERROR_MAX];
    struct ph_cql_statement *statement = NULL;
    if (ph_cql_prepare(f->session, text, &settings, &statement, error) != PH_CQL_OK) {
        fail_msg("%s: %s", text, error);
    }
    return statement;
}

static void insert(struct fixture *f, const struct ph_cql_statement *statement, uint64_t part, uint64_t id,
                   struct ph_cql_value name, struct ph_cql_value data)
{
    struct number numbers[] = {number(part), number(id)};
    struct ph_cql_value values[] = {of_number(&numbers[0]), of_number(&numbers[1]), name, data};
    expect_status(execute(f, statement, values, 4), PH_CQL_OK);
}

#define INSERT "INSERT INTO " TABLE " (part, id, name, data) VALUES (?, ?, ?, ?)"
#define SELECT "SELECT id, name, data FROM " TABLE " WHERE part = ?"

static void expect_cell(const struct ph_cql_result *result, size_t row, size_t column, const void *octets,
                        size_t len)
{
    const uint8_t *ptr;
    size_t cell_len;
    assert_true(ph_cql_result_cell(result, row, column, &ptr, &cell_len));
    assert_int_equal(cell_len, len);
    assert_memory_equal(ptr, octets, len);
}

static void expect_null(const struct ph_cql_result *result, size_t row, size_t column)
{
    const uint8_t *ptr;
    size_t len;
    assert_false(ph_cql_result_cell(result, row, column, &ptr, &len));
    assert_null(ptr);
    assert_int_equal(len, 0);
}

/* ---- Values and types ---- */

static void test_types_are_known(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *statement = prepare(f, INSERT);
    static const enum ph_cql_type params[] = {PH_CQL_TYPE_BIGINT, PH_CQL_TYPE_BIGINT, PH_CQL_TYPE_TEXT,
                                              PH_CQL_TYPE_BLOB};
    assert_int_equal(ph_cql_param_count(statement), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ph_cql_param_type(statement, i), params[i]);
    }
    assert_int_equal(ph_cql_column_count(statement), 0);
    ph_cql_statement_free(statement);

    statement = prepare(f, "SELECT release_version, host_id, tokens FROM system.local WHERE key = 'local'");
    assert_int_equal(ph_cql_param_count(statement), 0);
    assert_int_equal(ph_cql_column_count(statement), 3);
    assert_int_equal(ph_cql_column_type(statement, 0), PH_CQL_TYPE_TEXT);
    assert_int_equal(ph_cql_column_type(statement, 1), PH_CQL_TYPE_UUID);
    assert_int_equal(ph_cql_column_type(statement, 2), PH_CQL_TYPE_SET);
    assert_int_equal(ph_cql_column_type(statement, 3), PH_CQL_TYPE_OTHER);
    ph_cql_statement_free(statement);
}

static void test_empty_null_and_unset(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *write = prepare(f, INSERT);
    struct ph_cql_statement *read = prepare(f, SELECT);
    insert(f, write, 1, 1, of_text("first"), of_text("octets"));
    insert(f, write, 1, 1, unset_value, null_value);
    insert(f, write, 1, 2, of_text(""), unset_value);

    struct number part = number(1);
    struct ph_cql_value key = of_number(&part);
    struct ph_cql_result *result = execute(f, read, &key, 1);
    assert_int_equal(ph_cql_result_status(result), PH_CQL_OK);
    assert_int_equal(ph_cql_result_row_count(result), 2);
    assert_int_equal(ph_cql_result_column_count(result), 3);
    expect_cell(result, 0, 0, number(1).octets, 8);
    expect_cell(result, 0, 1, "first", 5);
    expect_null(result, 0, 2);
    expect_cell(result, 1, 1, "", 0);
    expect_null(result, 1, 2);
    expect_null(result, 2, 0);
    expect_null(result, 0, 3);
    ph_cql_result_free(result);
    ph_cql_statement_free(write);
    ph_cql_statement_free(read);
}

static void test_a_large_value_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    enum { SIZE = 1024 * 1024 };
    uint8_t *octets = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++) {
        octets[i] = (uint8_t)(i * 31 >> 3);
    }
    struct ph_cql_statement *write = prepare(f, INSERT);
    struct ph_cql_statement *read = prepare(f, SELECT);
    insert(f, write, 2, 1, unset_value, (struct ph_cql_value){octets, SIZE});
    struct number part = number(2);
    struct ph_cql_value key = of_number(&part);
    struct ph_cql_result *result = execute(f, read, &key, 1);
    expect_cell(result, 0, 2, octets, SIZE);
    ph_cql_result_free(result);
    free(octets);
    ph_cql_statement_free(write);
    ph_cql_statement_free(read);
}

static void test_pages(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *write = prepare(f, INSERT);
    struct ph_cql_statement *read = prepare(f, SELECT);
    for (uint64_t id = 0; id < 8; id++) {
        insert(f, write, 3, id, of_text("x"), unset_value);
    }
    struct number part = number(3);
    struct ph_cql_value key = of_number(&part);
    uint8_t paging[512];
    size_t paging_len = 0;
    uint64_t id = 0;
    size_t pages = 0;
    bool is_more = true;
    while (is_more) {
        struct call call = CALL;
        ph_cql_execute(f->session, read, &key, 1, paging, paging_len, done, &call);
        struct ph_cql_result *result = wait_for(&call);
        assert_int_equal(ph_cql_result_status(result), PH_CQL_OK);
        assert_in_range(ph_cql_result_row_count(result), 0, 3);
        for (size_t row = 0; row < ph_cql_result_row_count(result); row++) {
            expect_cell(result, row, 0, number(id++).octets, 8);
        }
        const uint8_t *next;
        is_more = ph_cql_result_paging(result, &next, &paging_len);
        assert_in_range(paging_len, 0, sizeof paging);
        memcpy(paging, next, paging_len);
        ph_cql_result_free(result);
        pages++;
    }
    assert_int_equal(id, 8);
    assert_in_range(pages, 3, 4);
    ph_cql_statement_free(write);
    ph_cql_statement_free(read);
}

/* ---- Conditional statements, batches ---- */

static void test_a_condition_names_its_columns(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *statement =
        prepare(f, "INSERT INTO " TABLE " (part, id, name) VALUES (?, ?, ?) IF NOT EXISTS");
    struct number numbers[] = {number(4), number(1)};
    struct ph_cql_value values[] = {of_number(&numbers[0]), of_number(&numbers[1]), of_text("first")};
    for (int is_second = 0; is_second < 2; is_second++) {
        struct ph_cql_result *result = execute(f, statement, values, 3);
        assert_int_equal(ph_cql_result_status(result), PH_CQL_OK);
        assert_int_equal(ph_cql_result_row_count(result), 1);
        assert_string_equal(ph_cql_result_column_name(result, 0), "[applied]");
        expect_cell(result, 0, 0, is_second ? "\0" : "\1", 1);
        assert_int_equal(ph_cql_result_column_count(result), is_second ? 5 : 1);
        ph_cql_result_free(result);
    }
    ph_cql_statement_free(statement);
}

static void test_batch(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *write = prepare(f, INSERT);
    struct ph_cql_statement *remove = prepare(f, "DELETE FROM " TABLE " WHERE part = ? AND id = ?");
    struct ph_cql_statement *read = prepare(f, SELECT);
    insert(f, write, 5, 1, of_text("goes"), unset_value);

    struct number numbers[] = {number(5), number(2), number(5), number(1)};
    struct ph_cql_value values[] = {of_number(&numbers[0]), of_number(&numbers[1]),
                                    of_text("comes"),       unset_value,
                                    of_number(&numbers[2]), of_number(&numbers[3])};
    const struct ph_cql_statement *statements[] = {write, remove};
    struct ph_cql_settings settings = {.consistency = PH_CQL_LOCAL_QUORUM, .is_idempotent = true};
    struct call call = CALL;
    ph_cql_execute_batch(f->session, statements, 2, values, 6, &settings, done, &call);
    expect_status(wait_for(&call), PH_CQL_OK);

    struct ph_cql_value key = of_number(&numbers[0]);
    struct ph_cql_result *result = execute(f, read, &key, 1);
    assert_int_equal(ph_cql_result_row_count(result), 1);
    expect_cell(result, 0, 1, "comes", 5);
    ph_cql_result_free(result);

    for (size_t wrong = 5; wrong <= 7; wrong += 2) {
        struct ph_cql_value more[7] = {0};
        memcpy(more, values, sizeof values);
        struct call refused = CALL;
        ph_cql_execute_batch(f->session, statements, 2, more, wrong, &settings, done, &refused);
        expect_status(wait_for(&refused), PH_CQL_INVALID);
    }
    ph_cql_statement_free(write);
    ph_cql_statement_free(remove);
    ph_cql_statement_free(read);
}

/* ---- Errors ---- */

static void test_errors_have_classes(void **state)
{
    struct fixture *f = *state;
    char error[PH_CQL_ERROR_MAX] = "";
    struct ph_cql_settings settings = {.consistency = PH_CQL_LOCAL_QUORUM};
    struct ph_cql_statement *statement = NULL;
    assert_int_equal(ph_cql_prepare(f->session, "SELEC", &settings, &statement, error), PH_CQL_INVALID);
    assert_null(statement);
    assert_non_null(strstr(error, "SELEC"));
    assert_int_equal(
        ph_cql_prepare(f->session, "SELECT a FROM " KEYSPACE ".none", &settings, &statement, error),
        PH_CQL_INVALID);
    settings.consistency = (enum ph_cql_consistency)99;
    assert_int_equal(ph_cql_prepare(f->session, SELECT, &settings, &statement, error), PH_CQL_INVALID);

    struct ph_cql_result *result = NULL;
    assert_int_equal(ph_cql_run(f->session, "DROP TABLE " KEYSPACE ".none", &result, error), PH_CQL_INVALID);
    assert_null(result);

    statement = prepare(f, SELECT);
    expect_status(execute(f, statement, NULL, 0), PH_CQL_INVALID);
    struct ph_cql_value wrong = of_text("123");
    expect_status(execute(f, statement, &wrong, 1), PH_CQL_INVALID);
    ph_cql_statement_free(statement);

    /* A serial level is none for a write. */
    settings = (struct ph_cql_settings){.consistency = PH_CQL_SERIAL};
    assert_int_equal(ph_cql_prepare(f->session, INSERT, &settings, &statement, error), PH_CQL_OK);
    struct number numbers[] = {number(6), number(1)};
    struct ph_cql_value values[] = {of_number(&numbers[0]), of_number(&numbers[1]), unset_value, unset_value};
    expect_status(execute(f, statement, values, 4), PH_CQL_INVALID);
    ph_cql_statement_free(statement);
}

static void test_a_timeout_says_whether_it_was_of_consensus(void **state)
{
    struct fixture *f = *state;
    char error[PH_CQL_ERROR_MAX];
    struct ph_cql_settings settings = {
        .consistency = PH_CQL_LOCAL_QUORUM, .serial_consistency = PH_CQL_LOCAL_SERIAL, .timeout_ms = 1};
    /* More than a node does in a millisecond. */
    enum { SIZE = 4 * 1024 * 1024 };
    uint8_t *octets = calloc(1, SIZE);
    struct number numbers[] = {number(7), number(1)};
    struct ph_cql_value values[] = {
        of_number(&numbers[0]), of_number(&numbers[1]), unset_value, {octets, SIZE}};
    static const char *const texts[] = {INSERT, INSERT " IF NOT EXISTS"};
    for (size_t i = 0; i < 2; i++) {
        struct ph_cql_statement *statement = NULL;
        assert_int_equal(ph_cql_prepare(f->session, texts[i], &settings, &statement, error), PH_CQL_OK);
        struct ph_cql_result *result = execute(f, statement, values, 4);
        assert_int_equal(ph_cql_result_is_serial_timeout(result), i == 1);
        expect_status(result, PH_CQL_TIMEOUT);
        ph_cql_statement_free(statement);
    }
    free(octets);
    struct ph_cql_metrics metrics;
    ph_cql_session_metrics(f->session, &metrics);
    assert_int_equal(metrics.timeouts, 2);
    assert_int_equal(metrics.serial_timeouts, 1);
}

static void test_a_forgotten_statement_is_prepared_again(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *read = prepare(f, SELECT);
    /* A change of the table makes the node forget what was prepared on it. */
    run(f, "ALTER TABLE " TABLE " WITH comment = 'changed'");
    struct number part = number(8);
    struct ph_cql_value key = of_number(&part);
    expect_status(execute(f, read, &key, 1), PH_CQL_OK);
    ph_cql_statement_free(read);
}

/* ---- Connecting and closing ---- */

static void test_connecting_fails_with_a_reason(void **state)
{
    (void)state;
    char error[PH_CQL_ERROR_MAX] = "";
    const char *contact_point = node();
    struct ph_cql_session *session = NULL;
    struct ph_cql_options options = options_for(&contact_point);
    options.local_datacenter = "elsewhere";
    assert_int_equal(ph_cql_connect(&options, &session, error), PH_CQL_INVALID);
    assert_null(session);
    assert_non_null(strstr(error, "dc1"));

    const char *nobody = "127.0.0.1:1";
    options = options_for(&nobody);
    assert_int_equal(ph_cql_connect(&options, &session, error), PH_CQL_UNAVAILABLE);

    options = options_for(&contact_point);
    options.contact_point_count = 0;
    assert_int_equal(ph_cql_connect(&options, &session, error), PH_CQL_INVALID);
    options = options_for(&contact_point);
    options.tls_ca_file = "/nowhere/ca.pem";
    assert_int_equal(ph_cql_connect(&options, &session, error), PH_CQL_INVALID);
    assert_non_null(strstr(error, "/nowhere/ca.pem"));
}

static void test_figures(void **state)
{
    struct fixture *f = *state;
    struct ph_cql_statement *read = prepare(f, SELECT);
    struct number part = number(9);
    struct ph_cql_value key = of_number(&part);
    for (int i = 0; i < 3; i++) {
        expect_status(execute(f, read, &key, 1), PH_CQL_OK);
    }
    expect_status(execute(f, read, NULL, 0), PH_CQL_INVALID);
    struct ph_cql_metrics metrics;
    ph_cql_session_metrics(f->session, &metrics);
    assert_int_equal(metrics.requests, 4);
    assert_int_equal(metrics.errors, 1);
    assert_int_equal(metrics.timeouts, 0);
    assert_in_range(metrics.connections, 1, 100);

    struct ph_cql_node nodes[8];
    size_t count = ph_cql_nodes(f->session, nodes, 8);
    assert_in_range(count, 1, 8);
    assert_string_equal(nodes[0].datacenter, "dc1");
    assert_true(nodes[0].is_up);
    assert_int_equal(nodes[0].errors, 0);
    assert_int_equal(nodes[0].requests, 3);
    ph_cql_statement_free(read);
}

enum { MANY = 500 };
struct storm {
    pthread_mutex_t lock;
    unsigned good;
};

static void count_good(void *ctx, struct ph_cql_result *result)
{
    struct storm *storm = ctx;
    pthread_mutex_lock(&storm->lock);
    storm->good += ph_cql_result_status(result) == PH_CQL_OK ? 1 : 0;
    pthread_mutex_unlock(&storm->lock);
    ph_cql_result_free(result);
}

/* With one thread of the driver and with several. */
static void test_close_waits_for_what_is_under_way(void **state)
{
    (void)state;
    const char *contact_point = node();
    for (unsigned threads = 1; threads <= 3; threads += 2) {
        struct fixture f = {0};
        struct ph_cql_options options = options_for(&contact_point);
        options.threads = threads;
        options.connections_per_node = threads;
        char error[PH_CQL_ERROR_MAX];
        assert_int_equal(ph_cql_connect(&options, &f.session, error), PH_CQL_OK);
        struct ph_cql_statement *read = prepare(&f, SELECT);
        struct storm storm = {PTHREAD_MUTEX_INITIALIZER, 0};
        struct number part = number(10);
        struct ph_cql_value key = of_number(&part);
        for (int i = 0; i < MANY; i++) {
            ph_cql_execute(f.session, read, &key, 1, NULL, 0, count_good, &storm);
        }
        ph_cql_statement_free(read);
        ph_cql_close(f.session);
        assert_int_equal(storm.good, MANY);
        pthread_mutex_destroy(&storm.lock);
    }
}

struct chain {
    struct fixture *f;
    struct ph_cql_statement *read;
    struct call call;
    unsigned left;
};

static void next_of_chain(void *ctx, struct ph_cql_result *result)
{
    struct chain *chain = ctx;
    if (chain->left == 0) {
        done(&chain->call, result);
        return;
    }
    chain->left--;
    ph_cql_result_free(result);
    struct number part = number(11);
    struct ph_cql_value key = of_number(&part);
    ph_cql_execute(chain->f->session, chain->read, &key, 1, NULL, 0, next_of_chain, chain);
}

static void test_a_completion_starts_the_next_request(void **state)
{
    struct fixture *f = *state;
    struct chain chain = {.f = f, .read = prepare(f, SELECT), .call = CALL, .left = 20};
    struct number part = number(11);
    struct ph_cql_value key = of_number(&part);
    ph_cql_execute(f->session, chain.read, &key, 1, NULL, 0, next_of_chain, &chain);
    expect_status(wait_for(&chain.call), PH_CQL_OK);
    assert_int_equal(chain.left, 0);
    ph_cql_statement_free(chain.read);
}

#define WITH_SESSION(test) cmocka_unit_test_setup_teardown(test, open_session, close_session)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_types_are_known, make_table, close_session),
        WITH_SESSION(test_empty_null_and_unset),
        WITH_SESSION(test_a_large_value_comes_back_whole),
        WITH_SESSION(test_pages),
        WITH_SESSION(test_a_condition_names_its_columns),
        WITH_SESSION(test_batch),
        WITH_SESSION(test_errors_have_classes),
        WITH_SESSION(test_a_timeout_says_whether_it_was_of_consensus),
        WITH_SESSION(test_a_forgotten_statement_is_prepared_again),
        cmocka_unit_test(test_connecting_fails_with_a_reason),
        WITH_SESSION(test_figures),
        cmocka_unit_test(test_close_waits_for_what_is_under_way),
        WITH_SESSION(test_a_completion_starts_the_next_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
