/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox as IMAP sees it, on every engine that has numbers for it.
 */
#include "mailbox/view.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"

struct fixture {
    struct ph_test_mail mail;
    struct ph_arena arena;
    struct ph_access access;
    struct ph_mailbox inbox;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    ph_test_mail_init(&f->mail, *state);
    ph_arena_init(&f->arena, 0);
    f->access = ph_test_mail_access("anna@example.org");
    ph_test_mail_open(&f->mail, "anna@example.org", "INBOX", &f->inbox);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ph_arena_fini(&f->arena);
    ph_test_mail_fini(&f->mail);
    test_free(f);
    return 0;
}

static bool has_numbers(struct fixture *f)
{
    struct ph_error err = {0};
    if (ph_view_check_store(f->mail.mailboxes, &err) == PH_OK) {
        return true;
    }
    assert_int_equal(err.code, PH_EINVALID);
    struct ph_view_session *session = NULL;
    assert_int_equal(ph_view_open(f->mail.mailboxes, &f->access, &f->inbox, false, &session, &err),
                     PH_EINVALID);
    assert_null(session);
    return false;
}

/* Apache James keeps lists of one flag each, which are not written here. */
static bool has_flags(struct fixture *f)
{
    return has_numbers(f) && !ph_db_traits(f->mail.store.db)->is_shared;
}

static void deliver(struct fixture *f, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char header[64];
        snprintf(header, sizeof header, "Subject: %u\r\n\r\n", i);
        assert_int_equal(
            ph_test_mail_deliver(&f->mail, "anna@example.org", "INBOX", header, "Hello.\r\n", NULL), PH_OK);
    }
}

