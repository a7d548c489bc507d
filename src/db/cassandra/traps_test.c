/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes wrong with Cassandra where nobody thinks of it, on the node that POSTHOUSE_TEST_CASSANDRA names. Without
 * one, what needs none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/cassandra/test_keyspace.h"

enum { BURST = 60 };

static struct ph_db *db;
static struct ph_uuid_gen ids;
static struct ph_arena arena;
static struct ph_log quiet;
static struct ph_error err;
static char name[PH_TEST_KEYSPACE_NAME_MAX];
static struct ph_cassandra_options options;

static void begin(enum ph_cassandra_profile profile, bool is_shared)
{
    ph_log_init(&quiet, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR + 1, &ph_clock_system);
    ph_test_keyspace_options(profile, is_shared, name, &options);
    options.log = &quiet;
    ph_arena_init(&arena, 0);
    ph_uuid_gen_init(&ids, &ph_clock_system, &ph_rand_system);
    if (ph_test_keyspace_clear(&options, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static void open_db(void)
{
    if (ph_cassandra_open(&options, &db, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static int teardown(void **state)
{
    (void)state;
    ph_db_close(&db);
    ph_arena_fini(&arena);
    ph_uuid_gen_fini(&ids);
    return 0;
}

static void run(const char *text)
{
    char error[PH_CQL_ERROR_MAX];
    struct ph_cql_result *result;
    if (ph_cql_run(ph_cassandra_session(db), text, &result, error) != PH_CQL_OK) {
        fail_msg("%s: %s", text, error);
    }
    ph_cql_result_free(result);
}

static size_t count_rows(enum ph_stmt stmt, const struct ph_value *params, unsigned param_count)
{
    struct ph_rows *rows;
    size_t count = 0;
    assert_int_equal(ph_db_query_values(db, stmt, params, param_count, &rows, &err), PH_OK);
    while (ph_rows_next(rows, &err) == 1) {
        count++;
    }
    ph_rows_end(&rows);
    return count;
}

static void add_message(struct ph_plan *plan, const struct ph_uuid *mailbox, const struct ph_uuid *id)
{
    const struct ph_value uid = ph_i64(7);
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT, ph_uuid_value(id), ph_uuid_value(mailbox), uid,
                ph_i64(1), ph_time_ms(1), ph_time_ms(1), ph_i64(2), ph_i64(3), ph_null(), ph_null(),
                ph_null(), ph_null());
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_MESSAGE_ID_INSERT, ph_uuid_value(mailbox), uid,
                ph_uuid_value(id), ph_i64(1), ph_time_ms(1), ph_time_ms(1), ph_i64(2), ph_i64(3), ph_null(),
                ph_null(), ph_null(), ph_null());
}

/* ---- The traps ---- */

static void a_late_change_of_a_flag_brings_no_message_back(void **state)
{
    (void)state;
    begin(PH_CASSANDRA_LWT_FREE, false);
    open_db();
    struct ph_uuid mailbox = ph_uuid_gen_next(&ids);
    struct ph_uuid id = ph_uuid_gen_next(&ids);
    const struct ph_value by_id[] = {ph_uuid_value(&id), ph_uuid_value(&mailbox)};
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    add_message(&plan, &mailbox, &id);
    assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);
    assert_int_equal(count_rows(PH_STMT_IMAP_UID_GET, by_id, 2), 1);
    assert_int_equal(count_rows(PH_STMT_MESSAGE_ID_LIST, &by_id[1], 1), 1);

    ph_plan_init(&plan, &arena);
    ph_plan_add(&plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE, by_id[0], by_id[1]);
    ph_plan_add(&plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE, by_id[1], ph_i64(7), by_id[0]);
    assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);
    char mailbox_text[PH_UUID_TEXT_LEN + 1];
    char id_text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&mailbox, mailbox_text);
    ph_uuid_format(&id, id_text);
    run(ph_arena_printf(&arena,
                        "UPDATE %s.imapUidTable SET flagSeen = true, userFlags = userFlags + {'x'} "
                        "WHERE messageId = %s AND mailboxId = %s AND uid = 7",
                        name, id_text, mailbox_text));
    run(ph_arena_printf(&arena,
                        "UPDATE %s.messageIdTable SET flagSeen = true WHERE mailboxId = %s AND uid = 7", name,
                        mailbox_text));
    assert_int_equal(count_rows(PH_STMT_IMAP_UID_GET, by_id, 2), 0);
    assert_int_equal(count_rows(PH_STMT_MESSAGE_ID_LIST, &by_id[1], 1), 0);
    assert_int_equal(count_rows(PH_STMT_MESSAGE_ID_GET, (struct ph_value[]){by_id[1], ph_i64(7)}, 2), 0);
}

/* A node took the inserts and hung; they were sent to another as well, and it goes on once the message is deleted. */
static void what_a_stuck_node_writes_late_brings_no_message_back(void **state)
{
    (void)state;
    static const struct {
        enum ph_cassandra_profile profile;
        bool is_shared;
        unsigned late_s; /* and by what clock */
    } kinds[] = {
        {PH_CASSANDRA_LWT_FREE, false, 30}, {PH_CASSANDRA_LWT_FREE, true, 30}, {PH_CASSANDRA_LWT, false, 0}};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const uint64_t first_us = ph_real_us(&ph_clock_system);
        struct ph_clock_manual manual = {first_us, ph_mono_us(&ph_clock_system)};
        const struct ph_clock clock = ph_clock_from_manual(&manual);
        begin(kinds[i].profile, kinds[i].is_shared);
        options.clock = &clock;
        open_db();
        struct ph_uuid mailbox = ph_uuid_gen_next(&ids);
        struct ph_uuid id = ph_uuid_gen_next(&ids);
        const struct ph_value by_id[] = {ph_uuid_value(&id), ph_uuid_value(&mailbox)};
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        add_message(&plan, &mailbox, &id);
        assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);
        assert_int_equal(count_rows(PH_STMT_MESSAGE_ID_LIST, &by_id[1], 1), 1);

        atomic_store(&manual.real_us, first_us + 2000000);
        ph_plan_init(&plan, &arena);
        ph_plan_add(&plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE, by_id[0], by_id[1]);
        ph_plan_add(&plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE, by_id[1], ph_i64(7),
                    by_id[0]);
        assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);

        atomic_store(&manual.real_us, first_us + kinds[i].late_s * UINT64_C(1000000));
        ph_plan_init(&plan, &arena);
        add_message(&plan, &mailbox, &id);
        assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);
        assert_int_equal(count_rows(PH_STMT_MESSAGE_ID_LIST, &by_id[1], 1), 0);
        if (kinds[i].profile == PH_CASSANDRA_LWT_FREE) {
            assert_int_equal(count_rows(PH_STMT_IMAP_UID_GET, by_id, 2), 0);
        }
        (void)teardown(NULL);
    }
}

