/* SPDX-License-Identifier: Apache-2.0 */
/* The verified mark: what it may say while writes are under way. */
#include "blob/segment_appender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/record.h"
#include "db/test_store.h"

enum { SEGMENT_BYTES = 4096, LENGTH = 1008 };

struct fixture {
    struct ph_test_store store;
    char directory[96];
    struct ph_segment_files *files;
    struct ph_appender *appender;
    struct ph_db_companion companion;
    unsigned care;
};

static void wants_care(void *ctx)
{
    ((struct fixture *)ctx)->care++;
}

static int setup(void **state)
{
    struct fixture *f = ph_zalloc(sizeof *f);
    struct ph_error err = {0};
    ph_test_store_init(&f->store, &ph_test_engines[0]);
    snprintf(f->directory, sizeof f->directory, "%s/segments", f->store.directory);
    assert_int_equal(ph_segment_files_open(f->directory, NULL, 0, &f->files, &err), PH_OK);
    struct ph_appender_options options = {
        .db = f->store.db,
        .files = f->files,
        .ids = &f->store.ids,
        .clock = &ph_clock_system,
        .log = &f->store.log,
        .segment_bytes = SEGMENT_BYTES,
        .next_number = 1,
        .wants_care = wants_care,
        .ctx = f,
    };
    assert_int_equal(ph_appender_new(&options, &f->appender, &err), PH_OK);
    f->companion = ph_appender_companion(f->appender);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_appender_free(&f->appender);
    ph_segment_files_close(&f->files);
    ph_test_store_fini(&f->store);
    free(f);
    return 0;
}

static struct ph_uuid reserve(struct fixture *f, struct ph_reservation *r)
{
    struct ph_uuid id;
    struct ph_error err = {0};
    assert_int_equal(ph_appender_reserve(f->appender, LENGTH, &id, 1, r, &err), PH_OK);
    return id;
}

/* What a commit would record of segment NUMBER; -1: nothing. */
static int64_t commit(struct fixture *f, uint32_t number)
{
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_error err = {0};
    int64_t verified = -1;
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    assert_int_equal(f->companion.begin(f->companion.ctx, &plan), PH_OK);
    for (const struct ph_plan_entry *entry = plan.first; entry != NULL; entry = entry->next) {
        assert_int_equal(entry->stmt, PH_STMT_SEGMENT_MARK);
        if (entry->params[0].i64 == number) {
            verified = entry->params[2].i64;
        }
    }
    assert_int_equal(f->companion.finish(f->companion.ctx, &err), PH_OK);
    ph_arena_fini(&arena);
    return verified;
}

static void places_and_ids_ascend(void **state)
{
    struct fixture *f = *state;
    struct ph_reservation before = {0};
    struct ph_uuid id_before = {0};
    for (size_t i = 0; i < 20; i++) {
        struct ph_reservation r;
        struct ph_uuid id = reserve(f, &r);
        assert_true(i == 0 || ph_uuid_compare(&id, &id_before) > 0);
        if (i > 0 && r.file->number == before.file->number) {
            assert_int_equal(r.offset, before.offset + LENGTH);
        } else {
            assert_int_equal(r.offset, PH_SEGMENT_HEADER_BYTES);
        }
        ph_appender_complete(f->appender, &r, true);
        before = r;
        id_before = id;
    }
    assert_int_equal(ph_appender_active(f->appender), 5);
}

static void the_mark_is_what_the_last_sync_covered(void **state)
{
    struct fixture *f = *state;
    struct ph_reservation r;
    reserve(f, &r);
    ph_appender_complete(f->appender, &r, true);
    assert_int_equal(commit(f, 1), PH_SEGMENT_HEADER_BYTES);
    assert_int_equal(commit(f, 1), -1); /* nothing new, nothing to record */
    reserve(f, &r);
    ph_appender_complete(f->appender, &r, true);
    assert_int_equal(commit(f, 1), PH_SEGMENT_HEADER_BYTES + LENGTH);
}

