/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What adopt.h promises, and what a message keeps that comes from another server, on every engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/adopt.h"
#include "mailbox/maildrop.h"
#include "mailbox/test_mail.h"
#include "store/import_state.h"
#include "store/message_id.h"

#define ALICE "alice@example.org"
#define HEADER "Subject: tea\r\n\r\n"

static const struct ph_test_engine *engine;

static int setup(void **state)
{
    struct ph_test_mail *mail = calloc(1, sizeof *mail);
    ph_test_mail_init(mail, engine);
    *state = mail;
    return 0;
}

static int teardown(void **state)
{
    struct ph_test_mail *mail = *state;
    ph_test_mail_fini(mail);
    free(mail);
    return 0;
}

static struct ph_adoption adopt(struct ph_test_mail *mail, const char *name, uint32_t uid_validity,
                                uint64_t uid_next, bool is_dry)
{
    struct ph_error err = {0};
    struct ph_adoption adoption;
    if (ph_mailbox_adopt(mail->mailboxes, &ph_test_mail_administrator, ph_bytes_str(ALICE),
                         ph_bytes_str(name), uid_validity, uid_next, is_dry, &mail->arena, &adoption,
                         &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return adoption;
}

/* One message with what it brings along; the result of the plan. */
static int bring(struct ph_test_mail *mail, const char *mailbox, uint64_t uid, uint64_t uid_limit,
                 const char *uidl)
{
    struct ph_error err = {0};
    struct ph_arena arena;
    struct ph_plan plan;
    const struct ph_append_origin origin = {
        .kept = {.flags = PH_FLAG_SEEN | PH_FLAG_FLAGGED,
                 .keywords = PH_BYTES("$Forwarded work"),
                 .uidl = ph_bytes_str(uidl)},
        .save_date_ms = 1600000000000,
        .uid = uid,
        .uid_limit = uid_limit,
    };
    struct ph_append message = {.origin = &origin};
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    int result = ph_test_mail_append(mail, ALICE, mailbox, HEADER, "x\r\n", &message, &plan, &err);
    if (result == PH_OK) {
        result = ph_db_apply(mail->store.db, &plan, &err);
    }
    ph_arena_fini(&arena);
    return result;
}

static const struct ph_message_page *page(struct ph_test_mail *mail, const char *mailbox)
{
    struct ph_error err = {0};
    struct ph_mailbox box;
    ph_test_mail_open(mail, ALICE, mailbox, &box);
    struct ph_message_page *rows = ph_arena_alloc(&mail->arena, sizeof *rows);
    assert_int_equal(ph_store_message_id_page(mail->store.db, &box.id, 0, &mail->arena, rows, &err), PH_OK);
    return rows;
}

/* Whether UIDs are counted; else those that nobody asked for say nothing. */
static bool counts(struct ph_test_mail *mail)
{
    const struct ph_db_traits *traits = ph_db_traits(mail->store.db);
    return traits->is_local || traits->has_conditions;
}

/* The last one is of a message that asked for none. */
static void assert_uids(struct ph_test_mail *mail, const char *mailbox, const uint64_t *uids, size_t count)
{
    const struct ph_message_page *rows = page(mail, mailbox);
    assert_int_equal(rows->count, count);
    for (size_t i = 0; i < count - (counts(mail) ? 0 : 1); i++) {
        assert_int_equal(rows->list[i].uid, uids[i]);
    }
}

/* The place of a message in a page, which is in the order of UIDs. */
static const struct ph_message_listed *find(const struct ph_message_page *rows, const struct ph_uuid *id)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (ph_uuid_eq(&rows->list[i].message_id, id)) {
            return &rows->list[i];
        }
    }
    fail_msg("a message that is not listed");
    return NULL;
}

/* The UIDLs of the maildrop, one a line; an id of ours is "-". */
static const char *uidls(struct ph_test_mail *mail)
{
    struct ph_error err = {0};
    struct ph_access access = ph_test_mail_access(ALICE);
    struct ph_maildrop *drop = NULL;
    assert_int_equal(ph_maildrop_open(mail->mailboxes, &access, &drop, &err), PH_OK);
    struct ph_buf text = PH_BUF(4096);
    for (size_t i = 0; i < drop->count; i++) {
        char space[PH_UUID_TEXT_LEN + 1];
        struct ph_bytes uidl = ph_maildrop_uidl(drop, i, space);
        ph_buf_bytes(&text, uidl.ptr == (const uint8_t *)space ? PH_BYTES("-") : uidl);
        ph_buf_byte(&text, '\n');
    }
    ph_maildrop_close(&drop);
    const char *copy = ph_arena_strdup(&mail->arena, ph_buf_view(&text));
    ph_buf_fini(&text);
    return copy;
}

/* ---- UIDs ---- */

