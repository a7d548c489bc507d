/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/record.h"
#include "blob/segment_fixture.h"

enum { SEGMENT_BYTES = 1 << 20 };

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

static void deliver(struct ph_test_segments *s, uint64_t seed, size_t header_len, size_t body_len)
{
    struct ph_error err = {0};
    if (ph_test_deliver(s, seed, header_len, body_len, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

/* ---- What goes in comes out ---- */

static void content_of_every_size_is_octet_exact(void **state)
{
    struct ph_test_segments *s = *state;
    static const size_t sizes[] = {0,     1,     2,      15,     16,      1000,    4096,   65535,
                                   65536, 65537, 131072, 200001, 1048575, 3000000, 5000001};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        deliver(s, 2 * i, sizes[i] % 70000, sizes[i]);
        deliver(s, 2 * i + 1, sizes[i] % 70000, sizes[i]);
    }
    ph_test_check_all(s);
    ph_test_check_live(s);
    ph_test_segments_reopen(s);
    ph_test_check_all(s);
}

static void it_is_read_from_any_offset_in_any_steps(void **state)
{
    struct ph_test_segments *s = *state;
    enum { LEN = 300000 };
    deliver(s, 4, 100, LEN);
    deliver(s, 5, 100, LEN);
    uint8_t *expected = ph_alloc(LEN);
    for (size_t i = 0; i < 2; i++) {
        ph_test_content(s->messages[i].seed + 2, expected, LEN);
        struct ph_blob_reader reader;
        struct ph_error err = {0};
        assert_int_equal(ph_blob_open(s->blobs, &s->messages[i].body_blob, &reader, &err), PH_OK);
        assert_int_equal(reader.size, LEN);
        for (size_t n = 0; n < 400; n++) {
            size_t at = n * 7919 % (LEN + 1);
            size_t max = n * 104729 % 150000;
            size_t len = LEN - at < max ? LEN - at : max;
            struct ph_buf out = PH_BUF(max + 3);
            ph_buf_str(&out, "abc");
            reader.offset = at;
            assert_int_equal(ph_blob_read(s->blobs, &reader, max, &out, &err), PH_OK);
            assert_int_equal(out.len, len + 3);
            assert_int_equal(reader.offset, at + len);
            assert_memory_equal(out.ptr + 3, expected + at, len);
            ph_buf_fini(&out);
        }
        for (size_t step = 1000; step < 200000; step = step * 3 + 1) {
            assert_int_equal(ph_test_compare(s->blobs, &s->messages[i].body_blob, s->messages[i].seed + 2,
                                             LEN, step, &err),
                             PH_OK);
        }
    }
    free(expected);
}

/* A prefix, then a part of a spool, in memory or not: the parts meet inside of a frame. */
static void content_may_be_a_prefix_and_a_part_of_a_spool(void **state)
{
    struct ph_test_segments *s = *state;
    enum { LEN = 400000 };
    static const size_t prefixes[] = {0, 1, 100, 65535, 65536, 70000};
    uint8_t *octets = ph_alloc(LEN);
    ph_test_content(6, octets, LEN);
    for (size_t memory_max = 1000; memory_max <= 1000000; memory_max *= 1000) {
        struct ph_error err = {0};
        struct ph_spool spool;
        ph_spool_init(&spool, s->spool_directory, memory_max, UINT64_MAX);
        assert_int_equal(ph_spool_write(&spool, ph_bytes_of("before", 6), &err), PH_OK);
        assert_int_equal(ph_spool_write(&spool, ph_bytes_of(octets, LEN), &err), PH_OK);
        for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
            size_t prefix = prefixes[i];
            struct ph_blob_content content = {
                .prefix = ph_bytes_of(octets, prefix),
                .spool = &spool,
                .offset = 6 + prefix,
                .length = LEN - prefix - 5,
            };
            struct ph_arena arena;
            ph_arena_init(&arena, 0);
            struct ph_plan plan;
            ph_plan_init(&plan, &arena);
            struct ph_blob_id id;
            assert_int_equal(ph_blob_put(s->blobs, &plan, PH_BLOB_BODY, &content, 1, &id, &err), PH_OK);
            assert_int_equal(ph_db_apply(s->store.db, &plan, &err), PH_OK);
            assert_int_equal(ph_test_compare(s->blobs, &id, 6, LEN - 5, 50000, &err), PH_OK);
            ph_arena_fini(&arena);
        }
        ph_spool_fini(&spool);
    }
    free(octets);
}

static void what_was_never_put_is_not_found(void **state)
{
    struct ph_test_segments *s = *state;
    const struct ph_uuid uuid = ph_uuid_gen_next(&s->store.ids);
    struct ph_blob_id id = ph_blob_id_of(&uuid);
    struct ph_blob_reader reader;
    struct ph_error err = {0};
    assert_int_equal(ph_blob_open(s->blobs, &id, &reader, &err), PH_ENOTFOUND);
    assert_int_equal(ph_blob_id_parse(PH_BYTES("1_628_jBCfDvPCI4-"), &id), PH_OK);
    assert_int_equal(ph_blob_open(s->blobs, &id, &reader, &err), PH_ENOTFOUND);
}

/* ---- What it costs ---- */

static void a_delivery_costs_two_rows_and_one_mark(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 1000, 5000); /* makes the segment */
    uint64_t rows = ph_test_count(s->store.db, PH_STMT_BLOB_INSERT);
    uint64_t marks = ph_test_count(s->store.db, PH_STMT_SEGMENT_MARK);
    int syncs = atomic_load(&s->faults.syncs);
    struct ph_test_cost before = ph_test_cost(s->store.db);
    deliver(s, 4, 1000, 5000);
    struct ph_test_cost after = ph_test_cost(s->store.db);
    assert_int_equal(ph_test_count(s->store.db, PH_STMT_BLOB_INSERT) - rows, 2);
    assert_int_equal(ph_test_count(s->store.db, PH_STMT_SEGMENT_MARK) - marks, 1);
    assert_int_equal(after.writes - before.writes, 2 + 1 + 4); /* and the fixture's own rows */
    assert_int_equal(after.reads - before.reads, 0);
    assert_int_equal(atomic_load(&s->faults.syncs) - syncs, 1);

    struct ph_error err = {0};
    before = ph_test_cost(s->store.db);
    assert_int_equal(ph_test_check(s, &s->messages[0], &err), PH_OK);
    after = ph_test_cost(s->store.db);
    assert_int_equal(after.reads - before.reads, 2);

    /* A plan without content syncs no segment. */
    syncs = atomic_load(&s->faults.syncs);
    assert_int_equal(ph_test_delete(s, &s->messages[0], &err), PH_OK);
    assert_int_equal(atomic_load(&s->faults.syncs), syncs);
}

