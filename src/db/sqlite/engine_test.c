/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is SQLite's own: the table of statements against the schema, the store's lock, files that are not ours, a full
 * disk, the companion, the log, kill -9.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/sqlite/engine.h"
#include "db/test_store.h"

struct fixture {
    struct ph_test_store store;
    struct ph_arena arena;
    struct ph_uuid mailbox;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_store_init(&f->store, &ph_test_engines[0]);
    ph_arena_init(&f->arena, 0);
    f->mailbox = ph_uuid_gen_next(&f->store.ids);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_test_store_fini(&f->store);
    ph_arena_fini(&f->arena);
    free(f);
    return 0;
}

static void quiet(struct fixture *f)
{
    f->store.log.level = PH_LOG_ERROR + 1;
}

static int write_row(struct fixture *f, int64_t size, struct ph_uuid *out_id)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    *out_id = ph_uuid_gen_next(&f->store.ids);
    ph_arena_reset(&f->arena);
    ph_plan_init(&plan, &f->arena);
    ph_plan_add(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(&f->mailbox),
                ph_uuid_value(out_id), ph_i64(size));
    return ph_db_apply(f->store.db, &plan, &err);
}

static int delete_row(struct fixture *f, const struct ph_uuid *id)
{
    struct ph_error err = {0};
    struct ph_plan plan;
    ph_arena_reset(&f->arena);
    ph_plan_init(&plan, &f->arena);
    ph_plan_add(&plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_METADATA_DELETE, ph_uuid_value(&f->mailbox),
                ph_uuid_value(id));
    return ph_db_apply(f->store.db, &plan, &err);
}

static unsigned count_rows(struct fixture *f)
{
    struct ph_error err = {0};
    struct ph_rows *rows;
    unsigned count = 0;
    int result =
        ph_db_query(f->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&f->mailbox));
    assert_int_equal(result, PH_OK);
    while ((result = ph_rows_next(rows, &err)) == 1) {
        count++;
    }
    assert_int_equal(result, 0);
    ph_rows_end(&rows);
    return count;
}

/* ---- Statements and schema ---- */

static void every_statement_fits_the_schema(void **state)
{
    struct fixture *f = *state;
    sqlite3 *handle = ((struct ph_sqlite *)f->store.db)->writer.connection.handle;
    for (unsigned i = 0; i < PH_STMT_COUNT; i++) {
        const struct ph_stmt_info *info = ph_stmt_info((enum ph_stmt)i);
        sqlite3_stmt *stmt = NULL;
        if (info->sql == NULL) {
            struct ph_rows *rows = NULL;
            struct ph_error err = {0};
            assert_true(info->kind == PH_STMT_WRITE || ph_db_query_values(f->store.db, (enum ph_stmt)i, NULL,
                                                                          0, &rows, &err) == PH_EINVALID);
            continue;
        }
        if (sqlite3_prepare_v2(handle, info->sql, -1, &stmt, NULL) != SQLITE_OK) {
            fail_msg("%s: %s", info->name, sqlite3_errmsg(handle));
        }
        if ((sqlite3_stmt_readonly(stmt) != 0) != (info->kind == PH_STMT_READ)) {
            fail_msg("%s is not the kind that it says", info->name);
        }
        assert_true(sqlite3_bind_parameter_count(stmt) <= PH_SQLITE_PARAMS_MAX);
        sqlite3_finalize(stmt);
    }
}

