/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What copy.h promises, on every engine.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/copy.h"
#include "mailbox/test_mail.h"
#include "store/message_id.h"
#include "store/message_state.h"

#define ALICE "alice@example.org"
#define HEADER "Subject: tea\r\n\r\n"
#define BODY "Earl Grey\r\n"

static const struct ph_test_engine *engine;

struct fixture {
    struct ph_test_mail mail;
    struct ph_mailbox inbox;
    struct ph_mailbox work;
    struct ph_error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_mail_init(&f->mail, engine);
    assert_int_equal(ph_mailbox_create(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                       PH_BYTES("Work"), &f->err),
                     PH_OK);
    ph_test_mail_open(&f->mail, ALICE, "INBOX", &f->inbox);
    ph_test_mail_open(&f->mail, ALICE, "Work", &f->work);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_test_mail_fini(&f->mail);
    free(f);
    return 0;
}

static struct ph_uuid deliver(struct fixture *f)
{
    struct ph_uuid id;
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    return id;
}

static size_t copy(struct fixture *f, const struct ph_uuid *ids, size_t count)
{
    size_t done;
    if (ph_message_copy(f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox, ids, count, &f->work,
                        &done, &f->err) != PH_OK) {
        fail_msg("%s", f->err.text);
    }
    return done;
}

static size_t move(struct fixture *f, const struct ph_uuid *ids, size_t count)
{
    size_t done;
    if (ph_message_move(f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox, ids, count, &f->work,
                        &done, &f->err) != PH_OK) {
        fail_msg("%s", f->err.text);
    }
    return done;
}

static size_t set_flags(struct fixture *f, const struct ph_uuid *id, enum ph_flags_how how, unsigned flags,
                        const char *keywords)
{
    size_t done;
    if (ph_message_set_flags(f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox, id, 1, how, flags,
                             ph_bytes_str(keywords), &done, &f->err) != PH_OK) {
        fail_msg("%s", f->err.text);
    }
    return done;
}

static void expunge(struct fixture *f, const struct ph_mailbox *mailbox, const struct ph_uuid *id)
{
    struct ph_arena arena;
    struct ph_plan plan;
    size_t found;
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    assert_int_equal(ph_message_expunge(f->mail.mailboxes, &ph_test_mail_administrator, mailbox, id, 1, &plan,
                                        &found, &f->err),
                     PH_OK);
    assert_int_equal(found, 1);
    assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &f->err), PH_OK);
    ph_arena_fini(&arena);
}

static struct ph_message_state state_of(struct fixture *f, const struct ph_mailbox *mailbox,
                                        const struct ph_uuid *id)
{
    struct ph_message_state state;
    assert_int_equal(
        ph_store_message_state_get(f->mail.store.db, &mailbox->id, id, 1, &f->mail.arena, &state, &f->err),
        PH_OK);
    return state;
}

/* The projection by UID; its one row where there is one. */
static size_t project(struct fixture *f, const struct ph_mailbox *mailbox, struct ph_message_listed *out_row)
{
    struct ph_message_page *page = calloc(1, sizeof *page);
    assert_int_equal(
        ph_store_message_id_page(f->mail.store.db, &mailbox->id, 0, &f->mail.arena, page, &f->err), PH_OK);
    size_t count = page->count;
    *out_row = page->list[0];
    free(page);
    return count;
}

static void assert_reads(struct fixture *f, const char *mailbox, const struct ph_uuid *id)
{
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(ph_test_mail_read(&f->mail, ALICE, mailbox, id, 100, &whole), PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER BODY)));
    ph_buf_fini(&whole);
}

/* ---- Copies ---- */

static void a_copy_is_the_same_message_in_one_more_mailbox(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    struct ph_uuid found;
    assert_int_equal(copy(f, &id, 1), 1);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", &found, 1), 1);
    assert_true(ph_uuid_eq(&found, &id));
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", &found, 1), 1);
    assert_true(ph_uuid_eq(&found, &id));
    assert_reads(f, "Work", &id);
    struct ph_message message;
    assert_int_equal(
        ph_message_get(f->mail.mailboxes, &ph_test_mail_administrator, &f->work, &id, &message, &f->err),
        PH_OK);
    assert_true(message.has_uid);
    assert_int_equal(message.internal_date_ms, 1700000000000);
}

