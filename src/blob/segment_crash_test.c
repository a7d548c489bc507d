/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crashes. Loss of power: the database is kept, and of the segments what stands behind the verified marks is damaged
 * as a disk may leave it. Kill: a process that ends at the Nth write or sync, for every N until it gets through.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/record.h"
#include "blob/segment_fixture.h"

enum { SEGMENT_BYTES = 200000, PAGE = 4096 };

static int setup(void **state)
{
    struct ph_test_segments *s = ph_alloc(sizeof *s);
    ph_test_segments_init(s, SEGMENT_BYTES);
    s->store.log.level = PH_LOG_ERROR; /* each lost message is a warning */
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

static void apply(struct ph_test_segments *s, enum ph_stmt stmt, int64_t one, int64_t two, int64_t three)
{
    struct ph_error err = {0};
    int result = stmt == PH_STMT_SEGMENT_MARK
                     ? ph_segment_apply_one(s->store.db, &err, stmt, ph_i64(one), ph_i64(two), ph_i64(three))
                     : ph_segment_apply_one(s->store.db, &err, stmt, ph_i64(one), ph_i64(two));
    assert_int_equal(result, PH_OK);
}

static struct ph_blob_place place_of(struct ph_test_segments *s, const struct ph_uuid *blob)
{
    struct ph_blob_place place;
    struct ph_error err = {0};
    assert_int_equal(ph_blob_place_get(s->store.db, blob, &place, &err), PH_OK);
    return place;
}

/* ---- Loss of power ---- */

struct image {
    uint8_t *octets;
    size_t len;
};

static struct image read_segment(const struct ph_test_segments *s, uint32_t number)
{
    char path[128];
    ph_test_segment_path(s, number, path);
    struct image image = {0};
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        struct stat st;
        assert_int_equal(fstat(fd, &st), 0);
        image.len = (size_t)st.st_size;
        image.octets = ph_alloc(image.len);
        assert_int_equal(pread(fd, image.octets, image.len, 0), image.len);
        close(fd);
    }
    return image;
}

static bool is_same_record(const struct ph_blob_place *place, struct image before, struct image after)
{
    size_t end = (size_t)(place->offset + place->length);
    return end <= after.len &&
           memcmp(before.octets + place->offset, after.octets + place->offset, (size_t)place->length) == 0;
}