static void settings_are_those_that_durability_needs(void **state)
{
    struct fixture *f = *state;
    sqlite3 *handle = ((struct ph_sqlite *)f->store.db)->writer.connection.handle;
    static const struct {
        const char *sql;
        const char *value;
    } expected[] = {
        {"PRAGMA journal_mode", "wal"},     {"PRAGMA synchronous", "2"},      {"PRAGMA foreign_keys", "0"},
        {"PRAGMA wal_autocheckpoint", "0"}, {"PRAGMA integrity_check", "ok"},
    };
    for (unsigned i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        sqlite3_stmt *stmt = NULL;
        assert_int_equal(sqlite3_prepare_v2(handle, expected[i].sql, -1, &stmt, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(stmt, 0), expected[i].value);
        sqlite3_finalize(stmt);
    }
}

/* ---- Who may open what ---- */

static void a_second_opening_is_told_who_has_it(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    struct ph_test_store second = f->store;
    assert_int_equal(second.engine->open(&second, &err), PH_EBUSY);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld ", (long)getpid());
    assert_non_null(strstr(err.text, pid));
}

static void spoil(const char *path, const char *sql, const char *octets)
{
    if (octets != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(octets, file);
        fclose(file);
        return;
    }
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void a_file_that_is_not_ours_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        const char *octets;
        int class;
        const char *words;
    } cases[] = {
        {"PRAGMA user_version = 3", NULL, PH_EINVALID, "schema version 3"},
        {"PRAGMA application_id = 1", NULL, PH_EINVALID, "not one of Posthouse"},
        {NULL,
         "This is a letter, not a database. It is long enough to be looked at as one, though: more than a "
         "hundred octets long.\n",
         PH_ECORRUPT, "not a database"},
    };
    char path[128];
    snprintf(path, sizeof path, "%s/posthouse.db", f->store.directory);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ph_error err = {0};
        ph_db_close(&f->store.db);
        spoil(path, cases[i].sql, cases[i].octets);
        assert_int_equal(f->store.engine->open(&f->store, &err), cases[i].class);
        assert_non_null(strstr(err.text, cases[i].words));
        assert_null(f->store.db);
    }
    assert_int_equal(unlink(path), 0);
    struct ph_error err = {0};
    assert_int_equal(f->store.engine->open(&f->store, &err), PH_OK);
}

/* As version 1 had them. */
static const char first_schema[] =
    "DROP TABLE imapUidTable; DROP TABLE messageIdTable; "
    "DROP TABLE subscription; DROP TABLE taskprogress; PRAGMA user_version = 1;"
    "CREATE TABLE imapUidTable ("
    "messageId BLOB NOT NULL, mailboxId BLOB NOT NULL, uid INTEGER, modSeq INTEGER, threadId BLOB, "
    "flagAnswered INTEGER, flagDeleted INTEGER, flagDraft INTEGER, flagFlagged INTEGER, flagRecent INTEGER, "
    "flagSeen INTEGER, flagUser INTEGER, userFlags TEXT, internalDate INTEGER, save_date INTEGER, "
    "bodyStartOctet INTEGER, fullContentOctets INTEGER, headerContent BLOB, bodyContent BLOB, "
    "PRIMARY KEY (messageId, mailboxId)) WITHOUT ROWID;"
    "CREATE TABLE messageIdTable ("
    "mailboxId BLOB NOT NULL, uid INTEGER NOT NULL, messageId BLOB NOT NULL, modSeq INTEGER, threadId BLOB, "
    "flagAnswered INTEGER, flagDeleted INTEGER, flagDraft INTEGER, flagFlagged INTEGER, flagRecent INTEGER, "
    "flagSeen INTEGER, flagUser INTEGER, userFlags TEXT, internalDate INTEGER, save_date INTEGER, "
    "bodyStartOctet INTEGER, fullContentOctets INTEGER, headerContent BLOB, bodyContent BLOB, "
    "PRIMARY KEY (mailboxId, uid)) WITHOUT ROWID;"
    "INSERT INTO messageIdTable (mailboxId, uid, messageId, modSeq, fullContentOctets) "
    "VALUES (zeroblob(16), 7, zeroblob(16), 3, 42)";

static void count_lacking(const char *text, const char *statement, void *ctx)
{
    (void)text;
    assert_true(strncmp(statement, "ALTER TABLE ", 12) == 0 || strncmp(statement, "CREATE TABLE ", 13) == 0);
    ++*(unsigned *)ctx;
}