static void text_is_stored_smaller_where_it_is_asked_for(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 2000, 20000);
    uint64_t compressed = ph_test_stats(s).live_octets;
    s->options.compress_bodies = false;
    s->options.compress_headers = false;
    ph_test_segments_reopen(s);
    deliver(s, 2, 2000, 20000);
    uint64_t plain = ph_test_stats(s).live_octets - compressed;
    assert_true(compressed < 22000 / 2);
    assert_true(plain >= 22000 && plain < 22000 + 2 * (PH_RECORD_HEADER_BYTES + PH_RECORD_ALIGN));
    ph_test_check_all(s);
}

/* ---- References ---- */

static void content_goes_with_the_last_message(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    struct ph_blob_content content = {.prefix = PH_BYTES("Subject: two\r\n\r\n")};
    struct ph_blob_id blob;
    assert_int_equal(ph_blob_put(s->blobs, &plan, PH_BLOB_HEADER, &content, 2, &blob, &err), PH_OK);
    struct ph_uuid ids[2];
    for (size_t i = 0; i < 2; i++) {
        ids[i] = ph_uuid_gen_next(&s->store.ids);
        ph_plan_add(&plan, PH_STAGE_TRUTH, PH_STMT_MESSAGE_INSERT, ph_uuid_value(&ids[i]), ph_i64(0),
                    ph_i64(16), ph_i64(0), ph_i64(16), ph_null(), ph_blob_id_value(&blob));
    }
    assert_int_equal(ph_db_apply(s->store.db, &plan, &err), PH_OK);
    assert_true(ph_test_stats(s).live_octets > 0);
    struct ph_blob_reader reader;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ph_blob_open(s->blobs, &blob, &reader, &err), PH_OK);
        ph_plan_init(&plan, &arena);
        ph_plan_add(&plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_LOST_MESSAGE_DELETE, ph_uuid_value(&ids[i]));
        assert_int_equal(ph_db_apply(s->store.db, &plan, &err), PH_OK);
    }
    assert_int_equal(ph_blob_open(s->blobs, &blob, &reader, &err), PH_ENOTFOUND);
    assert_int_equal(ph_test_stats(s).live_octets, 0);
    ph_arena_fini(&arena);
}

