/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An old store: rows that lack columns in both tables, in some, in one. It is listed before, during and after the task
 * that fills them, while flags change and messages go, and every answer is compared with what was put in.
 */
#include "task/denormalize.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"
#include "mailbox/view.h"
#include "mime/summary.h"
#include "store/counter.h"

enum { MESSAGES = 10000, BATCH = 500, CHANGES = 300, TEXT_MAX = 1024 };

static const char user[] = "anna@example.org";

struct fixture {
    struct ph_test_mail mail;
    struct ph_arena arena;
    struct ph_access access;
    struct ph_mailbox inbox;
    bool is_gone[MESSAGES + 1]; /* by UID */
    unsigned flags[MESSAGES + 1];
};

/* ---- What is put in ---- */

/* The header, and behind it the body. */
static size_t write_text(unsigned uid, char text[TEXT_MAX], size_t *out_header)
{
    int header = snprintf(
        text, TEXT_MAX,
        "Received: from x by y; %u\r\nFrom: \"Writer %u\" <w%u@example.net>\r\nTo: anna@example.org\r\n"
        "Subject: =?utf-8?q?Number_%u?=\r\nMessage-ID: <%u@example.net>\r\nX-Loop: %u\r\n"
        "Content-Type: %s\r\n\r\n",
        uid, uid, uid, uid, uid, uid,
        uid % 3 == 0 ? "text/html; charset=utf-8" : "multipart/mixed; boundary=cut");
    *out_header = (size_t)header;
    int body =
        snprintf(text + header, TEXT_MAX - (size_t)header,
                 uid % 3 == 0 ? "<p>%u</p>\r\n"
                              : "--cut\r\nContent-Type: text/plain\r\n\r\n%u\r\n--cut\r\nContent-Type: "
                                "image/png; name=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
                                "--cut--\r\n",
                 uid);
    return (size_t)(header + body);
}

static void summarize(unsigned uid, struct ph_summary *summary, struct ph_bytes *out_envelope,
                      struct ph_bytes *out_structure)
{
    char text[TEXT_MAX];
    size_t header;
    size_t len = write_text(uid, text, &header);
    ph_summary_clear(summary);
    ph_summary_feed(summary, ph_bytes_of(text, len));
    ph_summary_finish(summary, (struct ph_bytes){NULL, 0}, out_envelope, out_structure);
}

static int64_t date_of(unsigned uid)
{
    return 1600000000000 + uid * 1000LL;
}

enum lack {
    LACKS_DATE = 1,
    LACKS_START = 2,
    LACKS_SIZE = 4,
    LACKS_HEADER = 8,
    LACKS_BODY = 16,
    LACKS_SUMMARY = 32
};

static void lacks_of(unsigned uid, unsigned *out_truth, unsigned *out_projection)
{
    enum { ALL = 63 };
    static const unsigned lacks[8][2] = {
        {0, 0},
        {ALL, ALL},
        {LACKS_DATE | LACKS_HEADER | LACKS_SUMMARY, LACKS_DATE | LACKS_HEADER | LACKS_SUMMARY},
        {0, ALL},
        {ALL, 0},
        {LACKS_SUMMARY, LACKS_SUMMARY},
        {LACKS_START, LACKS_SIZE | LACKS_SUMMARY},
        {LACKS_BODY | LACKS_SUMMARY, LACKS_BODY},
    };
    *out_truth = lacks[uid % 8][0];
    *out_projection = lacks[uid % 8][1];
}

static struct ph_value unless(unsigned lacks, enum lack one, struct ph_value value)
{
    return (lacks & one) != 0 ? ph_null() : value;
}

static void put_one(struct fixture *f, struct ph_plan *plan, unsigned uid, struct ph_summary *summary)
{
    struct ph_error err = {0};
    char text[TEXT_MAX];
    size_t header_len;
    size_t len = write_text(uid, text, &header_len);
    struct ph_blob_item blobs[2] = {
        {.kind = PH_BLOB_HEADER, .content = {.prefix = ph_bytes_of(text, header_len)}, .references = 1},
        {.kind = PH_BLOB_BODY,
         .content = {.prefix = ph_bytes_of(text + header_len, len - header_len)},
         .references = 1},
    };
    assert_int_equal(ph_blob_put_all(f->mail.blobs, plan, blobs, 2, &err), PH_OK);
    struct ph_uuid message = ph_uuid_gen_next(&f->mail.store.ids);
    struct ph_bytes envelope;
    struct ph_bytes structure;
    unsigned lacks[2];
    summarize(uid, summary, &envelope, &structure);
    lacks_of(uid, &lacks[0], &lacks[1]);
    struct ph_value id = ph_uuid_value(&message);
    struct ph_value box = ph_uuid_value(&f->inbox.id);
    struct ph_value number = ph_i64(uid);
    struct ph_value date = ph_time_ms(date_of(uid));
    struct ph_value start = ph_i64((int64_t)header_len);
    struct ph_value size = ph_i64((int64_t)len);
    struct ph_value header = ph_blob_id_value(&blobs[0].id);
    struct ph_value body = ph_blob_id_value(&blobs[1].id);
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_MESSAGE_INSERT, id, date, start,
                ph_i64((int64_t)(len - header_len)), size, body, header);
    for (unsigned i = 0; i < 2; i++) {
        const struct ph_value values[12] = {
            i == 0 ? id : box,
            i == 0 ? box : number,
            i == 0 ? number : id,
            number,
            unless(lacks[i], LACKS_DATE, date),
            date,
            unless(lacks[i], LACKS_START, start),
            unless(lacks[i], LACKS_SIZE, size),
            unless(lacks[i], LACKS_HEADER, header),
            unless(lacks[i], LACKS_BODY, body),
            unless(lacks[i], LACKS_SUMMARY, ph_blob(envelope)),
            unless(lacks[i], LACKS_SUMMARY, ph_blob(structure)),
        };
        ph_plan_add_values(plan, i == 0 ? PH_STAGE_TRUTH : PH_STAGE_PROJECTION,
                           i == 0 ? PH_STMT_IMAP_UID_INSERT : PH_STMT_MESSAGE_ID_INSERT, 0, values, 12);
    }
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, box, id, size);
}