static struct ph_view_session *open_view(struct fixture *f, const struct ph_mailbox *mailbox,
                                         bool is_read_only)
{
    struct ph_error err = {0};
    struct ph_view_session *session = NULL;
    if (ph_view_open(f->mail.mailboxes, &f->access, mailbox, is_read_only, &session, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return session;
}

static struct ph_view_changes sync_now(struct fixture *f, struct ph_view_session *session, bool allow_expunge)
{
    struct ph_view_changes changes;
    struct ph_error err = {0};
    assert_int_equal(ph_view_sync(session, PH_VIEW_NEWS_NOW, allow_expunge, &f->arena, &changes, &err),
                     PH_OK);
    return changes;
}

/* ---- Writes, waited for ---- */

struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    bool has_result;
    int result;
};

static void over(struct ph_view_write *write, int result)
{
    struct waiting *waiting = write->ctx;
    pthread_mutex_lock(&waiting->lock);
    waiting->result = result;
    waiting->has_result = true;
    pthread_cond_signal(&waiting->is_over);
    pthread_mutex_unlock(&waiting->lock);
}

static void begin_write(struct fixture *f, struct ph_view_write *write, struct waiting *waiting)
{
    *waiting = (struct waiting){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    *write = (struct ph_view_write){.done = over, .ctx = waiting, .arena = &f->arena};
}

static int wait_write(struct waiting *waiting)
{
    pthread_mutex_lock(&waiting->lock);
    while (!waiting->has_result) {
        pthread_cond_wait(&waiting->is_over, &waiting->lock);
    }
    pthread_mutex_unlock(&waiting->lock);
    return waiting->result;
}

static int store_flags(struct fixture *f, struct ph_view_session *session, uint32_t first, uint32_t last,
                       const struct ph_view_flag_change *change, struct ph_view_write *out_write)
{
    struct waiting waiting;
    const struct ph_uid_range range = {first, last};
    begin_write(f, out_write, &waiting);
    ph_view_store(session, &range, 1, change, out_write);
    return wait_write(&waiting);
}

static int add_flags(struct fixture *f, struct ph_view_session *session, uint32_t first, uint32_t last,
                     unsigned flags, const char *keywords)
{
    struct ph_view_write write;
    const struct ph_view_flag_change change = {
        .how = PH_FLAGS_ADD, .flags = flags, .keywords = ph_bytes_str(keywords)};
    return store_flags(f, session, first, last, &change, &write);
}

static size_t expunge(struct fixture *f, struct ph_view_session *session, const struct ph_uid_range *range,
                      bool only_deleted)
{
    struct waiting waiting;
    struct ph_view_write write;
    begin_write(f, &write, &waiting);
    ph_view_expunge(session, range, range == NULL ? 0 : 1, only_deleted, &write);
    assert_int_equal(wait_write(&waiting), PH_OK);
    return write.count;
}

/* ---- Tests ---- */

static void a_mailbox_is_seen_as_it_is(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    deliver(f, 3);
    struct ph_view_session *session = open_view(f, &f->inbox, false);
    struct ph_view_status status;
    ph_view_status(session, &status);
    assert_int_equal(status.messages, 3);
    assert_int_equal(status.recent, 3);
    assert_int_equal(status.unseen, 3);
    assert_int_equal(status.first_unseen, 1);
    assert_true(status.highest_modseq > 0);
    assert_int_equal(status.uid_validity, f->inbox.uid_validity);
    uint32_t last = 0;
    for (uint32_t number = 1; number <= 3; number++) {
        const struct ph_view_message *message = ph_view_at(session, number);
        assert_true(message->uid > last);
        last = message->uid;
        assert_int_equal(ph_view_number(session, message->uid), number);
        assert_int_equal(ph_view_find(session, message->uid), number);
        assert_int_equal(message->size, strlen("Subject: 0\r\n\r\nHello.\r\n"));
        assert_int_equal(message->internal_date_ms, 1700000000000);
        assert_int_equal(ph_view_flags(session, message), PH_FLAG_RECENT);
    }
    assert_true(status.uid_next > last);
    assert_int_equal(ph_view_find(session, last + 1), 4);
    assert_int_equal(ph_view_number(session, last + 1), 0);

    struct ph_view_session *second = open_view(f, &f->inbox, true);
    ph_view_status(second, &status);
    assert_int_equal(status.recent, 0); /* they were told to the first */
    ph_view_close(&session);
    deliver(f, 1);
    assert_int_equal(sync_now(f, second, true).recent, 1);
    deliver(f, 1);
    assert_int_equal(sync_now(f, second, true).recent, 2);
    session = open_view(f, &f->inbox, false);
    ph_view_status(session, &status);
    assert_int_equal(status.recent, 2); /* who may only read takes nothing away */
    ph_view_close(&second);
    ph_view_close(&session);
}

static void what_comes_is_reported(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    struct ph_view_session *session = open_view(f, &f->inbox, false);
    assert_int_equal(ph_view_count(session), 0);
    assert_false(ph_view_has_news(session));
    deliver(f, 2);
    assert_true(ph_view_has_news(session));
    assert_int_equal(ph_view_count(session), 0);
    struct ph_view_changes changes = sync_now(f, session, false);
    assert_true(changes.has_new);
    assert_int_equal(changes.exists, 2);
    assert_int_equal(changes.recent, 2);
    assert_int_equal(changes.changed_count, 0);
    assert_false(ph_view_has_news(session));
    changes = sync_now(f, session, true);
    assert_false(changes.has_new);
    assert_int_equal(changes.exists, 2);
    ph_view_close(&session);
}

static void flags_are_seen_by_all(void **state)
{
    struct fixture *f = *state;
    if (!has_flags(f)) {
        return;
    }
    deliver(f, 3);
    struct ph_view_session *one = open_view(f, &f->inbox, false);
    struct ph_view_session *two = open_view(f, &f->inbox, false);
    uint32_t uid = ph_view_at(one, 2)->uid;
    uint64_t modseq = ph_view_at(one, 2)->modseq;
    struct ph_view_write write;
    struct ph_view_flag_change change = {
        .how = PH_FLAGS_ADD, .flags = PH_FLAG_SEEN, .keywords = PH_BYTES("$Label1 Work")};
    assert_int_equal(store_flags(f, one, uid, uid, &change, &write), PH_OK);
    assert_int_equal(write.count, 1);
    assert_true(write.modseq > modseq);

    struct ph_view_changes changes = sync_now(f, two, true);
    assert_int_equal(changes.changed_count, 1);
    assert_int_equal(changes.changed[0].number, 2);
    assert_int_equal(changes.changed[0].uid, uid);
    assert_int_equal(changes.changed[0].modseq, write.modseq);
    assert_true(changes.has_keywords);
    const struct ph_view_message *message = ph_view_at(two, 2);
    assert_int_equal(message->flags, PH_FLAG_SEEN);
    struct ph_bytes keywords = ph_view_keywords(two, message);
    assert_true(ph_bytes_eq(keywords, PH_BYTES("$Label1 Work")));

    /* Again: nothing changes. */
    assert_int_equal(store_flags(f, two, uid, uid, &change, &write), PH_OK);
    assert_int_equal(write.count, 0);
    assert_int_equal(write.modseq, 0);

    /* Others' changes are not overwritten by who has not seen them. */
    change.has_unchanged_since = true;
    change.unchanged_since = modseq;
    change.flags = PH_FLAG_FLAGGED;
    assert_int_equal(store_flags(f, one, 1, UINT32_MAX, &change, &write), PH_OK);
    assert_int_equal(write.modified_count, 1);
    assert_int_equal(write.modified[0].first, uid);
    assert_int_equal(write.modified[0].last, uid + 1); /* which came after it */
    ph_view_close(&one);
    ph_view_close(&two);

    /* And so it stays. */
    ph_test_mail_restart(&f->mail);
    one = open_view(f, &f->inbox, true);
    message = ph_view_at(one, 2);
    assert_int_equal(message->flags, PH_FLAG_SEEN);
    keywords = ph_view_keywords(one, message);
    assert_int_equal(keywords.len, strlen("$Label1 Work"));
    ph_view_close(&one);
}

static void numbers_stay_until_an_expunge_is_told(void **state)
{
    struct fixture *f = *state;
    if (!has_flags(f)) {
        return;
    }
    deliver(f, 5);
    struct ph_view_session *one = open_view(f, &f->inbox, false);
    struct ph_view_session *two = open_view(f, &f->inbox, false);
    uint32_t second = ph_view_at(one, 2)->uid;
    uint32_t fourth = ph_view_at(one, 4)->uid;
    uint32_t fifth = ph_view_at(one, 5)->uid;
    assert_int_equal(add_flags(f, one, second, second, PH_FLAG_DELETED, ""), PH_OK);
    assert_int_equal(add_flags(f, one, fourth, fourth, PH_FLAG_DELETED, ""), PH_OK);
    assert_int_equal(expunge(f, one, NULL, true), 2);
    deliver(f, 1);
    assert_int_equal(add_flags(f, one, fifth, fifth, PH_FLAG_SEEN, ""), PH_OK);

    struct ph_view_status before;
    struct ph_view_status after;
    ph_view_status(two, &before);
    struct ph_view_changes changes = sync_now(f, two, false);
    ph_view_status(two, &after);
    assert_int_equal(after.highest_modseq, before.highest_modseq); /* while it does not know what went */
    assert_int_equal(changes.expunged_count, 0);
    assert_true(changes.has_new);
    assert_int_equal(changes.exists, 6);
    assert_int_equal(changes.changed[changes.changed_count - 1].number, 5);
    assert_int_equal(ph_view_at(two, 2)->uid, second);
    assert_int_equal(ph_view_at(two, 5)->flags, PH_FLAG_SEEN);
    assert_true(ph_view_has_news(two));

    changes = sync_now(f, two, true);
    assert_int_equal(changes.expunged_count, 2);
    assert_int_equal(changes.expunged[0].number, 2);
    assert_int_equal(changes.expunged[0].uid, second);
    assert_int_equal(changes.expunged[1].number, 3); /* it was 4 before the other went */
    assert_int_equal(changes.expunged[1].uid, fourth);
    assert_int_equal(changes.exists, 4);
    ph_view_status(two, &after);
    assert_true(after.highest_modseq > before.highest_modseq);
    assert_false(ph_view_has_news(two));
    assert_int_equal(ph_view_at(two, 3)->uid, fifth);
    ph_view_close(&one);
    ph_view_close(&two);
}

static int quit_result;
static void quit(void *ctx, int result)
{
    struct waiting *waiting = ctx;
    quit_result = result;
    pthread_mutex_lock(&waiting->lock);
    waiting->has_result = true;
    pthread_cond_signal(&waiting->is_over);
    pthread_mutex_unlock(&waiting->lock);
}

static void what_pop3_deletes_is_gone(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    deliver(f, 4);
    struct ph_view_session *session = open_view(f, &f->inbox, false);
    uint32_t third = ph_view_at(session, 3)->uid;
    struct ph_error err = {0};
    struct ph_maildrop *drop;
    assert_int_equal(ph_maildrop_open(f->mail.mailboxes, &f->access, &drop, &err), PH_OK);
    const bool is_deleted[4] = {true, true, false, true};
    struct waiting waiting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    ph_maildrop_delete(drop, is_deleted, quit, &waiting);
    wait_write(&waiting);
    assert_int_equal(quit_result, PH_OK);
    ph_maildrop_close(&drop);
    struct ph_view_changes changes = sync_now(f, session, true);
    assert_int_equal(changes.expunged_count, 3);
    assert_int_equal(changes.exists, 1);
    assert_int_equal(ph_view_at(session, 1)->uid, third);
    ph_view_close(&session);
}

static void copies_have_uids_of_their_own(void **state)
{
    struct fixture *f = *state;
    if (!has_flags(f)) {
        return;
    }
    struct ph_error err = {0};
    struct ph_mailbox archive;
    deliver(f, 4);
    assert_int_equal(
        ph_mailbox_create(f->mail.mailboxes, &f->access, f->access.user, PH_BYTES("Archive"), &err), PH_OK);
    ph_test_mail_open(&f->mail, "anna@example.org", "Archive", &archive);
    struct ph_view_session *from = open_view(f, &f->inbox, false);
    struct ph_view_session *to = open_view(f, &archive, false);
    uint32_t first = ph_view_at(from, 1)->uid;
    uint32_t second = ph_view_at(from, 2)->uid;
    uint32_t last = ph_view_at(from, 4)->uid;
    assert_int_equal(add_flags(f, from, second, second, PH_FLAG_FLAGGED, "Work"), PH_OK);

    struct waiting waiting;
    struct ph_view_write write;
    const struct ph_uid_range both = {first, second};
    begin_write(f, &write, &waiting);
    ph_view_copy(from, &both, 1, &archive, false, &write);
    assert_int_equal(wait_write(&waiting), PH_OK);
    assert_int_equal(write.pair_count, 2);
    assert_int_equal(write.pairs[0].from, first);
    assert_int_equal(write.pairs[1].from, second);
    struct ph_view_changes changes = sync_now(f, to, true);
    assert_int_equal(changes.exists, 2);
    assert_int_equal(ph_view_at(to, 1)->uid, write.pairs[0].to);
    assert_int_equal(ph_view_at(to, 2)->uid, write.pairs[1].to);
    assert_int_equal(ph_view_at(to, 2)->flags, PH_FLAG_FLAGGED);
    assert_true(ph_bytes_eq(ph_view_keywords(to, ph_view_at(to, 2)), PH_BYTES("Work")));

    const struct ph_uid_range rest = {second, last};
    begin_write(f, &write, &waiting);
    ph_view_copy(from, &rest, 1, &archive, true, &write);
    assert_int_equal(wait_write(&waiting), PH_OK);
    assert_int_equal(write.pair_count, 3);
    changes = sync_now(f, from, true);
    assert_int_equal(changes.expunged_count, 3);
    assert_int_equal(changes.exists, 1);
    changes = sync_now(f, to, true);
    assert_int_equal(changes.exists, 4);
    ph_view_close(&from);
    ph_view_close(&to);
}

static void an_append_says_its_uid(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_numbers numbers = {0};
    const struct ph_append_origin origin = {.kept = {.flags = PH_FLAG_SEEN, .keywords = PH_BYTES("Draft1")}};
    struct ph_append message = {.origin = &origin, .out_numbers = &numbers};
    ph_plan_init(&plan, &f->arena);
    assert_int_equal(ph_test_mail_append(&f->mail, "anna@example.org", "INBOX", "A: b\r\n\r\n", "c", &message,
                                         &plan, &err),
                     PH_OK);
    struct ph_view_session *session = open_view(f, &f->inbox, false);
    assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &err), PH_OK);
    struct ph_view_changes changes = sync_now(f, session, true);
    assert_int_equal(changes.exists, 1);
    assert_int_equal(ph_view_at(session, 1)->uid, numbers.uid);
    assert_int_equal(ph_view_at(session, 1)->modseq, numbers.modseq);
    assert_int_equal(ph_view_flags(session, ph_view_at(session, 1)), PH_FLAG_SEEN | PH_FLAG_RECENT);
    assert_true(ph_bytes_eq(ph_view_keywords(session, ph_view_at(session, 1)), PH_BYTES("Draft1")));
    ph_view_close(&session);
}

