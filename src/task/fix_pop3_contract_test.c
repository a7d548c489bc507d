/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The repair of maildrops: each thing that can be wrong is planted in the tables, found, mended, and then not found.
 * On an engine whose plans are all or nothing the task says that it is not needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"
#include "store/pop3_floor.h"
#include "store/pop3_metadata.h"
#include "task/fix_pop3.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
#define HEADER "Subject: tea\r\n\r\n"
#define BODY "at four\r\n"

enum { FINDINGS_MAX = 16 };

struct repair {
    struct ph_test_mail mail;
    struct ph_clock_manual past;
    struct ph_clock past_clock;
    struct ph_fix_pop3_options options;
    struct ph_fix_pop3_counts counts;
    struct ph_fix_pop3_finding findings[FINDINGS_MAX];
    size_t finding_count;
    size_t findings_allowed;       /* then it is ended */
    struct ph_plan *between_looks; /* applied while the second look is waited for */
};

static const struct ph_test_engine *engine;

static int note(const struct ph_fix_pop3_finding *finding, void *ctx, struct ph_error *err)
{
    struct repair *repair = ctx;
    assert_true(repair->finding_count < FINDINGS_MAX);
    repair->findings[repair->finding_count++] = *finding;
    return repair->finding_count < repair->findings_allowed ? PH_OK : ph_fail(err, PH_EDENIED, "enough");
}

static int went_on(const struct ph_fix_pop3_counts *counts, void *ctx, struct ph_error *err)
{
    struct repair *repair = ctx;
    if (repair->between_looks == NULL || counts->doubted == 0) {
        return PH_OK;
    }
    int result = ph_db_apply(repair->mail.store.db, repair->between_looks, err);
    repair->between_looks = NULL;
    return result;
}

static int setup(void **state)
{
    struct repair *repair = calloc(1, sizeof *repair);
    ph_test_mail_init(&repair->mail, engine);
    repair->findings_allowed = FINDINGS_MAX;
    repair->options = (struct ph_fix_pop3_options){
        .db = repair->mail.store.db,
        .clock = &ph_clock_system,
        .keeps_floors = ph_mailboxes_keep_floors(repair->mail.mailboxes),
        .second_look_ms = 1,
        .found = note,
        .went_on = went_on,
        .ctx = repair,
    };
    *state = repair;
    return 0;
}

static int teardown(void **state)
{
    struct repair *repair = *state;
    ph_test_mail_fini(&repair->mail);
    free(repair);
    return 0;
}

static bool is_needed(const struct repair *repair)
{
    return !ph_db_traits(repair->mail.store.db)->is_local;
}

static int run(struct repair *repair)
{
    struct ph_error err = {0};
    repair->finding_count = 0;
    int result = ph_fix_pop3_run(&repair->options, &repair->counts, &err);
    assert_true(result == err.code);
    return result;
}

/* What was removed of a young message is not added again within its first minute. */
static void make_ids_of_an_hour_ago(struct repair *repair)
{
    repair->past.real_us = ph_real_us(&ph_clock_system) - 3600 * UINT64_C(1000000);
    repair->past_clock = ph_clock_from_manual(&repair->past);
    ph_uuid_gen_fini(&repair->mail.store.ids);
    ph_uuid_gen_init(&repair->mail.store.ids, &repair->past_clock, &ph_rand_system);
}

static struct ph_uuid deliver(struct repair *repair, const char *user)
{
    struct ph_uuid id;
    assert_int_equal(ph_test_mail_deliver(&repair->mail, user, "INBOX", HEADER, BODY, &id), PH_OK);
    return id;
}

static struct ph_uuid mailbox_of(struct repair *repair, const char *user)
{
    struct ph_mailbox mailbox;
    ph_test_mail_open(&repair->mail, user, "INBOX", &mailbox);
    return mailbox.id;
}

static void begin(struct repair *repair, struct ph_plan *plan)
{
    ph_arena_reset(&repair->mail.arena);
    ph_plan_init(plan, &repair->mail.arena);
}