static void a_counter_that_fails_fails_no_delivery(void **state)
{
    (void)state;
    begin(PH_CASSANDRA_LWT_FREE, true);
    open_db();
    struct ph_uuid mailbox = ph_uuid_gen_next(&ids);
    struct ph_stmt_stats stats;
    for (unsigned i = 0; i < 2; i++) {
        struct ph_uuid id = ph_uuid_gen_next(&ids);
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        add_message(&plan, &mailbox, &id);
        assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);
        if (i == 0) {
            run(ph_arena_printf(&arena, "DROP TABLE %s.mailboxCounters", name));
        }
    }
    /* It is counted once it has come back, and nobody waits for that. */
    do {
        ph_db_stats(db, PH_STMT_MESSAGE_ID_INSERT, &stats);
        usleep(1000);
    } while (stats.count < 6);
    assert_in_range(stats.failures, 1, 2); /* the first may have come too late as well */
    run(ph_arena_printf(&arena,
                        "CREATE TABLE %s.mailboxCounters (mailboxId timeuuid PRIMARY KEY, count counter, "
                        "unseen counter)",
                        name));
}

static void of_two_secrets_the_first_stays(void **state)
{
    (void)state;
    begin(PH_CASSANDRA_LWT_FREE, false);
    open_db();
    for (unsigned i = 0; i < 2; i++) {
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        ph_plan_add(&plan, PH_STAGE_TRUTH, PH_STMT_SECRET_INSERT, ph_text_str("s"),
                    ph_blob(i == 0 ? PH_BYTES("first") : PH_BYTES("second")));
        assert_int_equal(ph_db_apply(db, &plan, &err), PH_OK);
    }
    struct ph_rows *rows;
    struct ph_bytes value;
    assert_int_equal(ph_db_query(db, &rows, &err, PH_STMT_SECRET_GET, ph_text_str("s")), PH_OK);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    assert_true(ph_row_bytes(rows, 0, &value));
    assert_true(ph_bytes_eq(value, PH_BYTES("first")));
    ph_rows_end(&rows);
}

