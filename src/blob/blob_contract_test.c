/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every store of content keeps: segments; Cassandra's tables, ours and James's, where POSTHOUSE_TEST_CASSANDRA
 * names a node; and S3 where POSTHOUSE_TEST_S3 names a service, too ("http://127.0.0.1:8014"; bucket `mail`, key
 * `posthouse`, secret `secret-of-tests`).
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/mem.h"
#include "blob/cassandra_store.h"
#include "blob/s3_store.h"
#include "blob/segment_fixture.h"
#ifdef PH_WITH_CASSANDRA
#include "db/cassandra/test_keyspace.h"
#endif

/* ---- Stores ---- */

struct fixture;

struct kind {
    const char *name;
    int (*open)(struct fixture *f, struct ph_error *err);
    void (*close)(struct ph_blob_store **store);
    bool is_far;    /* takes sizes on trust, and takes back what a failed plan put */
    bool is_shared; /* with James */
    struct ph_test_engine engine;
};

struct fixture {
    const struct kind *kind;
    struct ph_test_store store;
    struct ph_blob_store *blobs;
    struct ph_uuid mailbox;
    char directory[96];
    char spool_directory[96];
    struct ph_arena arena;
    struct ph_error err;
};

static int open_segments(struct fixture *f, struct ph_error *err)
{
    const struct ph_segment_options options = {
        .directory = f->directory,
        .spool_directory = f->spool_directory,
        .compress_headers = true,
        .compress_bodies = true,
        .compact_interval_seconds = 3600,
        .ids = &f->store.ids,
        .clock = &ph_clock_system,
        .log = &f->store.log,
    };
    return ph_segment_store_open(&options, f->store.db, &f->blobs, err);
}

#ifdef PH_WITH_CASSANDRA
static int open_cassandra(struct fixture *f, struct ph_error *err)
{
    const struct ph_cassandra_store_options options = {
        .compress_headers = true,
        .compress_bodies = true,
        .is_shared = f->kind->is_shared,
        .ids = &f->store.ids,
        .clock = &ph_clock_system,
        .log = &f->store.log,
    };
    return ph_cassandra_store_open(&options, f->store.db, &f->blobs, err);
}

static int open_s3(struct fixture *f, struct ph_error *err)
{
    const struct ph_s3_store_options options = {
        .service =
            {
                .endpoint = getenv("POSTHOUSE_TEST_S3"),
                .bucket = "mail",
                .region = "us-east-1",
                .prefix = "content/",
                .access_key = "posthouse",
                .secret_key = "secret-of-tests",
            },
        .spool_directory = f->spool_directory,
        .compress_headers = true,
        .compress_bodies = true,
        .is_shared = f->kind->is_shared,
        .ids = &f->store.ids,
        .clock = &ph_clock_system,
        .log = &f->store.log,
    };
    return ph_s3_store_open(&options, f->store.db, &f->blobs, err);
}

static int open_shared(struct ph_test_store *store, struct ph_error *err)
{
    char name[PH_TEST_KEYSPACE_NAME_MAX];
    struct ph_cassandra_options options;
    ph_test_keyspace_options(PH_CASSANDRA_LWT_FREE, true, name, &options);
    options.log = &store->log;
    return ph_cassandra_open(&options, &store->db, err);
}

static int clear_shared(struct ph_test_store *store, struct ph_error *err)
{
    (void)store;
    char name[PH_TEST_KEYSPACE_NAME_MAX];
    struct ph_cassandra_options options;
    ph_test_keyspace_options(PH_CASSANDRA_LWT_FREE, true, name, &options);
    return ph_test_keyspace_clear(&options, err);
}

#define OWN_ENGINE                                                           \
    {                                                                        \
        "cassandra", ph_test_keyspace_open_free, ph_test_keyspace_clear_free \
    }
#define SHARED_ENGINE                                     \
    {                                                     \
        "cassandra with James", open_shared, clear_shared \
    }
#endif

static const struct kind segments = {"segments", open_segments, ph_segment_store_close, false, false, {0}};

