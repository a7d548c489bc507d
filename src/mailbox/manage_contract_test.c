/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What manage.h and subscriptions.h promise, on every engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/manage.h"
#include "mailbox/subscriptions.h"
#include "mailbox/test_mail.h"

#define ALICE "alice@example.org"
#define HEADER "Subject: tea\r\n\r\n"
#define BODY "Earl Grey\r\n"

static const struct ph_test_engine *engine;

struct fixture {
    struct ph_test_mail mail;
    struct ph_error err;
    struct ph_buf names;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_mail_init(&f->mail, engine);
    ph_buf_init(&f->names, 4096);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_buf_fini(&f->names);
    ph_test_mail_fini(&f->mail);
    free(f);
    return 0;
}

static void create(struct fixture *f, const char *name)
{
    assert_int_equal(ph_mailbox_create(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                       ph_bytes_str(name), &f->err),
                     PH_OK);
}

static int rename_to(struct fixture *f, const char *from, const char *to)
{
    return ph_mailbox_rename(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                             ph_bytes_str(from), ph_bytes_str(to), &f->err);
}

static int add_mailbox(const struct ph_mailbox *mailbox, void *ctx)
{
    struct ph_buf *names = ctx;
    ph_buf_bytes(names, mailbox->name);
    ph_buf_byte(names, ' ');
    return 0;
}

static const char *mailboxes(struct fixture *f)
{
    ph_buf_clear(&f->names);
    assert_int_equal(ph_mailbox_list(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                     add_mailbox, &f->names, &f->err),
                     PH_OK);
    return ph_buf_cstr(&f->names);
}

static void test_a_mailbox_and_all_below_it(void **state)
{
    struct fixture *f = *state;
    struct ph_mailbox before;
    struct ph_mailbox after;
    struct ph_uuid id;
    create(f, "Work");
    create(f, "Work.Old.Tea");
    create(f, "Workshop");
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "Work.Old.Tea", HEADER, BODY, &id), PH_OK);
    ph_test_mail_open(&f->mail, ALICE, "Work.Old.Tea", &before);
    assert_int_equal(rename_to(f, "Work", "Play"), PH_OK);
    assert_string_equal(mailboxes(f), "INBOX Play Play.Old.Tea Workshop ");
    ph_test_mail_open(&f->mail, ALICE, "Play.Old.Tea", &after);
    assert_true(ph_uuid_eq(&before.id, &after.id));
    assert_int_equal(before.uid_validity, after.uid_validity);
    struct ph_uuid found[2];
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Play.Old.Tea", found, 2), 1);
    assert_true(ph_uuid_eq(&found[0], &id));
}

static void test_names_that_cannot_be(void **state)
{
    struct fixture *f = *state;
    create(f, "Work");
    create(f, "Play");
    assert_int_equal(rename_to(f, "Nothing", "Other"), PH_ENOTFOUND);
    assert_int_equal(rename_to(f, "Work", "Play"), PH_ECONFLICT);
    assert_int_equal(rename_to(f, "Work", "inbox"), PH_ECONFLICT);
    assert_int_equal(rename_to(f, "Work", "Work"), PH_ECONFLICT);
    assert_int_equal(rename_to(f, "Work", "Work.Below"), PH_EINVALID);
    assert_int_equal(rename_to(f, "Work", "a..b"), PH_EINVALID);
    assert_string_equal(mailboxes(f), "INBOX Play Work ");
}

/* Its id is made of its name, and the first that had the name has it still. */
static void test_the_old_name_made_again_is_another_mailbox(void **state)
{
    struct fixture *f = *state;
    struct ph_mailbox first;
    struct ph_mailbox second;
    struct ph_uuid id;
    create(f, "Work");
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "Work", HEADER, BODY, &id), PH_OK);
    assert_int_equal(rename_to(f, "Work", "Old"), PH_OK);
    create(f, "Work");
    ph_test_mail_open(&f->mail, ALICE, "Old", &first);
    ph_test_mail_open(&f->mail, ALICE, "Work", &second);
    assert_false(ph_uuid_eq(&first.id, &second.id));
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 0);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Old", NULL, 0), 1);
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "Work", HEADER, BODY, &id), PH_OK);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 1);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Old", NULL, 0), 1);
}

/* ---- A message on its way ---- */

struct on_its_way {
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_append message;
};

static void set_out(struct fixture *f, struct on_its_way *mail)
{
    *mail = (struct on_its_way){.message = {.create_mailbox = true}};
    ph_arena_init(&mail->arena, 0);
    ph_plan_init(&mail->plan, &mail->arena);
    assert_int_equal(
        ph_test_mail_append(&f->mail, ALICE, "Work", HEADER, BODY, &mail->message, &mail->plan, &f->err),
        PH_OK);
}

static int arrive(struct fixture *f, struct on_its_way *mail)
{
    int result = ph_db_apply(f->mail.store.db, &mail->plan, &f->err);
    ph_arena_fini(&mail->arena);
    return result;
}

static bool is_local(struct fixture *f)
{
    return ph_db_traits(f->mail.store.db)->is_local;
}

static void delete (struct fixture *f, const char *name)
{
    assert_int_equal(ph_mailbox_delete(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                       ph_bytes_str(name), &f->err),
                     PH_OK);
}

