/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What db.h and plan.h promise, on every engine. The table used is pop3metadata: (mailboxId, messageId) -> size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/test_store.h"

struct fixture {
    struct ph_test_store store;
    struct ph_arena arena;
    struct ph_uuid mailbox;
};

static const struct ph_test_engine *engine;

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_store_init(&f->store, engine);
    ph_arena_init(&f->arena, 0);
    f->mailbox = ph_uuid_gen_next(&f->store.ids);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_test_store_fini(&f->store);
    ph_arena_fini(&f->arena);
    free(f);
    return 0;
}

static void add_row(struct fixture *f, struct ph_plan *plan, const struct ph_uuid *id, int64_t size)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(&f->mailbox),
                ph_uuid_value(id), ph_i64(size));
}

/* Of the sizes of all rows. */
static int64_t sum(struct fixture *f)
{
    struct ph_error err = {0};
    struct ph_rows *rows;
    int64_t total = 0;
    assert_int_equal(
        ph_db_query(f->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&f->mailbox)), PH_OK);
    int result;
    while ((result = ph_rows_next(rows, &err)) == 1) {
        int64_t size;
        assert_true(ph_row_i64(rows, 1, &size));
        total += size;
    }
    assert_int_equal(result, 0);
    ph_rows_end(&rows);
    assert_null(rows);
    return total;
}

/* ---- Reading what was written ---- */

static void rows_come_back_in_the_order_of_their_time(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid ids[3];
    ph_plan_init(&plan, &f->arena);
    for (int i = 0; i < 3; i++) {
        ids[i] = ph_uuid_gen_next(&f->store.ids);
    }
    for (int i = 2; i >= 0; i--) {
        add_row(f, &plan, &ids[i], 100 + i);
    }
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);

    struct ph_rows *rows;
    assert_int_equal(
        ph_db_query(f->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&f->mailbox)), PH_OK);
    for (int i = 0; i < 3; i++) {
        struct ph_uuid id;
        int64_t size;
        assert_int_equal(ph_rows_next(rows, &err), 1);
        assert_true(ph_row_uuid(rows, 0, &id));
        assert_true(ph_uuid_eq(&id, &ids[i]));
        assert_true(ph_row_i64(rows, 1, &size));
        assert_int_equal(size, 100 + i);
    }
    assert_int_equal(ph_rows_next(rows, &err), 0);
    ph_rows_end(&rows);
}

static void null_is_not_zero_and_types_are_not_mixed(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
    ph_plan_init(&plan, &f->arena);
    /* messageId, mailboxId, uid, modSeq, internalDate, save_date, bodyStartOctet, fullContentOctets, headerContent,
     * bodyContent, envelope, bodystructure */
    ph_plan_add(&plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT, ph_uuid_value(&id),
                ph_uuid_value(&f->mailbox), ph_i64(1), ph_null(), ph_time_ms(1234), ph_null(), ph_null(),
                ph_i64(0), ph_blob(PH_BYTES("")), ph_null(), ph_null(), ph_null());
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);

    struct ph_rows *rows;
    int64_t number = 99;
    struct ph_bytes bytes = PH_BYTES("untouched");
    struct ph_uuid uuid = id;
    bool truth = true;
    /* uid, internalDate, bodyStartOctet, fullContentOctets, headerContent, bodyContent */
    assert_int_equal(ph_db_query(f->store.db, &rows, &err, PH_STMT_IMAP_UID_GET, ph_uuid_value(&id),
                                 ph_uuid_value(&f->mailbox)),
                     PH_OK);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    assert_true(ph_row_i64(rows, 1, &number));
    assert_int_equal(number, 1234);
    number = 99;
    for (unsigned column = 2; column <= 5; column += 3) {
        assert_false(ph_row_i64(rows, column, &number));
        assert_false(ph_row_bool(rows, column, &truth));
        assert_false(ph_row_uuid(rows, column, &uuid));
        assert_false(ph_row_bytes(rows, column, &bytes));
    }
    assert_int_equal(number, 99);
    assert_int_equal(bytes.len, 9);
    assert_true(truth && ph_uuid_eq(&uuid, &id));
    assert_true(ph_row_bool(rows, 3, &truth)); /* fullContentOctets 0 */
    assert_false(truth);
    assert_false(ph_row_bytes(rows, 3, &bytes));
    assert_true(ph_row_bytes(rows, 4, &bytes)); /* headerContent: empty, not null */
    assert_int_equal(bytes.len, 0);
    assert_false(ph_row_i64(rows, 4, &number));
    assert_int_equal(ph_rows_next(rows, &err), 0);
    ph_rows_end(&rows);
}

