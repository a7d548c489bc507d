/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What delivery.h promises, on every engine: what is stored, for whom, and at what cost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delivery/delivery.h"
#include "mailbox/message_summary.h"
#include "mailbox/test_mail.h"
#include "mailbox/view.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
#define CAROL "carol@example.org"
#define SENDER "sender@example.net"

enum { MESSAGE_MAX = 300000, HEADER_MAX = 4000, MEMORY_MAX = 8192, HOPS_MAX = 5 };

struct fixture {
    struct ph_test_mail mail;
    struct ph_accounts *accounts;
    struct ph_deliveries *deliveries;
    char spool[96];
};

static const struct ph_test_engine *engine;

static void add_user(struct fixture *f, const char *user)
{
    struct ph_error err = {0};
    if (ph_user_add(f->accounts, ph_bytes_str(user), PH_BYTES("secret"), &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static void open_deliveries(struct fixture *f, const char *postmaster)
{
    struct ph_error err = {0};
    const struct ph_deliveries_options options = {
        .mailboxes = f->mail.mailboxes,
        .blobs = f->mail.blobs,
        .accounts = f->accounts,
        .ids = &f->mail.store.ids,
        .clock = &ph_clock_system,
        .log = &f->mail.store.log,
        .hostname = "mx.example.org",
        .spool_directory = f->spool,
        .memory_max_bytes = MEMORY_MAX,
        .message_max_bytes = MESSAGE_MAX,
        .header_max_bytes = HEADER_MAX,
        .hops_max = HOPS_MAX,
        .subaddress_separator = '+',
        .postmaster = postmaster,
    };
    assert_int_equal(ph_deliveries_new(&options, &f->deliveries, &err), PH_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct ph_error err = {0};
    ph_test_mail_init(&f->mail, engine);
    snprintf(f->spool, sizeof f->spool, "%s/spool", f->mail.store.directory);
    const struct ph_accounts_options accounts = {
        .db = f->mail.store.db,
        .clock = &ph_clock_system,
        .rand = &ph_rand_system,
        .argon2_memory_kib = 64,
        .argon2_passes = 1,
    };
    assert_int_equal(ph_accounts_new(&accounts, &f->accounts, &err), PH_OK);
    assert_int_equal(ph_domain_add(f->accounts, PH_BYTES("example.org"), &err), PH_OK);
    add_user(f, ALICE);
    add_user(f, BOB);
    add_user(f, CAROL);
    open_deliveries(f, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_deliveries_free(&f->deliveries);
    ph_accounts_free(&f->accounts);
    ph_test_mail_fini(&f->mail);
    free(f);
    return 0;
}

/* ---- One delivery, waited for ---- */

struct outcome {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    unsigned calls;
    int result;
};

static void note(void *ctx, int result)
{
    struct outcome *outcome = ctx;
    pthread_mutex_lock(&outcome->lock);
    outcome->calls++;
    outcome->result = result;
    pthread_cond_signal(&outcome->is_over);
    pthread_mutex_unlock(&outcome->lock);
}

static const struct ph_trace trace = {.protocol = "ESMTP", .helo = {(const uint8_t *)"client", 6}, .tls = ""};

static int submit(struct ph_delivery *delivery, const struct ph_trace *with)
{
    struct outcome outcome = {.lock = PTHREAD_MUTEX_INITIALIZER, .is_over = PTHREAD_COND_INITIALIZER};
    ph_delivery_submit(delivery, with, note, &outcome);
    pthread_mutex_lock(&outcome.lock);
    while (outcome.calls == 0) {
        pthread_cond_wait(&outcome.is_over, &outcome.lock);
    }
    pthread_mutex_unlock(&outcome.lock);
    assert_int_equal(outcome.calls, 1);
    return outcome.result;
}

static struct ph_delivery *begin(struct fixture *f, const char *const *recipients)
{
    struct ph_delivery *delivery = ph_delivery_new(f->deliveries, PH_BYTES(SENDER));
    for (unsigned i = 0; recipients[i] != NULL; i++) {
        struct ph_error err = {0};
        unsigned index = 99;
        if (ph_delivery_add_recipient(delivery, ph_bytes_str(recipients[i]), &index, &err) != PH_OK) {
            fail_msg("%s: %s", recipients[i], err.text);
        }
        assert_int_equal(index, i);
    }
    return delivery;
}

#define TO(...) ((const char *const[]){__VA_ARGS__, NULL})

static int deliver(struct fixture *f, const char *const *recipients, struct ph_bytes message)
{
    struct ph_delivery *delivery = begin(f, recipients);
    int result = ph_delivery_write(delivery, message, NULL);
    int end = submit(delivery, &trace);
    assert_true(result == PH_OK || result == end);
    ph_delivery_free(&delivery);
    return end;
}

/* The newest message of USER. */
static void read_newest(struct fixture *f, const char *user, struct ph_buf *out)
{
    struct ph_uuid ids[64];
    size_t count = ph_test_mail_list(&f->mail, user, "INBOX", ids, 64);
    assert_in_range(count, 1, 64);
    assert_int_equal(ph_test_mail_read(&f->mail, user, "INBOX", &ids[count - 1], 100000, out), PH_OK);
}

/* Takes the trace fields off the front; they are as they should be for USER. */
static struct ph_bytes without_trace(struct ph_bytes message, const char *user)
{
    struct ph_buf start = PH_BUF(1024);
    ph_buf_printf(&start, "Return-Path: <" SENDER ">\r\nDelivered-To: %s\r\nReceived: from client\r\n", user);
    assert_true(ph_bytes_starts(message, ph_buf_view(&start)));
    message = ph_bytes_from(message, start.len);
    ph_buf_fini(&start);
    struct ph_bytes by = PH_BYTES("\tby mx.example.org with ESMTP\r\n\tid ");
    assert_true(ph_bytes_starts(message, by));
    size_t end = 0;
    while (end < message.len && message.ptr[end] == '\t') {
        end += ph_bytes_find_crlf(ph_bytes_from(message, end)) + 2;
    }
    return ph_bytes_from(message, end);
}

static void assert_newest(struct fixture *f, const char *user, struct ph_bytes wanted)
{
    struct ph_buf message = PH_BUF(MESSAGE_MAX * 2);
    read_newest(f, user, &message);
    struct ph_bytes content = without_trace(ph_buf_view(&message), user);
    if (!ph_bytes_eq(content, wanted)) {
        fail_msg("stored: %.*s", (int)content.len, (const char *)content.ptr);
    }
    ph_buf_fini(&message);
}

/* ---- What is stored ---- */

static void trace_fields_and_then_exactly_what_came(void **state)
{
    struct fixture *f = *state;
    static const struct ph_bytes messages[] = {
        PH_BYTES("Subject: one\r\n\r\nbody\r\n"),
        PH_BYTES("Subject: no body\r\n\r\n"),
        PH_BYTES("Subject: no blank line\r\n"),
        PH_BYTES("Subject: no end"),
        PH_BYTES(""),
        PH_BYTES("\r\n"),
        PH_BYTES("\r\nno header\r\n"),
        PH_BYTES("neither header\r\nnor blank line\r\n"),
        PH_BYTES("From a@b.example Thu Jan  1 00:00:00 1970\r\nSubject: mbox\r\n\r\nbody\r\n"),
        PH_BYTES(" a blank first\r\nSubject: x\r\n\r\nbody\r\n"),
        PH_BYTES("Subject: bare\n\nbody\r\r\n\r\nx\0y\r\n"),
    };
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        assert_int_equal(deliver(f, TO(ALICE), messages[i]), PH_OK);
        assert_newest(f, ALICE, messages[i]);
    }
}

static void it_does_not_matter_how_it_is_cut(void **state)
{
    struct fixture *f = *state;
    struct ph_bytes message = PH_BYTES("A: b\r\nReturn-Path: <x>\r\n\r\nb\r\n");
    for (size_t cut = 0; cut <= message.len; cut++) {
        struct ph_delivery *delivery = begin(f, TO(ALICE));
        assert_int_equal(ph_delivery_write(delivery, ph_bytes_first(message, cut), NULL), PH_OK);
        assert_int_equal(ph_delivery_write(delivery, ph_bytes_from(message, cut), NULL), PH_OK);
        assert_int_equal(ph_delivery_size(delivery), message.len);
        assert_int_equal(submit(delivery, &trace), PH_OK);
        ph_delivery_free(&delivery);
        assert_newest(f, ALICE, PH_BYTES("A: b\r\n\r\nb\r\n"));
    }
}

static void return_paths_that_came_along_are_dropped(void **state)
{
    struct fixture *f = *state;
    struct ph_bytes message = PH_BYTES("return-path: <a>\r\nA: 1\r\nReturn-Path :\r\n <b>\r\nB: 2\r\n"
                                       "RETURN-PATH:\r\nC: 3\r\n\r\nReturn-Path: <c>\r\n");
    assert_int_equal(deliver(f, TO(ALICE, BOB), message), PH_OK);
    struct ph_bytes wanted = PH_BYTES("A: 1\r\nB: 2\r\nC: 3\r\n\r\nReturn-Path: <c>\r\n");
    assert_newest(f, ALICE, wanted);
    assert_newest(f, BOB, wanted);
    /* The last field of a header that has no end. */
    assert_int_equal(deliver(f, TO(ALICE), PH_BYTES("A: 1\r\nReturn-Path: <a>\r\n")), PH_OK);
    assert_newest(f, ALICE, PH_BYTES("A: 1\r\n"));
}

static void a_large_message_goes_through_a_file(void **state)
{
    struct fixture *f = *state;
    struct ph_buf message = PH_BUF(MESSAGE_MAX);
    ph_buf_str(&message, "Subject: large\r\nReturn-Path: <x>\r\n\r\n");
    size_t dropped = strlen("Return-Path: <x>\r\n");
    while (message.len < 200000) {
        ph_buf_printf(&message, "line at octet %zu\r\n", message.len);
    }
    struct ph_delivery *delivery = begin(f, TO(ALICE, BOB));
    for (size_t at = 0; at < message.len; at += 1000) {
        struct ph_bytes piece = ph_bytes_first(ph_bytes_from(ph_buf_view(&message), at), 1000);
        assert_int_equal(ph_delivery_write(delivery, piece, NULL), PH_OK);
    }
    assert_int_equal(submit(delivery, &trace), PH_OK);
    ph_delivery_free(&delivery);
    size_t subject = strlen("Subject: large\r\n");
    memmove(message.ptr + subject, message.ptr + subject + dropped, message.len - subject - dropped);
    message.len -= dropped;
    assert_newest(f, ALICE, ph_buf_view(&message));
    assert_newest(f, BOB, ph_buf_view(&message));
    ph_buf_fini(&message);
}

static void a_submission_gets_date_and_message_id(void **state)
{
    struct fixture *f = *state;
    struct ph_trace with = trace;
    with.is_submission = true;
    struct ph_delivery *delivery = begin(f, TO(ALICE));
    char wanted[128];
    snprintf(wanted, sizeof wanted, "Message-ID: <%s@mx.example.org>\r\nDate: ", ph_delivery_id(delivery));
    assert_int_equal(ph_delivery_write(delivery, PH_BYTES("Subject: x\r\n\r\nDate: no\r\n"), NULL), PH_OK);
    assert_int_equal(submit(delivery, &with), PH_OK);
    ph_delivery_free(&delivery);
    struct ph_buf message = PH_BUF(4096);
    read_newest(f, ALICE, &message);
    struct ph_bytes content = without_trace(ph_buf_view(&message), ALICE);
    assert_true(ph_bytes_starts(content, ph_bytes_str(wanted)));
    content = ph_bytes_from(content, strlen(wanted));
    content = ph_bytes_from(content, ph_bytes_find_crlf(content) + 2);
    assert_true(ph_bytes_eq(content, PH_BYTES("Subject: x\r\n\r\nDate: no\r\n")));
    ph_buf_fini(&message);

    struct ph_bytes complete = PH_BYTES("DATE: today\r\nmessage-id: <a@b>\r\n\r\n");
    delivery = begin(f, TO(ALICE));
    assert_int_equal(ph_delivery_write(delivery, complete, NULL), PH_OK);
    assert_int_equal(submit(delivery, &with), PH_OK);
    ph_delivery_free(&delivery);
    assert_newest(f, ALICE, complete);
}

/* ---- For whom ---- */

static void each_mailbox_gets_one_copy(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_mapping alias = {PH_BYTES("team@example.org"), PH_BYTES(ALICE), PH_MAPPING_GROUP};
    assert_int_equal(ph_mapping_add(f->accounts, &alias, &err), PH_OK);
    alias.target = PH_BYTES(BOB);
    assert_int_equal(ph_mapping_add(f->accounts, &alias, &err), PH_OK);
    struct ph_bytes message = PH_BYTES("Subject: x\r\n\r\nbody\r\n");
    assert_int_equal(
        deliver(f, TO("team@example.org", "ALICE@Example.ORG", "alice+tag@example.org", BOB, CAROL), message),
        PH_OK);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 1);
    assert_int_equal(ph_test_mail_list(&f->mail, BOB, "INBOX", NULL, 0), 1);
    assert_int_equal(ph_test_mail_list(&f->mail, CAROL, "INBOX", NULL, 0), 1);
    assert_newest(f, ALICE, message);
    assert_newest(f, BOB, message);
    assert_newest(f, CAROL, message);
}

static void who_is_no_recipient(void **state)
{
    struct fixture *f = *state;
    struct ph_delivery *delivery = ph_delivery_new(f->deliveries, PH_BYTES(""));
    struct ph_error err = {0};
    unsigned index = 99;
    assert_int_equal(ph_delivery_add_recipient(delivery, PH_BYTES("nobody@example.org"), &index, &err),
                     PH_ENOTFOUND);
    assert_int_equal(ph_delivery_add_recipient(delivery, PH_BYTES("alice@elsewhere.example"), &index, &err),
                     PH_EDENIED);
    assert_int_equal(ph_delivery_add_recipient(delivery, PH_BYTES("alice"), &index, &err), PH_EINVALID);
    assert_int_equal(ph_delivery_add_recipient(delivery, PH_BYTES("postmaster"), &index, &err), PH_ENOTFOUND);
    assert_int_equal(ph_delivery_recipient_count(delivery), 0);
    assert_int_equal(index, 99);
    assert_int_equal(submit(delivery, &trace), PH_EBUG);
    ph_delivery_free(&delivery);
}

static void the_postmaster_of_the_configuration_has_the_rest(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    ph_deliveries_free(&f->deliveries);
    open_deliveries(f, CAROL);
    struct ph_bytes message = PH_BYTES("Subject: x\r\n\r\n");
    assert_int_equal(deliver(f, TO("PostMaster", "Postmaster@example.org"), message), PH_OK);
    assert_int_equal(ph_test_mail_list(&f->mail, CAROL, "INBOX", NULL, 0), 1);
    struct ph_mapping alias = {PH_BYTES("postmaster@example.org"), PH_BYTES(BOB), PH_MAPPING_ALIAS};
    assert_int_equal(ph_mapping_add(f->accounts, &alias, &err), PH_OK);
    assert_int_equal(deliver(f, TO("postmaster@example.org"), message), PH_OK);
    assert_int_equal(ph_test_mail_list(&f->mail, BOB, "INBOX", NULL, 0), 1);
    assert_int_equal(ph_test_mail_list(&f->mail, CAROL, "INBOX", NULL, 0), 1);
}

/* ---- Refusals ---- */

static void too_large(void **state)
{
    struct fixture *f = *state;
    struct ph_buf line = PH_BUF(1000);
    while (line.len < 998) {
        ph_buf_byte(&line, 'x');
    }
    ph_buf_str(&line, "\r\n");
    struct ph_delivery *delivery = begin(f, TO(ALICE));
    struct ph_error err = {0};
    assert_int_equal(ph_delivery_write(delivery, PH_BYTES("\r\n"), &err), PH_OK);
    unsigned count = 0;
    int result = PH_OK;
    while (result == PH_OK) {
        result = ph_delivery_write(delivery, ph_buf_view(&line), &err);
        count++;
    }
    assert_int_equal(count, MESSAGE_MAX / 1000);
    assert_int_equal(result, PH_ELIMIT);
    assert_true(err.text[0] != '\0');
    assert_int_equal(ph_delivery_write(delivery, ph_buf_view(&line), &err), PH_ELIMIT);
    assert_int_equal(submit(delivery, &trace), PH_ELIMIT);
    ph_delivery_free(&delivery);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
    ph_buf_fini(&line);
}

static void headers_have_a_limit_and_bodies_without_one_do_not(void **state)
{
    struct fixture *f = *state;
    struct ph_buf message = PH_BUF(HEADER_MAX * 2);
    ph_buf_str(&message, "Subject: long\r\nX-Long:\r\n");
    while (message.len < HEADER_MAX - 100) {
        ph_buf_str(&message, " and longer\r\n");
    }
    size_t short_enough = message.len;
    ph_buf_str(&message, "\r\nbody\r\n");
    assert_int_equal(deliver(f, TO(ALICE), ph_buf_view(&message)), PH_OK);
    assert_newest(f, ALICE, ph_buf_view(&message));

    message.len = short_enough;
    while (message.len < HEADER_MAX + 1) {
        ph_buf_str(&message, " and longer\r\n");
    }
    ph_buf_str(&message, "\r\nbody\r\n");
    assert_int_equal(deliver(f, TO(ALICE), ph_buf_view(&message)), PH_ELIMIT);

    /* The same octets without a header at all are a body. */
    memcpy(message.ptr, "no header here", 14);
    message.ptr[14] = ' ';
    memcpy(message.ptr, "Subject  long", 13);
    assert_int_equal(deliver(f, TO(ALICE), ph_buf_view(&message)), PH_OK);
    assert_newest(f, ALICE, ph_buf_view(&message));
    ph_buf_fini(&message);
}

static void loops_are_counted_in_received_fields(void **state)
{
    struct fixture *f = *state;
    struct ph_buf message = PH_BUF(4096);
    for (unsigned i = 0; i < HOPS_MAX; i++) {
        ph_buf_printf(&message, "Received: from %u\r\n by %u\r\n", i, i);
    }
    size_t most = message.len;
    ph_buf_str(&message, "\r\nReceived: in the body\r\n");
    assert_int_equal(deliver(f, TO(ALICE), ph_buf_view(&message)), PH_OK);
    message.len = most;
    ph_buf_str(&message, "received: once more\r\n\r\n");
    assert_int_equal(deliver(f, TO(ALICE), ph_buf_view(&message)), PH_ECONFLICT);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 1);
    ph_buf_fini(&message);
}

static void a_mailbox_that_had_it_gets_it_no_second_time(void **state)
{
    struct fixture *f = *state;
    struct ph_bytes message =
        PH_BYTES("delivered-to:\r\n " ALICE " \r\nDelivered-To: x@elsewhere.example\r\n\r\n");
    assert_int_equal(deliver(f, TO(ALICE, "alice+tag@example.org"), message), PH_ECONFLICT);

    struct ph_delivery *delivery = begin(f, TO(ALICE, BOB, "alice+tag@example.org", CAROL));
    assert_int_equal(ph_delivery_write(delivery, message, NULL), PH_OK);
    assert_int_equal(submit(delivery, &trace), PH_OK);
    assert_int_equal(ph_delivery_recipient_result(delivery, 0), PH_ECONFLICT);
    assert_int_equal(ph_delivery_recipient_result(delivery, 1), PH_OK);
    assert_int_equal(ph_delivery_recipient_result(delivery, 2), PH_ECONFLICT);
    assert_int_equal(ph_delivery_recipient_result(delivery, 3), PH_OK);
    ph_delivery_free(&delivery);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
    assert_int_equal(ph_test_mail_list(&f->mail, BOB, "INBOX", NULL, 0), 1);
    assert_int_equal(ph_test_mail_list(&f->mail, CAROL, "INBOX", NULL, 0), 1);
}

/* A spool that cannot be written is our trouble: the sender may try again. */
static void trouble_with_the_spool_is_not_the_senders(void **state)
{
    struct fixture *f = *state;
    snprintf(f->spool, sizeof f->spool, "%s/not-there", f->mail.store.directory);
    struct ph_buf message = PH_BUF(MEMORY_MAX * 2);
    ph_buf_str(&message, "\r\n");
    while (message.len <= MEMORY_MAX) {
        ph_buf_str(&message, "too much for memory\r\n");
    }
    struct ph_delivery *delivery = begin(f, TO(ALICE));
    assert_int_equal(ph_delivery_write(delivery, ph_buf_view(&message), NULL), PH_EUNAVAILABLE);
    assert_int_equal(ph_delivery_write(delivery, ph_buf_view(&message), NULL), PH_EUNAVAILABLE);
    assert_int_equal(submit(delivery, &trace), PH_EUNAVAILABLE);
    assert_int_equal(ph_delivery_error(delivery)->code, PH_EUNAVAILABLE);
    assert_true(ph_delivery_error(delivery)->text[0] != '\0');
    ph_delivery_free(&delivery);
    ph_buf_fini(&message);
}

/* ---- What it costs ---- */

/* Without what a commit costs by itself, however many plans it takes: the mark of how far a segment is synced. */
static struct ph_test_cost cost(struct fixture *f)
{
    struct ph_test_cost all = ph_test_cost(f->mail.store.db);
    all.writes -= ph_test_count(f->mail.store.db, PH_STMT_SEGMENT_MARK);
    return all;
}

static void one_recipient_costs_six_inserts_at_most_and_no_read(void **state)
{
    struct fixture *f = *state;
    struct ph_bytes message = PH_BYTES("Subject: x\r\n\r\nbody\r\n");
    /* The first makes the mailbox, the second finds it and remembers. */
    assert_int_equal(deliver(f, TO(ALICE), message), PH_OK);
    assert_int_equal(deliver(f, TO(ALICE), message), PH_OK);
    struct ph_test_cost before = cost(f);
    uint64_t blobs = ph_test_count(f->mail.store.db, PH_STMT_BLOB_INSERT);
    uint64_t chunks = ph_test_count(f->mail.store.db, PH_STMT_CONTENT_INSERT);
    uint64_t rounds = ph_db_rounds(f->mail.store.db);
    assert_int_equal(deliver(f, TO(ALICE), message), PH_OK);
    struct ph_test_cost after = cost(f);
    if (ph_db_traits(f->mail.store.db)->has_conditions && !ph_db_traits(f->mail.store.db)->is_local) {
        /* Two numbers, read and advanced, and the truth: what James pays. */
        assert_in_range(after.conditional - before.conditional, 5, 7);
        return;
    }
    assert_int_equal(after.reads - before.reads, 0);
    assert_int_equal(after.conditional - before.conditional, 0);
    if (ph_db_traits(f->mail.store.db)->is_local) {
        assert_int_equal(after.writes - before.writes, 6);
        assert_int_equal(ph_test_count(f->mail.store.db, PH_STMT_BLOB_INSERT) - blobs, 2);
    } else {
        /* Header and body, the truth, the listing, the maildrop: content first. */
        assert_int_equal(after.writes - before.writes, 5);
        assert_int_equal(ph_test_count(f->mail.store.db, PH_STMT_CONTENT_INSERT) - chunks, 2);
        assert_int_equal(ph_db_rounds(f->mail.store.db) - rounds, 2);
    }
}

static void a_body_is_stored_once_for_all(void **state)
{
    struct fixture *f = *state;
    struct ph_bytes message = PH_BYTES("Subject: x\r\n\r\nbody\r\n");
    assert_int_equal(deliver(f, TO(ALICE, BOB, CAROL), message), PH_OK);
    struct ph_test_cost before = cost(f);
    bool is_local = ph_db_traits(f->mail.store.db)->is_local;
    enum ph_stmt insert = is_local ? PH_STMT_BLOB_INSERT : PH_STMT_CONTENT_INSERT;
    uint64_t blobs = ph_test_count(f->mail.store.db, insert);
    assert_int_equal(deliver(f, TO(ALICE, BOB, CAROL), message), PH_OK);
    struct ph_test_cost after = cost(f);
    if (ph_db_traits(f->mail.store.db)->is_shared) {
        /* James knows no content that several messages share. */
        assert_int_equal(ph_test_count(f->mail.store.db, insert) - blobs, 6);
        return;
    }
    assert_int_equal(ph_test_count(f->mail.store.db, insert) - blobs, 4);
    assert_int_equal(after.writes - before.writes, 1 + 3 * (is_local ? 5 : 4));
}

/* ---- Life ---- */

static void deliveries_are_used_again_and_know_nothing_of_before(void **state)
{
    struct fixture *f = *state;
    enum { AT_ONCE = 100 };
    struct ph_delivery *many[AT_ONCE];
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            many[i] = begin(f, TO(ALICE, BOB));
            (void)!ph_delivery_write(many[i], PH_BYTES("half a mess"), NULL);
        }
        for (unsigned i = 0; i < AT_ONCE; i++) {
            ph_delivery_free(&many[i]);
            assert_null(many[i]);
        }
    }
    struct ph_bytes message = PH_BYTES("Subject: x\r\n\r\nbody\r\n");
    assert_int_equal(deliver(f, TO(CAROL), message), PH_OK);
    assert_newest(f, CAROL, message);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0), 0);
}