/* A plan whose outcome was not known is submitted again. */
static void a_repeated_plan_changes_nothing(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    struct ph_blob_content content = {.prefix = PH_BYTES("once")};
    struct ph_blob_id blob;
    assert_int_equal(ph_blob_put(s->blobs, &plan, PH_BLOB_BODY, &content, 1, &blob, &err), PH_OK);
    assert_int_equal(ph_db_apply(s->store.db, &plan, &err), PH_OK);
    assert_int_equal(ph_db_apply(s->store.db, &plan, &err), PH_OK);
    ph_test_check_live(s);
    ph_arena_fini(&arena);
}

/* ---- Segments ---- */

static void segments_are_rolled_and_sealed(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 150, 60000);
    struct ph_error err = {0};
    assert_int_equal(ph_segment_store_compact_now(s->blobs, 0, &err), PH_OK); /* seals what is full */
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_segment_list list;
    assert_int_equal(ph_segment_list(s->store.db, &arena, &list, &err), PH_OK);
    assert_true(list.count >= 3);
    for (size_t i = 0; i < list.count; i++) {
        bool is_full = i + 2 < list.count;
        assert_true(list.rows[i].size <= SEGMENT_BYTES);
        assert_true(!is_full || list.rows[i].state == PH_SEGMENT_SEALED);
        assert_true(!is_full || list.rows[i].verified == list.rows[i].size);
    }
    ph_arena_fini(&arena);
    ph_test_check_all(s);
}

static void a_restart_goes_on_in_the_same_segment(void **state)
{
    struct ph_test_segments *s = *state;
    for (size_t i = 0; i < 10; i++) {
        deliver(s, i, 300, 3000);
        ph_test_segments_reopen(s);
    }
    assert_int_equal(ph_test_stats(s).segments, 1);
    ph_test_check_all(s);
}

/* Recovery finds the newest content by its id, so ids must ascend whatever the clock does between two runs. */
static void ids_ascend_where_the_clock_was_set_back(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 300, 3000);
    ph_test_segments_close(s);
    struct ph_clock_manual past = {.real_us = 1000000};
    struct ph_clock clock = ph_clock_from_manual(&past);
    struct ph_uuid_gen ids;
    ph_uuid_gen_init(&ids, &clock, &ph_rand_system);
    s->options.ids = &ids;
    ph_test_segments_open(s);
    deliver(s, 4, 300, 3000);
    assert_true(ph_uuid_compare(&s->messages[1].header_blob.uuid, &s->messages[0].body_blob.uuid) > 0);
    assert_true(ph_uuid_compare(&s->messages[1].body_blob.uuid, &s->messages[1].header_blob.uuid) > 0);
    ph_test_segments_close(s);
    s->options.ids = &s->store.ids;
    ph_uuid_gen_fini(&ids);
    ph_test_segments_open(s);
}

/* ---- Damage ---- */

static void flip(struct ph_test_segments *s, const struct ph_uuid *blob, uint64_t octet)
{
    struct ph_blob_place place;
    struct ph_error err = {0};
    assert_int_equal(ph_blob_place_get(s->store.db, blob, &place, &err), PH_OK);
    char path[128];
    ph_test_segment_path(s, place.segment, path);
    int fd = open(path, O_RDWR);
    uint8_t value;
    assert_int_equal(pread(fd, &value, 1, (off_t)(place.offset + octet)), 1);
    value ^= 0x10;
    assert_int_equal(pwrite(fd, &value, 1, (off_t)(place.offset + octet)), 1);
    close(fd);
}