static void what_a_read_began_with_stays_while_others_write(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid ids[4];
    ph_plan_init(&plan, &f->arena);
    for (int i = 0; i < 3; i++) {
        ids[i] = ph_uuid_gen_next(&f->store.ids);
        add_row(f, &plan, &ids[i], 1);
    }
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);

    struct ph_rows *rows;
    assert_int_equal(
        ph_db_query(f->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&f->mailbox)), PH_OK);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    ids[3] = ph_uuid_gen_next(&f->store.ids);
    struct ph_plan second;
    ph_plan_init(&second, &f->arena);
    add_row(f, &second, &ids[3], 1);
    assert_int_equal(ph_db_apply(f->store.db, &second, &err), PH_OK);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    ph_rows_end(&rows);
    assert_int_equal(sum(f), 4);
}

static void a_restart_keeps_what_was_reported_done(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    for (int i = 1; i <= 5; i++) {
        struct ph_plan plan;
        struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
        ph_plan_init(&plan, &f->arena);
        add_row(f, &plan, &id, i);
        assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);
    }
    ph_test_store_reopen(&f->store);
    assert_int_equal(sum(f), 1 + 2 + 3 + 4 + 5);
}

/* ---- Reading side by side ---- */

enum { SIDE_BY_SIDE = 100 };

struct seen {
    size_t next; /* the index expected */
    int64_t sizes[SIDE_BY_SIDE];
    size_t stop_at;
};

static int note_size(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    struct seen *seen = ctx;
    assert_int_equal(index, seen->next++);
    if (index == seen->stop_at) {
        return ph_fail(err, PH_ECORRUPT, "enough");
    }
    int result;
    while ((result = ph_rows_next(rows, err)) == 1) {
        assert_true(ph_row_i64(rows, 1, &seen->sizes[index]));
    }
    return result;
}

static void reads_side_by_side_come_back_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid mailboxes[SIDE_BY_SIDE];
    struct ph_value params[SIDE_BY_SIDE];
    struct ph_db_read reads[SIDE_BY_SIDE];
    ph_plan_init(&plan, &f->arena);
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        mailboxes[i] = ph_uuid_gen_next(&f->store.ids);
        params[i] = ph_uuid_value(&mailboxes[i]);
        reads[i] = (struct ph_db_read){PH_STMT_POP3_METADATA_LIST, 1, &params[i]};
        ph_plan_add(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, params[i],
                    ph_uuid_value(&mailboxes[i]), ph_i64(1000 + i));
    }
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);

    struct seen seen = {.stop_at = SIDE_BY_SIDE};
    uint64_t rounds = ph_db_rounds(f->store.db);
    assert_int_equal(ph_db_query_each(f->store.db, reads, SIDE_BY_SIDE, NULL, note_size, &seen, &err), PH_OK);
    rounds = ph_db_rounds(f->store.db) - rounds;
    assert_int_equal(rounds, ph_db_traits(f->store.db)->is_local ? SIDE_BY_SIDE : 1);
    assert_int_equal(seen.next, SIDE_BY_SIDE);
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        assert_int_equal(seen.sizes[i], 1000 + i);
    }

    /* What the caller's function says ends it. */
    seen = (struct seen){.stop_at = 7};
    assert_int_equal(ph_db_query_each(f->store.db, reads, SIDE_BY_SIDE, NULL, note_size, &seen, &err),
                     PH_ECORRUPT);
    assert_string_equal(err.text, "enough");
    assert_int_equal(seen.next, 8);
    assert_int_equal(ph_db_query_each(f->store.db, reads, 0, NULL, note_size, &seen, &err), PH_OK);
}