#ifdef PH_WITH_CASSANDRA
static const struct kind far_kinds[] = {
    {"cassandra", open_cassandra, ph_cassandra_store_close, true, false, OWN_ENGINE},
    {"cassandra, with James", open_cassandra, ph_cassandra_store_close, true, true, SHARED_ENGINE},
    {"s3", open_s3, ph_s3_store_close, true, false, OWN_ENGINE},
    {"s3, with James", open_s3, ph_s3_store_close, true, true, SHARED_ENGINE},
};
enum { S3_FROM = 2 };
#endif

static const struct kind *current; /* whose suite runs */

static int set_up(void **state)
{
    struct fixture *f = ph_zalloc(sizeof *f);
    f->kind = current;
    ph_test_store_init(&f->store, current->engine.open == NULL ? &ph_test_engines[0] : &current->engine);
    f->store.log.level = PH_LOG_ERROR;
    snprintf(f->directory, sizeof f->directory, "%s/segments", f->store.directory);
    snprintf(f->spool_directory, sizeof f->spool_directory, "%s/spool", f->store.directory);
    f->mailbox = ph_uuid_gen_next(&f->store.ids);
    ph_arena_init(&f->arena, 0);
    if (current->open(f, &f->err) != PH_OK) {
        fail_msg("%s: %s", current->name, f->err.text);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    f->kind->close(&f->blobs);
    ph_arena_fini(&f->arena);
    ph_test_store_fini(&f->store);
    free(f);
    return 0;
}

static void must(struct fixture *f, int result, const char *what)
{
    if (result != PH_OK) {
        fail_msg("%s: %s: %s", f->kind->name, what, f->err.text);
    }
}

/* ---- Messages ---- */

struct message {
    struct ph_uuid id;
    uint64_t seed;
    size_t header_len;
    size_t body_len;
    struct ph_blob_id header;
    struct ph_blob_id body;
};

static void add_rows(struct fixture *f, struct ph_plan *plan, const struct message *m,
                     const struct ph_uuid *mailbox)
{
    struct ph_value id = ph_uuid_value(&m->id);
    struct ph_value size = ph_i64((int64_t)(m->header_len + m->body_len));
    struct ph_value start = ph_i64((int64_t)m->header_len);
    struct ph_value uid = ph_i64((int64_t)(ph_uuid_unix_us(&m->id) & 0x7fffffff));
    (void)f;
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_MESSAGE_INSERT, id, ph_i64(0), start,
                ph_i64((int64_t)m->body_len), size, ph_blob_id_value(&m->body), ph_blob_id_value(&m->header));
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT, id, ph_uuid_value(mailbox), uid, uid,
                ph_i64(0), ph_i64(0), start, size, ph_blob_id_value(&m->header), ph_blob_id_value(&m->body),
                ph_null(), ph_null());
}

/* As a delivery of COPIES messages, whose body is one where the store shares. */
static void deliver(struct fixture *f, uint64_t seed, size_t header_len, size_t body_len,
                    struct message *messages, unsigned copies)
{
    uint8_t *octets = ph_alloc(header_len + body_len + 1);
    ph_test_content(seed, octets, header_len);
    ph_test_content(seed + 2, octets + header_len, body_len);
    struct ph_spool spool;
    ph_spool_init(&spool, f->store.directory, 300000, UINT64_MAX);
    must(f, ph_spool_write(&spool, ph_bytes_of(octets + header_len, body_len), &f->err), "spool");
    struct ph_plan plan;
    ph_plan_init(&plan, &f->arena);
    for (unsigned i = 0; i < copies; i++) {
        struct message *m = &messages[i];
        *m = (struct message){.seed = seed, .header_len = header_len, .body_len = body_len};
        const struct ph_blob_content header = {.prefix = ph_bytes_of(octets, header_len)};
        const struct ph_blob_content body = {.spool = &spool, .length = body_len};
        bool is_one = ph_blob_shares(f->blobs);
        if (i == 0 || !is_one) {
            must(f, ph_blob_put(f->blobs, &plan, PH_BLOB_BODY, &body, is_one ? copies : 1, &m->body, &f->err),
                 "put");
        } else {
            m->body = messages[0].body;
        }
        must(f, ph_blob_put(f->blobs, &plan, PH_BLOB_HEADER, &header, 1, &m->header, &f->err), "put");
        m->id = ph_uuid_gen_next(&f->store.ids);
        add_rows(f, &plan, m, &f->mailbox);
    }
    must(f, ph_db_apply(f->store.db, &plan, &f->err), "deliver");
    ph_spool_fini(&spool);
    free(octets);
}