static void damaged_octets_are_never_handed_out(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 1000, 5000);
    deliver(s, 4, 1000, 5000);
    flip(s, &s->messages[0].body_blob.uuid, PH_RECORD_HEADER_BYTES + 20);
    flip(s, &s->messages[0].header_blob.uuid, 25);
    struct ph_error err = {0};
    char id[PH_UUID_TEXT_LEN + 1];
    const struct ph_test_message *m = &s->messages[0];
    ph_uuid_format(&m->body_blob.uuid, id);
    assert_int_equal(ph_test_compare(s->blobs, &m->body_blob, m->seed + 2, m->body_len, 100, &err),
                     PH_ECORRUPT);
    assert_non_null(strstr(err.text, id));
    assert_non_null(strstr(err.text, "segment 1, offset "));
    assert_int_equal(ph_test_compare(s->blobs, &m->header_blob, m->seed, m->header_len, 100, &err),
                     PH_ECORRUPT);
    assert_int_equal(ph_test_check(s, &s->messages[1], &err), PH_OK);
}

static void read_to_end(struct ph_test_segments *s, struct ph_blob_reader *reader, uint64_t seed, size_t len)
{
    struct ph_buf out = PH_BUF(len);
    struct ph_error err = {0};
    uint8_t *wanted = ph_alloc(len + 1);
    ph_test_content(seed, wanted, len);
    while (out.len < len) {
        assert_int_equal(ph_blob_read(s->blobs, reader, 700, &out, &err), PH_OK);
    }
    assert_memory_equal(out.ptr, wanted, len);
    free(wanted);
    ph_buf_fini(&out);
    ph_blob_close(reader);
}

static void open_message(struct ph_test_segments *s, const struct ph_test_message *m,
                         struct ph_blob_reader readers[2])
{
    struct ph_error err = {0};
    struct ph_blob_reader *const both[2] = {&readers[0], &readers[1]};
    ph_blob_reader_init(&readers[0], &m->header_blob, m->header_len);
    ph_blob_reader_init(&readers[1], &m->body_blob, m->body_len);
    assert_int_equal(ph_blob_open_first(s->blobs, both, 2, &err), PH_OK);
}

static void of_a_message_of_usual_size_all_is_held_when_it_is_opened(void **state)
{
    struct ph_test_segments *s = *state;
    static const size_t lens[][2] = {{1000, 5000}, {0, 10}, {10, 0}, {3000, 8000}, {700, 60000}};
    uint64_t seeds[] = {2, 5, 4, 7, 8};
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        deliver(s, seeds[i], lens[i][0], lens[i][1]);
        const struct ph_test_message *m = &s->messages[i];
        struct ph_blob_reader readers[2];
        uint64_t before = ph_test_count(s->store.db, PH_STMT_BLOB_GET);
        uint64_t before_two = ph_test_count(s->store.db, PH_STMT_BLOB_GET_TWO);
        open_message(s, m, readers);
        assert_int_equal(readers[0].size, m->header_len);
        assert_int_equal(readers[1].size, m->body_len);
        if (i < 4) {
            /* Whatever becomes of the file. */
            flip(s, &m->header_blob.uuid, 30);
            flip(s, &m->body_blob.uuid, 30);
        }
        before += i < 4 ? 2 : 0; /* by flip() */
        read_to_end(s, &readers[0], m->seed, m->header_len);
        read_to_end(s, &readers[1], m->seed + 2, m->body_len);
        assert_int_equal(ph_test_count(s->store.db, PH_STMT_BLOB_GET), before);
        assert_int_equal(ph_test_count(s->store.db, PH_STMT_BLOB_GET_TWO), before_two + 1);
    }
}