static void it_never_passes_a_write_that_is_under_way(void **state)
{
    struct fixture *f = *state;
    struct ph_reservation slow;
    struct ph_reservation quick;
    reserve(f, &slow);
    reserve(f, &quick);
    ph_appender_complete(f->appender, &quick, true);
    for (size_t i = 0; i < 3; i++) {
        reserve(f, &quick);
        ph_appender_complete(f->appender, &quick, true);
        assert_int_equal(commit(f, 1), i == 2 ? -1 : PH_SEGMENT_HEADER_BYTES);
        assert_int_equal(commit(f, 1), -1);
    }
    assert_int_equal(quick.file->number, 2);
    reserve(f, &quick);
    ph_appender_complete(f->appender, &quick, true);
    /* Not in the next segment either. */
    assert_int_equal(commit(f, 2), PH_SEGMENT_HEADER_BYTES);
    reserve(f, &quick);
    ph_appender_complete(f->appender, &slow, true);
    ph_appender_complete(f->appender, &quick, true);
    assert_int_equal(commit(f, 1), PH_SEGMENT_HEADER_BYTES);
    reserve(f, &quick);
    ph_appender_complete(f->appender, &quick, true);
    assert_int_equal(commit(f, 2), PH_SEGMENT_HEADER_BYTES + 3 * LENGTH);
}

static void a_write_that_failed_leaves_no_hole_at_the_end(void **state)
{
    struct fixture *f = *state;
    struct ph_reservation one;
    struct ph_reservation two;
    struct ph_reservation three;
    reserve(f, &one);
    ph_appender_complete(f->appender, &one, false);
    reserve(f, &two);
    assert_int_equal(two.offset, one.offset);
    reserve(f, &three);
    ph_appender_complete(f->appender, &two, false);
    ph_appender_complete(f->appender, &three, true);
    reserve(f, &one);
    assert_int_equal(one.offset, three.offset + LENGTH);
    ph_appender_complete(f->appender, &one, true);
}

static void care_seals_what_is_full_and_makes_what_comes_next(void **state)
{
    struct fixture *f = *state;
    struct ph_reservation r;
    struct ph_error err = {0};
    for (size_t i = 0; i < 4; i++) {
        reserve(f, &r);
        ph_appender_complete(f->appender, &r, true);
    }
    assert_int_equal(ph_appender_active(f->appender), 1);
    assert_true(f->care > 0);
    assert_int_equal(ph_appender_care(f->appender, &err), PH_OK);
    assert_int_equal(ph_test_count(f->store.db, PH_STMT_SEGMENT_INSERT), 2);
    reserve(f, &r);
    ph_appender_complete(f->appender, &r, true);
    assert_int_equal(ph_appender_active(f->appender), 2);
    assert_int_equal(ph_test_count(f->store.db, PH_STMT_SEGMENT_INSERT), 2);

    assert_int_equal(ph_appender_care(f->appender, &err), PH_OK);
    assert_int_equal(ph_test_count(f->store.db, PH_STMT_SEGMENT_SEAL), 0); /* not on disk yet */
    commit(f, 1);
    assert_int_equal(ph_appender_care(f->appender, &err), PH_OK);
    struct ph_segment_row row;
    assert_int_equal(ph_segment_get(f->store.db, 1, &row, &err), PH_OK);
    assert_int_equal(row.state, PH_SEGMENT_SEALED);
    assert_int_equal(row.size, PH_SEGMENT_HEADER_BYTES + 4 * LENGTH);
    assert_int_equal(row.verified, row.size);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(places_and_ids_ascend),
        TEST(the_mark_is_what_the_last_sync_covered),
        TEST(it_never_passes_a_write_that_is_under_way),
        TEST(a_write_that_failed_leaves_no_hole_at_the_end),
        TEST(care_seals_what_is_full_and_makes_what_comes_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