static void a_store_of_an_older_schema_is_upgraded_when_told(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    unsigned lacking = 0;
    char path[128];
    snprintf(path, sizeof path, "%s/posthouse.db", f->store.directory);
    assert_int_equal(ph_sqlite_schema_work(f->store.directory, true, count_lacking, &lacking, &err),
                     PH_EBUSY);
    ph_db_close(&f->store.db);
    spoil(path, first_schema, NULL);
    assert_int_equal(f->store.engine->open(&f->store, &err), PH_EINVALID);
    assert_non_null(strstr(err.text, "ALTER TABLE imapUidTable ADD COLUMN envelope BLOB"));
    assert_non_null(strstr(err.text, "schema upgrade"));
    assert_int_equal(ph_sqlite_schema_work(f->store.directory, false, count_lacking, &lacking, &err), PH_OK);
    assert_int_equal(lacking, 8);
    /* Half of it was done before. */
    spoil(path, "ALTER TABLE imapUidTable ADD COLUMN envelope BLOB", NULL);
    lacking = 0;
    assert_int_equal(ph_sqlite_schema_work(f->store.directory, true, count_lacking, &lacking, &err), PH_OK);
    assert_int_equal(lacking, 7);
    assert_int_equal(ph_sqlite_schema_work(f->store.directory, false, count_lacking, &lacking, &err), PH_OK);
    assert_int_equal(lacking, 7);
    assert_int_equal(f->store.engine->open(&f->store, &err), PH_OK);
    struct ph_rows *rows;
    const struct ph_uuid none = {{0}};
    int64_t size = 0;
    struct ph_bytes envelope;
    assert_int_equal(ph_db_query(f->store.db, &rows, &err, PH_STMT_MESSAGE_ID_ROWS_SUMMARY,
                                 ph_uuid_value(&none), ph_i64(1), ph_i64(9)),
                     PH_OK);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    assert_true(ph_row_i64(rows, 4, &size));
    assert_int_equal(size, 42);
    assert_false(ph_row_bytes(rows, 8, &envelope));
    ph_rows_end(&rows);
}

static unsigned count_triggers(const struct fixture *f, const char *condition)
{
    char path[128];
    char sql[160];
    snprintf(path, sizeof path, "%s/posthouse.db", f->store.directory);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND %s", condition);
    sqlite3 *handle = NULL;
    sqlite3_stmt *stmt = NULL;
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    unsigned count = (unsigned)sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return count;
}

static void triggers_of_an_older_program_become_ours(void **state)
{
    struct fixture *f = *state;
    static const char own[] = "name = 'messageV3_content' AND sql LIKE '%DELETE FROM blobs%'";
    char path[128];
    snprintf(path, sizeof path, "%s/posthouse.db", f->store.directory);
    ph_db_close(&f->store.db);
    unsigned all = count_triggers(f, "1");
    assert_int_equal(count_triggers(f, own), 1);
    spoil(path,
          "DROP TRIGGER messageV3_content; DROP TRIGGER blobs_added;"
          "CREATE TRIGGER messageV3_content AFTER DELETE ON messageV3 BEGIN SELECT 1; END",
          NULL);
    assert_int_equal(count_triggers(f, own), 0);
    struct ph_error err = {0};
    assert_int_equal(f->store.engine->open(&f->store, &err), PH_OK);
    ph_db_close(&f->store.db);
    assert_int_equal(count_triggers(f, own), 1);
    assert_int_equal(count_triggers(f, "1"), all);
    assert_int_equal(f->store.engine->open(&f->store, &err), PH_OK);
}

static void a_directory_that_cannot_be_made_says_why(void **state)
{
    struct fixture *f = *state;
    struct ph_error err = {0};
    char below[128];
    snprintf(below, sizeof below, "%s/posthouse.db/below", f->store.directory);
    const struct ph_sqlite_options options = {
        .directory = below, .clock = &ph_clock_system, .log = &f->store.log};
    struct ph_db *db = NULL;
    assert_int_equal(ph_sqlite_open(&options, &db, &err), PH_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "Not a directory"));
}

static void page_sizes_are_as_asked_and_stay(void **state)
{
    (void)state;
    static const unsigned sizes[] = {1024, 2048, 4096};
    for (unsigned i = 0; i < 3; i++) {
        struct ph_test_store store = {.engine = &ph_test_engines[0], .page_bytes = sizes[i]};
        snprintf(store.directory, sizeof store.directory, "/tmp/posthouse-test-XXXXXX");
        assert_non_null(mkdtemp(store.directory));
        ph_log_init(&store.log, STDERR_FILENO, PH_LOG_KV, PH_LOG_ERROR, &ph_clock_system);
        for (unsigned round = 0; round < 2; round++) {
            struct ph_error err = {0};
            assert_int_equal(store.engine->open(&store, &err), PH_OK);
            assert_int_equal(((struct ph_sqlite *)store.db)->checkpointer.frame_bytes, sizes[i] + 24);
            ph_db_close(&store.db);
            store.page_bytes = 4096;
        }
        ph_test_remove_tree(store.directory);
    }
}