static void of_two_one_of_which_is_not_there_the_missing_one_is_named(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 100, 100);
    for (unsigned missing = 0; missing < 2; missing++) {
        struct ph_error err = {0};
        struct ph_test_message m = s->messages[0];
        m.header_blob = missing == 0 ? ph_blob_id_of(&s->mailbox) : m.header_blob;
        m.body_blob = missing == 1 ? ph_blob_id_of(&s->mailbox) : m.body_blob;
        struct ph_blob_reader readers[2];
        struct ph_blob_reader *const both[2] = {&readers[0], &readers[1]};
        char id[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(&s->mailbox, id);
        ph_blob_reader_init(&readers[0], &m.header_blob, 100);
        ph_blob_reader_init(&readers[1], &m.body_blob, 100);
        assert_int_equal(ph_blob_open_first(s->blobs, both, 2, &err), PH_ENOTFOUND);
        assert_non_null(strstr(err.text, id));
        ph_blob_close(&readers[0]);
        ph_blob_close(&readers[1]);
    }
}

static void damaged_octets_that_are_held_are_found_too(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 1000, 5000);
    const struct ph_test_message *m = &s->messages[0];
    flip(s, &m->body_blob.uuid, PH_RECORD_HEADER_BYTES + 20);
    struct ph_blob_reader readers[2];
    open_message(s, m, readers);
    read_to_end(s, &readers[0], m->seed, m->header_len);
    struct ph_buf out = PH_BUF(m->body_len);
    struct ph_error err = {0};
    assert_int_equal(ph_blob_read(s->blobs, &readers[1], m->body_len, &out, &err), PH_ECORRUPT);
    assert_int_equal(out.len, 0);
    ph_blob_close(&readers[1]);
    ph_buf_fini(&out);
}

static void of_large_content_only_the_damaged_frame_is_lost(void **state)
{
    struct ph_test_segments *s = *state;
    enum { LEN = 5 * PH_FRAME_BYTES };
    deliver(s, 1, 10, LEN);
    const struct ph_test_message *m = &s->messages[0];
    flip(s, &m->body_blob.uuid, PH_RECORD_HEADER_BYTES + 5 * PH_FRAME_ENTRY_BYTES + 2 * PH_FRAME_BYTES + 77);
    struct ph_blob_reader reader;
    struct ph_error err = {0};
    assert_int_equal(ph_blob_open(s->blobs, &m->body_blob, &reader, &err), PH_OK);
    for (uint64_t i = 0; i < 5; i++) {
        struct ph_buf out = PH_BUF(PH_FRAME_BYTES);
        reader.offset = i * PH_FRAME_BYTES;
        assert_int_equal(ph_blob_read(s->blobs, &reader, PH_FRAME_BYTES, &out, &err),
                         i == 2 ? PH_ECORRUPT : PH_OK);
        assert_int_equal(out.len, i == 2 ? 0 : PH_FRAME_BYTES);
        ph_buf_fini(&out);
    }
    flip(s, &m->body_blob.uuid, PH_RECORD_HEADER_BYTES + 3);
    reader.offset = 0;
    struct ph_buf out = PH_BUF(PH_FRAME_BYTES);
    assert_int_equal(ph_blob_read(s->blobs, &reader, 100, &out, &err), PH_ECORRUPT);
    ph_buf_fini(&out);
}

static void damage_that_was_met_is_known_before_reading(void **state)
{
    struct ph_test_segments *s = *state;
    enum { LEN = 5 * PH_FRAME_BYTES };
    deliver(s, 1, 10, LEN);
    const struct ph_test_message *m = &s->messages[0];
    const unsigned at = PH_RECORD_HEADER_BYTES + 5 * PH_FRAME_ENTRY_BYTES + 4 * PH_FRAME_BYTES + 77;
    struct ph_blob_reader reader;
    struct ph_buf out = PH_BUF(PH_FRAME_BYTES);
    struct ph_error err = {0};
    flip(s, &m->body_blob.uuid, at);
    assert_int_equal(ph_blob_open(s->blobs, &m->body_blob, &reader, &err), PH_OK);
    assert_int_equal(ph_blob_look(s->blobs, &reader, &err), PH_OK);
    reader.offset = 4 * PH_FRAME_BYTES;
    assert_int_equal(ph_blob_read(s->blobs, &reader, PH_FRAME_BYTES, &out, &err), PH_ECORRUPT);
    assert_int_equal(ph_blob_look(s->blobs, &reader, &err), PH_ECORRUPT);
    /* What is whole of it is read all the same. */
    reader.offset = 0;
    assert_int_equal(ph_blob_read(s->blobs, &reader, PH_FRAME_BYTES, &out, &err), PH_OK);
    flip(s, &m->body_blob.uuid, at);
    assert_int_equal(ph_blob_look(s->blobs, &reader, &err), PH_OK);

    /* That it is not all there needs no reading. */
    char path[128];
    ph_test_segment_path(s, 1, path);
    assert_int_equal(truncate(path, 3 * PH_FRAME_BYTES), 0);
    assert_int_equal(ph_blob_look(s->blobs, &reader, &err), PH_EUNAVAILABLE);
    ph_blob_close(&reader);
    ph_buf_fini(&out);
}