/* From FROM on: the end is not there, or some pages are zeros, or both. */
static void damage(const struct ph_test_segments *s, uint32_t number, uint64_t from, unsigned *random)
{
    char path[128];
    ph_test_segment_path(s, number, path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    uint64_t size = (uint64_t)st.st_size;
    static const uint8_t zeros[PAGE];
    for (uint64_t at = from / PAGE * PAGE; at < size; at += PAGE) {
        if ((unsigned)rand_r(random) % 8 == 0) {
            uint64_t start = at < from ? from : at;
            uint64_t end = at + PAGE < size ? at + PAGE : size;
            assert_int_equal(pwrite(fd, zeros, (size_t)(end - start), (off_t)start), end - start);
        }
    }
    if ((unsigned)rand_r(random) % 2 == 0) {
        uint64_t cut = from + (unsigned)rand_r(random) % (size - from + 1);
        assert_int_equal(ftruncate(fd, (off_t)cut), 0);
    }
    close(fd);
}

/* Not the compactor's: those are synced before rows point there. */
static bool is_delivered_to(const struct ph_segment_row *row, const struct ph_blob_place *places,
                            size_t first, size_t count)
{
    bool is_there = row->state == PH_SEGMENT_ACTIVE;
    for (size_t i = 2 * first; i < 2 * count; i++) {
        is_there = is_there || places[i].segment == row->number;
    }
    return is_there;
}

/* Messages from index FIRST on were committed and not yet marked as synced when the power went. */
static void lose_power(struct ph_test_segments *s, size_t first, unsigned *random)
{
    struct ph_arena arena;
    struct ph_segment_list list;
    struct ph_error err = {0};
    ph_arena_init(&arena, 0);
    struct ph_blob_place doubtful = place_of(s, &s->messages[first].header_blob.uuid);
    struct ph_blob_place *places = ph_zalloc(2 * s->message_count * sizeof *places);
    for (size_t i = 0; i < s->message_count; i++) {
        if (!s->messages[i].is_deleted) {
            places[2 * i] = place_of(s, &s->messages[i].header_blob.uuid);
            places[2 * i + 1] = place_of(s, &s->messages[i].body_blob.uuid);
        }
    }
    ph_test_segments_close(s);
    ph_test_store_reopen(&s->store);
    assert_int_equal(ph_segment_list(s->store.db, &arena, &list, &err), PH_OK);
    uint32_t number_max = list.rows[list.count - 1].number;
    struct image *before = ph_zalloc((number_max + 1) * sizeof *before);
    struct image *after = ph_zalloc((number_max + 1) * sizeof *after);
    for (uint32_t number = 1; number <= number_max; number++) {
        before[number] = read_segment(s, number);
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct ph_segment_row *row = &list.rows[i];
        if (row->number < doubtful.segment || !is_delivered_to(row, places, first, s->message_count)) {
            continue;
        }
        uint64_t mark = row->number == doubtful.segment ? doubtful.offset : PH_SEGMENT_HEADER_BYTES;
        apply(s, PH_STMT_SEGMENT_STATE, row->number, PH_SEGMENT_ACTIVE, 0);
        apply(s, PH_STMT_SEGMENT_MARK, row->number, (int64_t)row->size, (int64_t)mark);
        damage(s, row->number, mark, random);
    }
    for (uint32_t number = 1; number <= number_max; number++) {
        after[number] = read_segment(s, number);
    }
    size_t lost = 0;
    for (size_t i = 0; i < s->message_count; i++) {
        for (size_t b = 2 * i; b < 2 * i + 2 && !s->messages[i].is_deleted; b++) {
            uint32_t number = places[b].segment;
            if (!is_same_record(&places[b], before[number], after[number])) {
                s->messages[i].is_deleted = true;
                lost++;
            }
        }
    }
    ph_db_close(&s->store.db);
    ph_test_segments_open(s);
    assert_int_equal(ph_test_stats(s).removed_lost, lost);
    for (uint32_t number = 0; number <= number_max; number++) {
        free(before[number].octets);
        free(after[number].octets);
    }
    free(before);
    free(after);
    free(places);
    ph_arena_fini(&arena);
}

static void exactly_the_damaged_messages_go(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 8; seed++) {
        unsigned random = seed;
        struct ph_test_segments s;
        ph_test_segments_init(&s, SEGMENT_BYTES);
        ph_test_deliver_some(&s, 40, 30000);
        lose_power(&s, 10 + (unsigned)rand_r(&random) % 30, &random);
        ph_test_check_all(&s);
        ph_test_check_live(&s);
        /* What follows goes behind what was kept, and the next crash finds it. */
        size_t kept = s.message_count;
        ph_test_deliver_some(&s, 20, 30000);
        ph_test_segments_reopen(&s);
        ph_test_check_all(&s);
        lose_power(&s, kept + (unsigned)rand_r(&random) % 20, &random);
        ph_test_check_all(&s);
        ph_test_segments_fini(&s);
    }
}

/* Rows that the compactor moved stand between others, with low ids in young segments. */
static void also_after_compaction(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 4; seed++) {
        unsigned random = seed;
        struct ph_test_segments s;
        struct ph_error err = {0};
        ph_test_segments_init(&s, SEGMENT_BYTES);
        for (unsigned round = 0; round < 3; round++) {
            ph_test_deliver_some(&s, 40, 20000);
            for (size_t i = 0; i < s.message_count; i += 1 + (unsigned)rand_r(&random) % 3) {
                assert_int_equal(ph_test_delete(&s, &s.messages[i], &err), PH_OK);
            }
            assert_int_equal(ph_segment_store_compact_now(s.blobs, 100, &err), PH_OK);
        }
        size_t first = s.message_count;
        ph_test_deliver_some(&s, 20, 20000);
        lose_power(&s, first + (unsigned)rand_r(&random) % 20, &random);
        ph_test_check_all(&s);
        ph_test_check_live(&s);
        ph_test_segments_fini(&s);
    }
}

static void the_unfinished_tail_is_cut(void **state)
{
    struct ph_test_segments *s = *state;
    deliver(s, 2, 1000, 10000);
    struct ph_blob_place last = place_of(s, &s->messages[0].body_blob.uuid);
    char path[128];
    ph_test_segment_path(s, last.segment, path);
    ph_test_segments_close(s);
    int fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "half a record", 13), 13);
    close(fd);
    ph_test_segments_open(s);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, last.offset + last.length);
    deliver(s, 4, 1000, 10000);
    assert_int_equal(place_of(s, &s->messages[1].header_blob.uuid).offset, last.offset + last.length);
    ph_test_check_all(s);
}

static void a_dead_segment_is_removed_by_the_next_run(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_deliver_some(s, 60, 20000);
    uint64_t segments = ph_test_stats(s).segments;
    struct ph_error err = {0};
    for (size_t i = 0; i < s->message_count; i++) {
        if (place_of(s, &s->messages[i].header_blob.uuid).segment == 1 ||
            place_of(s, &s->messages[i].body_blob.uuid).segment == 1) {
            assert_int_equal(ph_test_delete(s, &s->messages[i], &err), PH_OK);
        }
    }
    apply(s, PH_STMT_SEGMENT_STATE, 1, PH_SEGMENT_DEAD, 0);
    ph_test_segments_reopen(s);
    char path[128];
    ph_test_segment_path(s, 1, path);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_true(ph_test_stats(s).segments < segments + 1);
    ph_test_check_all(s);
}