/* ---- A full disk ---- */

static void a_full_database_is_a_limit_and_service_resumes(void **state)
{
    struct fixture *f = *state;
    quiet(f);
    f->store.bytes_max = 48U << 10;
    ph_test_store_reopen(&f->store);
    enum { MOST = 10000 };
    struct ph_uuid *ids = calloc(MOST, sizeof *ids);
    unsigned count = 0;
    int result = PH_OK;
    while (count < MOST && (result = write_row(f, 1, &ids[count])) == PH_OK) {
        count++;
    }
    assert_int_equal(result, PH_ELIMIT);
    assert_true(count > 100);
    assert_int_equal(count_rows(f), count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(delete_row(f, &ids[i]), PH_OK);
    }
    for (unsigned i = 0; i < count / 2; i++) {
        assert_int_equal(write_row(f, 1, &ids[i]), PH_OK);
    }
    assert_int_equal(count_rows(f), count / 2);
    free(ids);
}

static void a_write_that_the_system_refuses_is_a_limit_and_service_resumes(void **state)
{
    struct fixture *f = *state;
    quiet(f);
    struct ph_uuid id;
    struct rlimit old;
    struct stat log;
    char path[128];
    snprintf(path, sizeof path, "%s/posthouse.db-wal", f->store.directory);
    assert_int_equal(write_row(f, 1, &id), PH_OK);
    assert_int_equal(stat(path, &log), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    /* In the middle of the next frame: a torn one is left behind. */
    const struct rlimit tight = {(rlim_t)log.st_size + 700, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_row(f, 1, &id), PH_ELIMIT);
    }
    assert_int_equal(count_rows(f), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(write_row(f, 1, &id), PH_OK);
    assert_int_equal(count_rows(f), 2);
    ph_test_store_reopen(&f->store);
    assert_int_equal(count_rows(f), 2);
}

/* ---- The companion ---- */

struct companion {
    struct fixture *f;
    struct ph_uuid id;
    unsigned begun;
    unsigned finished;
    int begin_result;
    int finish_result;
};

static int companion_begin(void *ctx, struct ph_plan *plan)
{
    struct companion *companion = ctx;
    companion->begun++;
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT,
                ph_uuid_value(&companion->f->mailbox), ph_uuid_value(&companion->id), ph_i64(7));
    return companion->begin_result;
}

static int companion_finish(void *ctx, struct ph_error *err)
{
    struct companion *companion = ctx;
    companion->finished++;
    return companion->finish_result == PH_OK ? PH_OK : ph_fail(err, companion->finish_result, "no sync");
}

static void the_companion_joins_each_commit_and_can_fail_it(void **state)
{
    struct fixture *f = *state;
    quiet(f);
    struct companion companion = {.f = f, .id = ph_uuid_gen_next(&f->store.ids)};
    const struct ph_db_companion functions = {&companion, companion_begin, companion_finish};
    struct ph_uuid id;
    ph_db_set_companion(f->store.db, &functions);

    assert_int_equal(write_row(f, 1, &id), PH_OK);
    assert_int_equal(companion.begun, 1);
    assert_int_equal(companion.finished, 1);
    assert_int_equal(count_rows(f), 2); /* with the companion's own */

    companion.finish_result = PH_EUNAVAILABLE;
    assert_int_equal(write_row(f, 1, &id), PH_EUNKNOWN_OUTCOME);

    companion.finish_result = PH_OK;
    companion.begin_result = PH_ELIMIT;
    companion.id = ph_uuid_gen_next(&f->store.ids);
    assert_int_equal(write_row(f, 1, &id), PH_ELIMIT);
    assert_int_equal(count_rows(f), 3); /* of the failed transaction nothing */

    ph_db_set_companion(f->store.db, NULL);
    assert_int_equal(write_row(f, 1, &id), PH_OK);
    assert_int_equal(companion.begun, 3);
    assert_int_equal(companion.finished, 2);
}