static void content_stays_until_the_last_copy_goes(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(copy(f, &id, 1), 1);
    expunge(f, &f->inbox, &id);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
    assert_reads(f, "Work", &id);
    expunge(f, &f->work, &id);
    assert_int_equal(ph_test_mail_read(&f->mail, ALICE, "Work", &id, 100, &whole), PH_ENOTFOUND);
    ph_buf_fini(&whole);
}

static void a_mailbox_holds_a_message_once(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    struct ph_message_listed first;
    struct ph_message_listed second;
    assert_int_equal(copy(f, &id, 1), 1);
    assert_int_equal(project(f, &f->work, &first), 1);
    assert_int_equal(copy(f, &id, 1), 1);
    assert_int_equal(project(f, &f->work, &second), 1);
    assert_int_equal(first.uid, second.uid);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 1);
}

struct copier {
    struct fixture *f;
    struct ph_uuid *ids;
    bool is_move;
    int result;
    size_t done;
};

static void *copy_two(void *ctx)
{
    struct copier *copier = ctx;
    struct fixture *f = copier->f;
    struct ph_error err;
    copier->result = (copier->is_move ? ph_message_move : ph_message_copy)(
        f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox, copier->ids, 2, &f->work, &copier->done,
        &err);
    return NULL;
}

static void *expunge_first(void *ctx)
{
    struct copier *copier = ctx;
    expunge(copier->f, &copier->f->inbox, &copier->ids[0]);
    return NULL;
}

/* Both have looked before either has written. */
static void assert_two_at_once_make_one(struct fixture *f, bool is_move)
{
    if (!ph_db_traits(f->mail.store.db)->is_local) {
        return; /* only a plan that is all or nothing can see the other's copy */
    }
    struct ph_uuid ids[2] = {deliver(f), deliver(f)};
    struct copier copiers[2] = {{f, ids, false, -1, 0}, {f, ids, is_move, -1, 0}};
    pthread_t threads[2];
    struct ph_test_hold hold;
    ph_test_mail_hold(&f->mail, &hold);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, copy_two, &copiers[i]), 0);
    }
    ph_test_mail_hold_wait(&f->mail, 2);
    ph_test_mail_release(&hold);
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(copiers[i].result, PH_OK);
    }
    struct ph_message_page *page = calloc(1, sizeof *page);
    assert_int_equal(
        ph_store_message_id_page(f->mail.store.db, &f->work.id, 0, &f->mail.arena, page, &f->err), PH_OK);
    assert_int_equal(page->count, 2);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(page->list[i].uid, state_of(f, &f->work, &page->list[i].message_id).row.uid);
        assert_reads(f, "Work", &ids[i]);
    }
    free(page);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 2);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), is_move ? 0 : 2);
}

static void two_who_copy_at_once_make_one(void **state)
{
    assert_two_at_once_make_one(*state, false);
}

static void a_copy_beside_a_move_makes_one(void **state)
{
    assert_two_at_once_make_one(*state, true);
}

static void what_is_expunged_meanwhile_is_not_copied(void **state)
{
    struct fixture *f = *state;
    if (!ph_db_traits(f->mail.store.db)->is_local) {
        return; /* there the copy is taken back */
    }
    struct ph_uuid ids[2] = {deliver(f), deliver(f)};
    struct copier copier = {f, ids, false, -1, 0};
    struct copier remover = {f, ids, false, -1, 0};
    pthread_t threads[2];
    struct ph_test_hold hold;
    ph_test_mail_hold(&f->mail, &hold);
    assert_int_equal(pthread_create(&threads[0], NULL, expunge_first, &remover), 0);
    ph_test_mail_hold_wait(&f->mail, 1);
    assert_int_equal(pthread_create(&threads[1], NULL, copy_two, &copier), 0);
    ph_test_mail_hold_wait(&f->mail, 2);
    ph_test_mail_release(&hold);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(copier.result, PH_OK);
    assert_int_equal(copier.done, 1);
    assert_false(state_of(f, &f->work, &ids[0]).exists);
    assert_reads(f, "Work", &ids[1]);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 1);
}

