/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDs given by the owner: no number twice, in the order in which messages become visible, whatever fails or ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/test_store.h"
#include "mailbox/uid_policy.h"
#include "store/counter.h"
#include "store/message_id.h"

struct fixture {
    struct ph_test_store store;
    struct ph_arena arena;
    struct ph_uid_policy *uids;
    struct ph_uuid mailbox;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_store_init(&f->store, &ph_test_engines[0]);
    ph_arena_init(&f->arena, 0);
    f->uids = ph_uid_owner_new(f->store.db);
    f->mailbox = ph_uuid_gen_next(&f->store.ids);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    f->uids->free(f->uids);
    ph_test_store_fini(&f->store);
    ph_arena_fini(&f->arena);
    free(f);
    return 0;
}

static void restart(struct fixture *f)
{
    f->uids->free(f->uids);
    ph_test_store_reopen(&f->store);
    f->uids = ph_uid_owner_new(f->store.db);
}

/* A plan that adds one message; *OUT_SLOTS shows its numbers once it has run. */
static void build(struct fixture *f, struct ph_arena *arena, struct ph_plan *plan,
                  struct ph_number_slots *out_slots)
{
    struct ph_error err = {0};
    const struct ph_message_row row = {.message_id = ph_uuid_gen_next(&f->store.ids),
                                       .mailbox_id = f->mailbox};
    struct ph_number_slots slots[2];
    ph_plan_init(plan, arena);
    ph_store_imap_uid_add(plan, &row, &slots[0]);
    ph_store_message_id_add(plan, &row, &slots[1]);
    assert_int_equal(f->uids->number(f->uids, plan, &f->mailbox, NULL, slots, 2, &err), PH_OK);
    *out_slots = slots[1];
}

static int add(struct fixture *f, uint64_t *out_uid)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_number_slots slots;
    build(f, &f->arena, &plan, &slots);
    int result = ph_db_apply(f->store.db, &plan, &err);
    assert_int_equal(slots.uid->type, PH_VALUE_I64);
    *out_uid = (uint64_t)slots.uid->i64;
    ph_arena_reset(&f->arena);
    return result;
}

static uint64_t bound_on_disk(struct fixture *f)
{
    struct ph_error err = {0};
    uint64_t uid;
    uint64_t modseq;
    assert_int_equal(ph_store_counters_get(f->store.db, &f->mailbox, &uid, &modseq, &err), PH_OK);
    assert_int_equal(uid, modseq); /* each message takes one of both */
    return uid;
}

static void numbers_start_at_one_and_ascend(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 1; i <= 200; i++) {
        uint64_t uid;
        assert_int_equal(add(f, &uid), PH_OK);
        assert_int_equal(uid, i);
        assert_true(bound_on_disk(f) >= uid);
    }
    assert_int_equal(ph_test_count(f->store.db, PH_STMT_MESSAGE_COUNTER_RAISE), 4); /* at 1, 65, 129, 193 */
    assert_int_equal(ph_test_count(f->store.db, PH_STMT_MODSEQ_RAISE), 4);
}

static void numbers_are_given_in_the_order_of_submission(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_arena arenas[2];
    struct ph_plan plans[2];
    struct ph_number_slots slots[2];
    for (int i = 0; i < 2; i++) {
        ph_arena_init(&arenas[i], 0);
        build(f, &arenas[i], &plans[i], &slots[i]);
        assert_int_equal(slots[i].uid->type, PH_VALUE_NULL);
    }
    assert_int_equal(ph_db_apply(f->store.db, &plans[1], &err), PH_OK);
    assert_int_equal(ph_db_apply(f->store.db, &plans[0], &err), PH_OK);
    assert_int_equal(slots[1].uid->i64, 1);
    assert_int_equal(slots[0].uid->i64, 2);
    ph_arena_fini(&arenas[0]);
    ph_arena_fini(&arenas[1]);
}

static void a_restart_goes_on_above_what_was_given(void **state)
{
    struct fixture *f = *state;
    uint64_t last = 0;
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 30 * round + 1; i++) {
            uint64_t uid;
            assert_int_equal(add(f, &uid), PH_OK);
            assert_true(uid > last);
            last = uid;
        }
        restart(f);
    }
}

/* The plan that would have raised the bound fails: the next one must raise it. */
static void a_bound_that_was_not_written_is_not_believed(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_number_slots slots;
    build(f, &f->arena, &plan, &slots);
    ph_plan_require(&plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE,
                    ph_uuid_value(&f->mailbox), ph_uuid_value(&f->mailbox));
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_ENOTFOUND);
    assert_int_equal(bound_on_disk(f), 0);
    uint64_t uid;
    assert_int_equal(add(f, &uid), PH_OK);
    assert_int_equal(uid, 2);
    assert_true(bound_on_disk(f) >= uid);
    restart(f);
    uint64_t next;
    assert_int_equal(add(f, &next), PH_OK);
    assert_true(next > uid);
}

