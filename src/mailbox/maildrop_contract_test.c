/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What maildrop.h promises, on every engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"
#include "store/pop3_floor.h"
#include "store/pop3_metadata.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
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

static struct ph_maildrop *open_drop(struct ph_test_mail *mail, const char *user)
{
    struct ph_error err = {0};
    struct ph_access access = ph_test_mail_access(user);
    struct ph_maildrop *drop = NULL;
    if (ph_maildrop_open(mail->mailboxes, &access, &drop, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return drop;
}

/* ---- Waiting for a deletion ---- */

struct deletion {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    unsigned calls;
    int result;
};

static void note_deleted(void *ctx, int result)
{
    struct deletion *deletion = ctx;
    pthread_mutex_lock(&deletion->lock);
    deletion->calls++;
    deletion->result = result;
    pthread_cond_signal(&deletion->is_over);
    pthread_mutex_unlock(&deletion->lock);
}

static int delete_marked(struct ph_maildrop *drop, const bool *is_deleted)
{
    struct deletion deletion = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    ph_maildrop_delete(drop, is_deleted, note_deleted, &deletion);
    pthread_mutex_lock(&deletion.lock);
    while (deletion.calls == 0) {
        pthread_cond_wait(&deletion.is_over, &deletion.lock);
    }
    pthread_mutex_unlock(&deletion.lock);
    pthread_cond_destroy(&deletion.is_over);
    pthread_mutex_destroy(&deletion.lock);
    return deletion.result;
}

/* ---- The lock ---- */

static void a_maildrop_is_open_once(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_access alice = ph_test_mail_access(ALICE);
    struct ph_maildrop *second = NULL;
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(ph_maildrop_open(mail->mailboxes, &alice, &second, &err), PH_EBUSY);
    assert_null(second);
    struct ph_maildrop *other = open_drop(mail, BOB);
    ph_maildrop_close(&drop);
    assert_null(drop);
    drop = open_drop(mail, ALICE);
    ph_maildrop_close(&drop);
    ph_maildrop_close(&other);
    ph_maildrop_close(&other);
}

enum { RIVALS = 6, ROUNDS = 200 };

struct rival {
    struct ph_test_mail *mail;
    pthread_t thread;
    atomic_int *holders;
    unsigned opened;
    bool has_met_another;
};

static void *rival_main(void *arg)
{
    struct rival *rival = arg;
    struct ph_access alice = ph_test_mail_access(ALICE);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct ph_error err = {0};
        struct ph_maildrop *drop = NULL;
        if (ph_maildrop_open(rival->mail->mailboxes, &alice, &drop, &err) == PH_OK) {
            rival->opened++;
            rival->has_met_another = rival->has_met_another || atomic_fetch_add(rival->holders, 1) != 0;
            atomic_fetch_sub(rival->holders, 1);
            ph_maildrop_close(&drop);
        }
    }
    return NULL;
}

static void of_many_sessions_one_has_it(void **state)
{
    struct ph_test_mail *mail = *state;
    struct rival rivals[RIVALS];
    atomic_int holders = 0;
    unsigned opened = 0;
    for (unsigned i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){.mail = mail, .holders = &holders};
        assert_int_equal(pthread_create(&rivals[i].thread, NULL, rival_main, &rivals[i]), 0);
    }
    for (unsigned i = 0; i < RIVALS; i++) {
        pthread_join(rivals[i].thread, NULL);
        assert_false(rivals[i].has_met_another);
        opened += rivals[i].opened;
    }
    assert_true(opened > 0);
}

/* ---- The listing ---- */

static void it_lists_ids_and_sizes_in_order_of_arrival(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid ids[40];
    char body[64];
    for (int i = 0; i < 40; i++) {
        memset(body, 'x', sizeof body);
        body[i] = '\0';
        assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, body, &ids[i]), PH_OK);
    }
    assert_int_equal(ph_test_mail_deliver(mail, BOB, "INBOX", HEADER, "", NULL), PH_OK);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 40);
    for (size_t i = 0; i < drop->count; i++) {
        assert_true(ph_uuid_eq(&drop->entries[i].id, &ids[i]));
        assert_int_equal(drop->entries[i].size, sizeof HEADER - 1 + i);
    }
    ph_maildrop_close(&drop);
}

static void a_user_without_mail_has_an_empty_one(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 0);
    ph_maildrop_close(&drop);
}

static void what_arrives_in_a_session_shows_in_the_next(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", NULL), PH_OK);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "2", NULL), PH_OK);
    assert_int_equal(drop->count, 1);
    ph_maildrop_close(&drop);
    drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 2);
    ph_maildrop_close(&drop);
}

/* As QUIT does: what is to be written at the end has been when this returns. */
static void quit(struct ph_maildrop *drop)
{
    if (ph_maildrop_has_end(drop)) {
        assert_int_equal(delete_marked(drop, NULL), PH_OK);
    }
    ph_maildrop_close(&drop);
}

