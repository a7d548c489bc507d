/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/test_mail.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "blob/cassandra_store.h"
#include "blob/segment_store.h"

const struct ph_access ph_test_mail_administrator = {.is_administrator = true};

static int open_segments(struct ph_test_mail *mail, struct ph_error *err)
{
    char segments[96];
    char spool[96];
    snprintf(segments, sizeof segments, "%s/segments", mail->store.directory);
    snprintf(spool, sizeof spool, "%s/spool", mail->store.directory);
    const struct ph_segment_options blobs = {
        .directory = segments,
        .spool_directory = spool,
        .compress_headers = true,
        .compress_bodies = true,
        .ids = &mail->store.ids,
        .clock = &ph_clock_system,
        .log = &mail->store.log,
    };
    return ph_segment_store_open(&blobs, mail->store.db, &mail->blobs, err);
}

static int open_cassandra(struct ph_test_mail *mail, struct ph_error *err)
{
    char spool[96];
    snprintf(spool, sizeof spool, "%s/spool", mail->store.directory);
    (void)mkdir(spool, 0700); /* it may be there */
    const struct ph_cassandra_store_options blobs = {
        .compress_headers = true,
        .compress_bodies = true,
        .is_shared = ph_db_traits(mail->store.db)->is_shared,
        .ids = &mail->store.ids,
        .clock = &ph_clock_system,
        .log = &mail->store.log,
    };
    return ph_cassandra_store_open(&blobs, mail->store.db, &mail->blobs, err);
}