static void a_plan_beside_reads_is_done_when_they_are(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
    struct ph_uuid elsewhere = ph_uuid_gen_next(&f->store.ids);
    const struct ph_value param = ph_uuid_value(&elsewhere);
    const struct ph_db_read reads[] = {{PH_STMT_POP3_METADATA_LIST, 1, &param},
                                       {PH_STMT_POP3_METADATA_LIST, 1, &param}};
    ph_plan_init(&plan, &f->arena);
    add_row(f, &plan, &id, 5);
    struct seen seen = {.stop_at = SIDE_BY_SIDE};
    assert_int_equal(ph_db_query_each(f->store.db, reads, 2, &plan, note_size, &seen, &err), PH_OK);
    assert_int_equal(seen.next, 2);
    assert_int_equal(sum(f), 5);

    /* Its failure is the result. */
    ph_plan_init(&plan, &f->arena);
    ph_plan_require(&plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE, ph_uuid_value(&id),
                    ph_uuid_value(&elsewhere));
    seen = (struct seen){.stop_at = SIDE_BY_SIDE};
    assert_int_equal(ph_db_query_each(f->store.db, reads, 2, &plan, note_size, &seen, &err), PH_ENOTFOUND);
}

/* ---- Plans ---- */

static void a_plan_runs_by_stages_whatever_order_it_was_built_in(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
    ph_plan_init(&plan, &f->arena);
    /* Built backwards: were it run so, the row would stay. */
    ph_plan_add(&plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_METADATA_DELETE, ph_uuid_value(&f->mailbox),
                ph_uuid_value(&id));
    add_row(f, &plan, &id, 1);
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);
    assert_int_equal(sum(f), 0);
}

static void an_unmet_requirement_undoes_the_whole_plan(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
    struct ph_plan plan;
    ph_plan_init(&plan, &f->arena);
    add_row(f, &plan, &id, 1);
    ph_plan_require(&plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE, ph_uuid_value(&id),
                    ph_uuid_value(&f->mailbox));
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_ENOTFOUND);
    assert_int_equal(err.code, PH_ENOTFOUND);
    assert_int_equal(sum(f), 0);
}

static void a_name_that_is_taken_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    for (int i = 0; i < 2; i++) {
        struct ph_plan plan;
        ph_plan_init(&plan, &f->arena);
        ph_plan_require(&plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_MAILBOX_PATH_INSERT,
                        ph_text_str("u@example.org"), ph_text_str("Work"), ph_uuid_value(&f->mailbox),
                        ph_i64(1));
        assert_int_equal(ph_db_apply(f->store.db, &plan, &err), i == 0 ? PH_OK : PH_ECONFLICT);
    }
}

static void a_value_that_the_schema_forbids_is_our_bug(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    ph_plan_init(&plan, &f->arena);
    f->store.log.level = PH_LOG_ERROR + 1;
    ph_plan_add(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(&f->mailbox),
                ph_null(), ph_i64(1));
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_EBUG);
    assert_int_equal(sum(f), 0);
}

/* ---- Plans that wait together ---- */

enum { TOGETHER = 40 };

/* Holds the engine at its plan until the others have been submitted. */
struct gate {
    struct ph_plan_hook hook;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
};

static void wait_at_gate(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    (void)plan;
    struct gate *gate = (struct gate *)hook;
    pthread_mutex_lock(&gate->lock);
    while (!gate->is_open) {
        pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
}

struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    int results[TOGETHER + 1];
    unsigned order[TOGETHER + 1]; /* which plan was the Nth to be done */
    struct ph_plan plans[TOGETHER + 1];
};

static void note(struct ph_plan *plan, int result, void *ctx)
{
    struct outcome *outcome = ctx;
    pthread_mutex_lock(&outcome->lock);
    unsigned i = (unsigned)(plan - outcome->plans);
    outcome->results[i] = result;
    outcome->order[outcome->count++] = i;
    pthread_cond_signal(&outcome->changed);
    pthread_mutex_unlock(&outcome->lock);
}

/* Submits all plans, so that they wait together behind the first where the engine goes by their order, and waits for
 * all. */