static void fill_store(struct fixture *f)
{
    struct ph_error err = {0};
    struct ph_summary summary;
    ph_summary_init(&summary);
    for (unsigned uid = 1; uid <= MESSAGES; uid += BATCH) {
        struct ph_plan plan;
        ph_arena_reset(&f->arena);
        ph_plan_init(&plan, &f->arena);
        ph_store_uid_raise(&plan, &f->inbox.id, uid + BATCH - 1);
        ph_store_modseq_raise(&plan, &f->inbox.id, uid + BATCH - 1);
        for (unsigned i = 0; i < BATCH; i++) {
            put_one(f, &plan, uid + i, &summary);
        }
        assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &err), PH_OK);
    }
    ph_summary_fini(&summary);
}

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    ph_test_mail_init(&f->mail, *state);
    ph_arena_init(&f->arena, 1U << 20);
    f->access = ph_test_mail_access(user);
    ph_test_mail_open(&f->mail, user, "INBOX", &f->inbox);
    fill_store(f);
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

/* ---- What is seen ---- */

static struct ph_view_session *open_view(struct fixture *f)
{
    struct ph_error err = {0};
    struct ph_view_session *session = NULL;
    if (ph_view_open(f->mail.mailboxes, &f->access, &f->inbox, false, &session, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return session;
}

static void assert_row(const struct ph_view_row *row, struct ph_summary *summary)
{
    char text[TEXT_MAX];
    size_t header;
    unsigned uid = (unsigned)row->message.uid;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    summarize(uid, summary, &envelope, &structure);
    assert_int_equal(row->message.size, write_text(uid, text, &header));
    assert_int_equal(row->message.header_bytes, header);
    assert_int_equal(row->message.internal_date_ms, date_of(uid));
    assert_true(row->has_envelope);
    assert_true(ph_bytes_eq(row->envelope, envelope));
    assert_true(row->has_structure);
    assert_true(ph_bytes_eq(row->structure, structure));
}

/* Every row from FIRST to LAST, of those that are there. */
static void assert_rows(struct fixture *f, uint32_t first, uint32_t last)
{
    struct ph_error err = {0};
    struct ph_view_session *session = open_view(f);
    struct ph_view_rows *rows;
    struct ph_view_row row;
    struct ph_summary summary;
    const struct ph_uid_range range = {first, last};
    uint32_t next = first;
    int result;
    ph_summary_init(&summary);
    assert_int_equal(
        ph_view_rows_begin(session, &range, 1, PH_VIEW_WANT_ENVELOPE | PH_VIEW_WANT_STRUCTURE, &rows, &err),
        PH_OK);
    while ((result = ph_view_rows_next(rows, &row, &err)) == 1) {
        for (; next < row.message.uid; next++) {
            assert_true(f->is_gone[next]);
        }
        assert_false(f->is_gone[next]);
        assert_false(row.is_gone);
        assert_row(&row, &summary);
        assert_int_equal(ph_view_at(session, row.number)->flags, f->flags[next]);
        next++;
    }
    assert_int_equal(result, 0);
    for (; next <= last; next++) {
        assert_true(f->is_gone[next]);
    }
    ph_view_rows_end(&rows);
    ph_summary_fini(&summary);
    ph_view_close(&session);
}

/* ---- What changes meanwhile ---- */

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

static void change_one(struct fixture *f, struct ph_view_session *session, uint32_t uid, bool is_expunge)
{
    struct waiting waiting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct ph_view_write write = {.done = over, .ctx = &waiting, .arena = &f->arena};
    const struct ph_uid_range range = {uid, uid};
    const struct ph_view_flag_change seen = {.how = PH_FLAGS_ADD, .flags = PH_FLAG_SEEN};
    if (is_expunge) {
        ph_view_expunge(session, &range, 1, false, &write);
        f->is_gone[uid] = true;
    } else {
        ph_view_store(session, &range, 1, &seen, &write);
        f->flags[uid] = f->is_gone[uid] ? 0 : PH_FLAG_SEEN;
    }
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.has_result) {
        pthread_cond_wait(&waiting.is_over, &waiting.lock);
    }
    pthread_mutex_unlock(&waiting.lock);
    assert_int_equal(waiting.result, PH_OK);
}

struct task {
    struct ph_denormalize_options options;
    struct ph_denormalize_counts counts;
    struct ph_error err;
    int result;
};

static void *run_task(void *ctx)
{
    struct task *task = ctx;
    task->result = ph_denormalize_run(&task->options, &task->counts, &task->err);
    return NULL;
}

static void an_old_store_is_served_before_during_and_after(void **state)
{
    struct fixture *f = *state;
    assert_rows(f, 1, MESSAGES);

    struct task task = {
        .options = {.mailboxes = f->mail.mailboxes, .clock = &ph_clock_system, .is_dry_run = true}};
    run_task(&task);
    assert_int_equal(task.result, PH_OK);
    assert_int_equal(task.counts.rows, 2 * MESSAGES);
    assert_int_equal(task.counts.incomplete, 2 * MESSAGES * 6 / 8);
    assert_int_equal(task.counts.filled, 0);

    task.options.is_dry_run = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_task, &task), 0);
    struct ph_view_session *session = open_view(f);
    for (unsigned i = 0; i < CHANGES; i++) {
        uint32_t uid = 1 + (i * 7919) % MESSAGES;
        change_one(f, session, uid, i % 3 == 0);
        if (i % 30 == 0) {
            assert_rows(f, uid, uid + 50 < MESSAGES ? uid + 50 : MESSAGES);
        }
        ph_arena_reset(&f->arena);
    }
    ph_view_close(&session);
    pthread_join(thread, NULL);
    if (task.result != PH_OK) {
        fail_msg("%s", task.err.text);
    }
    assert_int_equal(task.counts.unreadable, 0);

    uint64_t fallbacks = ph_test_count(f->mail.store.db, PH_STMT_MESSAGE_GET) +
                         ph_test_count(f->mail.store.db, PH_STMT_IMAP_UID_GET) +
                         ph_test_count(f->mail.store.db, PH_STMT_BLOB_GET) +
                         ph_test_count(f->mail.store.db, PH_STMT_BLOB_GET_TWO);
    assert_rows(f, 1, MESSAGES);
    assert_int_equal(ph_test_count(f->mail.store.db, PH_STMT_MESSAGE_GET) +
                         ph_test_count(f->mail.store.db, PH_STMT_IMAP_UID_GET) +
                         ph_test_count(f->mail.store.db, PH_STMT_BLOB_GET) +
                         ph_test_count(f->mail.store.db, PH_STMT_BLOB_GET_TWO),
                     fallbacks);
    task.options.is_dry_run = true;
    run_task(&task);
    assert_int_equal(task.counts.incomplete, 0);

    ph_test_mail_restart(&f->mail);
    assert_rows(f, 1, MESSAGES);
}

