/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/segment_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

/* ---- Faults ---- */

static void count_down_to_end(struct ph_test_faults *faults)
{
    if (atomic_load(&faults->calls_to_end) >= 0 && atomic_fetch_sub(&faults->calls_to_end, 1) == 0) {
        _exit(0);
    }
}

static bool is_due(atomic_int *left)
{
    return atomic_load(left) >= 0 && (atomic_load(left) == 0 || atomic_fetch_sub(left, 1) == 0);
}

static ssize_t faulty_pwritev(void *ctx, int fd, const struct iovec *parts, int count, off_t offset)
{
    struct ph_test_faults *faults = ctx;
    count_down_to_end(faults);
    if (is_due(&faults->writes_left)) {
        errno = atomic_load(&faults->write_errno);
        return -1;
    }
    struct iovec first = parts[0];
    size_t most = (size_t)atomic_load(&faults->write_most);
    if (most > 0) {
        first.iov_len = first.iov_len < most ? first.iov_len : most;
        return pwritev(fd, &first, 1, offset);
    }
    return pwritev(fd, parts, count, offset);
}

static int faulty_fdatasync(void *ctx, int fd)
{
    struct ph_test_faults *faults = ctx;
    count_down_to_end(faults);
    atomic_fetch_add(&faults->syncs, 1);
    if (is_due(&faults->syncs_left)) {
        errno = EIO;
        return -1;
    }
    (void)fd; /* no test can see whether it was done, and all of them would wait for it */
    return 0;
}

/* ---- Life ---- */

static void open_blobs(struct ph_test_segments *s)
{
    struct ph_error err = {0};
    if (ph_segment_store_open(&s->options, s->store.db, &s->blobs, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
}

void ph_test_segments_init(struct ph_test_segments *s, uint64_t segment_bytes)
{
    memset(s, 0, sizeof *s);
    ph_test_store_init(&s->store, &ph_test_engines[0]);
    atomic_store(&s->faults.writes_left, -1);
    atomic_store(&s->faults.syncs_left, -1);
    atomic_store(&s->faults.calls_to_end, -1);
    atomic_store(&s->faults.write_errno, ENOSPC);
    s->ops = (struct ph_file_ops){faulty_pwritev, faulty_fdatasync, &s->faults};
    snprintf(s->directory, sizeof s->directory, "%s/segments", s->store.directory);
    snprintf(s->spool_directory, sizeof s->spool_directory, "%s/spool", s->store.directory);
    s->mailbox = ph_uuid_gen_next(&s->store.ids);
    s->options = (struct ph_segment_options){
        .directory = s->directory,
        .spool_directory = s->spool_directory,
        .compress_headers = true,
        .compress_bodies = true,
        .segment_bytes = segment_bytes,
        .compact_interval_seconds = 3600,
        .ids = &s->store.ids,
        .clock = &ph_clock_system,
        .log = &s->store.log,
        .file_ops = &s->ops,
    };
    open_blobs(s);
}

void ph_test_segments_close(struct ph_test_segments *s)
{
    ph_segment_store_close(&s->blobs);
    ph_db_close(&s->store.db);
}

void ph_test_segments_open(struct ph_test_segments *s)
{
    ph_test_store_reopen(&s->store);
    open_blobs(s);
}

void ph_test_segments_fini(struct ph_test_segments *s)
{
    ph_segment_store_close(&s->blobs);
    ph_test_store_fini(&s->store);
    free(s->messages);
}

/* ---- Messages ---- */

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void ph_test_content(uint64_t seed, uint8_t *out, size_t len)
{
    static const char *const words[] = {"mailbox ", "Received: from ", "agenda ", "for the meeting\r\n",
                                        "report, ", "of next week ",   "\r\n",    "Subject: "};
    uint64_t state = seed;
    for (size_t at = 0; at < len;) {
        uint64_t random = next_random(&state);
        const char *word = words[random % 8];
        bool is_noise = (seed & 1) != 0;
        size_t step = is_noise ? sizeof random : strlen(word);
        step = step < len - at ? step : len - at;
        memcpy(out + at, is_noise ? (const char *)&random : word, step);
        at += step;
    }
}

static struct ph_spool spool_of(struct ph_test_segments *s, struct ph_bytes octets)
{
    struct ph_spool spool;
    struct ph_error err = {0};
    ph_spool_init(&spool, s->spool_directory, 300000, UINT64_MAX);
    if (ph_spool_write(&spool, octets, &err) != PH_OK) {
        fail_msg("%s", err.text);
    }
    return spool;
}

static void add_rows(struct ph_test_segments *s, struct ph_plan *plan, const struct ph_test_message *m)
{
    struct ph_value id = ph_uuid_value(&m->id);
    struct ph_value mailbox = ph_uuid_value(&s->mailbox);
    struct ph_value header = ph_blob_id_value(&m->header_blob);
    struct ph_value body = ph_blob_id_value(&m->body_blob);
    struct ph_value size = ph_i64((int64_t)(m->header_len + m->body_len));
    struct ph_value start = ph_i64((int64_t)m->header_len);
    struct ph_value uid = ph_i64((int64_t)s->message_count + 1);
    struct ph_value now = ph_i64(0);
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_MESSAGE_INSERT, id, now, start, ph_i64((int64_t)m->body_len),
                size, body, header);
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT, id, mailbox, uid, uid, now, now, start, size,
                header, body, ph_null(), ph_null());
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_MESSAGE_ID_INSERT, mailbox, uid, id, uid, now, now, start,
                size, header, body, ph_null(), ph_null());
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, mailbox, id, size);
}

