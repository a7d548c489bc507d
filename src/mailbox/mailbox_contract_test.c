/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What mailbox.h promises, on every engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"
#include "store/imap_uid.h"
#include "store/message.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
#define HEADER "From: a@example.org\r\nSubject: tea\r\n\r\n"
#define BODY "At four.\r\n"

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

/* ---- A message comes ---- */

static void a_message_is_read_as_it_was_put(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid id;
    struct ph_uuid listed;
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "INBOX", &listed, 1), 1);
    assert_true(ph_uuid_eq(&id, &listed));
    static const size_t sizes[] = {1, 7, sizeof HEADER - 1, 4000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(ph_test_mail_read(mail, ALICE, "inbox", &id, sizes[i], &whole), PH_OK);
        assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER BODY)));
    }
    ph_test_mail_restart(mail);
    assert_int_equal(ph_test_mail_read(mail, ALICE, "INBOX", &id, 100, &whole), PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER BODY)));
    ph_buf_fini(&whole);
}

static void header_or_body_may_be_empty(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid id;
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", "", BODY, &id), PH_OK);
    assert_int_equal(ph_test_mail_read(mail, ALICE, "INBOX", &id, 100, &whole), PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(BODY)));
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "", &id), PH_OK);
    assert_int_equal(ph_test_mail_read(mail, ALICE, "INBOX", &id, 100, &whole), PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER)));
    ph_buf_fini(&whole);
}

static void metadata_is_what_was_given(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_uuid id;
    struct ph_mailbox inbox;
    struct ph_message message;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    ph_test_mail_open(mail, ALICE, "INBOX", &inbox);
    assert_int_equal(
        ph_message_get(mail->mailboxes, &ph_test_mail_administrator, &inbox, &id, &message, &err), PH_OK);
    assert_int_equal(message.size, sizeof HEADER BODY - 1);
    assert_int_equal(message.header_bytes, sizeof HEADER - 1);
    assert_int_equal(message.internal_date_ms, 1700000000000);
    struct ph_uuid nowhere = ph_uuid_gen_next(&mail->store.ids);
    assert_int_equal(
        ph_message_get(mail->mailboxes, &ph_test_mail_administrator, &inbox, &nowhere, &message, &err),
        PH_ENOTFOUND);
}

static void nothing_is_seen_of_a_plan_that_was_not_submitted(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_append message = {0};
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "INBOX", HEADER, BODY, &message, &plan, &err), PH_OK);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "INBOX", NULL, 0), 1);
}

/* What Apache James writes lacks bodyContent; older rows lack more. */
static void a_row_that_lacks_columns_is_completed_from_messageV3(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_append message = {0};
    struct ph_mailbox other;
    struct ph_buf whole = PH_BUF(4096);
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "INBOX", HEADER, BODY, &message, &plan, &err), PH_OK);
    ph_test_mail_open(mail, BOB, "INBOX", &other);
    const struct ph_value values[] = {
        ph_uuid_value(&message.message_id),
        ph_uuid_value(&other.id),
        ph_i64(1),
        ph_i64(1),
        ph_null(),
        ph_null(),
        ph_null(),
        ph_null(),
        ph_null(),
        ph_null(),
        ph_null(),
        ph_null(),
    };
    ph_plan_add_values(&plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT, 0, values, 12);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    const struct ph_db_traits *traits = ph_db_traits(mail->store.db);
    if (traits->is_local || traits->is_shared) {
        assert_int_equal(ph_test_mail_read(mail, BOB, "INBOX", &message.message_id, 100, &whole), PH_OK);
        assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER BODY)));
        assert_int_equal(ph_test_count(mail->store.db, PH_STMT_MESSAGE_GET), 1);
    } else {
        /* There is no messageV3, for every row is whole: this one is what a late change left. */
        assert_int_equal(ph_test_mail_read(mail, BOB, "INBOX", &message.message_id, 100, &whole),
                         PH_ENOTFOUND);
    }
    ph_buf_fini(&whole);
}

/* ---- Mailboxes ---- */

static int add_name(const struct ph_mailbox *mailbox, void *ctx)
{
    ph_buf_printf(ctx, "%.*s ", (int)mailbox->name.len, (const char *)mailbox->name.ptr);
    return 0;
}