/* Of one process. Of several: floor and list are read, the lock is written and read, in two rounds. */
static void opening_is_one_statement(void **state)
{
    struct ph_test_mail *mail = *state;
    const struct ph_db_traits *traits = ph_db_traits(mail->store.db);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", NULL), PH_OK);
    quit(open_drop(mail, ALICE));
    struct ph_test_cost before = ph_test_cost(mail->store.db);
    uint64_t rounds = ph_db_rounds(mail->store.db);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    rounds = ph_db_rounds(mail->store.db) - rounds;
    struct ph_test_cost after = ph_test_cost(mail->store.db);
    assert_int_equal(rounds, traits->is_local ? 1 : 2);
    assert_int_equal(after.reads - before.reads, traits->is_local ? 1 : traits->is_shared ? 2 : 3);
    assert_int_equal(after.writes - before.writes, traits->is_local ? 0 : 1);
    assert_int_equal(after.conditional, before.conditional);
    quit(drop);
}

/* ---- Reading ---- */

static void messages_are_read_by_number(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "one\r\n", NULL), PH_OK);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "two\r\n", NULL), PH_OK);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    struct ph_message_reader reader;
    assert_int_equal(ph_maildrop_read(drop, 1, PH_MESSAGE_WHOLE, &reader, &err), PH_OK);
    assert_int_equal(reader.size, drop->entries[1].size);
    size_t before;
    do {
        before = whole.len;
        assert_int_equal(ph_message_read(mail->mailboxes, &reader, 6, &whole, &err), PH_OK);
    } while (whole.len > before);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER "two\r\n")));
    ph_message_close(&reader);
    ph_maildrop_close(&drop);
    ph_buf_fini(&whole);
}

static void who_wants_the_header_alone_opens_no_body(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_buf whole = PH_BUF(65536);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "body\r\n", NULL), PH_OK);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    struct ph_message_reader reader;
    assert_int_equal(ph_maildrop_read(drop, 0, PH_MESSAGE_HEADER, &reader, &err), PH_OK);
    uint64_t before = ph_test_count(mail->store.db, PH_STMT_BLOB_GET);
    assert_int_equal(ph_message_read(mail->mailboxes, &reader, 16384, &whole, &err), PH_OK);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER)));
    assert_int_equal(ph_test_count(mail->store.db, PH_STMT_BLOB_GET), before);
    ph_message_close(&reader);
    ph_maildrop_close(&drop);
    ph_buf_fini(&whole);
}

static void add_row(struct ph_test_mail *mail, const struct ph_uuid *id)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_mailbox inbox;
    ph_test_mail_open(mail, ALICE, "INBOX", &inbox);
    ph_plan_init(&plan, &mail->arena);
    ph_store_pop3_metadata_add(&plan, &inbox.id, id, 99);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
}

static void add_stale_row(struct ph_test_mail *mail, struct ph_uuid *out_id)
{
    *out_id = ph_uuid_gen_next(&mail->store.ids);
    add_row(mail, out_id);
}

static void a_row_of_a_message_that_is_gone_is_cleaned_when_it_is_read(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_message_reader reader;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", NULL), PH_OK);
    /* So old that nothing of it is on its way. */
    const struct ph_uuid stale =
        ph_uuid_first_of_us(ph_real_us(&ph_clock_system) - 2 * PH_POP3_FLOOR_MS * 1000ULL);
    add_row(mail, &stale);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 2);
    mail->store.log.level = PH_LOG_ERROR + 1;
    assert_int_equal(ph_maildrop_read(drop, 0, PH_MESSAGE_WHOLE, &reader, &err), PH_ENOTFOUND);
    assert_int_equal(ph_maildrop_read(drop, 1, PH_MESSAGE_WHOLE, &reader, &err), PH_OK);
    ph_message_close(&reader);
    ph_maildrop_close(&drop);
    /* Plans are applied in order: behind this one the repair is done. */
    assert_int_equal(ph_test_mail_deliver(mail, BOB, "INBOX", HEADER, "1", NULL), PH_OK);
    drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 1);
    ph_maildrop_close(&drop);
}

static void a_row_whose_message_may_yet_come_stays(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_uuid young;
    struct ph_message_reader reader;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", NULL), PH_OK);
    add_stale_row(mail, &young);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    mail->store.log.level = PH_LOG_ERROR + 1;
    bool has_nodes = !ph_db_traits(mail->store.db)->is_local;
    assert_int_equal(ph_maildrop_read(drop, 1, PH_MESSAGE_WHOLE, &reader, &err),
                     has_nodes ? PH_EUNAVAILABLE : PH_ENOTFOUND);
    ph_maildrop_close(&drop);
    assert_int_equal(ph_test_mail_deliver(mail, BOB, "INBOX", HEADER, "1", NULL), PH_OK);
    drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, has_nodes ? 2 : 1);
    ph_maildrop_close(&drop);
}

/* ---- Deleting ---- */