static void remove_message(struct fixture *f, const struct message *m, const struct ph_uuid *mailbox)
{
    struct ph_plan plan;
    ph_plan_init(&plan, &f->arena);
    ph_plan_add(&plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE, ph_uuid_value(&m->id),
                ph_uuid_value(mailbox));
    ph_plan_add(&plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_MESSAGE_DELETE_UNREFERENCED, ph_uuid_value(&m->id));
    ph_blob_remove(f->blobs, &plan, &m->id, &m->header, &m->body);
    must(f, ph_db_apply(f->store.db, &plan, &f->err), "remove");
}

static int compare(struct fixture *f, const struct ph_blob_id *id, uint64_t seed, size_t len, size_t step)
{
    f->err = (struct ph_error){0};
    return ph_test_compare(f->blobs, id, seed, len, step, &f->err);
}

/* As a message is read: both sizes known, header and body opened together. */
static int read_message(struct fixture *f, const struct message *m, size_t step)
{
    struct ph_blob_reader header;
    struct ph_blob_reader body;
    struct ph_blob_reader *const readers[] = {&header, &body};
    ph_blob_reader_init(&header, &m->header, m->header_len);
    ph_blob_reader_init(&body, &m->body, m->body_len);
    struct ph_buf out = PH_BUF(m->header_len + m->body_len + step);
    int result = ph_blob_open_first(f->blobs, readers, 2, &f->err);
    for (unsigned i = 0; i < 2; i++) {
        size_t before;
        do {
            before = out.len;
            if (result == PH_OK) {
                result = ph_blob_read(f->blobs, readers[i], step, &out, &f->err);
            }
        } while (result == PH_OK && out.len > before);
        ph_blob_close(readers[i]);
    }
    uint8_t *expected = ph_alloc(m->header_len + m->body_len + 1);
    ph_test_content(m->seed, expected, m->header_len);
    ph_test_content(m->seed + 2, expected + m->header_len, m->body_len);
    if (result == PH_OK) {
        assert_true(ph_bytes_eq(ph_buf_view(&out), ph_bytes_of(expected, m->header_len + m->body_len)));
    }
    free(expected);
    ph_buf_fini(&out);
    return result;
}

static void pause_ms(unsigned ms)
{
    struct timespec pause = {0, (long)ms * 1000000};
    nanosleep(&pause, NULL);
}

/* What is removed behind a plan is gone a little later. */
static void wait_until_gone(struct fixture *f, const struct ph_blob_id *id)
{
    for (unsigned i = 0; i < 1500; i++) {
        struct ph_blob_reader reader;
        int result = ph_blob_open(f->blobs, id, &reader, &f->err);
        ph_blob_close(&reader);
        if (result == PH_ENOTFOUND) {
            return;
        }
        must(f, result, "open");
        pause_ms(10);
    }
    fail_msg("%s: content is still there", f->kind->name);
}

/* ---- Coming back ---- */

static void content_of_every_length_comes_back(void **state)
{
    static const size_t lengths[] = {0,      1,      2,      100,    4000,   65535,  65536,   65537,  102399,
                                     102400, 102401, 204800, 300000, 819200, 819201, 1048576, 5000000};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (uint64_t seed = 10; seed < 12; seed++) {
            struct message m;
            deliver(f, seed, 700, lengths[i], &m, 1);
            must(f, compare(f, &m.body, seed + 2, lengths[i], 1 << 16), "compare");
            must(f, compare(f, &m.header, seed, 700, 99), "compare");
            must(f, read_message(f, &m, 32768), "read");
            ph_arena_reset(&f->arena);
        }
    }
}