static void who_may_only_read_changes_nothing(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    deliver(f, 1);
    struct ph_view_session *session = open_view(f, &f->inbox, true);
    assert_int_equal(add_flags(f, session, 1, UINT32_MAX, PH_FLAG_SEEN, ""), PH_EDENIED);
    ph_view_close(&session);
    struct ph_error err = {0};
    const struct ph_access bob = ph_test_mail_access("bob@example.org");
    assert_int_equal(ph_view_open(f->mail.mailboxes, &bob, &f->inbox, false, &session, &err), PH_EDENIED);
}

static void status_needs_no_session(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    struct ph_error err = {0};
    struct ph_view_status status;
    deliver(f, 3);
    assert_int_equal(ph_mailbox_status(f->mail.mailboxes, &f->access, &f->inbox, &status, &err), PH_OK);
    assert_int_equal(status.messages, 3);
    assert_int_equal(status.recent, 3);
    assert_int_equal(status.unseen, 3);
    assert_int_equal(status.size, 3 * strlen("Subject: 0\r\n\r\nHello.\r\n"));
    uint32_t next = status.uid_next;
    deliver(f, 1);
    uint64_t reads = ph_test_count(f->mail.store.db, PH_STMT_MESSAGE_ID_VIEW);
    assert_int_equal(ph_mailbox_status(f->mail.mailboxes, &f->access, &f->inbox, &status, &err), PH_OK);
    assert_int_equal(status.messages, 4);
    assert_true(status.uid_next > next);
    if (ph_db_traits(f->mail.store.db)->is_local) {
        assert_int_equal(ph_test_count(f->mail.store.db, PH_STMT_MESSAGE_ID_VIEW), reads);
    }
}

