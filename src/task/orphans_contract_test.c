/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content that nothing refers to is found and removed, and what anything refers to, or may yet, is left alone. Where a
 * store looks after its content itself, or James shares it, the task says so.
 */
#include "task/orphans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mailbox/test_mail.h"

#define ALICE "alice@example.org"
#define BOB "bob@example.org"
#define HEADER "Subject: tea\r\n\r\n"
#define BODY "at four\r\n"

enum { FINDINGS_MAX = 16, LARGE = 250 * 1024, GRACE_MS = 5000 };

struct fixture {
    struct ph_test_mail mail;
    struct ph_orphans_options options;
    struct ph_orphans_counts counts;
    struct ph_uuid found[FINDINGS_MAX];
    size_t found_count;
    size_t found_allowed;          /* then it is ended */
    struct ph_plan *between_looks; /* applied while the second look is waited for */
};

static const struct ph_test_engine *engine;
static struct ph_error err;

/* So that what a test has just made is old enough. */
static uint64_t later_us(void *ctx)
{
    (void)ctx;
    return ph_real_us(&ph_clock_system) + UINT64_C(10000000);
}

static uint64_t mono_us(void *ctx)
{
    (void)ctx;
    return ph_mono_us(&ph_clock_system);
}

static const struct ph_clock ten_seconds_on = {.real_us = later_us, .mono_us = mono_us};

static int note(const struct ph_orphans_finding *finding, void *ctx, struct ph_error *error)
{
    struct fixture *f = ctx;
    assert_true(f->found_count < FINDINGS_MAX);
    assert_int_equal(finding->is_removed, !f->options.is_dry_run);
    f->found[f->found_count++] = finding->blob;
    return f->found_count < f->found_allowed ? PH_OK : ph_fail(error, PH_EDENIED, "enough");
}

static int went_on(const struct ph_orphans_counts *counts, void *ctx, struct ph_error *error)
{
    struct fixture *f = ctx;
    if (f->between_looks == NULL || counts->doubted == 0) {
        return PH_OK;
    }
    int result = ph_db_apply(f->mail.store.db, f->between_looks, error);
    f->between_looks = NULL;
    return result;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_mail_init(&f->mail, engine);
    f->found_allowed = FINDINGS_MAX;
    f->options = (struct ph_orphans_options){
        .db = f->mail.store.db,
        .blobs = f->mail.blobs,
        .clock = &ten_seconds_on,
        .grace_ms = GRACE_MS,
        .second_look_ms = 1,
        .filter_bytes = 4096,
        .found = note,
        .went_on = went_on,
        .ctx = f,
    };
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

static int run(struct fixture *f)
{
    err = (struct ph_error){0};
    f->found_count = 0;
    int result = ph_orphans_run(&f->options, &f->counts, &err);
    assert_int_equal(result, err.code);
    return result;
}

/* Content whose plan came to nothing, but for the content. */
static struct ph_uuid put_orphan(struct fixture *f, size_t size)
{
    struct ph_plan plan;
    struct ph_blob_id id;
    char *octets = calloc(1, size);
    const struct ph_blob_content content = {.prefix = ph_bytes_of(octets, size)};
    ph_arena_reset(&f->mail.arena);
    ph_plan_init(&plan, &f->mail.arena);
    assert_int_equal(ph_blob_put(f->mail.blobs, &plan, PH_BLOB_BODY, &content, 1, &id, &err), PH_OK);
    assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &err), PH_OK);
    free(octets);
    return id.uuid;
}

static bool is_there(struct fixture *f, const struct ph_uuid *id)
{
    struct ph_blob_reader reader;
    const struct ph_blob_id blob = ph_blob_id_of(id);
    int result = ph_blob_open(f->mail.blobs, &blob, &reader, &err);
    ph_blob_close(&reader);
    assert_true(result == PH_OK || result == PH_ENOTFOUND);
    return result == PH_OK;
}

static void deliver(struct fixture *f, const char *user)
{
    struct ph_uuid id;
    assert_int_equal(ph_test_mail_deliver(&f->mail, user, "INBOX", HEADER, BODY, &id), PH_OK);
}

static void assert_readable(struct fixture *f, const char *user, size_t count)
{
    struct ph_uuid ids[4];
    struct ph_buf whole = PH_BUF(4096);
    assert_int_equal(ph_test_mail_list(&f->mail, user, "INBOX", ids, 4), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ph_test_mail_read(&f->mail, user, "INBOX", &ids[i], 4096, &whole), PH_OK);
        assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER BODY)));
    }
    ph_buf_fini(&whole);
}

/* ---- Where it cannot be ---- */

static void a_store_that_needs_none_says_so(void **state)
{
    struct fixture *f = *state;
    deliver(f, ALICE);
    assert_int_equal(run(f), PH_EINVALID);
    assert_readable(f, ALICE, 1);
}

/* ---- Where it can ---- */