static void any_offset_can_be_read(void **state)
{
    enum { LEN = 450000 };
    struct fixture *f = *state;
    uint8_t *expected = ph_alloc(LEN);
    ph_test_content(42, expected, LEN);
    struct message m;
    deliver(f, 40, 10, LEN, &m, 1);
    struct ph_blob_reader reader;
    ph_blob_reader_init(&reader, &m.body, LEN);
    static const uint64_t offsets[] = {0, 65530, 102399, 102400, 449999, 204700, 7, LEN};
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        struct ph_buf out = PH_BUF(1000);
        reader.offset = offsets[i];
        must(f, ph_blob_read(f->blobs, &reader, 1000, &out, &f->err), "read");
        size_t len = LEN - offsets[i] < 1000 ? (size_t)(LEN - offsets[i]) : 1000;
        assert_int_equal(out.len, len);
        assert_true(len == 0 || memcmp(out.ptr, expected + offsets[i], len) == 0);
        ph_buf_fini(&out);
    }
    ph_blob_close(&reader);
    free(expected);
}

static void what_was_never_put_is_not_found(void **state)
{
    struct fixture *f = *state;
    const struct ph_uuid uuid = ph_uuid_gen_next(&f->store.ids);
    struct ph_blob_id ids[2] = {ph_blob_id_of(&uuid)};
    assert_int_equal(ph_blob_id_parse(PH_BYTES("1_628_jBCfDvPCI4-"), &ids[1]), PH_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct ph_blob_reader reader;
        assert_int_equal(ph_blob_open(f->blobs, &ids[i], &reader, &f->err), PH_ENOTFOUND);
        ph_blob_close(&reader);
        struct ph_blob_reader *const readers[] = {&reader};
        ph_blob_reader_init(&reader, &ids[i], 100);
        assert_int_equal(ph_blob_open_first(f->blobs, readers, 1, &f->err), PH_ENOTFOUND);
        ph_blob_close(&reader);
    }
}

static void a_size_that_is_wrong_is_found_out(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {5000, 102400, 250000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct message m;
        deliver(f, 31, 10, lengths[i], &m, 1);
        for (int off = -1; off <= 1; off += 2) {
            struct message wrong = m;
            wrong.body_len = (size_t)((long)m.body_len + off);
            int expected = f->kind->is_far ? PH_ECORRUPT : PH_OK;
            struct ph_blob_reader reader;
            ph_blob_reader_init(&reader, &wrong.body, wrong.body_len);
            struct ph_buf out = PH_BUF(300000);
            int result;
            size_t before;
            do {
                before = out.len;
                result = ph_blob_read(f->blobs, &reader, 100000, &out, &f->err);
            } while (result == PH_OK && out.len > before);
            assert_int_equal(result, expected);
            ph_blob_close(&reader);
            ph_buf_fini(&out);
        }
    }
}

/* ---- Going ---- */

static void content_goes_with_the_last_mailbox(void **state)
{
    struct fixture *f = *state;
    struct message m;
    deliver(f, 4, 900, 3000, &m, 1);
    const struct ph_uuid other = ph_uuid_gen_next(&f->store.ids);
    struct ph_plan plan;
    ph_plan_init(&plan, &f->arena);
    add_rows(f, &plan, &m, &other);
    must(f, ph_db_apply(f->store.db, &plan, &f->err), "copy");
    remove_message(f, &m, &f->mailbox);
    must(f, read_message(f, &m, 32768), "read");
    remove_message(f, &m, &other);
    wait_until_gone(f, &m.header);
    wait_until_gone(f, &m.body);
}

