/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/record.h"
#include "blob/segment_fixture.h"

enum { SEGMENT_BYTES = 100000 };

static int setup(void **state)
{
    struct ph_test_segments *s = ph_alloc(sizeof *s);
    ph_test_segments_init(s, SEGMENT_BYTES);
    s->store.log.level = PH_LOG_ERROR + 1; /* what is away is an error */
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_segments_fini(s);
    free(s);
    return 0;
}

static void take_away(const struct ph_test_segments *s, uint32_t number)
{
    char path[128];
    char other[140];
    ph_test_segment_path(s, number, path);
    snprintf(other, sizeof other, "%s.away", path);
    assert_int_equal(rename(path, other), 0);
}

static void bring_back(const struct ph_test_segments *s, uint32_t number)
{
    char path[128];
    char other[140];
    ph_test_segment_path(s, number, path);
    snprintf(other, sizeof other, "%s.away", path);
    assert_int_equal(rename(other, path), 0);
}

static struct ph_segment_row row_of(struct ph_test_segments *s, uint32_t number)
{
    struct ph_segment_row row = {0};
    struct ph_error err = {0};
    assert_int_equal(ph_segment_get(s->store.db, number, &row, &err), PH_OK);
    return row;
}

static uint32_t segment_of(struct ph_test_segments *s, size_t message)
{
    struct ph_blob_place place;
    struct ph_error err = {0};
    assert_int_equal(ph_blob_place_get(s->store.db, &s->messages[message].body_blob.uuid, &place, &err),
                     PH_OK);
    return place.segment;
}

static int check(struct ph_test_segments *s, size_t message)
{
    struct ph_error err = {0};
    return ph_test_check(s, &s->messages[message], &err);
}

static void look(struct ph_test_segments *s)
{
    struct ph_error err = {0};
    assert_int_equal(ph_segment_store_look_for_away(s->blobs, &err), PH_OK);
}

static void assert_look_says_away(struct ph_test_segments *s, size_t message, bool is_whole)
{
    struct ph_segment_look seen;
    struct ph_error err = {0};
    assert_int_equal(
        ph_segment_store_verify(s->blobs, &s->messages[message].body_blob.uuid, is_whole, &seen, &err),
        PH_ECORRUPT);
    assert_true(seen.is_away);
}

static void without_the_newest_segment_all_else_goes_on(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 40, 9000);
    size_t last = s->message_count - 1;
    uint32_t newest = segment_of(s, last);
    assert_true(newest > 1);
    ph_test_segments_close(s);
    take_away(s, newest);
    ph_test_segments_open(s);
    assert_int_equal(ph_test_stats(s).away_segments, 1);
    assert_int_equal(check(s, 0), PH_OK);
    assert_int_equal(check(s, last), PH_EUNAVAILABLE);
    assert_look_says_away(s, last, false);
    ph_test_deliver_some(s, 3, 3000);
    assert_int_equal(check(s, last + 1), PH_OK);
    assert_true(segment_of(s, last + 1) > newest);

    /* Back while the store is open: read at once, and soon a segment like any other. */
    bring_back(s, newest);
    ph_test_check_all(s);
    look(s);
    assert_int_equal(ph_test_stats(s).away_segments, 0);
    assert_int_equal(row_of(s, newest).state, PH_SEGMENT_SEALED);
    ph_test_segments_reopen(s);
    ph_test_check_all(s);
    ph_test_check_live(s);
    assert_int_equal(ph_test_stats(s).removed_lost, 0);
}

static void opening_takes_back_too(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 5, 3000);
    ph_test_segments_close(s);
    take_away(s, 1);
    ph_test_segments_open(s);
    ph_test_deliver_some(s, 5, 3000);
    /* Twice away is not worse than once. */
    ph_test_segments_reopen(s);
    assert_int_equal(ph_test_stats(s).away_segments, 1);
    assert_int_equal(check(s, 0), PH_EUNAVAILABLE);
    ph_test_segments_close(s);
    bring_back(s, 1);
    ph_test_segments_open(s);
    assert_int_equal(ph_test_stats(s).away_segments, 0);
    ph_test_check_all(s);
    ph_test_check_live(s);
}