static void what_a_message_refers_to_stays(void **state)
{
    struct fixture *f = *state;
    deliver(f, ALICE);
    deliver(f, BOB);
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->counts.message_rows, 2);
    assert_int_equal(f->counts.blobs, 4);
    assert_int_equal(f->counts.doubted, 0);
    assert_readable(f, ALICE, 1);
    assert_readable(f, BOB, 1);
}

static void what_nothing_refers_to_is_removed(void **state)
{
    struct fixture *f = *state;
    deliver(f, ALICE);
    struct ph_uuid small = put_orphan(f, 10);
    struct ph_uuid large = put_orphan(f, LARGE);
    f->options.is_dry_run = true;
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->found_count, 2);
    assert_int_equal(f->counts.removed, 0);
    assert_true(is_there(f, &small) && is_there(f, &large));
    f->options.is_dry_run = false;
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->counts.found, 2);
    assert_int_equal(f->counts.removed, 2);
    assert_false(is_there(f, &small) || is_there(f, &large));
    assert_readable(f, ALICE, 1);
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->counts.found, 0);
}

static void what_is_young_stays(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid young = put_orphan(f, 10);
    f->options.grace_ms = 0;
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->counts.doubted, 0);
    assert_true(is_there(f, &young));
}

/* The message is on its way: its content was first, and its rows come between the looks. */
static void what_gets_a_message_between_the_looks_stays(void **state)
{
    struct fixture *f = *state;
    struct ph_append message = {0};
    struct ph_plan plan;
    struct ph_plan content;
    struct ph_plan rows;
    ph_arena_reset(&f->mail.arena);
    ph_plan_init(&plan, &f->mail.arena);
    assert_int_equal(ph_test_mail_append(&f->mail, ALICE, "INBOX", HEADER, BODY, &message, &plan, &err),
                     PH_OK);
    ph_plan_init(&content, &f->mail.arena);
    ph_plan_init(&rows, &f->mail.arena);
    for (const struct ph_plan_entry *entry = plan.first; entry != NULL; entry = entry->next) {
        struct ph_plan *to = entry->stage == PH_STAGE_CONTENT ? &content : &rows;
        ph_plan_add_values(to, entry->stage, entry->stmt, 0, entry->params, entry->param_count);
    }
    assert_int_equal(ph_db_apply(f->mail.store.db, &content, &err), PH_OK);
    f->between_looks = &rows;
    f->options.second_look_ms = 1500;
    assert_int_equal(run(f), PH_OK);
    assert_null(f->between_looks);
    assert_int_equal(f->counts.doubted, 2);
    assert_int_equal(f->counts.found, 0);
    assert_readable(f, ALICE, 1);
}

static void notes_of_a_blob_that_is_gone_go_too(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid blob = ph_uuid_gen_next(&f->mail.store.ids);
    struct ph_uuid message = ph_uuid_gen_next(&f->mail.store.ids);
    struct ph_plan plan;
    ph_arena_reset(&f->mail.arena);
    ph_plan_init(&plan, &f->mail.arena);
    ph_plan_add(&plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_CONTENT_RELEASE, ph_uuid_value(&blob), ph_i64(2),
                ph_uuid_value(&message));
    assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &err), PH_OK);
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->counts.removed, 1);
    assert_true(ph_uuid_eq(&f->found[0], &blob));
    assert_int_equal(run(f), PH_OK);
    assert_int_equal(f->counts.found, 0);
}

static void an_interrupted_run_goes_on_behind_the_last_portion(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid orphans[3];
    for (unsigned i = 0; i < 3; i++) {
        orphans[i] = put_orphan(f, 10);
    }
    f->options.portion = 1;
    f->found_allowed = 2;
    assert_int_equal(run(f), PH_EDENIED);
    assert_int_equal(f->counts.removed, 2);
    f->found_allowed = FINDINGS_MAX;
    assert_int_equal(run(f), PH_OK);
    assert_true(f->counts.was_resumed);
    assert_int_equal(f->counts.removed, 1);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(is_there(f, &orphans[i]));
    }
    assert_int_equal(run(f), PH_OK);
    assert_false(f->counts.was_resumed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest of_others[] = {TEST(a_store_that_needs_none_says_so)};
    const struct CMUnitTest of_ours[] = {
        TEST(what_a_message_refers_to_stays),
        TEST(what_nothing_refers_to_is_removed),
        TEST(what_is_young_stays),
        TEST(what_gets_a_message_between_the_looks_stays),
        TEST(notes_of_a_blob_that_is_gone_go_too),
        TEST(an_interrupted_run_goes_on_behind_the_last_portion),
    };
#undef TEST
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        struct ph_test_store store;
        ph_test_store_init(&store, engine);
        const struct ph_db_traits traits = *ph_db_traits(store.db);
        ph_test_store_fini(&store);
        failed += traits.is_local || traits.is_shared
                      ? cmocka_run_group_tests_name(engine->name, of_others, NULL, NULL)
                      : cmocka_run_group_tests_name(engine->name, of_ours, NULL, NULL);
    }
    return failed;
}