/* ---- Too much at once ---- */

struct burst {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned done;
    unsigned failed;
    struct ph_plan plans[BURST];
};

static void note(struct ph_plan *plan, int result, void *ctx)
{
    struct burst *burst = ctx;
    (void)plan;
    pthread_mutex_lock(&burst->lock);
    burst->done++;
    burst->failed += result == PH_OK ? 0 : 1;
    pthread_cond_signal(&burst->changed);
    pthread_mutex_unlock(&burst->lock);
}

static void what_is_too_much_is_refused_at_once_and_leaves_nothing(void **state)
{
    (void)state;
    begin(PH_CASSANDRA_LWT_FREE, false);
    options.requests_max = 1;
    options.queue_max = 4;
    open_db();
    static struct burst burst;
    pthread_mutex_init(&burst.lock, NULL);
    pthread_cond_init(&burst.changed, NULL);
    struct ph_uuid mailbox = ph_uuid_gen_next(&ids);
    const struct ph_value param = ph_uuid_value(&mailbox);
    assert_int_equal(count_rows(PH_STMT_POP3_METADATA_LIST, &param, 1), 0);
    for (unsigned i = 0; i < BURST; i++) {
        struct ph_uuid id = ph_uuid_gen_next(&ids);
        ph_plan_init(&burst.plans[i], &arena);
        ph_plan_add(&burst.plans[i], PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, param,
                    ph_uuid_value(&id), ph_i64(1));
    }
    for (unsigned i = 0; i < BURST; i++) {
        ph_db_submit(db, &burst.plans[i], note, &burst);
    }
    pthread_mutex_lock(&burst.lock);
    while (burst.done < BURST) {
        pthread_cond_wait(&burst.changed, &burst.lock);
    }
    pthread_mutex_unlock(&burst.lock);
    assert_true(burst.failed > 0);
    struct ph_db_remote_stats stats;
    ph_db_remote_stats(db, &stats);
    assert_int_equal(stats.refused, burst.failed);
    /* And then it is as before. */
    assert_int_equal(count_rows(PH_STMT_POP3_METADATA_LIST, &param, 1), BURST - burst.failed);
}

/* ---- Without a node ---- */

static void where_nobody_answers_it_says_so(void **state)
{
    (void)state;
    const char *nowhere = "127.0.0.1:1";
    ph_log_init(&quiet, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR + 1, &ph_clock_system);
    const struct ph_cassandra_options far = {
        .driver = {.contact_points = &nowhere,
                   .contact_point_count = 1,
                   .local_datacenter = "dc1",
                   .connect_timeout_ms = 1000},
        .keyspace = {"nowhere", PH_CASSANDRA_LWT_FREE, false},
        .clock = &ph_clock_system,
        .log = &quiet,
    };
    struct ph_db *none;
    assert_int_equal(ph_cassandra_open(&far, &none, &err), PH_EUNAVAILABLE);
    assert_null(none);
    assert_true(strlen(err.text) > strlen("Cassandra: "));
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(where_nobody_answers_it_says_so),
    };
    const struct CMUnitTest with_a_node[] = {
        cmocka_unit_test_teardown(a_late_change_of_a_flag_brings_no_message_back, teardown),
        cmocka_unit_test(what_a_stuck_node_writes_late_brings_no_message_back),
        cmocka_unit_test_teardown(a_counter_that_fails_fails_no_delivery, teardown),
        cmocka_unit_test_teardown(of_two_secrets_the_first_stays, teardown),
        cmocka_unit_test_teardown(what_is_too_much_is_refused_at_once_and_leaves_nothing, teardown),
    };
    int failures = cmocka_run_group_tests(alone, NULL, NULL);
    if (getenv("POSTHOUSE_TEST_CASSANDRA") != NULL) {
        failures += cmocka_run_group_tests(with_a_node, NULL, NULL);
    }
    return failures;
}