static void assert_mailboxes(struct ph_test_mail *mail, const char *user, const char *expected)
{
    struct ph_error err = {0};
    struct ph_buf names = PH_BUF(1024);
    assert_int_equal(ph_mailbox_list(mail->mailboxes, &ph_test_mail_administrator, ph_bytes_str(user),
                                     add_name, &names, &err),
                     PH_OK);
    assert_string_equal(ph_buf_cstr(&names), expected);
    ph_buf_fini(&names);
}

static int create(struct ph_test_mail *mail, const char *name)
{
    struct ph_error err = {0};
    return ph_mailbox_create(mail->mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                             ph_bytes_str(name), &err);
}

static int delete (struct ph_test_mail *mail, const char *name)
{
    struct ph_error err = {0};
    return ph_mailbox_delete(mail->mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                             ph_bytes_str(name), &err);
}

static void mailboxes_are_made_listed_and_deleted(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_mailboxes(mail, ALICE, "INBOX ");
    assert_int_equal(create(mail, "Work"), PH_OK);
    assert_int_equal(create(mail, "Archive.2026"), PH_OK);
    assert_int_equal(create(mail, "Work"), PH_ECONFLICT);
    assert_mailboxes(mail, ALICE, "INBOX Archive.2026 Work ");
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, NULL), PH_OK);
    assert_mailboxes(mail, ALICE, "INBOX Archive.2026 Work ");
    assert_mailboxes(mail, BOB, "INBOX ");
    assert_int_equal(delete (mail, "Work"), PH_OK);
    assert_int_equal(delete (mail, "Work"), PH_ENOTFOUND);
    ph_test_mail_restart(mail);
    assert_mailboxes(mail, ALICE, "INBOX Archive.2026 ");
}

static void names_keep_the_rules(void **state)
{
    struct ph_test_mail *mail = *state;
    char long_name[257];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[256] = '\0';
    const char *const bad[] = {"",      "a..b",      ".a",       "a.",    "a\tb",
                               "a\x7f", "a\xc2\x85", "\xff\xfe", "a\xc3", long_name};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(create(mail, bad[i]), PH_EINVALID);
    }
    long_name[255] = '\0';
    assert_int_equal(create(mail, long_name), PH_OK);
    assert_int_equal(create(mail, "Entw\xc3\xbcrfe"), PH_OK);
    assert_int_equal(create(mail, "inBox.Lists"), PH_OK);
    assert_int_equal(create(mail, "INBOX.Lists"), PH_ECONFLICT);
    assert_int_equal(create(mail, "INBOXES"), PH_OK);
    assert_int_equal(create(mail, "inboxes"), PH_OK);
}

static void inbox_exists_and_cannot_be_deleted(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_mailbox before;
    struct ph_mailbox after;
    ph_test_mail_open(mail, ALICE, "Inbox", &before);
    assert_true(ph_bytes_eq(before.name, PH_BYTES("INBOX")));
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "iNBOX", HEADER, BODY, NULL), PH_OK);
    ph_test_mail_open(mail, ALICE, "INBOX", &after);
    assert_true(ph_uuid_eq(&before.id, &after.id));
    assert_int_equal(delete (mail, "inbox"), PH_EDENIED);
    assert_int_equal(ph_mailbox_open(mail->mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                     PH_BYTES("Other"), &mail->arena, &after, &err),
                     PH_ENOTFOUND);
}

static void a_mailbox_made_again_is_another_one(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_mailbox first;
    struct ph_mailbox second;
    assert_int_equal(create(mail, "Work"), PH_OK);
    ph_test_mail_open(mail, ALICE, "Work", &first);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "Work", HEADER, BODY, NULL), PH_OK);
    assert_int_equal(delete (mail, "Work"), PH_OK);
    assert_int_equal(create(mail, "Work"), PH_OK);
    ph_test_mail_open(mail, ALICE, "Work", &second);
    assert_true(second.uid_validity > first.uid_validity);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "Work", NULL, 0), 0);
}

static void an_append_makes_a_mailbox_only_if_told(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_append message = {0};
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "Lists", HEADER, BODY, &message, &plan, &err),
                     PH_ENOTFOUND);
    message = (struct ph_append){.create_mailbox = true};
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "Lists", HEADER, BODY, &message, &plan, &err), PH_OK);
    assert_mailboxes(mail, ALICE, "INBOX ");
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    assert_mailboxes(mail, ALICE, "INBOX Lists ");
    assert_int_equal(ph_test_mail_list(mail, ALICE, "Lists", NULL, 0), 1);
}