static void put_copy_without_end(const char *path)
{
    char other[140];
    snprintf(other, sizeof other, "%s.away", path);
    FILE *from = fopen(other, "rb");
    FILE *to = fopen(path, "wb");
    assert_non_null(from);
    assert_non_null(to);
    for (int octet; (octet = fgetc(from)) != EOF;) {
        assert_int_equal(fputc(octet, to), octet);
    }
    long size = ftell(to);
    assert_int_equal(fflush(to), 0);
    assert_int_equal(ftruncate(fileno(to), size - 16), 0);
    assert_int_equal(fclose(from), 0);
    assert_int_equal(fclose(to), 0);
}

/* What an orderly end leaves is all on disk, so what is cut off there is acknowledged mail. */
static void of_a_segment_that_is_cut_off_nothing_is_removed(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 6, 3000);
    size_t last = s->message_count - 1;
    ph_test_segments_close(s);
    char path[128];
    ph_test_segment_path(s, 1, path);
    take_away(s, 1);
    put_copy_without_end(path);
    ph_test_segments_open(s);
    assert_int_equal(ph_test_stats(s).away_segments, 1);
    assert_int_equal(ph_test_stats(s).removed_lost, 0);
    assert_int_equal(check(s, 0), PH_OK);
    assert_int_equal(check(s, last), PH_EUNAVAILABLE);
    assert_look_says_away(s, last, false);
    assert_look_says_away(s, last, true);
    ph_test_deliver_some(s, 3, 3000);
    assert_int_equal(check(s, last + 1), PH_OK);
    assert_int_equal(unlink(path), 0);
    bring_back(s, 1);
    ph_test_segments_reopen(s);
    ph_test_check_all(s);
    assert_int_equal(ph_test_stats(s).away_segments, 0);
}

static void one_that_does_not_begin_as_a_segment_is_away(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 5, 3000);
    ph_test_segments_close(s);
    char path[128];
    ph_test_segment_path(s, 1, path);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    int first = fgetc(file);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    assert_int_equal(fputc(first ^ 1, file), first ^ 1);
    assert_int_equal(fclose(file), 0);
    ph_test_segments_open(s);
    assert_int_equal(ph_test_stats(s).away_segments, 1);
    /* Its records are as they were. */
    ph_test_check_all(s);
    ph_test_deliver_some(s, 1, 3000);
    assert_true(segment_of(s, s->message_count - 1) > 1);
}

static void what_is_deleted_need_not_come_back(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    ph_test_deliver_some(s, 5, 3000);
    ph_test_segments_close(s);
    take_away(s, 1);
    ph_test_segments_open(s);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ph_test_delete(s, &s->messages[i], &err), PH_OK);
    }
    look(s);
    assert_int_equal(ph_test_stats(s).away_segments, 0);
    assert_int_equal(ph_test_stats(s).segments, 0);
    ph_test_deliver_some(s, 1, 3000);
    ph_test_check_all(s);
}

/* A missing segment is not taken for an empty one. */
static void compaction_leaves_what_is_missing(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    ph_test_deliver_some(s, 60, 9000);
    assert_true(segment_of(s, s->message_count - 1) > 2);
    for (size_t i = 1; segment_of(s, i) == 1; i++) {
        assert_int_equal(ph_test_delete(s, &s->messages[i], &err), PH_OK);
    }
    ph_test_segments_close(s);
    take_away(s, 1);
    ph_test_segments_open(s);
    assert_int_equal(ph_segment_store_compact_now(s->blobs, 100, &err), PH_OK);
    assert_int_equal(row_of(s, 1).state, PH_SEGMENT_AWAY);
    assert_int_equal(check(s, 0), PH_EUNAVAILABLE);
    bring_back(s, 1);
    assert_int_equal(ph_segment_store_compact_now(s->blobs, 100, &err), PH_OK);
    assert_int_equal(check(s, 0), PH_OK);
    assert_true(segment_of(s, 0) > 1);
    ph_test_check_all(s);
    ph_test_check_live(s);

    /* And the compactor's own output. */
    uint32_t output = segment_of(s, 0);
    ph_test_segments_close(s);
    take_away(s, output);
    ph_test_segments_open(s);
    assert_int_equal(row_of(s, output).state, PH_SEGMENT_AWAY);
    assert_int_equal(check(s, 0), PH_EUNAVAILABLE);
    bring_back(s, output);
    ph_test_segments_reopen(s);
    ph_test_check_all(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(without_the_newest_segment_all_else_goes_on),
        TEST(opening_takes_back_too),
        TEST(of_a_segment_that_is_cut_off_nothing_is_removed),
        TEST(one_that_does_not_begin_as_a_segment_is_away),
        TEST(what_is_deleted_need_not_come_back),
        TEST(compaction_leaves_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