static void apply(struct repair *repair, struct ph_plan *plan)
{
    struct ph_error err = {0};
    if (ph_db_apply(repair->mail.store.db, plan, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

/* Found once as KIND and mended; a second run finds nothing. */
static void expect_mended(struct repair *repair, enum ph_fix_pop3_kind kind, const struct ph_uuid *mailbox,
                          const struct ph_uuid *message)
{
    assert_int_equal(run(repair), PH_OK);
    assert_int_equal(repair->finding_count, 1);
    assert_int_equal(repair->findings[0].kind, kind);
    assert_true(repair->findings[0].is_fixed);
    assert_true(ph_uuid_eq(&repair->findings[0].mailbox, mailbox));
    assert_true(ph_uuid_eq(&repair->findings[0].message, message));
    assert_int_equal(repair->counts.found, 1);
    assert_int_equal(repair->counts.fixed, 1);
    assert_int_equal(run(repair), PH_OK);
    assert_int_equal(repair->finding_count, 0);
    assert_int_equal(repair->counts.found, 0);
}

static void a_store_that_is_all_or_nothing_does_not_need_it(void **state)
{
    struct repair *repair = *state;
    assert_int_equal(run(repair), is_needed(repair) ? PH_OK : PH_EINVALID);
}

static void what_is_right_is_left_alone(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    struct ph_uuid id = deliver(repair, ALICE);
    deliver(repair, BOB);
    assert_int_equal(run(repair), PH_OK);
    assert_int_equal(repair->counts.maildrop_rows, 2);
    assert_int_equal(repair->counts.message_rows, 2);
    assert_int_equal(repair->counts.doubted, 0);
    struct ph_uuid listed[2];
    assert_int_equal(ph_test_mail_list(&repair->mail, ALICE, "INBOX", listed, 2), 1);
    assert_true(ph_uuid_eq(&listed[0], &id));
}

static void a_message_that_is_not_there_goes_from_the_maildrop(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    deliver(repair, ALICE);
    struct ph_uuid mailbox = mailbox_of(repair, ALICE);
    struct ph_uuid nothing = ph_uuid_gen_next(&repair->mail.store.ids);
    struct ph_plan plan;
    begin(repair, &plan);
    ph_store_pop3_metadata_add(&plan, &mailbox, &nothing, 7);
    apply(repair, &plan);
    expect_mended(repair, PH_FIX_POP3_STALE, &mailbox, &nothing);
    assert_int_equal(ph_test_mail_list(&repair->mail, ALICE, "INBOX", NULL, 0), 1);
}

static void a_message_that_is_not_listed_is_listed(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    make_ids_of_an_hour_ago(repair);
    struct ph_uuid id = deliver(repair, ALICE);
    struct ph_uuid mailbox = mailbox_of(repair, ALICE);
    struct ph_plan plan;
    begin(repair, &plan);
    ph_store_pop3_metadata_remove(&plan, &mailbox, &id);
    apply(repair, &plan);
    expect_mended(repair, PH_FIX_POP3_MISSING, &mailbox, &id);
    struct ph_pop3_entry *entries;
    size_t count;
    struct ph_error err = {0};
    assert_int_equal(
        ph_store_pop3_metadata_list(repair->mail.store.db, &mailbox, SIZE_MAX, &entries, &count, &err),
        PH_OK);
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].size, strlen(HEADER) + strlen(BODY));
    free(entries);
}

static void a_wrong_size_becomes_right(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    struct ph_uuid id = deliver(repair, ALICE);
    struct ph_uuid mailbox = mailbox_of(repair, ALICE);
    struct ph_plan plan;
    begin(repair, &plan);
    ph_store_pop3_metadata_add(&plan, &mailbox, &id, 1);
    apply(repair, &plan);
    expect_mended(repair, PH_FIX_POP3_SIZE, &mailbox, &id);
}

static void a_message_below_the_floor_is_listed_and_can_be_deleted(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair) || !repair->options.keeps_floors) {
        return;
    }
    struct ph_uuid id = deliver(repair, ALICE);
    struct ph_uuid mailbox = mailbox_of(repair, ALICE);
    struct ph_uuid above = ph_uuid_gen_next(&repair->mail.store.ids);
    struct ph_plan plan;
    begin(repair, &plan);
    ph_store_pop3_floor_raise(&plan, &mailbox, &above);
    apply(repair, &plan);
    assert_int_equal(ph_test_mail_list(&repair->mail, ALICE, "INBOX", NULL, 0), 0);

    assert_int_equal(run(repair), PH_OK);
    assert_int_equal(repair->finding_count, 1);
    assert_int_equal(repair->findings[0].kind, PH_FIX_POP3_HIDDEN);

    struct ph_uuid listed;
    assert_int_equal(ph_test_mail_list(&repair->mail, ALICE, "INBOX", &listed, 1), 1);
    assert_true(ph_uuid_eq(&listed, &id));
    struct ph_mailbox open;
    size_t found;
    struct ph_error err = {0};
    ph_test_mail_open(&repair->mail, ALICE, "INBOX", &open);
    begin(repair, &plan);
    assert_int_equal(ph_message_expunge(repair->mail.mailboxes, &ph_test_mail_administrator, &open, &id, 1,
                                        &plan, &found, &err),
                     PH_OK);
    apply(repair, &plan);
    assert_int_equal(ph_test_mail_list(&repair->mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(run(repair), PH_OK);
    assert_int_equal(repair->finding_count, 0);
}

static void what_is_on_its_way_is_not_judged(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    make_ids_of_an_hour_ago(repair);
    struct ph_uuid id = deliver(repair, ALICE);
    struct ph_uuid mailbox = mailbox_of(repair, ALICE);
    struct ph_plan plan;
    begin(repair, &plan);
    ph_store_pop3_metadata_remove(&plan, &mailbox, &id);
    apply(repair, &plan);
    begin(repair, &plan);
    ph_store_pop3_metadata_add(&plan, &mailbox, &id, strlen(HEADER) + strlen(BODY));
    repair->between_looks = &plan;
    repair->options.second_look_ms = 1500;
    assert_int_equal(run(repair), PH_OK);
    assert_null(repair->between_looks);
    assert_int_equal(repair->counts.doubted, 1);
    assert_int_equal(repair->counts.found, 0);
}

static void a_dry_run_writes_nothing(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    struct ph_uuid id = deliver(repair, ALICE);
    struct ph_uuid mailbox = mailbox_of(repair, ALICE);
    struct ph_plan plan;
    begin(repair, &plan);
    ph_store_pop3_metadata_remove(&plan, &mailbox, &id);
    apply(repair, &plan);
    repair->options.is_dry_run = true;
    struct ph_test_cost before = ph_test_cost(repair->mail.store.db);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(repair), PH_OK);
        assert_int_equal(repair->finding_count, 1);
        assert_false(repair->findings[0].is_fixed);
    }
    assert_int_equal(ph_test_cost(repair->mail.store.db).writes, before.writes);
    assert_int_equal(ph_test_mail_list(&repair->mail, ALICE, "INBOX", NULL, 0), 0);
}