static void a_message_for_a_mailbox_deleted_meanwhile_is_not_lost(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_append message = {0};
    assert_int_equal(create(mail, "Work"), PH_OK);
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "Work", HEADER, BODY, &message, &plan, &err), PH_OK);
    assert_int_equal(delete (mail, "Work"), PH_OK);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "Work", NULL, 0), 1);
}

/* ---- Messages go ---- */

/* A message in the INBOXes of both. */
static void deliver_to_both(struct ph_test_mail *mail, struct ph_append *message)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "INBOX", HEADER, BODY, message, &plan, &err), PH_OK);
    message->has_message_row = true;
    assert_int_equal(ph_test_mail_append(mail, BOB, "INBOX", HEADER, BODY, message, &plan, &err), PH_OK);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
}

static size_t expunge(struct ph_test_mail *mail, const char *user, const char *name,
                      const struct ph_uuid *ids, size_t count)
{
    struct ph_error err = {0};
    struct ph_mailbox mailbox;
    struct ph_plan plan;
    size_t found;
    ph_test_mail_open(mail, user, name, &mailbox);
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_message_expunge(mail->mailboxes, &ph_test_mail_administrator, &mailbox, ids, count,
                                        &plan, &found, &err),
                     PH_OK);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    return found;
}

static void content_goes_with_the_last_mailbox(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_append message = {0};
    struct ph_blob_reader reader;
    struct ph_buf whole = PH_BUF(4096);
    deliver_to_both(mail, &message);
    assert_int_equal(expunge(mail, ALICE, "INBOX", &message.message_id, 1), 1);
    assert_int_equal(ph_test_mail_read(mail, ALICE, "INBOX", &message.message_id, 100, &whole), PH_ENOTFOUND);
    assert_int_equal(ph_test_mail_read(mail, BOB, "INBOX", &message.message_id, 100, &whole), PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER BODY)));
    assert_int_equal(expunge(mail, BOB, "INBOX", &message.message_id, 1), 1);
    assert_int_equal(ph_blob_open(mail->blobs, &message.header_blob, &reader, &err), PH_ENOTFOUND);
    assert_int_equal(ph_blob_open(mail->blobs, &message.body_blob, &reader, &err), PH_ENOTFOUND);
    struct ph_message_row row = {.message_id = message.message_id};
    assert_int_equal(ph_store_message_complete(mail->store.db, &row, &err), PH_ENOTFOUND);
    ph_buf_fini(&whole);
}

static void ids_that_are_not_there_are_passed_over(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid ids[4];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, &ids[i]), PH_OK);
    }
    ids[3] = ph_uuid_gen_next(&mail->store.ids);
    assert_int_equal(expunge(mail, ALICE, "INBOX", ids, 1), 1);
    assert_int_equal(expunge(mail, ALICE, "INBOX", ids, 4), 2);
    assert_int_equal(expunge(mail, ALICE, "INBOX", ids, 4), 0);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "INBOX", NULL, 0), 0);
}

static void a_deleted_mailbox_takes_its_messages_along(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_append message = {.create_mailbox = true};
    struct ph_plan plan;
    struct ph_blob_reader reader;
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_test_mail_append(mail, ALICE, "Work", HEADER, BODY, &message, &plan, &err), PH_OK);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    assert_int_equal(delete (mail, "Work"), PH_OK);
    assert_int_equal(ph_blob_open(mail->blobs, &message.body_blob, &reader, &err), PH_ENOTFOUND);
    struct ph_message_row row = {.message_id = message.message_id};
    assert_int_equal(ph_store_message_complete(mail->store.db, &row, &err), PH_ENOTFOUND);
}

static void everything_of_a_user_goes_and_nothing_of_another(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_append message = {0};
    deliver_to_both(mail, &message);
    assert_int_equal(create(mail, "Work"), PH_OK);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "Work", HEADER, BODY, NULL), PH_OK);
    assert_int_equal(
        ph_mailbox_delete_all(mail->mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE), &err), PH_OK);
    assert_mailboxes(mail, ALICE, "INBOX ");
    assert_int_equal(ph_test_mail_list(mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(ph_test_mail_list(mail, BOB, "INBOX", NULL, 0), 1);
    assert_int_equal(
        ph_mailbox_delete_all(mail->mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE), &err), PH_OK);
}