static void test_a_new_mailbox_takes_over_uidvalidity_and_uids(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_adoption adoption = adopt(mail, "Work", 12345, 1001, false);
    assert_false(adoption.exists);
    assert_true(adoption.keeps_uids);
    assert_int_equal(adoption.uid_limit, 1000);
    assert_int_equal(bring(mail, "Work", 7, 1000, ""), PH_OK);
    assert_int_equal(bring(mail, "Work", 900, 1000, ""), PH_OK);
    struct ph_mailbox box;
    ph_test_mail_open(mail, ALICE, "Work", &box);
    assert_int_equal(box.uid_validity, 12345);
    /* What is delivered meanwhile is above, and what comes later still gets its own. */
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "Work", HEADER, "new\r\n", NULL), PH_OK);
    assert_int_equal(bring(mail, "Work", 950, 1000, ""), PH_OK);
    assert_uids(mail, "Work", (const uint64_t[]){7, 900, 950, 1001}, 4);
}

static void test_it_goes_on_after_a_restart(void **state)
{
    struct ph_test_mail *mail = *state;
    (void)adopt(mail, "INBOX", 777, 4, false);
    assert_int_equal(bring(mail, "INBOX", 1, 3, ""), PH_OK);
    ph_test_mail_restart(mail);
    struct ph_adoption again = adopt(mail, "INBOX", 777, 6, false);
    assert_true(again.exists);
    assert_true(again.keeps_uids);
    assert_int_equal(again.uid_limit, 5);
    assert_int_equal(bring(mail, "INBOX", 2, 5, ""), PH_OK);
    assert_int_equal(bring(mail, "INBOX", 5, 5, ""), PH_OK);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "new\r\n", NULL), PH_OK);
    assert_uids(mail, "INBOX", (const uint64_t[]){1, 2, 5, 6}, 4);
}

static void test_the_limit_stays_where_we_have_given_numbers_above_it(void **state)
{
    struct ph_test_mail *mail = *state;
    (void)adopt(mail, "INBOX", 777, 4, false);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "new\r\n", NULL), PH_OK);
    if (!counts(mail)) {
        /* Random numbers are far above every limit. */
        assert_int_equal(adopt(mail, "INBOX", 777, 9, false).uid_limit, 8);
        return;
    }
    struct ph_adoption again = adopt(mail, "INBOX", 777, 9, false);
    assert_true(again.keeps_uids);
    assert_int_equal(again.uid_limit, 3);
    /* 4 is the delivery's: the other message is not lost, it gets a number of ours. */
    assert_int_equal(bring(mail, "INBOX", 4, 3, ""), PH_OK);
    assert_uids(mail, "INBOX", (const uint64_t[]){4, 5}, 2);
}

static void test_a_mailbox_with_messages_keeps_its_numbers(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "old\r\n", NULL), PH_OK);
    struct ph_mailbox before;
    ph_test_mail_open(mail, ALICE, "INBOX", &before);
    struct ph_adoption adoption = adopt(mail, "INBOX", 777, 100, false);
    assert_true(adoption.exists);
    assert_false(adoption.keeps_uids);
    assert_int_equal(adoption.mailbox.uid_validity, before.uid_validity);
}

static void test_an_emptied_mailbox_can_be_taken_over(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid id;
    struct ph_error err = {0};
    struct ph_plan plan;
    size_t found;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "old\r\n", &id), PH_OK);
    struct ph_mailbox box;
    ph_test_mail_open(mail, ALICE, "INBOX", &box);
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(
        ph_message_expunge(mail->mailboxes, &ph_test_mail_administrator, &box, &id, 1, &plan, &found, &err),
        PH_OK);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    struct ph_adoption adoption = adopt(mail, "INBOX", 777, 3, false);
    assert_true(adoption.keeps_uids);
    assert_int_equal(bring(mail, "INBOX", 2, adoption.uid_limit, ""), PH_OK);
    ph_test_mail_open(mail, ALICE, "INBOX", &box);
    assert_int_equal(box.uid_validity, 777);
    assert_uids(mail, "INBOX", (const uint64_t[]){2}, 1);
}

static void test_a_uid_that_is_taken_is_refused(void **state)
{
    struct ph_test_mail *mail = *state;
    (void)adopt(mail, "Work", 777, 10, false);
    assert_int_equal(bring(mail, "Work", 5, 9, ""), PH_OK);
    assert_int_equal(bring(mail, "Work", 5, 9, ""), PH_ECONFLICT);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "Work", NULL, 0), 1);
}

static void test_a_dry_run_writes_nothing(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_test_cost before = ph_test_cost(mail->store.db);
    struct ph_adoption adoption = adopt(mail, "Work", 777, 10, true);
    assert_true(adoption.keeps_uids);
    assert_false(adoption.exists);
    assert_int_equal(ph_test_cost(mail->store.db).writes, before.writes);
}

static void test_a_bad_name_is_refused(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_adoption adoption;
    assert_int_equal(ph_mailbox_adopt(mail->mailboxes, &ph_test_mail_administrator, ph_bytes_str(ALICE),
                                      PH_BYTES("a..b"), 1, 1, false, &mail->arena, &adoption, &err),
                     PH_EINVALID);
}