static void it_goes_on_where_it_was_interrupted(void **state)
{
    struct repair *repair = *state;
    if (!is_needed(repair)) {
        return;
    }
    enum { USERS = 4 };
    static const char *const users[USERS] = {ALICE, BOB, "carol@example.org", "dave@example.org"};
    for (size_t i = 0; i < USERS; i++) {
        struct ph_uuid id = deliver(repair, users[i]);
        struct ph_uuid mailbox = mailbox_of(repair, users[i]);
        struct ph_plan plan;
        begin(repair, &plan);
        ph_store_pop3_metadata_add(&plan, &mailbox, &id, 1);
        apply(repair, &plan);
    }
    repair->options.save_ms = 1;
    repair->options.rows_per_second = 100;
    repair->findings_allowed = 2;
    assert_int_equal(run(repair), PH_EDENIED);
    uint64_t first = repair->counts.fixed;
    repair->findings_allowed = FINDINGS_MAX;
    assert_int_equal(run(repair), PH_OK);
    assert_true(repair->counts.was_resumed);
    assert_true(repair->counts.maildrop_rows < USERS);
    assert_int_equal(first + repair->counts.fixed, USERS);
    assert_int_equal(run(repair), PH_OK);
    assert_false(repair->counts.was_resumed);
    assert_int_equal(repair->counts.maildrop_rows, USERS);
    assert_int_equal(repair->counts.found, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int run_suite(const struct ph_test_engine *which)
{
    const struct CMUnitTest tests[] = {
        TEST(a_store_that_is_all_or_nothing_does_not_need_it),
        TEST(what_is_right_is_left_alone),
        TEST(a_message_that_is_not_there_goes_from_the_maildrop),
        TEST(a_message_that_is_not_listed_is_listed),
        TEST(a_wrong_size_becomes_right),
        TEST(a_message_below_the_floor_is_listed_and_can_be_deleted),
        TEST(what_is_on_its_way_is_not_judged),
        TEST(a_dry_run_writes_nothing),
        TEST(it_goes_on_where_it_was_interrupted),
    };
    engine = which;
    return cmocka_run_group_tests_name(which->name, tests, NULL, NULL);
}

int main(void)
{
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        failed += run_suite(&ph_test_engines[i]);
    }
    return failed;
}
