/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on mailboxes against a model that is a table of bits: after each, every mailbox and every
 * maildrop says what the model says, and what no mailbox holds is gone, content and all. On every engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"
#include "store/message.h"

enum { USERS = 2, BOXES = 3, MOST_MESSAGES = 400, OPERATIONS = 250, SEEDS = 4 };

static const char *const users[USERS] = {"ann@example.org", "bob@example.org"};
static const char *const boxes[BOXES] = {"INBOX", "Lists", "Work"};

struct model_message {
    struct ph_uuid id;
    struct ph_blob_id header_blob;
    unsigned size;
    bool is_in[USERS][BOXES];
};

struct model {
    struct ph_test_mail mail;
    uint64_t seed;
    bool exists[USERS][BOXES];
    size_t count;
    struct model_message messages[MOST_MESSAGES]; /* in the order of their ids */
};

static const struct ph_test_engine *engine;

static unsigned pick(struct model *model, unsigned below)
{
    model->seed = model->seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(model->seed >> 33) % below;
}

/* ---- Does the store say what the model says? ---- */

static bool is_anywhere(const struct model_message *message)
{
    for (unsigned u = 0; u < USERS; u++) {
        for (unsigned b = 0; b < BOXES; b++) {
            if (message->is_in[u][b]) {
                return true;
            }
        }
    }
    return false;
}

struct check {
    struct model *model;
    unsigned user;
    unsigned box;
    size_t next;             /* in the model */
    bool is_uid_taken[4096]; /* gaps of a restart included */
};

static int check_message(const struct ph_message *message, void *ctx)
{
    struct check *check = ctx;
    struct model *model = check->model;
    while (check->next < model->count && !model->messages[check->next].is_in[check->user][check->box]) {
        check->next++;
    }
    assert_true(check->next < model->count);
    const struct model_message *expected = &model->messages[check->next++];
    assert_true(ph_uuid_eq(&message->id, &expected->id));
    assert_int_equal(message->size, expected->size);
    assert_true(message->has_uid);
    assert_in_range(message->uid, 1, sizeof check->is_uid_taken - 1);
    assert_false(check->is_uid_taken[message->uid]);
    check->is_uid_taken[message->uid] = true;
    return 0;
}

static void check_mailbox(struct model *model, unsigned user, unsigned box)
{
    struct ph_error err = {0};
    struct ph_mailbox mailbox;
    struct check *check = calloc(1, sizeof *check);
    *check = (struct check){.model = model, .user = user, .box = box};
    int result =
        ph_mailbox_open(model->mail.mailboxes, &ph_test_mail_administrator, ph_bytes_str(users[user]),
                        ph_bytes_str(boxes[box]), &model->mail.arena, &mailbox, &err);
    bool is_there = box == 0 || model->exists[user][box];
    assert_int_equal(result, is_there ? PH_OK : PH_ENOTFOUND);
    if (is_there) {
        assert_int_equal(ph_message_list(model->mail.mailboxes, &ph_test_mail_administrator, &mailbox,
                                         check_message, check, &err),
                         PH_OK);
        for (; check->next < model->count; check->next++) {
            assert_false(model->messages[check->next].is_in[user][box]);
        }
    }
    free(check);
}

static void check_all(struct model *model)
{
    ph_arena_reset(&model->mail.arena);
    for (unsigned u = 0; u < USERS; u++) {
        for (unsigned b = 0; b < BOXES; b++) {
            check_mailbox(model, u, b);
        }
    }
    for (size_t i = 0; i < model->count; i++) {
        struct ph_error err = {0};
        struct ph_message_row row = {.message_id = model->messages[i].id};
        struct ph_blob_reader reader;
        int expected = is_anywhere(&model->messages[i]) ? PH_OK : PH_ENOTFOUND;
        assert_int_equal(ph_store_message_complete(model->mail.store.db, &row, &err), expected);
        assert_int_equal(ph_blob_open(model->mail.blobs, &model->messages[i].header_blob, &reader, &err),
                         expected);
    }
}

/* ---- Operations ---- */

static void make_content(size_t number, char *header, char *body, size_t size)
{
    snprintf(header, size, "Subject: number %zu\r\n\r\n", number);
    snprintf(body, size, "This is %zu.\r\n%.*s\r\n", number, (int)(number % 60),
             "............................................................");
}

/* One message into some of the mailboxes, in one plan. */
static void deliver(struct model *model)
{
    if (model->count == MOST_MESSAGES) {
        return;
    }
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_append append = {0};
    char header[96];
    char body[96];
    struct model_message *message = &model->messages[model->count];
    make_content(model->count, header, body, sizeof header);
    ph_arena_reset(&model->mail.arena);
    ph_plan_init(&plan, &model->mail.arena);
    for (unsigned targets = 1 + pick(model, 3); targets > 0; targets--) {
        unsigned u = pick(model, USERS);
        unsigned b = pick(model, BOXES);
        append.create_mailbox = pick(model, 2) == 0;
        bool may = b == 0 || append.create_mailbox || model->exists[u][b];
        if (message->is_in[u][b] || !may) {
            continue;
        }
        assert_int_equal(
            ph_test_mail_append(&model->mail, users[u], boxes[b], header, body, &append, &plan, &err), PH_OK);
        append.has_message_row = true;
        message->is_in[u][b] = true;
        model->exists[u][b] = true;
    }
    if (append.has_message_row) {
        assert_int_equal(ph_db_apply(model->mail.store.db, &plan, &err), PH_OK);
        message->id = append.message_id;
        message->header_blob = append.header_blob;
        message->size = (unsigned)append.total_bytes;
        model->count++;
    }
}