/* ---- Kill ---- */

/* Runs WORK in a process of its own, which ends at the CALLs-th write or sync. True: it got through before. */
static bool run_until_killed(struct ph_test_segments *s, int calls,
                             void (*work)(struct ph_test_segments *, int), int out_fd)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        ph_test_segments_open(s);
        atomic_store(&s->faults.calls_to_end, calls);
        work(s, out_fd);
        _exit(7);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 7);
    return WEXITSTATUS(status) == 7;
}

static void compact(struct ph_test_segments *s, int out_fd)
{
    (void)out_fd;
    struct ph_error err = {0};
    if (ph_segment_store_compact_now(s->blobs, 100, &err) != PH_OK) {
        _exit(1);
    }
}

static void a_killed_compaction_loses_nothing(void **state)
{
    struct ph_test_segments *s = *state;
    struct ph_error err = {0};
    ph_test_deliver_some(s, 70, 15000);
    for (size_t i = 0; i < s->message_count; i++) {
        if (i % 3 != 0) {
            assert_int_equal(ph_test_delete(s, &s->messages[i], &err), PH_OK);
        }
    }
    ph_test_segments_close(s);
    bool is_through = false;
    for (int calls = 1; !is_through; calls = calls < 8 ? calls + 1 : calls * 3 / 2) {
        is_through = run_until_killed(s, calls, compact, -1);
        ph_test_segments_open(s);
        ph_test_check_all(s);
        ph_test_check_live(s);
        ph_test_segments_close(s);
    }
    ph_test_segments_open(s);
    assert_true(ph_test_stats(s).octets < ph_test_stats(s).live_octets + UINT64_C(2) * SEGMENT_BYTES);
}

static void deliver_and_tell(struct ph_test_segments *s, int out_fd)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct ph_error err = {0};
        size_t body_len = seed % 3 == 2 ? 90000 : 9000;
        if (ph_test_deliver(s, seed, 500, body_len, &err) != PH_OK) {
            _exit(1);
        }
        const struct ph_test_message *last = &s->messages[s->message_count - 1];
        if (write(out_fd, last, sizeof *last) != (ssize_t)sizeof *last) {
            _exit(1);
        }
    }
}

/* Everything that a row points to can be read, acknowledged or not. */
static void check_every_row(struct ph_test_segments *s)
{
    struct ph_rows *rows = NULL;
    struct ph_error err = {0};
    assert_int_equal(ph_db_query_values(s->store.db, PH_STMT_BLOB_NEWEST_FIRST, NULL, 0, &rows, &err), PH_OK);
    while (ph_rows_next(rows, &err) == 1) {
        struct ph_blob_id id;
        assert_true(ph_row_blob_id(rows, 5, &id));
        struct ph_blob_reader reader;
        assert_int_equal(ph_blob_open(s->blobs, &id, &reader, &err), PH_OK);
        struct ph_buf out = PH_BUF(SIZE_MAX);
        if (ph_blob_read(s->blobs, &reader, SIZE_MAX, &out, &err) != PH_OK) {
            fail_msg("%s", err.text);
        }
        ph_buf_fini(&out);
    }
    ph_rows_end(&rows);
}

static void what_was_acknowledged_survives_a_kill(void **state)
{
    struct ph_test_segments *s = *state;
    ph_test_segments_close(s);
    bool is_through = false;
    for (int calls = 1; !is_through; calls++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        is_through = run_until_killed(s, calls, deliver_and_tell, ends[1]);
        close(ends[1]);
        struct ph_test_message told;
        while (read(ends[0], &told, sizeof told) == (ssize_t)sizeof told) {
            s->messages = ph_realloc(s->messages, (s->message_count + 1) * sizeof *s->messages);
            s->messages[s->message_count++] = told;
        }
        close(ends[0]);
        ph_test_segments_open(s);
        ph_test_check_all(s);
        check_every_row(s);
        ph_test_check_live(s);
        ph_test_segments_close(s);
    }
    ph_test_segments_open(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_the_damaged_messages_go),
        cmocka_unit_test(also_after_compaction),
        TEST(the_unfinished_tail_is_cut),
        TEST(a_dead_segment_is_removed_by_the_next_run),
        TEST(a_killed_compaction_loses_nothing),
        TEST(what_was_acknowledged_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