/* ---- What a message keeps ---- */

static void test_flags_keywords_and_dates_are_kept(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(bring(mail, "INBOX", 0, 0, "abc"), PH_OK);
    struct ph_uuid delivered;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "new\r\n", &delivered), PH_OK);
    const struct ph_message_page *rows = page(mail, "INBOX");
    const struct ph_message_listed *new = find(rows, &delivered);
    const struct ph_message_listed *old = &rows->list[new == rows->list ? 1 : 0];
    assert_int_equal(old->kept.flags, PH_FLAG_SEEN | PH_FLAG_FLAGGED);
    assert_true(ph_bytes_eq(old->kept.keywords, PH_BYTES("$Forwarded work")));
    assert_true(ph_bytes_eq(old->kept.uidl, PH_BYTES("abc")));
    assert_int_equal(old->save_date_ms, 1600000000000);
    assert_int_equal(new->kept.flags, PH_FLAG_RECENT);
    assert_int_equal(new->kept.keywords.len, 0);
    assert_int_equal(new->kept.uidl.len, 0);
}

static void test_uidls_are_shown_beside_ids(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1\r\n", NULL), PH_OK);
    assert_int_equal(bring(mail, "INBOX", 0, 0, "0000000154a3b2c1"), PH_OK);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "3\r\n", NULL), PH_OK);
    assert_int_equal(bring(mail, "INBOX", 0, 0, "UID12-34"), PH_OK);
    assert_string_equal(uidls(mail), "-\n0000000154a3b2c1\n-\nUID12-34\n");
    ph_test_mail_restart(mail);
    assert_string_equal(uidls(mail), "-\n0000000154a3b2c1\n-\nUID12-34\n");
}

static void test_no_two_messages_show_the_same(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid id;
    char text[PH_UUID_TEXT_LEN + 1];
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1\r\n", &id), PH_OK);
    ph_uuid_format(&id, text);
    assert_int_equal(bring(mail, "INBOX", 0, 0, "same"), PH_OK);
    assert_int_equal(bring(mail, "INBOX", 0, 0, "same"), PH_OK);
    assert_int_equal(bring(mail, "INBOX", 0, 0, text), PH_OK);
    assert_int_equal(bring(mail, "INBOX", 0, 0, "SAME"), PH_OK);
    assert_string_equal(uidls(mail), "-\nsame\n-\n-\nSAME\n");
    /* In another mailbox it is another matter. */
    (void)adopt(mail, "Work", 0, 0, false);
    assert_int_equal(bring(mail, "Work", 0, 0, "same"), PH_OK);
    assert_true(ph_bytes_eq(page(mail, "Work")->list[0].kept.uidl, PH_BYTES("same")));
}

static void test_a_deleted_mailbox_forgets_its_imports(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    static const uint8_t key[PH_IMPORT_KEY_BYTES] = {1, 2, 3};
    struct ph_uuid id = ph_uuid_gen_next(&mail->store.ids);
    struct ph_uuid found;
    struct ph_adoption adoption = adopt(mail, "Work", 777, 10, false);
    ph_plan_init(&plan, &mail->arena);
    ph_store_imported_add(&plan, &adoption.mailbox.id, key, &id);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    assert_int_equal(ph_store_imported_get(mail->store.db, &adoption.mailbox.id, key, &found, &err), PH_OK);
    assert_true(ph_uuid_eq(&found, &id));
    struct ph_uuid other = ph_uuid_gen_next(&mail->store.ids);
    ph_plan_init(&plan, &mail->arena);
    ph_store_imported_add(&plan, &adoption.mailbox.id, key, &other);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_ECONFLICT);
    assert_int_equal(ph_mailbox_delete(mail->mailboxes, &ph_test_mail_administrator, ph_bytes_str(ALICE),
                                       PH_BYTES("Work"), &err),
                     PH_OK);
    assert_int_equal(ph_store_imported_get(mail->store.db, &adoption.mailbox.id, key, &found, &err),
                     PH_ENOTFOUND);
    struct ph_import_state import;
    assert_int_equal(ph_store_import_get(mail->store.db, &adoption.mailbox.id, &import, &err), PH_ENOTFOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_mailbox_takes_over_uidvalidity_and_uids),
        TEST(test_it_goes_on_after_a_restart),
        TEST(test_the_limit_stays_where_we_have_given_numbers_above_it),
        TEST(test_a_mailbox_with_messages_keeps_its_numbers),
        TEST(test_an_emptied_mailbox_can_be_taken_over),
        TEST(test_a_uid_that_is_taken_is_refused),
        TEST(test_a_dry_run_writes_nothing),
        TEST(test_a_bad_name_is_refused),
        TEST(test_flags_keywords_and_dates_are_kept),
        TEST(test_uidls_are_shown_beside_ids),
        TEST(test_no_two_messages_show_the_same),
        TEST(test_a_deleted_mailbox_forgets_its_imports),
    };
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
