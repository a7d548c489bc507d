/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/record.h"
#include "blob/segment_fixture.h"

enum { SEGMENT_BYTES = 200000 };

static int setup(void **state)
{
    struct ph_test_segments *s = ph_alloc(sizeof *s);
    ph_test_segments_init(s, SEGMENT_BYTES);
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

static void delete_all_but_each(struct ph_test_segments *s, size_t nth)
{
    struct ph_error err = {0};
    for (size_t i = 0; i < s->message_count; i++) {
        if (i % nth != 0) {
            assert_int_equal(ph_test_delete(s, &s->messages[i], &err), PH_OK);
        }
    }
}

static void compact(struct ph_test_segments *s, unsigned percent)
{
    struct ph_error err = {0};
    if (ph_segment_store_compact_now(s->blobs, percent, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

static bool has_file(const struct ph_test_segments *s, uint32_t number)
{
    char path[128];
    ph_test_segment_path(s, number, path);
    return access(path, F_OK) == 0;
}

static struct ph_blob_place place_of(struct ph_test_segments *s, const struct ph_uuid *blob)
{
    struct ph_blob_place place;
    struct ph_error err = {0};
    assert_int_equal(ph_blob_place_get(s->store.db, blob, &place, &err), PH_OK);
    return place;
}

static void the_space_of_deleted_messages_comes_back(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 150, 20000);
    uint64_t before = ph_test_stats(s).octets;
    compact(s, 100);
    assert_int_equal(ph_test_stats(s).compacted, 0); /* nothing is dead */
    delete_all_but_each(s, 5);
    compact(s, 50);
    struct ph_segment_stats after = ph_test_stats(s);
    assert_true(after.compacted >= 3);
    assert_true(after.octets < before / 2);
    assert_false(has_file(s, 1));
    ph_test_check_all(s);
    ph_test_check_live(s);
    ph_test_segments_reopen(s);
    ph_test_check_all(s);
}

static void a_segment_without_life_is_only_removed(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 40, 20000);
    delete_all_but_each(s, 1000000);
    struct ph_error err = {0};
    assert_int_equal(ph_test_delete(s, &s->messages[0], &err), PH_OK);
    uint64_t lookups = ph_test_count(s->store.db, PH_STMT_BLOB_GET);
    compact(s, 50);
    assert_int_equal(ph_test_count(s->store.db, PH_STMT_BLOB_GET), lookups);
    assert_true(ph_test_stats(s).compacted >= 1);
    assert_int_equal(ph_test_stats(s).live_octets, 0);
}

static void the_output_goes_on_over_a_restart(void **state)
{
    struct ph_test_segments *s = *state;
    for (size_t round = 0; round < 4; round++) {
        ph_test_deliver_some(s, 60, 10000);
        for (size_t i = round * 60; i < s->message_count; i++) {
            struct ph_error err = {0};
            if (i % 4 != 0) {
                assert_int_equal(ph_test_delete(s, &s->messages[i], &err), PH_OK);
            }
        }
        compact(s, 100);
        ph_test_segments_reopen(s);
    }
    ph_test_check_all(s);
    ph_test_check_live(s);
    struct ph_segment_stats stats = ph_test_stats(s);
    assert_true(stats.octets < stats.live_octets + UINT64_C(2) * SEGMENT_BYTES);
}

/* As a slow client: it has the place from before. */
static void a_reader_goes_on_where_its_content_was_moved(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    enum { LEN = 150000 };
    assert_int_equal(ph_test_deliver(s, 3, 100, LEN, &err), PH_OK);
    ph_test_deliver_some(s, 60, 20000);
    struct ph_blob_reader reader;
    assert_int_equal(ph_blob_open(s->blobs, &s->messages[0].body_blob, &reader, &err), PH_OK);
    uint8_t *expected = ph_alloc(LEN);
    ph_test_content(s->messages[0].seed + 2, expected, LEN);
    struct ph_buf out = PH_BUF(LEN);
    assert_int_equal(ph_blob_read(s->blobs, &reader, 1000, &out, &err), PH_OK);
    delete_all_but_each(s, 1000000);
    compact(s, 100);
    assert_false(has_file(s, 1));
    while (reader.offset < LEN) {
        assert_int_equal(ph_blob_read(s->blobs, &reader, 70000, &out, &err), PH_OK);
    }
    assert_memory_equal(out.ptr, expected, LEN);
    assert_true(reader.place[0] != 1);
    ph_buf_fini(&out);
    free(expected);

    /* And one whose content was deleted is told so. */
    reader.offset = 0;
    assert_int_equal(ph_test_delete(s, &s->messages[0], &err), PH_OK);
    ph_test_deliver_some(s, 40, 20000);
    compact(s, 100);
    struct ph_buf none = PH_BUF(LEN);
    int result = ph_blob_read(s->blobs, &reader, 70000, &none, &err);
    assert_true(result == PH_ENOTFOUND ||
                result == PH_OK); /* its segment may be the one that is written to */
    ph_buf_fini(&none);
}

/* Somebody took longer from put to submit than a segment lives. The message must not be lost with an OK. */
static void a_plan_for_a_segment_that_was_emptied_fails(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    struct ph_blob_content content = {.prefix = PH_BYTES("put long ago")};
    struct ph_blob_id blob;
    assert_int_equal(ph_blob_put(s->blobs, &plan, PH_BLOB_BODY, &content, 1, &blob, &err), PH_OK);
    ph_test_deliver_some(s, 40, 20000);
    delete_all_but_each(s, 2);
    compact(s, 100);
    assert_false(has_file(s, 1));
    assert_int_equal(ph_db_apply(s->store.db, &plan, &err), PH_EUNAVAILABLE);
    struct ph_blob_reader reader;
    assert_int_equal(ph_blob_open(s->blobs, &blob, &reader, &err), PH_ENOTFOUND);
    ph_test_check_all(s);
    ph_test_check_live(s);
    ph_arena_fini(&arena);
}

static void damaged_content_is_kept_for_who_can_read_it(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 60, 20000);
    size_t victim = 3;
    struct ph_blob_place place = place_of(s, &s->messages[victim].body_blob.uuid);
    char path[128];
    ph_test_segment_path(s, place.segment, path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, "damage", 6, (off_t)place.offset + 60), 6);
    close(fd);
    delete_all_but_each(s, 3);
    s->store.log.level = PH_LOG_ERROR + 1;
    compact(s, 100);
    s->store.log.level = PH_LOG_ERROR;
    assert_true(has_file(s, place.segment));
    assert_int_equal(ph_test_stats(s).kept_segments, 1);
    struct ph_error err = {0};
    for (size_t i = 0; i < s->message_count; i += 3) {
        assert_int_equal(ph_test_check(s, &s->messages[i], &err), i == victim ? PH_ECORRUPT : PH_OK);
        assert_true(i == victim || place_of(s, &s->messages[i].body_blob.uuid).segment != place.segment);
    }
    compact(s, 100); /* and not tried again and again */
    ph_test_check_live(s);
}