static void a_shared_body_goes_with_the_last_message(void **state)
{
    enum { COPIES = 5 };
    struct fixture *f = *state;
    struct message m[COPIES];
    deliver(f, 5, 500, 150000, m, COPIES);
    for (unsigned i = 0; i < COPIES; i++) {
        /* Once more changes nothing: who is told of no outcome repeats. */
        remove_message(f, &m[i], &f->mailbox);
        if (f->kind->is_far) {
            struct ph_plan plan;
            ph_plan_init(&plan, &f->arena);
            ph_blob_remove(f->blobs, &plan, &m[i].id, &m[i].header, &m[i].body);
            must(f, ph_db_apply(f->store.db, &plan, &f->err), "repeat");
        }
        wait_until_gone(f, &m[i].header);
        for (unsigned k = i + 1; k < COPIES; k++) {
            must(f, read_message(f, &m[k], 32768), "read");
        }
    }
    wait_until_gone(f, &m[0].body);
}

static void a_plan_that_fails_takes_back_what_it_put(void **state)
{
    struct fixture *f = *state;
    static const size_t lengths[] = {3000, 900000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t *octets = ph_alloc(lengths[i]);
        ph_test_content(6, octets, lengths[i]);
        const struct ph_blob_content content = {.prefix = ph_bytes_of(octets, lengths[i])};
        struct ph_blob_id id;
        struct ph_plan plan;
        ph_plan_init(&plan, &f->arena);
        must(f, ph_blob_put(f->blobs, &plan, PH_BLOB_BODY, &content, 1, &id, &f->err), "put");
        ph_plan_require(&plan, PH_ENOTFOUND, PH_STAGE_TRUTH, PH_STMT_MAPPING_DELETE, ph_text_str("nobody"),
                        ph_text_str("example.org"), ph_text_str("alias:nobody@example.org"));
        assert_int_equal(ph_db_apply(f->store.db, &plan, &f->err), PH_ENOTFOUND);
        wait_until_gone(f, &id);
        free(octets);
    }
}

/* ---- Side by side ---- */

/* With a copy of the fixture that is the thread's own, but for the stores. */
static void *deliver_and_read(void *ctx)
{
    struct fixture mine = *(struct fixture *)ctx;
    ph_arena_init(&mine.arena, 0);
    ph_uuid_gen_init(&mine.store.ids, &ph_clock_system, &ph_rand_system);
    size_t failures = 0;
    for (uint64_t i = 0; i < 12; i++) {
        struct message m[2];
        deliver(&mine, 100 + i, 300 + i, (size_t)(i * i) * 2000, m, 2);
        failures += read_message(&mine, &m[1], 10000) != PH_OK;
        remove_message(&mine, &m[0], &mine.mailbox);
        failures += read_message(&mine, &m[1], 10000) != PH_OK;
    }
    ph_arena_fini(&mine.arena);
    return (void *)failures;
}

static void many_work_at_once(void **state)
{
    pthread_t threads[4];
    struct fixture copies[4];
    for (unsigned i = 0; i < 4; i++) {
        copies[i] = *(struct fixture *)*state;
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, deliver_and_read, &copies[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        void *failures;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
}

static int run_suite(const struct kind *kind)
{
    current = kind;
    print_message("# %s\n", kind->name);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(content_of_every_length_comes_back),       TEST(any_offset_can_be_read),
        TEST(what_was_never_put_is_not_found),          TEST(a_size_that_is_wrong_is_found_out),
        TEST(content_goes_with_the_last_mailbox),       TEST(a_shared_body_goes_with_the_last_message),
        TEST(a_plan_that_fails_takes_back_what_it_put), TEST(many_work_at_once),
    };
#undef TEST
    return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}

int main(void)
{
    int failed = run_suite(&segments);
#ifdef PH_WITH_CASSANDRA
    unsigned count = getenv("POSTHOUSE_TEST_CASSANDRA") == NULL ? 0
                     : getenv("POSTHOUSE_TEST_S3") == NULL      ? S3_FROM
                                                                : sizeof far_kinds / sizeof far_kinds[0];
    for (unsigned i = 0; i < count; i++) {
        failed += run_suite(&far_kinds[i]);
    }
#endif
    return failed;
}