static void run_together(struct fixture *f, struct outcome *outcome)
{
    struct gate gate = {.hook = {.run = wait_at_gate}, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_cond_init(&gate.changed, NULL);
    if (ph_db_traits(f->store.db)->is_in_order) {
        ph_plan_hook_add(&outcome->plans[0], &gate.hook);
    }
    for (unsigned i = 0; i <= TOGETHER; i++) {
        ph_db_submit(f->store.db, &outcome->plans[i], note, outcome);
    }
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_signal(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    pthread_mutex_lock(&outcome->lock);
    while (outcome->count <= TOGETHER) {
        pthread_cond_wait(&outcome->changed, &outcome->lock);
    }
    pthread_mutex_unlock(&outcome->lock);
    pthread_cond_destroy(&gate.changed);
}

static struct outcome *outcome_new(struct fixture *f)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);
    pthread_mutex_init(&outcome->lock, NULL);
    pthread_cond_init(&outcome->changed, NULL);
    for (unsigned i = 0; i <= TOGETHER; i++) {
        ph_plan_init(&outcome->plans[i], &f->arena);
        struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
        if (i > 0) {
            add_row(f, &outcome->plans[i], &id, 1);
        }
    }
    return outcome;
}

static void outcome_free(struct outcome *outcome)
{
    pthread_cond_destroy(&outcome->changed);
    pthread_mutex_destroy(&outcome->lock);
    free(outcome);
}

static void plans_that_wait_together_are_all_applied(void **state)
{
    struct fixture *f = *state;
    struct outcome *outcome = outcome_new(f);
    run_together(f, outcome);
    for (unsigned i = 0; i <= TOGETHER; i++) {
        assert_int_equal(outcome->results[i], PH_OK);
        if (ph_db_traits(f->store.db)->is_in_order) {
            assert_int_equal(outcome->order[i], i);
        }
    }
    outcome_free(outcome);
    assert_int_equal(sum(f), TOGETHER);
}

static void an_unmet_requirement_hurts_no_other_plan(void **state)
{
    struct fixture *f = *state;
    struct outcome *outcome = outcome_new(f);
    struct ph_uuid nowhere = ph_uuid_gen_next(&f->store.ids);
    for (unsigned i = 3; i <= TOGETHER; i += 7) {
        ph_plan_require(&outcome->plans[i], PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE,
                        ph_uuid_value(&nowhere), ph_uuid_value(&f->mailbox));
    }
    run_together(f, outcome);
    int64_t expected = 0;
    for (unsigned i = 1; i <= TOGETHER; i++) {
        bool is_bad = i >= 3 && (i - 3) % 7 == 0;
        assert_int_equal(outcome->results[i], is_bad ? PH_ENOTFOUND : PH_OK);
        expected += is_bad ? 0 : 1;
    }
    outcome_free(outcome);
    assert_int_equal(sum(f), expected);
}

static void a_plan_that_cannot_run_hurts_no_other(void **state)
{
    struct fixture *f = *state;
    f->store.log.level = PH_LOG_ERROR + 1;
    struct outcome *outcome = outcome_new(f);
    for (unsigned i = 5; i <= TOGETHER; i += 17) {
        ph_plan_add(&outcome->plans[i], PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT,
                    ph_uuid_value(&f->mailbox), ph_null(), ph_i64(1));
    }
    run_together(f, outcome);
    for (unsigned i = 1; i <= TOGETHER; i++) {
        bool is_bad = i >= 5 && (i - 5) % 17 == 0;
        assert_int_equal(outcome->results[i], is_bad ? PH_EBUG : PH_OK);
    }
    outcome_free(outcome);
    /* What such a plan had beside it is written where a plan is not all or nothing. */
    int64_t written = sum(f);
    if (ph_db_traits(f->store.db)->is_all_or_nothing) {
        assert_int_equal(written, TOGETHER - 3);
    } else {
        assert_in_range(written, TOGETHER - 3, TOGETHER);
    }
}

/* ---- Hooks ---- */

struct counting {
    struct ph_plan_hook hook;
    unsigned runs;
    unsigned dones;
    int result;
    struct ph_value *value;
};

static void set_value(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    (void)plan;
    struct counting *counting = (struct counting *)hook;
    counting->runs++;
    *counting->value = ph_i64(42);
}

static void note_done(struct ph_plan *plan, struct ph_plan_hook *hook, int result)
{
    (void)plan;
    struct counting *counting = (struct counting *)hook;
    counting->dones++;
    counting->result = result;
}