static void a_full_disk_stops_compaction_and_no_more(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    ph_test_deliver_some(s, 100, 20000);
    delete_all_but_each(s, 3);
    for (int writes = 0; writes < 20; writes += 3) {
        atomic_store(&s->faults.writes_left, writes);
        (void)!ph_segment_store_compact_now(s->blobs, 100, &err);
        atomic_store(&s->faults.writes_left, -1);
        ph_test_check_all(s);
        ph_test_check_live(s);
    }
    for (int syncs = 0; syncs < 4; syncs++) {
        ph_test_deliver_some(s, 30, 20000);
        delete_all_but_each(s, 3);
        atomic_store(&s->faults.syncs_left, syncs);
        (void)!ph_segment_store_compact_now(s->blobs, 100, &err);
        atomic_store(&s->faults.syncs_left, -1);
        ph_test_check_all(s);
    }
    compact(s, 100);
    ph_test_check_all(s);
}

/* ---- All at once ---- */

enum { CROWD_MESSAGES = 120, READERS = 2 };

struct crowd {
    struct ph_test_segments *s;
    atomic_bool is_leaving[CROWD_MESSAGES]; /* set before the message is deleted */
    atomic_bool is_over;
    atomic_uint reads;
    atomic_uint failures;
};

static void *read_all_the_time(void *arg)
{
    struct crowd *crowd = arg;
    unsigned random = 1;
    while (!atomic_load(&crowd->is_over)) {
        size_t i = (unsigned)rand_r(&random) % CROWD_MESSAGES;
        struct ph_error err = {0};
        const struct ph_test_message *m = &crowd->s->messages[i];
        int result = ph_test_compare(crowd->s->blobs, &m->body_blob, m->seed + 2, m->body_len, 7000, &err);
        bool may_be_gone = atomic_load(&crowd->is_leaving[i]);
        if (result != PH_OK && !(result == PH_ENOTFOUND && may_be_gone)) {
            fprintf(stderr, "message %zu: %s\n", i, err.text);
            atomic_fetch_add(&crowd->failures, 1);
        }
        atomic_fetch_add(&crowd->reads, 1);
    }
    return NULL;
}