static void count_call(void *ctx)
{
    ++*(unsigned *)ctx;
}

/* Who expunges goes by the view, which says \Deleted until the other's plan is done. */
static void what_is_unmarked_at_the_same_instant_stays(void **state)
{
    struct fixture *f = *state;
    if (!ph_db_traits(f->mail.store.db)->is_local) {
        return; /* a plan of many rounds is not stopped by what comes between them */
    }
    deliver(f, 3);
    struct ph_view_session *session = open_view(f, &f->inbox, false);
    struct ph_view_session *other = open_view(f, &f->inbox, false);
    assert_int_equal(add_flags(f, session, 1, 2, PH_FLAG_DELETED, ""), PH_OK);
    (void)sync_now(f, other, true);

    struct ph_test_hold hold;
    struct waiting storing;
    struct waiting expunging;
    struct ph_view_write store;
    struct ph_view_write expunged;
    const struct ph_uid_range first = {1, 1};
    const struct ph_view_flag_change unmark = {.how = PH_FLAGS_REMOVE, .flags = PH_FLAG_DELETED};
    begin_write(f, &store, &storing);
    begin_write(f, &expunged, &expunging);
    ph_test_mail_hold(&f->mail, &hold);
    ph_view_store(other, &first, 1, &unmark, &store);
    ph_view_expunge(session, NULL, 0, true, &expunged);
    ph_test_mail_release(&hold);
    assert_int_equal(wait_write(&storing), PH_OK);
    assert_int_equal(wait_write(&expunging), PH_OK);
    assert_int_equal(store.count, 1);
    assert_int_equal(expunged.count, 1);

    struct ph_view_changes changes = sync_now(f, session, true);
    assert_int_equal(changes.expunged_count, 1);
    struct ph_uuid left[3];
    assert_int_equal(ph_test_mail_list(&f->mail, "anna@example.org", "INBOX", left, 3), 2);
    assert_true(ph_uuid_eq(&left[0], &ph_view_at(session, 1)->id));
    assert_int_equal(ph_view_at(session, 1)->uid, 1);
    assert_int_equal(ph_view_flags(session, ph_view_at(session, 1)) & PH_FLAG_DELETED, 0);
    assert_int_equal(ph_view_at(session, 2)->uid, 3);
    ph_view_close(&other);
    ph_view_close(&session);
}