static void start(struct ph_test_mail *mail)
{
    struct ph_error err = {0};
    const struct ph_db_traits *traits = ph_db_traits(mail->store.db);
    int result = traits->is_local ? open_segments(mail, &err) : open_cassandra(mail, &err);
    if (result != PH_OK) {
        fail_msg("%s", err.text);
    }
    const struct ph_mailboxes_options mailboxes = {
        .db = mail->store.db,
        .blobs = mail->blobs,
        .ids = &mail->store.ids,
        .clock = &ph_clock_system,
        .log = &mail->store.log,
        .uids = traits->is_local         ? PH_UIDS_OWNER
                : traits->has_conditions ? PH_UIDS_LWT
                                         : PH_UIDS_RANDOM,
        .keeps_floors = !traits->is_local && !traits->is_shared,
    };
    if (ph_mailboxes_new(&mailboxes, &mail->mailboxes, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static void stop(struct ph_test_mail *mail)
{
    ph_mailboxes_free(&mail->mailboxes);
    if (ph_db_traits(mail->store.db)->is_local) {
        ph_segment_store_close(&mail->blobs);
    } else {
        ph_cassandra_store_close(&mail->blobs);
    }
}

void ph_test_mail_init(struct ph_test_mail *mail, const struct ph_test_engine *engine)
{
    memset(mail, 0, sizeof *mail);
    ph_test_store_init(&mail->store, engine);
    ph_arena_init(&mail->arena, 0);
    start(mail);
}

void ph_test_mail_fini(struct ph_test_mail *mail)
{
    stop(mail);
    ph_test_store_fini(&mail->store);
    ph_arena_fini(&mail->arena);
}

void ph_test_mail_restart(struct ph_test_mail *mail)
{
    stop(mail);
    ph_test_store_reopen(&mail->store);
    start(mail);
}

struct ph_access ph_test_mail_access(const char *user)
{
    return (struct ph_access){.user = ph_bytes_str(user)};
}

/* ---- Messages ---- */

int ph_test_mail_append(struct ph_test_mail *mail, const char *user, const char *mailbox, const char *header,
                        const char *body, struct ph_append *message, struct ph_plan *plan,
                        struct ph_error *err)
{
    if (!message->has_message_row) {
        const struct ph_blob_content head = {.prefix = ph_bytes_str(header)};
        const struct ph_blob_content rest = {.prefix = ph_bytes_str(body)};
        int result = ph_blob_put(mail->blobs, plan, PH_BLOB_HEADER, &head, 1, &message->header_blob, err);
        if (result == PH_OK) {
            result = ph_blob_put(mail->blobs, plan, PH_BLOB_BODY, &rest, 1, &message->body_blob, err);
        }
        if (result != PH_OK) {
            return result;
        }
        message->message_id = ph_uuid_gen_next(&mail->store.ids);
        message->header_bytes = strlen(header);
        message->total_bytes = strlen(header) + strlen(body);
        message->internal_date_ms = 1700000000000;
    }
    return ph_mailbox_append(mail->mailboxes, &ph_test_mail_administrator, ph_bytes_str(user),
                             ph_bytes_str(mailbox), message, plan, err);
}

int ph_test_mail_deliver(struct ph_test_mail *mail, const char *user, const char *mailbox, const char *header,
                         const char *body, struct ph_uuid *out_id)
{
    struct ph_error err = {0};
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_append message = {0};
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    int result = ph_test_mail_append(mail, user, mailbox, header, body, &message, &plan, &err);
    if (result == PH_OK) {
        result = ph_db_apply(mail->store.db, &plan, &err);
    }
    ph_arena_fini(&arena);
    if (out_id != NULL) {
        *out_id = message.message_id;
    }
    return result;
}

void ph_test_mail_open(struct ph_test_mail *mail, const char *user, const char *mailbox,
                       struct ph_mailbox *out_mailbox)
{
    struct ph_error err = {0};
    if (ph_mailbox_open(mail->mailboxes, &ph_test_mail_administrator, ph_bytes_str(user),
                        ph_bytes_str(mailbox), &mail->arena, out_mailbox, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

struct listing {
    struct ph_uuid *ids;
    size_t max;
    size_t count;
};

static int note(const struct ph_message *message, void *ctx)
{
    struct listing *listing = ctx;
    if (listing->ids != NULL && listing->count < listing->max) {
        listing->ids[listing->count] = message->id;
    }
    listing->count++;
    return 0;
}

size_t ph_test_mail_list(struct ph_test_mail *mail, const char *user, const char *mailbox,
                         struct ph_uuid *ids, size_t max)
{
    struct ph_error err = {0};
    struct ph_mailbox box;
    struct listing listing = {.ids = ids, .max = max};
    ph_test_mail_open(mail, user, mailbox, &box);
    if (ph_message_list(mail->mailboxes, &ph_test_mail_administrator, &box, note, &listing, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return listing.count;
}

int ph_test_mail_read(struct ph_test_mail *mail, const char *user, const char *mailbox,
                      const struct ph_uuid *id, size_t max_at_once, struct ph_buf *out)
{
    struct ph_error err = {0};
    struct ph_mailbox box;
    struct ph_message_reader reader;
    ph_buf_clear(out);
    ph_test_mail_open(mail, user, mailbox, &box);
    int result = ph_message_open(mail->mailboxes, &ph_test_mail_administrator, &box, id, &reader, &err);
    size_t before;
    do {
        before = out->len;
        if (result == PH_OK) {
            result = ph_message_read(mail->mailboxes, &reader, max_at_once, out, &err);
        }
    } while (result == PH_OK && out->len > before);
    if (result == PH_OK) {
        assert_int_equal(out->len, reader.size);
    }
    ph_message_close(&reader);
    return result;
}

/* ---- Standing still ---- */

static void hold_run(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    (void)plan;
    struct ph_test_hold *hold = (struct ph_test_hold *)hook;
    sem_post(&hold->holds);
    sem_wait(&hold->may_go);
}

static void hold_over(struct ph_plan *plan, int result, void *ctx)
{
    (void)plan;
    (void)result;
    struct ph_test_hold *hold = ctx;
    sem_post(&hold->is_over);
}

void ph_test_mail_hold(struct ph_test_mail *mail, struct ph_test_hold *hold)
{
    *hold = (struct ph_test_hold){.hook = {.run = hold_run}};
    sem_init(&hold->holds, 0, 0);
    sem_init(&hold->may_go, 0, 0);
    sem_init(&hold->is_over, 0, 0);
    ph_arena_init(&hold->arena, 0);
    ph_plan_init(&hold->plan, &hold->arena);
    ph_plan_add(&hold->plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_SUBSCRIPTION_DELETE_USER,
                ph_text_str("nobody"));
    ph_plan_hook_add(&hold->plan, &hold->hook);
    ph_db_submit(mail->store.db, &hold->plan, hold_over, hold);
    sem_wait(&hold->holds);
}

void ph_test_mail_hold_wait(struct ph_test_mail *mail, unsigned count)
{
    while (ph_db_waiting(mail->store.db) < count) {
        sched_yield();
    }
}

void ph_test_mail_release(struct ph_test_hold *hold)
{
    sem_post(&hold->may_go);
    sem_wait(&hold->is_over);
    ph_arena_fini(&hold->arena);
    sem_destroy(&hold->holds);
    sem_destroy(&hold->may_go);
    sem_destroy(&hold->is_over);
}