static void expunge_some(struct model *model)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    struct ph_mailbox mailbox;
    unsigned u = pick(model, USERS);
    unsigned b = pick(model, BOXES);
    if (b != 0 && !model->exists[u][b]) {
        return;
    }
    ph_test_mail_open(&model->mail, users[u], boxes[b], &mailbox);
    ph_plan_init(&plan, &model->mail.arena);
    for (size_t i = 0; i < model->count; i++) {
        struct model_message *message = &model->messages[i];
        size_t found;
        /* Also some that are not there. */
        if (pick(model, message->is_in[u][b] ? 3 : 20) == 0) {
            assert_int_equal(ph_message_expunge(model->mail.mailboxes, &ph_test_mail_administrator, &mailbox,
                                                &message->id, 1, &plan, &found, &err),
                             PH_OK);
            assert_int_equal(found, message->is_in[u][b] ? 1 : 0);
            message->is_in[u][b] = false;
        }
    }
    assert_int_equal(ph_db_apply(model->mail.store.db, &plan, &err), PH_OK);
}

static void create_one(struct model *model)
{
    struct ph_error err = {0};
    unsigned u = pick(model, USERS);
    unsigned b = pick(model, BOXES);
    int result = ph_mailbox_create(model->mail.mailboxes, &ph_test_mail_administrator, ph_bytes_str(users[u]),
                                   ph_bytes_str(boxes[b]), &err);
    assert_int_equal(result, model->exists[u][b] ? PH_ECONFLICT : PH_OK);
    model->exists[u][b] = true;
}

static void delete_one(struct model *model)
{
    struct ph_error err = {0};
    unsigned u = pick(model, USERS);
    unsigned b = pick(model, BOXES);
    int result = ph_mailbox_delete(model->mail.mailboxes, &ph_test_mail_administrator, ph_bytes_str(users[u]),
                                   ph_bytes_str(boxes[b]), &err);
    assert_int_equal(result, b == 0 ? PH_EDENIED : model->exists[u][b] ? PH_OK : PH_ENOTFOUND);
    if (result == PH_OK) {
        model->exists[u][b] = false;
        for (size_t i = 0; i < model->count; i++) {
            model->messages[i].is_in[u][b] = false;
        }
    }
}

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    bool is_done;
    int result;
};

static void note(void *ctx, int result)
{
    struct waiter *waiter = ctx;
    pthread_mutex_lock(&waiter->lock);
    waiter->is_done = true;
    waiter->result = result;
    pthread_cond_signal(&waiter->is_over);
    pthread_mutex_unlock(&waiter->lock);
}

/* A POP3 session: list, then delete some. */
static void use_maildrop(struct model *model)
{
    struct ph_error err = {0};
    unsigned u = pick(model, USERS);
    struct ph_access access = ph_test_mail_access(users[u]);
    struct ph_maildrop *drop;
    assert_int_equal(ph_maildrop_open(model->mail.mailboxes, &access, &drop, &err), PH_OK);
    bool is_deleted[MOST_MESSAGES] = {false};
    size_t at = 0;
    for (size_t i = 0; i < model->count; i++) {
        struct model_message *message = &model->messages[i];
        if (message->is_in[u][0]) {
            assert_true(at < drop->count && ph_uuid_eq(&drop->entries[at].id, &message->id));
            assert_int_equal(drop->entries[at].size, message->size);
            is_deleted[at] = pick(model, 4) == 0;
            message->is_in[u][0] = !is_deleted[at];
            at++;
        }
    }
    assert_int_equal(at, drop->count);
    struct waiter waiter = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, PH_OK};
    ph_maildrop_delete(drop, is_deleted, note, &waiter);
    pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done) {
        pthread_cond_wait(&waiter.is_over, &waiter.lock);
    }
    pthread_mutex_unlock(&waiter.lock);
    assert_int_equal(waiter.result, PH_OK);
    ph_maildrop_close(&drop);
}

static void read_one(struct model *model)
{
    if (model->count == 0) {
        return;
    }
    size_t number = pick(model, (unsigned)model->count);
    const struct model_message *message = &model->messages[number];
    struct ph_buf whole = PH_BUF(4096);
    char header[96];
    char body[96];
    make_content(number, header, body, sizeof header);
    for (unsigned u = 0; u < USERS; u++) {
        for (unsigned b = 0; b < BOXES; b++) {
            if (message->is_in[u][b]) {
                assert_int_equal(ph_test_mail_read(&model->mail, users[u], boxes[b], &message->id,
                                                   1 + pick(model, 99), &whole),
                                 PH_OK);
                assert_int_equal(whole.len, message->size);
                assert_memory_equal(whole.ptr, header, strlen(header));
                assert_memory_equal(whole.ptr + strlen(header), body, strlen(body));
            }
        }
    }
    ph_buf_fini(&whole);
}

static void operate(struct model *model)
{
    static void (*const operations[])(struct model *) = {
        deliver,      deliver,  deliver,  deliver,    expunge_some,
        use_maildrop, read_one, read_one, create_one, delete_one,
    };
    if (pick(model, 40) == 0) {
        ph_test_mail_restart(&model->mail);
    } else {
        operations[pick(model, sizeof operations / sizeof operations[0])](model);
    }
}

static void the_store_says_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %u\n", (unsigned)seed);
        struct model *model = calloc(1, sizeof *model);
        model->seed = seed;
        ph_test_mail_init(&model->mail, engine);
        for (unsigned i = 0; i < OPERATIONS; i++) {
            operate(model);
            check_all(model);
        }
        assert_true(model->count > OPERATIONS / 5);
        ph_test_mail_fini(&model->mail);
        free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_store_says_what_the_model_says),
    };
    /* The embedded engine: operations by the thousand, and UIDs in a row, are its. */
    engine = &ph_test_engines[0];
    return cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
}