static void ids_that_are_not_there_are_passed_over(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid ids[3] = {ph_uuid_gen_next(&f->mail.store.ids), deliver(f),
                             ph_uuid_gen_next(&f->mail.store.ids)};
    assert_int_equal(copy(f, ids, 3), 1);
    assert_int_equal(move(f, ids, 3), 1);
    assert_int_equal(move(f, ids, 3), 0);
    assert_int_equal(set_flags(f, &ids[0], PH_FLAGS_ADD, PH_FLAG_SEEN, ""), 0);
}

static void a_move_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    enum { MESSAGES = 5 };
    struct ph_uuid ids[MESSAGES];
    struct ph_message_listed row;
    for (int i = 0; i < MESSAGES; i++) {
        ids[i] = deliver(f);
    }
    assert_int_equal(move(f, ids, MESSAGES), MESSAGES);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(project(f, &f->inbox, &row), 0);
    assert_int_equal(project(f, &f->work, &row), MESSAGES);
    for (int i = 0; i < MESSAGES; i++) {
        assert_false(state_of(f, &f->inbox, &ids[i]).exists);
        assert_reads(f, "Work", &ids[i]);
    }
}

static void a_move_into_the_same_mailbox_moves_nothing(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    size_t done;
    assert_int_equal(ph_message_move(f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox, &id, 1,
                                     &f->inbox, &done, &f->err),
                     PH_OK);
    assert_int_equal(done, 1);
    assert_reads(f, "INBOX", &id);
}

static void a_maildrop_sees_what_is_moved_into_it(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    size_t done;
    assert_int_equal(move(f, &id, 1), 1);
    assert_int_equal(ph_message_move(f->mail.mailboxes, &ph_test_mail_administrator, &f->work, &id, 1,
                                     &f->inbox, &done, &f->err),
                     PH_OK);
    struct ph_access alice = ph_test_mail_access(ALICE);
    struct ph_maildrop *drop;
    assert_int_equal(ph_maildrop_open(f->mail.mailboxes, &alice, &drop, &f->err), PH_OK);
    assert_int_equal(drop->count, 1);
    assert_int_equal(drop->entries[0].size, sizeof HEADER BODY - 1);
    ph_maildrop_close(&drop);
}

/* ---- Flags ---- */

static void assert_flags(struct fixture *f, const struct ph_uuid *id, unsigned flags, const char *keywords)
{
    struct ph_message_state truth = state_of(f, &f->inbox, id);
    struct ph_message_listed projection;
    assert_true(truth.exists);
    assert_int_equal(truth.kept.flags & ~(unsigned)PH_FLAG_RECENT, flags);
    assert_true(ph_bytes_eq(truth.kept.keywords, ph_bytes_str(keywords)));
    assert_int_equal(project(f, &f->inbox, &projection), 1);
    assert_int_equal(projection.kept.flags & ~(unsigned)PH_FLAG_RECENT, flags);
    assert_true(ph_bytes_eq(projection.kept.keywords, ph_bytes_str(keywords)));
}