/* ---- Rights ---- */

static int never(const struct ph_message *message, void *ctx)
{
    (void)message;
    (void)ctx;
    fail();
    return 0;
}

static void nobody_else_may_do_anything(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    const struct ph_access strangers[] = {ph_test_mail_access(BOB), ph_test_mail_access(""),
                                          ph_test_mail_access("alice")};
    struct ph_uuid id;
    struct ph_mailbox inbox;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    ph_test_mail_open(mail, ALICE, "INBOX", &inbox);
    const struct ph_bytes alice = PH_BYTES(ALICE);
    const struct ph_bytes name = PH_BYTES("INBOX");
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        const struct ph_access *who = &strangers[i];
        struct ph_mailbox mailbox;
        struct ph_message message;
        struct ph_message_reader reader;
        struct ph_append append = {.create_mailbox = true};
        struct ph_plan plan;
        size_t found;
        struct ph_mailboxes *all = mail->mailboxes;
        ph_plan_init(&plan, &mail->arena);
        assert_int_equal(ph_mailbox_open(all, who, alice, name, &mail->arena, &mailbox, &err), PH_EDENIED);
        assert_int_equal(ph_mailbox_create(all, who, alice, PH_BYTES("Work"), &err), PH_EDENIED);
        assert_int_equal(ph_mailbox_delete(all, who, alice, PH_BYTES("Work"), &err), PH_EDENIED);
        assert_int_equal(ph_mailbox_delete_all(all, who, alice, &err), PH_EDENIED);
        assert_int_equal(ph_mailbox_list(all, who, alice, add_name, NULL, &err), PH_EDENIED);
        assert_int_equal(ph_mailbox_append(all, who, alice, name, &append, &plan, &err), PH_EDENIED);
        assert_int_equal(ph_message_get(all, who, &inbox, &id, &message, &err), PH_EDENIED);
        assert_int_equal(ph_message_list(all, who, &inbox, never, NULL, &err), PH_EDENIED);
        assert_int_equal(ph_message_open(all, who, &inbox, &id, &reader, &err), PH_EDENIED);
        assert_int_equal(ph_message_expunge(all, who, &inbox, &id, 1, &plan, &found, &err), PH_EDENIED);
        assert_int_equal(plan.count, 0);
    }
    const struct ph_access owner = ph_test_mail_access(ALICE);
    struct ph_message_reader reader;
    assert_int_equal(ph_message_open(mail->mailboxes, &owner, &inbox, &id, &reader, &err), PH_OK);
    ph_message_close(&reader);
}

/* ---- What it costs ---- */

static struct ph_test_cost cost_since(struct ph_test_mail *mail, const struct ph_test_cost *before)
{
    struct ph_test_cost now = ph_test_cost(mail->store.db);
    return (struct ph_test_cost){now.reads - before->reads, now.writes - before->writes,
                                 now.conditional - before->conditional};
}

/* What a store that is not of this process costs: true, and READS and WRITES are all that was sent, none of them
 * conditional; or with conditions, some were. False of one that is local. */
static bool assert_cost_elsewhere(struct ph_test_mail *mail, const struct ph_test_cost *cost, uint64_t reads,
                                  uint64_t writes)
{
    const struct ph_db_traits *traits = ph_db_traits(mail->store.db);
    if (traits->is_local) {
        return false;
    }
    if (traits->has_conditions) {
        assert_true(cost->conditional > 0);
    } else {
        assert_int_equal(cost->reads, reads);
        assert_int_equal(cost->writes, writes);
        assert_int_equal(cost->conditional, 0);
    }
    return true;
}

static void a_delivery_is_six_inserts_at_most_and_nothing_else(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, NULL), PH_OK);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, NULL), PH_OK);
    static const enum ph_stmt inserts[] = {PH_STMT_BLOB_INSERT, PH_STMT_MESSAGE_INSERT,
                                           PH_STMT_IMAP_UID_INSERT, PH_STMT_MESSAGE_ID_INSERT,
                                           PH_STMT_POP3_METADATA_INSERT};
    enum { INSERTS = sizeof inserts / sizeof inserts[0] };
    struct ph_test_cost before = ph_test_cost(mail->store.db);
    uint64_t counts[INSERTS];
    for (size_t i = 0; i < INSERTS; i++) {
        counts[i] = ph_test_count(mail->store.db, inserts[i]);
    }
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, NULL), PH_OK);
    struct ph_test_cost cost = cost_since(mail, &before);
    if (assert_cost_elsewhere(mail, &cost, 0, 5)) {
        return;
    }
    for (size_t i = 0; i < INSERTS; i++) {
        assert_int_equal(ph_test_count(mail->store.db, inserts[i]) - counts[i], i == 0 ? 2 : 1);
    }
    assert_int_equal(cost.reads, 0);
    assert_int_equal(cost.conditional, 0);
    /* The content's own bookkeeping, a mark in its segment's row, is per commit and not per delivery. */
    assert_in_range(cost.writes, 6, 7);
}