static void *delete_now_and_then(void *arg)
{
    struct crowd *crowd = arg;
    for (size_t i = 0; i < CROWD_MESSAGES; i++) {
        if (i % 4 != 0) {
            struct ph_error err = {0};
            atomic_store(&crowd->is_leaving[i], true);
            if (ph_test_delete(crowd->s, &crowd->s->messages[i], &err) != PH_OK) {
                atomic_fetch_add(&crowd->failures, 1);
            }
        }
    }
    return NULL;
}

static void compaction_disturbs_nobody(void **state)
{
    struct ph_test_segments *s = *state;
    struct crowd crowd = {.s = s};
    ph_test_deliver_some(s, CROWD_MESSAGES, 20000);
    pthread_t readers[READERS];
    pthread_t deleter;
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &crowd), 0);
    }
    assert_int_equal(pthread_create(&deleter, NULL, delete_now_and_then, &crowd), 0);

    /* This thread delivers, on a list of its own, and compacts. */
    struct ph_test_segments mine = *s;
    ph_uuid_gen_init(&mine.store.ids, &ph_clock_system, &ph_rand_system);
    mine.messages = NULL;
    mine.message_count = 0;
    for (size_t round = 0; round < 15; round++) {
        ph_test_deliver_some(&mine, 8, 20000);
        compact(&mine, 100);
    }
    pthread_join(deleter, NULL);
    compact(&mine, 100);
    atomic_store(&crowd.is_over, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    assert_int_equal(atomic_load(&crowd.failures), 0);
    assert_true(atomic_load(&crowd.reads) > 0);
    assert_true(ph_test_stats(s).compacted > 0);
    ph_test_check_all(s);
    ph_test_check_all(&mine);
    ph_test_check_live(s);
    ph_uuid_gen_fini(&mine.store.ids);
    free(mine.messages);
}

static void the_thread_does_it_by_itself(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 60, 20000);
    delete_all_but_each(s, 4);
    s->options.compact_interval_seconds = 1;
    s->options.compact_bytes_per_second = 1 << 20;
    ph_test_segments_reopen(s);
    for (unsigned tries = 0; tries < 600 && ph_test_stats(s).compacted == 0; tries++) {
        usleep(100000);
    }
    assert_true(ph_test_stats(s).compacted > 0);
    ph_test_check_all(s);
    ph_test_segments_reopen(s); /* perhaps in the middle of one */
    ph_test_check_all(s);
    ph_test_check_live(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_space_of_deleted_messages_comes_back),
        TEST(a_segment_without_life_is_only_removed),
        TEST(the_output_goes_on_over_a_restart),
        TEST(a_reader_goes_on_where_its_content_was_moved),
        TEST(a_plan_for_a_segment_that_was_emptied_fails),
        TEST(damaged_content_is_kept_for_who_can_read_it),
        TEST(a_full_disk_stops_compaction_and_no_more),
        TEST(compaction_disturbs_nobody),
        TEST(the_thread_does_it_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