int ph_test_deliver(struct ph_test_segments *s, uint64_t seed, size_t header_len, size_t body_len,
                    struct ph_error *err)
{
    struct ph_test_message m = {.seed = seed, .header_len = header_len, .body_len = body_len};
    uint8_t *octets = ph_alloc(header_len + body_len + 1);
    ph_test_content(seed, octets, header_len);
    ph_test_content(seed + 2, octets + header_len, body_len);
    struct ph_spool spool = spool_of(s, ph_bytes_of(octets + header_len, body_len));
    struct ph_blob_item items[2] = {
        {.kind = PH_BLOB_HEADER, .content.prefix = ph_bytes_of(octets, header_len), .references = 1},
        {.kind = PH_BLOB_BODY, .content = {.spool = &spool, .length = body_len}, .references = 1},
    };
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    int result = ph_blob_put_all(s->blobs, &plan, items, 2, err);
    if (result == PH_OK) {
        m.id = ph_uuid_gen_next(&s->store.ids);
        m.header_blob = items[0].id;
        m.body_blob = items[1].id;
        add_rows(s, &plan, &m);
        result = ph_db_apply(s->store.db, &plan, err);
    }
    if (result == PH_OK) {
        s->messages = ph_realloc(s->messages, (s->message_count + 1) * sizeof *s->messages);
        s->messages[s->message_count++] = m;
    }
    ph_arena_fini(&arena);
    ph_spool_fini(&spool);
    free(octets);
    return result;
}

void ph_test_deliver_some(struct ph_test_segments *s, size_t count, size_t body_max)
{
    uint64_t state = s->message_count + 1;
    for (size_t i = 0; i < count; i++) {
        uint64_t seed = next_random(&state);
        struct ph_error err = {0};
        if (ph_test_deliver(s, seed, next_random(&state) % 3000, next_random(&state) % body_max, &err) !=
            PH_OK) {
            fail_msg("%s", err.text);
        }
    }
}

int ph_test_delete(struct ph_test_segments *s, struct ph_test_message *message, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    struct ph_value id = ph_uuid_value(&message->id);
    ph_plan_add(&plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_LOST_POP3_METADATA_DELETE, id);
    ph_plan_add(&plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_LOST_MESSAGE_ID_DELETE, id);
    ph_plan_add(&plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_LOST_IMAP_UID_DELETE, id);
    ph_plan_add(&plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_LOST_MESSAGE_DELETE, id);
    int result = ph_db_apply(s->store.db, &plan, err);
    ph_arena_fini(&arena);
    message->is_deleted = message->is_deleted || result == PH_OK;
    return result;
}