static void the_first_copy_has_the_id_of_the_delivery(void **state)
{
    struct fixture *f = *state;
    struct ph_delivery *delivery = begin(f, TO(ALICE, BOB));
    char id[PH_UUID_TEXT_LEN + 1];
    snprintf(id, sizeof id, "%s", ph_delivery_id(delivery));
    assert_int_equal(ph_delivery_write(delivery, PH_BYTES("\r\n"), NULL), PH_OK);
    assert_int_equal(submit(delivery, &trace), PH_OK);
    assert_string_equal(ph_delivery_id(delivery), id);
    ph_delivery_free(&delivery);
    struct ph_uuid first;
    struct ph_uuid second;
    char text[PH_UUID_TEXT_LEN + 1];
    ph_test_mail_list(&f->mail, ALICE, "INBOX", &first, 1);
    ph_test_mail_list(&f->mail, BOB, "INBOX", &second, 1);
    ph_uuid_format(&first, text);
    assert_string_equal(text, id);
    assert_false(ph_uuid_eq(&first, &second));
}

static void the_id_of_a_message_that_took_long_is_young(void **state)
{
    struct fixture *f = *state;
    static const char *const alice[] = {ALICE, NULL};
    struct ph_clock_manual manual = {.real_us = ph_real_us(&ph_clock_system)};
    struct ph_clock clock = ph_clock_from_manual(&manual);
    struct ph_uuid_gen ids;
    struct ph_error err = {0};
    ph_uuid_gen_init(&ids, &clock, &ph_rand_system);
    ph_deliveries_free(&f->deliveries);
    const struct ph_deliveries_options options = {
        .mailboxes = f->mail.mailboxes,
        .blobs = f->mail.blobs,
        .accounts = f->accounts,
        .ids = &ids,
        .clock = &clock,
        .log = &f->mail.store.log,
        .hostname = "mx.example.org",
        .spool_directory = f->spool,
        .memory_max_bytes = MEMORY_MAX,
        .message_max_bytes = MESSAGE_MAX,
        .header_max_bytes = HEADER_MAX,
        .hops_max = HOPS_MAX,
    };
    assert_int_equal(ph_deliveries_new(&options, &f->deliveries, &err), PH_OK);

    struct ph_delivery *delivery = begin(f, alice);
    assert_int_equal(ph_delivery_write(delivery, PH_BYTES("Subject: slow\r\n\r\n"), &err), PH_OK);
    manual.real_us += 300 * 1000000;
    assert_int_equal(submit(delivery, &trace), PH_OK);
    struct ph_uuid shown;
    struct ph_uuid stored;
    assert_int_equal(ph_uuid_parse(ph_bytes_str(ph_delivery_id(delivery)), &shown), PH_OK);
    assert_int_equal(ph_uuid_unix_us(&shown), manual.real_us);
    assert_int_equal(ph_test_mail_list(&f->mail, ALICE, "INBOX", &stored, 1), 1);
    assert_true(ph_uuid_eq(&stored, &shown));
    ph_delivery_free(&delivery);
    ph_deliveries_free(&f->deliveries);
    ph_uuid_gen_fini(&ids);
}