static void watchers_are_called_once(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    unsigned calls = 0;
    struct ph_view_session *session = open_view(f, &f->inbox, false);
    ph_view_watch(session, count_call, &calls);
    assert_int_equal(calls, 0);
    deliver(f, 2);
    assert_int_equal(calls, 1);
    (void)sync_now(f, session, true);
    deliver(f, 1);
    assert_int_equal(calls, 2);
    ph_view_watch(session, NULL, NULL);
    deliver(f, 1);
    assert_int_equal(calls, 2);
    ph_view_watch(session, count_call, &calls); /* there is something already */
    assert_int_equal(calls, 3);
    ph_view_close(&session);
}

static void a_deleted_mailbox_is_said_to_be(void **state)
{
    struct fixture *f = *state;
    if (!has_numbers(f)) {
        return;
    }
    struct ph_error err = {0};
    struct ph_mailbox box;
    assert_int_equal(ph_mailbox_create(f->mail.mailboxes, &f->access, f->access.user, PH_BYTES("Old"), &err),
                     PH_OK);
    ph_test_mail_open(&f->mail, "anna@example.org", "Old", &box);
    struct ph_view_session *session = open_view(f, &box, false);
    assert_int_equal(ph_mailbox_delete(f->mail.mailboxes, &f->access, f->access.user, PH_BYTES("Old"), &err),
                     PH_OK);
    assert_true(sync_now(f, session, true).is_deleted);
    ph_view_close(&session);
}

static int run_suite(const struct ph_test_engine *engine)
{
    const struct CMUnitTest tests[] = {
#define VIEW_TEST(name) {#name, name, set_up, tear_down, (void *)(uintptr_t)engine}
        VIEW_TEST(a_mailbox_is_seen_as_it_is),      VIEW_TEST(what_comes_is_reported),
        VIEW_TEST(flags_are_seen_by_all),           VIEW_TEST(numbers_stay_until_an_expunge_is_told),
        VIEW_TEST(what_pop3_deletes_is_gone),       VIEW_TEST(copies_have_uids_of_their_own),
        VIEW_TEST(an_append_says_its_uid),          VIEW_TEST(who_may_only_read_changes_nothing),
        VIEW_TEST(status_needs_no_session),         VIEW_TEST(watchers_are_called_once),
        VIEW_TEST(a_deleted_mailbox_is_said_to_be), VIEW_TEST(what_is_unmarked_at_the_same_instant_stays),
#undef VIEW_TEST
    };
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}

int main(void)
{
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        failed += run_suite(&ph_test_engines[i]);
    }
    return failed;
}