/* The same plan again, as after an unknown outcome: the same numbers, and no second row. */
static void a_repeated_plan_keeps_its_numbers(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_number_slots slots;
    build(f, &f->arena, &plan, &slots);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);
        assert_int_equal(slots.uid->i64, 1);
    }
    struct ph_uuid ids[4];
    size_t count;
    assert_int_equal(ph_store_message_id_first(f->store.db, &f->mailbox, ids, 4, &count, &err), PH_OK);
    assert_int_equal(count, 1);
}

static void a_deleted_mailbox_leaves_no_counter_and_no_number_comes_back(void **state)
{
    struct fixture *f = *state;
    uint64_t last;
    for (int does_fail = 0; does_fail < 2; does_fail++) {
        struct ph_error err = {0};
        struct ph_plan plan;
        assert_int_equal(add(f, &last), PH_OK);
        ph_plan_init(&plan, &f->arena);
        f->uids->remove(f->uids, &plan, &f->mailbox);
        if (does_fail) {
            ph_plan_require(&plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE,
                            ph_uuid_value(&f->mailbox), ph_uuid_value(&f->mailbox));
        }
        assert_int_equal(ph_db_apply(f->store.db, &plan, &err), does_fail ? PH_ENOTFOUND : PH_OK);
        assert_true(does_fail ? bound_on_disk(f) >= last : bound_on_disk(f) == 0);
        uint64_t uid;
        assert_int_equal(add(f, &uid), PH_OK);
        assert_true(uid > last);
        assert_true(bound_on_disk(f) >= uid);
    }
}

/* ---- Many at once ---- */

enum { THREADS = 8, MESSAGES = 50, ALL_MESSAGES = THREADS * MESSAGES };

struct deliverer {
    struct fixture *f;
    pthread_t thread;
    uint64_t uids[MESSAGES];
    int result;
};

static void *deliver(void *arg)
{
    struct deliverer *deliverer = arg;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    for (int i = 0; i < MESSAGES && deliverer->result == PH_OK; i++) {
        struct ph_error err = {0};
        struct ph_plan plan;
        struct ph_number_slots slots;
        build(deliverer->f, &arena, &plan, &slots);
        deliverer->result = ph_db_apply(deliverer->f->store.db, &plan, &err);
        deliverer->uids[i] = (uint64_t)slots.uid->i64;
        ph_arena_reset(&arena);
    }
    ph_arena_fini(&arena);
    return NULL;
}

static void no_number_is_given_twice_to_many_at_once(void **state)
{
    struct fixture *f = *state;
    static bool is_taken[ALL_MESSAGES + 1];
    struct deliverer deliverers[THREADS];
    memset(is_taken, 0, sizeof is_taken);
    for (int i = 0; i < THREADS; i++) {
        deliverers[i] = (struct deliverer){.f = f};
        assert_int_equal(pthread_create(&deliverers[i].thread, NULL, deliver, &deliverers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(deliverers[i].thread, NULL);
        assert_int_equal(deliverers[i].result, PH_OK);
        for (int j = 0; j < MESSAGES; j++) {
            uint64_t uid = deliverers[i].uids[j];
            assert_in_range(uid, 1, ALL_MESSAGES);
            assert_false(is_taken[uid]);
            is_taken[uid] = true;
            assert_true(j == 0 || uid > deliverers[i].uids[j - 1]);
        }
    }
    assert_true(bound_on_disk(f) >= ALL_MESSAGES);
}

static void many_mailboxes_have_numbers_of_their_own(void **state)
{
    struct fixture *f = *state;
    enum { MAILBOXES = 300 };
    struct ph_uuid mailboxes[MAILBOXES];
    for (int i = 0; i < MAILBOXES; i++) {
        mailboxes[i] = ph_uuid_gen_next(&f->store.ids);
    }
    for (uint64_t round = 1; round <= 2; round++) {
        for (int i = 0; i < MAILBOXES; i++) {
            uint64_t uid;
            f->mailbox = mailboxes[i];
            assert_int_equal(add(f, &uid), PH_OK);
            assert_int_equal(uid, round);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(numbers_start_at_one_and_ascend),
        TEST(numbers_are_given_in_the_order_of_submission),
        TEST(a_restart_goes_on_above_what_was_given),
        TEST(a_bound_that_was_not_written_is_not_believed),
        TEST(a_repeated_plan_keeps_its_numbers),
        TEST(a_deleted_mailbox_leaves_no_counter_and_no_number_comes_back),
        TEST(no_number_is_given_twice_to_many_at_once),
        TEST(many_mailboxes_have_numbers_of_their_own),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