static void what_is_marked_goes_and_nothing_else(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_uuid ids[5];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", &ids[i]), PH_OK);
    }
    assert_int_equal(ph_test_mail_deliver(mail, BOB, "INBOX", HEADER, "1", NULL), PH_OK);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    const bool is_deleted[5] = {false, true, false, true, true};
    assert_int_equal(delete_marked(drop, is_deleted), PH_OK);
    ph_maildrop_close(&drop);
    drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 2);
    assert_true(ph_uuid_eq(&drop->entries[0].id, &ids[0]));
    assert_true(ph_uuid_eq(&drop->entries[1].id, &ids[2]));
    ph_maildrop_close(&drop);
    assert_int_equal(ph_test_mail_list(mail, ALICE, "INBOX", NULL, 0), 2);
    assert_int_equal(ph_test_mail_list(mail, BOB, "INBOX", NULL, 0), 1);
}

static void nothing_marked_is_done_at_once(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", NULL), PH_OK);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    struct deletion deletion = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, PH_EBUG};
    const bool is_deleted[1] = {false};
    if (ph_maildrop_has_end(drop)) {
        /* The lock is given back. */
        assert_int_equal(delete_marked(drop, is_deleted), PH_OK);
        assert_false(ph_maildrop_has_end(drop));
    } else {
        ph_maildrop_delete(drop, is_deleted, note_deleted, &deletion);
        assert_int_equal(deletion.calls, 1);
        assert_int_equal(deletion.result, PH_OK);
    }
    ph_maildrop_close(&drop);
}

static void what_is_gone_already_counts_as_gone(void **state)
{
    struct ph_test_mail *mail = *state;
    struct ph_error err = {0};
    struct ph_uuid id;
    struct ph_uuid stale;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", &id), PH_OK);
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "2", NULL), PH_OK);
    add_stale_row(mail, &stale);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 3);
    struct ph_plan plan;
    size_t found;
    ph_plan_init(&plan, &mail->arena);
    assert_int_equal(ph_message_expunge(mail->mailboxes, &ph_test_mail_administrator, &drop->mailbox, &id, 1,
                                        &plan, &found, &err),
                     PH_OK);
    assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
    const bool is_deleted[3] = {true, true, true};
    assert_int_equal(delete_marked(drop, is_deleted), PH_OK);
    ph_maildrop_close(&drop);
    drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 0);
    ph_maildrop_close(&drop);
}

static void a_close_without_deletion_deletes_nothing(void **state)
{
    struct ph_test_mail *mail = *state;
    assert_int_equal(ph_test_mail_deliver(mail, ALICE, "INBOX", HEADER, "1", NULL), PH_OK);
    for (int i = 0; i < 2; i++) {
        struct ph_maildrop *drop = open_drop(mail, ALICE);
        assert_int_equal(drop->count, 1);
        ph_maildrop_close(&drop);
        ph_test_mail_restart(mail);
    }
}

static void thousands_go_a_thousand_in_a_plan(void **state)
{
    struct ph_test_mail *mail = *state;
    /* Where each costs consensus, fewer, and fewer at once. */
    bool is_local = ph_db_traits(mail->store.db)->is_local;
    const int MANY = is_local ? 4000 : 1200;
    const int A_PLAN = is_local ? 500 : 50;
    struct ph_error err = {0};
    struct ph_arena arena;
    ph_arena_init(&arena, 64U << 10);
    struct ph_append message = {0};
    for (int i = 0; i < MANY; i += A_PLAN) {
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        for (int j = 0; j < A_PLAN; j++) {
            /* The same content each time, with rows of its own. */
            if (i + j == 0) {
                assert_int_equal(
                    ph_test_mail_append(mail, ALICE, "INBOX", HEADER, "1", &message, &plan, &err), PH_OK);
                continue;
            }
            message.message_id = ph_uuid_gen_next(&mail->store.ids);
            assert_int_equal(ph_mailbox_append(mail->mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                               PH_BYTES("INBOX"), &message, &plan, &err),
                             PH_OK);
        }
        assert_int_equal(ph_db_apply(mail->store.db, &plan, &err), PH_OK);
        ph_arena_reset(&arena);
    }
    ph_arena_fini(&arena);
    struct ph_maildrop *drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, MANY);
    bool *is_deleted = calloc((size_t)MANY, sizeof *is_deleted);
    memset(is_deleted, 1, (size_t)MANY - 1);
    assert_int_equal(delete_marked(drop, is_deleted), PH_OK);
    ph_maildrop_close(&drop);
    drop = open_drop(mail, ALICE);
    assert_int_equal(drop->count, 1);
    ph_maildrop_close(&drop);
    free(is_deleted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_maildrop_is_open_once),
        TEST(of_many_sessions_one_has_it),
        TEST(it_lists_ids_and_sizes_in_order_of_arrival),
        TEST(a_user_without_mail_has_an_empty_one),
        TEST(what_arrives_in_a_session_shows_in_the_next),
        TEST(opening_is_one_statement),
        TEST(messages_are_read_by_number),
        TEST(who_wants_the_header_alone_opens_no_body),
        TEST(a_row_of_a_message_that_is_gone_is_cleaned_when_it_is_read),
        TEST(a_row_whose_message_may_yet_come_stays),
        TEST(what_is_marked_goes_and_nothing_else),
        TEST(nothing_marked_is_done_at_once),
        TEST(what_is_gone_already_counts_as_gone),
        TEST(a_close_without_deletion_deletes_nothing),
        TEST(thousands_go_a_thousand_in_a_plan),
#undef TEST
    };
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