static void flags_are_added_removed_and_replaced(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    assert_flags(f, &id, 0, "");
    assert_int_equal(set_flags(f, &id, PH_FLAGS_ADD, PH_FLAG_SEEN | PH_FLAG_FLAGGED, "$Junk"), 1);
    assert_flags(f, &id, PH_FLAG_SEEN | PH_FLAG_FLAGGED, "$Junk");
    assert_int_equal(set_flags(f, &id, PH_FLAGS_ADD, PH_FLAG_SEEN | PH_FLAG_DRAFT, "$Work"), 1);
    assert_flags(f, &id, PH_FLAG_SEEN | PH_FLAG_FLAGGED | PH_FLAG_DRAFT, "$Junk $Work");
    assert_int_equal(set_flags(f, &id, PH_FLAGS_REMOVE, PH_FLAG_SEEN, "$junk $none"), 1);
    assert_flags(f, &id, PH_FLAG_FLAGGED | PH_FLAG_DRAFT, "$Work");
    assert_int_equal(set_flags(f, &id, PH_FLAGS_REPLACE, PH_FLAG_DELETED, "$A $B"), 1);
    assert_flags(f, &id, PH_FLAG_DELETED, "$A $B");
    assert_int_equal(set_flags(f, &id, PH_FLAGS_REPLACE, 0, ""), 1);
    assert_flags(f, &id, 0, "");
    assert_int_equal(state_of(f, &f->inbox, &id).kept.flags, PH_FLAG_RECENT);
    assert_reads(f, "INBOX", &id);
}

static void a_change_has_a_modseq_of_its_own_and_no_change_has_none(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    struct ph_message_state before = state_of(f, &f->inbox, &id);
    assert_int_equal(set_flags(f, &id, PH_FLAGS_ADD, PH_FLAG_SEEN, ""), 1);
    struct ph_message_state after = state_of(f, &f->inbox, &id);
    assert_true(after.row.modseq != before.row.modseq);
    assert_int_equal(after.row.uid, before.row.uid);
    assert_int_equal(set_flags(f, &id, PH_FLAGS_ADD, PH_FLAG_SEEN, ""), 1);
    assert_int_equal(state_of(f, &f->inbox, &id).row.modseq, after.row.modseq);
}

static void a_copy_takes_flags_along(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    set_flags(f, &id, PH_FLAGS_ADD, PH_FLAG_SEEN | PH_FLAG_ANSWERED, "$Work");
    assert_int_equal(copy(f, &id, 1), 1);
    struct ph_message_state copied = state_of(f, &f->work, &id);
    assert_int_equal(copied.kept.flags, PH_FLAG_SEEN | PH_FLAG_ANSWERED | PH_FLAG_RECENT);
    assert_true(ph_bytes_eq(copied.kept.keywords, PH_BYTES("$Work")));
    /* And is another one from then on. */
    set_flags(f, &id, PH_FLAGS_REMOVE, PH_FLAG_SEEN, "");
    assert_true((state_of(f, &f->work, &id).kept.flags & PH_FLAG_SEEN) != 0);
}

static void a_late_flag_change_brings_nothing_back(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    set_flags(f, &id, PH_FLAGS_ADD, PH_FLAG_FLAGGED, "");
    struct ph_message_state seen = state_of(f, &f->inbox, &id);
    expunge(f, &f->inbox, &id);

    struct ph_plan plan;
    struct ph_number_slots slots[2];
    const struct ph_flag_change change = {.set = PH_FLAG_SEEN};
    ph_plan_init(&plan, &f->mail.arena);
    ph_store_message_state_set_flags(&plan, &seen, &change, seen.written_us + 1, slots);
    *slots[0].modseq = ph_i64(99);
    *slots[1].modseq = ph_i64(99);
    int result = ph_db_apply(f->mail.store.db, &plan, &f->err);
    assert_true(result == PH_OK || result == PH_ECONFLICT);

    struct ph_message_listed row;
    struct ph_buf whole = PH_BUF(4096);
    assert_false(state_of(f, &f->inbox, &id).exists);
    assert_int_equal(project(f, &f->inbox, &row), 0);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(ph_test_mail_read(&f->mail, ALICE, "INBOX", &id, 100, &whole), PH_ENOTFOUND);
    ph_buf_fini(&whole);
}

struct flagger {
    struct fixture *f;
    const struct ph_uuid *id;
    unsigned flag;
    pthread_t thread;
};