/* ---- Trouble with the disk ---- */

static void a_full_disk_fails_the_put_and_passes(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    deliver(s, 2, 1000, 5000);
    for (int writes = 0; writes < 3; writes++) {
        atomic_store(&s->faults.write_most, 700);
        atomic_store(&s->faults.writes_left, writes);
        assert_int_equal(ph_test_deliver(s, 3, 1000, 50000, &err), PH_ELIMIT);
        atomic_store(&s->faults.writes_left, -1);
        deliver(s, 5, 1000, 50000); /* in many short writes */
        atomic_store(&s->faults.write_most, 0);
        deliver(s, 6, 1000, 5000);
    }
    ph_test_check_all(s);
    ph_test_segments_reopen(s);
    ph_test_check_all(s);
}

static void so_does_one_without_room_for_a_new_segment(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    atomic_store(&s->faults.writes_left, 0);
    assert_int_equal(ph_test_deliver(s, 3, 1000, 5000, &err), PH_ELIMIT);
    assert_int_equal(ph_test_deliver(s, 3, 1000, 5000, &err), PH_ELIMIT);
    atomic_store(&s->faults.writes_left, -1);
    deliver(s, 3, 1000, 5000);
    ph_test_check_all(s);
    assert_int_equal(ph_test_stats(s).segments, 1);
}

static void after_a_failed_sync_nothing_is_written(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    deliver(s, 2, 1000, 5000);
    s->store.log.level = PH_LOG_ERROR + 1; /* what follows is meant */
    atomic_store(&s->faults.syncs_left, 0);
    assert_int_equal(ph_test_deliver(s, 3, 1000, 5000, &err), PH_EUNKNOWN_OUTCOME);
    atomic_store(&s->faults.syncs_left, -1);
    assert_true(ph_test_stats(s).is_broken);
    assert_int_equal(ph_test_deliver(s, 3, 1000, 5000, &err), PH_EUNAVAILABLE);
    assert_int_equal(ph_test_delete(s, &s->messages[0], &err), PH_EUNAVAILABLE);
    assert_int_equal(ph_test_check(s, &s->messages[0], &err), PH_OK);
    ph_test_segments_reopen(s);
    s->store.log.level = PH_LOG_ERROR;
    deliver(s, 4, 1000, 5000);
    ph_test_check_all(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(content_of_every_size_is_octet_exact),
        TEST(it_is_read_from_any_offset_in_any_steps),
        TEST(content_may_be_a_prefix_and_a_part_of_a_spool),
        TEST(what_was_never_put_is_not_found),
        TEST(a_delivery_costs_two_rows_and_one_mark),
        TEST(text_is_stored_smaller_where_it_is_asked_for),
        TEST(content_goes_with_the_last_message),
        TEST(a_repeated_plan_changes_nothing),
        TEST(segments_are_rolled_and_sealed),
        TEST(a_restart_goes_on_in_the_same_segment),
        TEST(ids_ascend_where_the_clock_was_set_back),
        TEST(damaged_octets_are_never_handed_out),
        TEST(of_a_message_of_usual_size_all_is_held_when_it_is_opened),
        TEST(of_two_one_of_which_is_not_there_the_missing_one_is_named),
        TEST(damaged_octets_that_are_held_are_found_too),
        TEST(of_large_content_only_the_damaged_frame_is_lost),
        TEST(damage_that_was_met_is_known_before_reading),
        TEST(a_full_disk_fails_the_put_and_passes),
        TEST(so_does_one_without_room_for_a_new_segment),
        TEST(after_a_failed_sync_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