/* ---- Batches ---- */

static void count_done(struct ph_plan *plan, int result, void *ctx)
{
    (void)plan;
    atomic_fetch_add((atomic_uint *)ctx, result == PH_OK ? 1 : 0);
}

/* As many write at once, and wait for each other's sync; and then again one alone, who waits for nobody for ever. */
static void who_comes_alone_behind_many_is_applied(void **state)
{
    struct fixture *f = *state;
    enum { ROUNDS = 20, TOGETHER = 16 };
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ph_plan plans[TOGETHER];
        struct ph_arena arenas[TOGETHER];
        atomic_uint done = 0;
        for (unsigned i = 0; i < TOGETHER; i++) {
            struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
            ph_arena_init(&arenas[i], 0);
            ph_plan_init(&plans[i], &arenas[i]);
            ph_plan_add(&plans[i], PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT,
                        ph_uuid_value(&f->mailbox), ph_uuid_value(&id), ph_i64(i));
            ph_db_submit(f->store.db, &plans[i], count_done, &done);
        }
        struct ph_uuid id;
        assert_int_equal(write_row(f, 1, &id), PH_OK);
        assert_int_equal(atomic_load(&done), TOGETHER); /* in the order of being submitted */
        assert_int_equal(write_row(f, 1, &id), PH_OK);
        for (unsigned i = 0; i < TOGETHER; i++) {
            ph_arena_fini(&arenas[i]);
        }
    }
    assert_int_equal(count_rows(f), ROUNDS * (TOGETHER + 2));
}

/* ---- The log ---- */

static void the_log_starts_anew_under_constant_writing(void **state)
{
    struct fixture *f = *state;
    f->store.checkpoint_bytes = 24U << 10;
    ph_test_store_reopen(&f->store);
    struct ph_sqlite_writer *writer = &((struct ph_sqlite *)f->store.db)->writer;
    unsigned restarts = 0;
    unsigned written = 0;
    unsigned last = 0;
    while (restarts < 3 && written < 20000) {
        struct ph_uuid id;
        assert_int_equal(write_row(f, 1, &id), PH_OK);
        written++;
        /* The completion came after the hook that sets it. */
        unsigned frames = writer->log_frames;
        restarts += frames < last ? 1 : 0;
        last = frames;
    }
    assert_int_equal(restarts, 3);
    assert_int_equal(count_rows(f), written);
    ph_test_store_reopen(&f->store);
    assert_int_equal(count_rows(f), written);
}

static void a_reader_that_stays_does_not_stop_the_writer(void **state)
{
    struct fixture *f = *state;
    f->store.checkpoint_bytes = 24U << 10;
    ph_test_store_reopen(&f->store);
    struct ph_uuid id;
    struct ph_error err = {0};
    struct ph_rows *rows;
    assert_int_equal(write_row(f, 1, &id), PH_OK);
    assert_int_equal(write_row(f, 1, &id), PH_OK);
    assert_int_equal(
        ph_db_query(f->store.db, &rows, &err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(&f->mailbox)), PH_OK);
    assert_int_equal(ph_rows_next(rows, &err), 1);
    for (int i = 0; i < 150; i++) {
        assert_int_equal(write_row(f, 1, &id), PH_OK);
    }
    assert_int_equal(ph_rows_next(rows, &err), 1);
    assert_int_equal(ph_rows_next(rows, &err), 0);
    ph_rows_end(&rows);
    assert_int_equal(count_rows(f), 152);
}