static void *flag_again_and_again(void *ctx)
{
    const struct flagger *flagger = ctx;
    struct fixture *f = flagger->f;
    for (int i = 0; i < 21; i++) {
        struct ph_error err = {0};
        size_t done;
        enum ph_flags_how how = i % 2 == 0 ? PH_FLAGS_ADD : PH_FLAGS_REMOVE;
        assert_int_equal(ph_message_set_flags(f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox,
                                              flagger->id, 1, how, flagger->flag, PH_BYTES(""), &done, &err),
                         PH_OK);
    }
    return NULL;
}

static void flags_that_two_change_at_once_do_not_undo_each_other(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    struct flagger flaggers[2] = {{f, &id, PH_FLAG_SEEN, 0}, {f, &id, PH_FLAG_FLAGGED, 0}};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&flaggers[i].thread, NULL, flag_again_and_again, &flaggers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(flaggers[i].thread, NULL), 0);
    }
    assert_flags(f, &id, PH_FLAG_SEEN | PH_FLAG_FLAGGED, "");
}

static void in_a_keyspace_of_james_flags_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    size_t done;
    assert_int_equal(ph_message_set_flags(f->mail.mailboxes, &ph_test_mail_administrator, &f->inbox, &id, 1,
                                          PH_FLAGS_ADD, PH_FLAG_SEEN, PH_BYTES(""), &done, &f->err),
                     PH_EINVALID);
    assert_flags(f, &id, 0, "");
}

/* ---- Rights ---- */

static void nobody_else_may_do_anything(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id = deliver(f);
    struct ph_access bob = ph_test_mail_access("bob@example.org");
    struct ph_mailboxes *mailboxes = f->mail.mailboxes;
    size_t done;
    assert_int_equal(ph_message_copy(mailboxes, &bob, &f->inbox, &id, 1, &f->work, &done, &f->err),
                     PH_EDENIED);
    assert_int_equal(ph_message_move(mailboxes, &bob, &f->inbox, &id, 1, &f->work, &done, &f->err),
                     PH_EDENIED);
    assert_int_equal(ph_message_set_flags(mailboxes, &bob, &f->inbox, &id, 1, PH_FLAGS_ADD, PH_FLAG_SEEN,
                                          PH_BYTES(""), &done, &f->err),
                     PH_EDENIED);
    assert_flags(f, &id, 0, "");
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_copy_is_the_same_message_in_one_more_mailbox),
        TEST(content_stays_until_the_last_copy_goes),
        TEST(a_mailbox_holds_a_message_once),
        TEST(two_who_copy_at_once_make_one),
        TEST(a_copy_beside_a_move_makes_one),
        TEST(what_is_expunged_meanwhile_is_not_copied),
        TEST(ids_that_are_not_there_are_passed_over),
        TEST(a_move_leaves_nothing_behind),
        TEST(a_move_into_the_same_mailbox_moves_nothing),
        TEST(a_maildrop_sees_what_is_moved_into_it),
        TEST(nobody_else_may_do_anything),
    };
    /* Where James keeps lists of one flag each, flags are not changed by us. */
    const struct CMUnitTest of_ours[] = {
        TEST(flags_are_added_removed_and_replaced),
        TEST(a_change_has_a_modseq_of_its_own_and_no_change_has_none),
        TEST(a_copy_takes_flags_along),
        TEST(a_late_flag_change_brings_nothing_back),
        TEST(flags_that_two_change_at_once_do_not_undo_each_other),
    };
    const struct CMUnitTest of_james[] = {TEST(in_a_keyspace_of_james_flags_are_left_alone)};
#undef TEST
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        struct ph_test_store store;
        ph_test_store_init(&store, engine);
        bool is_shared = ph_db_traits(store.db)->is_shared;
        ph_test_store_fini(&store);
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
        if (is_shared) {
            failed += cmocka_run_group_tests_name(engine->name, of_james, NULL, NULL);
        } else {
            failed += cmocka_run_group_tests_name(engine->name, of_ours, NULL, NULL);
        }
    }
    return failed;
}