/* ---- What is interrupted ---- */

static uint64_t jump(void *ctx)
{
    return *(uint64_t *)ctx += 2000000;
}

static int stop_after_some(const struct ph_denormalize_counts *counts, void *ctx)
{
    (void)ctx;
    return counts->filled < 1000 ? PH_OK : PH_EDENIED;
}

static void what_was_interrupted_goes_on(void **state)
{
    struct fixture *f = *state;
    uint64_t now_us = 0;
    const struct ph_clock clock = {.real_us = jump, .mono_us = jump, .ctx = &now_us};
    struct task task = {
        .options = {
            .mailboxes = f->mail.mailboxes, .clock = &clock, .save_ms = 1, .went_on = stop_after_some}};
    run_task(&task);
    assert_int_equal(task.result, PH_EDENIED);
    uint64_t rows = task.counts.rows;
    task.options.went_on = NULL;
    run_task(&task);
    assert_int_equal(task.result, PH_OK);
    assert_true(task.counts.was_resumed);
    assert_true(task.counts.rows <= 2 * MESSAGES - rows + 1);
    task.options.is_dry_run = true;
    run_task(&task);
    assert_int_equal(task.counts.incomplete, 0);
    assert_false(task.counts.was_resumed);
}

int main(void)
{
    /* The rows are those of the embedded store. */
    void *engine = (void *)(uintptr_t)&ph_test_engines[0];
    const struct CMUnitTest tests[] = {
        {"an_old_store_is_served_before_during_and_after", an_old_store_is_served_before_during_and_after,
         set_up, tear_down, engine},
        {"what_was_interrupted_goes_on", what_was_interrupted_goes_on, set_up, tear_down, engine},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