/* Around the sizes at which the log is written out, and past what the writer's cache holds. */
static void transactions_of_any_size_come_back(void **state)
{
    struct fixture *f = *state;
    unsigned total = 0;
    for (unsigned rows = 1; rows < 3000; rows += 1 + rows / 3) {
        struct ph_error err = {0};
        struct ph_plan plan;
        ph_arena_reset(&f->arena);
        ph_plan_init(&plan, &f->arena);
        for (unsigned i = 0; i < rows; i++) {
            struct ph_uuid id = ph_uuid_gen_next(&f->store.ids);
            ph_plan_add(&plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(&f->mailbox),
                        ph_uuid_value(&id), ph_i64(i));
        }
        assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);
        total += rows;
        assert_int_equal(count_rows(f), total);
    }
    enum { LONG_NAME = 200 << 10, NAMES = 80 };
    char *name = malloc(LONG_NAME);
    struct ph_error err = {0};
    struct ph_plan plan;
    memset(name, 'n', LONG_NAME);
    ph_plan_init(&plan, &f->arena);
    for (unsigned i = 0; i < NAMES; i++) {
        ph_plan_add(&plan, PH_STAGE_TRUTH, PH_STMT_MAILBOX_PATH_INSERT, ph_text_str("u@example.org"),
                    ph_text(ph_bytes_of(name, LONG_NAME - i)), ph_uuid_value(&f->mailbox), ph_i64(1));
    }
    assert_int_equal(ph_db_apply(f->store.db, &plan, &err), PH_OK);
    ph_test_store_reopen(&f->store);
    assert_int_equal(count_rows(f), total);
    struct ph_rows *rows;
    unsigned names = 0;
    assert_int_equal(
        ph_db_query(f->store.db, &rows, &err, PH_STMT_MAILBOX_PATH_LIST, ph_text_str("u@example.org")),
        PH_OK);
    struct ph_bytes stored;
    while (ph_rows_next(rows, &err) == 1 && ph_row_bytes(rows, 0, &stored)) {
        assert_memory_equal(stored.ptr, name, stored.len);
        names++;
    }
    ph_rows_end(&rows);
    assert_int_equal(names, NAMES);
    free(name);
}

/* ---- kill -9 ---- */

/* The child writes row after row and says each that was reported done, until it is killed. */
static void child_main(struct ph_test_store *store, const struct ph_uuid *mailbox, int pipe_fd)
{
    struct fixture child = {.store = *store, .mailbox = *mailbox};
    struct ph_error err = {0};
    ph_arena_init(&child.arena, 0);
    if (store->engine->open(&child.store, &err) != PH_OK) {
        _exit(1);
    }
    for (;;) {
        struct ph_uuid id;
        if (write_row(&child, 1, &id) != PH_OK || write(pipe_fd, id.b, sizeof id.b) != (ssize_t)sizeof id.b) {
            _exit(1);
        }
    }
}

static void what_was_reported_done_survives_a_kill(void **state)
{
    struct fixture *f = *state;
    for (unsigned round = 0; round < 4; round++) {
        int fds[2];
        ph_db_close(&f->store.db);
        unsigned before_kill = 0;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(fds[0]);
            child_main(&f->store, &f->mailbox, fds[1]);
        }
        close(fds[1]);
        f->mailbox.b[0]++; /* the next round has a mailbox of its own */
        struct ph_uuid id;
        while (before_kill < 20 + round * 13 && read(fds[0], id.b, sizeof id.b) == (ssize_t)sizeof id.b) {
            before_kill++;
        }
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], id.b, sizeof id.b) == (ssize_t)sizeof id.b) {
            before_kill++;
        }
        close(fds[0]);
        ph_test_store_reopen(&f->store);
        f->mailbox.b[0]--;
        unsigned count = count_rows(f);
        f->mailbox.b[0]++;
        assert_in_range(count, before_kill, before_kill + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(every_statement_fits_the_schema),
        TEST(settings_are_those_that_durability_needs),
        TEST(a_second_opening_is_told_who_has_it),
        TEST(a_file_that_is_not_ours_is_refused),
        TEST(a_store_of_an_older_schema_is_upgraded_when_told),
        TEST(triggers_of_an_older_program_become_ours),
        TEST(a_directory_that_cannot_be_made_says_why),
        cmocka_unit_test(page_sizes_are_as_asked_and_stay),
        TEST(a_full_database_is_a_limit_and_service_resumes),
        TEST(a_write_that_the_system_refuses_is_a_limit_and_service_resumes),
        TEST(the_companion_joins_each_commit_and_can_fail_it),
        TEST(who_comes_alone_behind_many_is_applied),
        TEST(the_log_starts_anew_under_constant_writing),
        TEST(a_reader_that_stays_does_not_stop_the_writer),
        TEST(transactions_of_any_size_come_back),
        TEST(what_was_reported_done_survives_a_kill),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