static void a_hook_sets_values_and_hears_the_outcome_once(void **state)
{
    struct fixture *f = *state;
    f->store.log.level = PH_LOG_ERROR + 1;
    for (int is_bad = 0; is_bad < 2; is_bad++) {
        struct ph_error err = {0};
        struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
        struct ph_plan plan;
        ph_plan_init(&plan, &f->arena);
        const struct ph_value values[] = {ph_uuid_value(&f->mailbox), ph_uuid_value(&id), ph_null()};
        struct ph_plan_entry *entry =
            ph_plan_add_values(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, 0, values, 3);
        struct counting counting = {.hook = {set_value, note_done, NULL}, .value = &entry->params[2]};
        ph_plan_hook_add(&plan, &counting.hook);
        if (is_bad) {
            add_row(f, &plan, &id, 1);
            ph_plan_require(&plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE,
                            ph_uuid_value(&id), ph_uuid_value(&id));
        }
        int expected = is_bad ? PH_ENOTFOUND : PH_OK;
        assert_int_equal(ph_db_apply(f->store.db, &plan, &err), expected);
        assert_int_equal(counting.runs, 1);
        assert_int_equal(counting.dones, 1);
        assert_int_equal(counting.result, expected);
        assert_int_equal(sum(f), 42);
    }
}

/* ---- Many threads ---- */

enum { THREADS = 8, PLANS_A_THREAD = 60 };

struct client {
    struct fixture *f;
    pthread_t thread;
    const char *complaint;
};

/* A read that starts after the completion sees what was written. */
static const char *write_and_read(struct fixture *f, struct ph_arena *arena)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
    ph_plan_init(&plan, arena);
    add_row(f, &plan, &id, 1);
    if (ph_db_apply(f->store.db, &plan, &err) != PH_OK) {
        return "a plan failed";
    }
    struct ph_rows *rows;
    bool is_seen = false;
    if (ph_db_query(f->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&f->mailbox)) !=
        PH_OK) {
        return "a read failed";
    }
    while (ph_rows_next(rows, &err) == 1) {
        struct ph_uuid seen;
        is_seen = is_seen || (ph_row_uuid(rows, 0, &seen) && ph_uuid_eq(&seen, &id));
    }
    ph_rows_end(&rows);
    return is_seen ? NULL : "what was done is not seen";
}

static void *client_main(void *arg)
{
    struct client *client = arg;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    for (int i = 0; i < PLANS_A_THREAD && client->complaint == NULL; i++) {
        client->complaint = write_and_read(client->f, &arena);
        ph_arena_reset(&arena);
    }
    ph_arena_fini(&arena);
    return NULL;
}

static void many_threads_write_and_see_what_they_wrote(void **state)
{
    struct fixture *f = *state;
    struct client clients[THREADS];
    for (int i = 0; i < THREADS; i++) {
        clients[i] = (struct client){.f = f};
        assert_int_equal(pthread_create(&clients[i].thread, NULL, client_main, &clients[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, NULL);
        if (clients[i].complaint != NULL) {
            fail_msg("%s", clients[i].complaint);
        }
    }
    assert_int_equal(sum(f), THREADS * PLANS_A_THREAD);
    assert_int_equal(ph_test_count(f->store.db, PH_STMT_POP3_METADATA_INSERT), THREADS * PLANS_A_THREAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(rows_come_back_in_the_order_of_their_time),
        TEST(null_is_not_zero_and_types_are_not_mixed),
        TEST(what_a_read_began_with_stays_while_others_write),
        TEST(a_restart_keeps_what_was_reported_done),
        TEST(reads_side_by_side_come_back_in_their_order),
        TEST(a_plan_beside_reads_is_done_when_they_are),
        TEST(a_plan_runs_by_stages_whatever_order_it_was_built_in),
        TEST(an_unmet_requirement_undoes_the_whole_plan),
        TEST(a_name_that_is_taken_is_a_conflict),
        TEST(a_value_that_the_schema_forbids_is_our_bug),
        TEST(plans_that_wait_together_are_all_applied),
        TEST(an_unmet_requirement_hurts_no_other_plan),
        TEST(a_plan_that_cannot_run_hurts_no_other),
        TEST(a_hook_sets_values_and_hears_the_outcome_once),
        TEST(many_threads_write_and_see_what_they_wrote),
#undef TEST
    };
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