static void a_first_delivery_reads_three_rows_at_most_and_writes_four_more(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, BOB, "INBOX", HEADER, BODY, NULL), PH_OK);
    struct ph_test_cost before = ph_test_cost(mail->store.db);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, NULL), PH_OK);
    struct ph_test_cost cost = cost_since(mail, &before);
    if (assert_cost_elsewhere(mail, &cost, 1, 7)) { /* the path; five, path and mailbox */
        return;
    }
    assert_int_equal(cost.reads, 3);       /* the path, two counters */
    assert_in_range(cost.writes, 10, 11);  /* six, path and mailbox, two counters */
    assert_int_equal(cost.conditional, 1); /* the path, where two must not be made */
}

static void reading_a_message_reads_its_row_and_its_content(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid id;
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, &id), PH_OK);
    assert_int_equal(ph_test_mail_read(mail, ALICE, "INBOX", &id, 100, &whole), PH_OK);
    struct ph_test_cost before = ph_test_cost(mail->store.db);
    assert_int_equal(ph_test_mail_read(mail, ALICE, "INBOX", &id, 100, &whole), PH_OK);
    struct ph_test_cost cost = cost_since(mail, &before);
    assert_int_equal(cost.reads, ph_db_traits(mail->store.db)->is_local ? 2 : 3);
    assert_int_equal(cost.writes, 0);
    ph_buf_fini(&whole);
}

static void an_expunge_is_one_read_and_four_deletes(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid ids[5];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, BODY, &ids[i]), PH_OK);
    }
    if (!ph_db_traits(mail->store.db)->is_local) {
        /* As many rounds for four as for one. */
        uint64_t start = ph_db_rounds(mail->store.db);
        assert_int_equal(expunge(mail, ALICE, "INBOX", ids, 1), 1);
        uint64_t one = ph_db_rounds(mail->store.db) - start;
        assert_int_equal(expunge(mail, ALICE, "INBOX", ids + 1, 4), 4);
        assert_int_equal(ph_db_rounds(mail->store.db) - start - one, one);
        return;
    }
    struct ph_test_cost before = ph_test_cost(mail->store.db);
    assert_int_equal(expunge(mail, ALICE, "INBOX", ids, 5), 5);
    struct ph_test_cost cost = cost_since(mail, &before);
    assert_int_equal(cost.reads, 5);
    assert_in_range(cost.writes, 20, 21);
    assert_int_equal(cost.conditional, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_message_is_read_as_it_was_put),
        TEST(header_or_body_may_be_empty),
        TEST(metadata_is_what_was_given),
        TEST(nothing_is_seen_of_a_plan_that_was_not_submitted),
        TEST(a_row_that_lacks_columns_is_completed_from_messageV3),
        TEST(mailboxes_are_made_listed_and_deleted),
        TEST(names_keep_the_rules),
        TEST(inbox_exists_and_cannot_be_deleted),
        TEST(a_mailbox_made_again_is_another_one),
        TEST(an_append_makes_a_mailbox_only_if_told),
        TEST(a_message_for_a_mailbox_deleted_meanwhile_is_not_lost),
        TEST(content_goes_with_the_last_mailbox),
        TEST(ids_that_are_not_there_are_passed_over),
        TEST(a_deleted_mailbox_takes_its_messages_along),
        TEST(everything_of_a_user_goes_and_nothing_of_another),
        TEST(nobody_else_may_do_anything),
        TEST(a_delivery_is_six_inserts_at_most_and_nothing_else),
        TEST(a_first_delivery_reads_three_rows_at_most_and_writes_four_more),
        TEST(reading_a_message_reads_its_row_and_its_content),
        TEST(an_expunge_is_one_read_and_four_deletes),
#undef TEST
    };
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