static uint64_t content_reads(struct fixture *f)
{
    struct ph_db *db = f->mail.store.db;
    return ph_test_count(db, PH_STMT_BLOB_GET) + ph_test_count(db, PH_STMT_BLOB_GET_TWO) +
           ph_test_count(db, PH_STMT_CONTENT_GET) + ph_test_count(db, PH_STMT_CONTENT_GET_SURE);
}

/* The rows of a mailbox's messages say the same as their content does when it is parsed. */
static unsigned assert_summaries(struct fixture *f, const char *user)
{
    struct ph_error err = {0};
    struct ph_mailbox box;
    struct ph_view_session *session = NULL;
    struct ph_view_rows *rows = NULL;
    struct ph_view_row row;
    const struct ph_access access = ph_test_mail_access(user);
    const struct ph_uid_range all = {1, UINT32_MAX};
    unsigned found = 0;
    ph_test_mail_open(&f->mail, user, "INBOX", &box);
    if (ph_view_check_store(f->mail.mailboxes, &err) != PH_OK) {
        return 0; /* a store for POP3 alone */
    }
    assert_int_equal(ph_view_open(f->mail.mailboxes, &access, &box, true, &session, &err), PH_OK);
    uint64_t content = content_reads(f);
    assert_int_equal(
        ph_view_rows_begin(session, &all, 1, PH_VIEW_WANT_ENVELOPE | PH_VIEW_WANT_STRUCTURE, &rows, &err),
        PH_OK);
    while (ph_view_rows_next(rows, &row, &err) == 1) {
        struct ph_summary summary;
        struct ph_bytes envelope = {NULL, 0};
        struct ph_bytes structure = {NULL, 0};
        struct ph_message_row whole = {
            .message_id = row.message.id,
            .mailbox_id = box.id,
            .header_content = row.message.header_blob,
            .body_content = row.message.body_blob,
            .body_start_octet = row.message.header_bytes,
            .full_content_octets = row.message.size,
        };
        assert_int_equal(content_reads(f), content); /* nothing was parsed */
        ph_summary_init(&summary);
        assert_int_equal(
            ph_message_summary(f->mail.mailboxes, &whole, true, &summary, &envelope, &structure, &err),
            PH_OK);
        content = content_reads(f);
        assert_true(row.has_envelope);
        assert_true(ph_bytes_eq(row.envelope, envelope));
        assert_true(row.has_structure);
        assert_true(ph_bytes_eq(row.structure, structure));
        ph_summary_fini(&summary);
        found++;
    }
    ph_view_rows_end(&rows);
    ph_view_close(&session);
    return found;
}