/* ---- Checks ---- */

int ph_test_compare(struct ph_blob_store *blobs, const struct ph_blob_id *id, uint64_t seed, size_t len,
                    size_t step, struct ph_error *err)
{
    struct ph_blob_reader reader;
    int result = ph_blob_open(blobs, id, &reader, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_buf out = PH_BUF(SIZE_MAX);
    uint64_t before;
    do {
        before = reader.offset;
        result = ph_blob_read(blobs, &reader, step, &out, err);
    } while (result == PH_OK && reader.offset > before);
    ph_blob_close(&reader);
    uint8_t *expected = ph_alloc(len + 1);
    ph_test_content(seed, expected, len);
    if (result == PH_OK && !ph_bytes_eq(ph_buf_view(&out), ph_bytes_of(expected, len))) {
        result = ph_fail(err, PH_ECORRUPT, "read other octets than were written");
    }
    free(expected);
    ph_buf_fini(&out);
    return result;
}

int ph_test_check(struct ph_test_segments *s, const struct ph_test_message *message, struct ph_error *err)
{
    int result =
        ph_test_compare(s->blobs, &message->header_blob, message->seed, message->header_len, 1 << 16, err);
    return result == PH_OK ? ph_test_compare(s->blobs, &message->body_blob, message->seed + 2,
                                             message->body_len, 1 << 16, err)
                           : result;
}

bool ph_test_has_message_row(struct ph_test_segments *s, const struct ph_uuid *id)
{
    struct ph_rows *rows = NULL;
    struct ph_error err = {0};
    assert_int_equal(ph_db_query(s->store.db, &rows, &err, PH_STMT_MESSAGE_GET, ph_uuid_value(id)), PH_OK);
    int next = ph_rows_next(rows, &err);
    ph_rows_end(&rows);
    assert_true(next >= 0);
    return next == 1;
}

void ph_test_check_all(struct ph_test_segments *s)
{
    for (size_t i = 0; i < s->message_count; i++) {
        const struct ph_test_message *message = &s->messages[i];
        struct ph_error err = {0};
        int result = ph_test_check(s, message, &err);
        if (result != (message->is_deleted ? PH_ENOTFOUND : PH_OK) ||
            ph_test_has_message_row(s, &message->id) == message->is_deleted) {
            fail_msg("message %zu of %zu: %s", i, s->message_count, err.text);
        }
    }
}

struct ph_segment_stats ph_test_stats(struct ph_test_segments *s)
{
    struct ph_segment_stats stats = {0};
    struct ph_error err = {0};
    assert_int_equal(ph_segment_store_stats(s->blobs, &stats, &err), PH_OK);
    return stats;
}

void ph_test_check_live(struct ph_test_segments *s)
{
    struct ph_arena arena;
    struct ph_error err = {0};
    struct ph_segment_list list;
    ph_arena_init(&arena, 0);
    assert_int_equal(ph_segment_list(s->store.db, &arena, &list, &err), PH_OK);
    uint64_t *live = ph_zalloc((list.count + 1) * sizeof *live);
    struct ph_rows *rows = NULL;
    assert_int_equal(ph_db_query_values(s->store.db, PH_STMT_BLOB_NEWEST_FIRST, NULL, 0, &rows, &err), PH_OK);
    while (ph_rows_next(rows, &err) == 1) {
        struct ph_blob_place place;
        assert_int_equal(ph_blob_place_of_row(rows, &place, &err), PH_OK);
        size_t i = 0;
        while (i < list.count && list.rows[i].number != place.segment) {
            i++;
        }
        assert_true(i < list.count);
        live[i] += place.length;
    }
    ph_rows_end(&rows);
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.rows[i].live, live[i]);
    }
    free(live);
    ph_arena_fini(&arena);
}

void ph_test_segment_path(const struct ph_test_segments *s, uint32_t number, char out[128])
{
    snprintf(out, 128, "%s/%08u.seg", s->directory, number);
}