static void test_a_message_goes_where_its_mailbox_went(void **state)
{
    struct fixture *f = *state;
    struct on_its_way mail;
    if (!is_local(f)) {
        return; /* there it may have both names: see docs/consistency.md */
    }
    create(f, "Work");
    set_out(f, &mail);
    assert_int_equal(rename_to(f, "Work", "Play"), PH_OK);
    assert_int_equal(arrive(f, &mail), PH_OK);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Play", NULL, 0), 1);
    assert_string_equal(mailboxes(f), "INBOX Play ");
}

static void test_a_message_brings_a_deleted_mailbox_back(void **state)
{
    struct fixture *f = *state;
    struct on_its_way mail;
    if (!is_local(f)) {
        return;
    }
    create(f, "Work");
    set_out(f, &mail);
    delete (f, "Work");
    assert_int_equal(arrive(f, &mail), PH_OK);
    assert_string_equal(mailboxes(f), "INBOX Work ");
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 1);
}

/* Refused, and not stored where no name leads. */
static void test_a_message_for_a_mailbox_that_another_has_replaced(void **state)
{
    struct fixture *f = *state;
    if (!is_local(f)) {
        return;
    }
    struct on_its_way mail;
    struct ph_mailbox before;
    struct ph_mailbox after;
    create(f, "Work");
    assert_int_equal(rename_to(f, "Work", "First"), PH_OK);
    create(f, "Work");
    ph_test_mail_open(&f->mail, ALICE, "Work", &before);
    set_out(f, &mail);
    delete (f, "Work");
    create(f, "Work");
    ph_test_mail_open(&f->mail, ALICE, "Work", &after);
    assert_false(ph_uuid_eq(&before.id, &after.id));
    assert_int_equal(arrive(f, &mail), PH_EBUSY);
    assert_string_equal(mailboxes(f), "INBOX First Work ");
    set_out(f, &mail);
    assert_int_equal(arrive(f, &mail), PH_OK);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Work", NULL, 0), 1);
}

/* RFC 9051 section 6.3.6: its messages go, it stays, and so does what is below it. */
static void test_inbox(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid id;
    create(f, "INBOX.Below");
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    assert_int_equal(rename_to(f, "INBOX", "Saved"), PH_OK);
    assert_string_equal(mailboxes(f), "INBOX INBOX.Below Saved ");
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "Saved", NULL, 0), 1);
}

static void test_an_inbox_that_is_opened_keeps_its_uid_validity(void **state)
{
    struct fixture *f = *state;
    struct ph_mailbox first;
    struct ph_mailbox second;
    struct ph_uuid id;
    assert_int_equal(ph_mailbox_open_made(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                          PH_BYTES("inbox"), &f->mail.arena, &first, &f->err),
                     PH_OK);
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    assert_int_equal(ph_mailbox_open_made(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                          PH_BYTES("INBOX"), &f->mail.arena, &second, &f->err),
                     PH_OK);
    assert_int_equal(first.uid_validity, second.uid_validity);
    assert_true(ph_uuid_eq(&first.id, &second.id));
}

/* ---- Subscriptions ---- */

static int add_name(struct ph_bytes name, void *ctx)
{
    struct ph_buf *names = ctx;
    ph_buf_bytes(names, name);
    ph_buf_byte(names, ' ');
    return 0;
}

static const char *subscriptions(struct fixture *f)
{
    ph_buf_clear(&f->names);
    assert_int_equal(ph_subscription_list(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                          add_name, &f->names, &f->err),
                     PH_OK);
    return ph_buf_cstr(&f->names);
}

static int subscribe(struct fixture *f, const char *name, bool is_subscribed)
{
    return ph_subscription_set(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                               ph_bytes_str(name), is_subscribed, &f->err);
}

static void test_subscriptions(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(subscriptions(f), "");
    assert_int_equal(subscribe(f, "Work", true), PH_OK);
    assert_int_equal(subscribe(f, "inbox", true), PH_OK);
    assert_int_equal(subscribe(f, "Work", true), PH_OK);
    assert_string_equal(subscriptions(f), "INBOX Work ");
    assert_int_equal(subscribe(f, "Work", false), PH_OK);
    assert_int_equal(subscribe(f, "Work", false), PH_OK);
    assert_int_equal(subscribe(f, "a..b", true), PH_EINVALID);
    assert_string_equal(subscriptions(f), "INBOX ");
    const struct ph_access bob = ph_test_mail_access("bob@example.org");
    assert_int_equal(
        ph_subscription_set(f->mail.mailboxes, &bob, PH_BYTES(ALICE), PH_BYTES("Work"), true, &f->err),
        PH_EDENIED);
    assert_int_equal(
        ph_mailbox_delete_all(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE), &f->err),
        PH_OK);
    assert_string_equal(subscriptions(f), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_mailbox_and_all_below_it),
        TEST(names_that_cannot_be),
        TEST(the_old_name_made_again_is_another_mailbox),
        TEST(a_message_goes_where_its_mailbox_went),
        TEST(a_message_brings_a_deleted_mailbox_back),
        TEST(a_message_for_a_mailbox_that_another_has_replaced),
        TEST(inbox),
        TEST(an_inbox_that_is_opened_keeps_its_uid_validity),
        TEST(subscriptions),
    };
#undef TEST
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