static void rows_say_what_the_content_says(void **state)
{
    static const char *const messages[] = {
        "From: a@example.net\r\nSubject: =?utf-8?q?plain?=\r\n\r\nHello.\r\n",
        "Return-Path: <x@y>\r\nX-One: 1\r\nReturn-Path: <z@y>\r\nTo: b@example.org\r\n\r\n",
        "Date: Mon, 23 Nov 2026 01:02:03 +0000\r\nMessage-ID: <1@x>\r\nContent-Type: multipart/mixed; "
        "boundary=b\r\n\r\npre\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b\r\nContent-Type: "
        "message/rfc822\r\n\r\nSubject: in\r\n\r\ninside\r\n--b--\r\nepilogue\r\n",
        "no header at all",
        "",
    };
    static const char *const recipients[] = {ALICE, BOB, NULL};
    struct fixture *f = *state;
    struct ph_trace submission = trace;
    submission.is_submission = true;
    unsigned count = sizeof messages / sizeof messages[0];
    for (unsigned i = 0; i < 2 * count; i++) {
        struct ph_error err = {0};
        struct ph_delivery *delivery = begin(f, recipients);
        struct ph_bytes message = ph_bytes_str(messages[i % count]);
        for (size_t at = 0; at < message.len; at += 7) {
            assert_int_equal(ph_delivery_write(delivery, ph_bytes_first(ph_bytes_from(message, at), 7), &err),
                             PH_OK);
        }
        assert_int_equal(submit(delivery, i < count ? &trace : &submission), PH_OK);
        ph_delivery_free(&delivery);
    }
    unsigned found = assert_summaries(f, ALICE);
    assert_true(found == 2 * count || found == 0);
    assert_int_equal(assert_summaries(f, BOB), found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(trace_fields_and_then_exactly_what_came),
        TEST(it_does_not_matter_how_it_is_cut),
        TEST(return_paths_that_came_along_are_dropped),
        TEST(a_large_message_goes_through_a_file),
        TEST(a_submission_gets_date_and_message_id),
        TEST(each_mailbox_gets_one_copy),
        TEST(who_is_no_recipient),
        TEST(the_postmaster_of_the_configuration_has_the_rest),
        TEST(too_large),
        TEST(headers_have_a_limit_and_bodies_without_one_do_not),
        TEST(loops_are_counted_in_received_fields),
        TEST(a_mailbox_that_had_it_gets_it_no_second_time),
        TEST(trouble_with_the_spool_is_not_the_senders),
        TEST(one_recipient_costs_six_inserts_at_most_and_no_read),
        TEST(a_body_is_stored_once_for_all),
        TEST(deliveries_are_used_again_and_know_nothing_of_before),
        TEST(the_first_copy_has_the_id_of_the_delivery),
        TEST(the_id_of_a_message_that_took_long_is_young),
        TEST(rows_say_what_the_content_says),
#undef TEST
    };
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
