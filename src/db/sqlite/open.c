/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening and closing the embedded engine: the directory, the store's lock, the file, the threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "db/sqlite/engine.h"

enum { DEFAULT_PAGE_BYTES = 1024 };

/* ---- The directory and the store's lock ---- */

static char *path_in(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = ph_alloc(size);
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static int make_directory(const char *directory, struct ph_error *err)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%s", directory);
    }
    return PH_OK;
}

static int lock_busy(int fd, const char *path, struct ph_error *err)
{
    char pid[16] = "?";
    ssize_t got = pread(fd, pid, sizeof pid - 1, 0);
    if (got > 0) {
        pid[strcspn(pid, "\n")] = '\0';
    }
    return ph_fail(err, PH_EBUSY, "%s: process %s has the store open", path, pid);
}

static int hold_lock(int fd, const char *path, struct ph_error *err)
{
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && ftruncate(fd, 0) == 0 &&
        dprintf(fd, "%ld\n", (long)getpid()) > 0) {
        return PH_OK;
    }
    int errnum = errno;
    return errnum == EWOULDBLOCK ? lock_busy(fd, path, err)
                                 : ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%s", path);
}

static int take_lock(const char *directory, int *out_fd, struct ph_error *err)
{
    char *path = path_in(directory, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int result = hold_lock(fd, path, err);
    if (result != PH_OK && fd >= 0) {
        close(fd);
        fd = -1;
    }
    *out_fd = fd;
    free(path);
    return result;
}

/* The names of what was made now survive a loss of power too. */
static int sync_directory(const char *directory, struct ph_error *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        int errnum = errno;
        if (fd >= 0) {
            close(fd);
        }
        return ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%s", directory);
    }
    close(fd);
    return PH_OK;
}

/* ---- The file ---- */

static int set_number(struct ph_sqlite_connection *connection, const char *pragma, uint64_t value,
                      struct ph_error *err)
{
    char sql[96];
    snprintf(sql, sizeof sql, "PRAGMA %s = %llu", pragma, (unsigned long long)value);
    return ph_sqlite_exec(connection, sql, err);
}

static unsigned page_bytes_of(struct ph_sqlite_connection *connection)
{
    sqlite3_stmt *stmt = NULL;
    int bytes = 0;
    if (sqlite3_prepare_v2(connection->handle, "PRAGMA page_size", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        bytes = sqlite3_column_int(stmt, 0);
    }
    sqlite3_finalize(stmt);
    return (unsigned)bytes;
}

static int open_writer(struct ph_sqlite *engine, const struct ph_sqlite_options *options,
                       unsigned *out_page_bytes, struct ph_error *err)
{
    struct ph_sqlite_connection *connection = &engine->writer.connection;
    int result = ph_sqlite_connect(connection, engine->path, PH_SQLITE_WRITER, err);
    if (result != PH_OK) {
        return result;
    }
    /* Of a file that exists already the page size stays what it is. */
    result = set_number(connection, "page_size",
                        options->page_bytes == 0 ? DEFAULT_PAGE_BYTES : options->page_bytes, err);
    if (result == PH_OK) {
        result = ph_sqlite_exec(connection, "PRAGMA journal_mode = WAL", err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_schema(connection, err);
    }
    if (result == PH_OK) {
        *out_page_bytes = page_bytes_of(connection);
        if (*out_page_bytes == 0) {
            result = ph_sqlite_fail(connection, err, "PRAGMA page_size");
        } else if (options->database_bytes_max != 0) {
            result =
                set_number(connection, "max_page_count", options->database_bytes_max / *out_page_bytes, err);
        }
    }
    if (result != PH_OK) {
        ph_sqlite_disconnect(connection);
    }
    return result;
}

/* ---- Life ---- */

static void close_engine(struct ph_db *db)
{
    struct ph_sqlite *engine = (struct ph_sqlite *)db;
    ph_sqlite_writer_stop(&engine->writer);
    ph_sqlite_checkpointer_stop(&engine->checkpointer);
    ph_sqlite_readers_fini(&engine->readers);
    /* The last connection moves the log into the file and removes it. */
    if (engine->writer.connection.handle != NULL) {
        ph_sqlite_disconnect(&engine->writer.connection);
    }
    if (engine->lock_fd >= 0) {
        close(engine->lock_fd);
    }
    free(engine->path);
    free(engine);
}

static const struct ph_db_engine functions = {
    .traits = {.name = "sqlite",
               .is_all_or_nothing = true,
               .is_in_order = true,
               .is_in_name_order = true,
               .is_local = true,
               .has_conditions = true},
    .query = ph_sqlite_query,
    .next = ph_sqlite_next,
    .end = ph_sqlite_end,
    .cell_i64 = ph_sqlite_cell_i64,
    .cell_bytes = ph_sqlite_cell_bytes,
    .cell_uuid = ph_sqlite_cell_uuid,
    .submit = ph_sqlite_submit,
    .set_companion = ph_sqlite_set_companion,
    .waiting = ph_sqlite_waiting,
    .copy = ph_sqlite_copy,
    .close = close_engine,
};

static int start(struct ph_sqlite *engine, const struct ph_sqlite_options *options, struct ph_error *err)
{
    unsigned page_bytes = 0;
    int result = open_writer(engine, options, &page_bytes, err);
    if (result == PH_OK) {
        result = sync_directory(options->directory, err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_checkpointer_start(&engine->checkpointer, engine->path, options->checkpoint_bytes,
                                              page_bytes, options->clock, options->log, err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_writer_start(&engine->writer, err);
    }
    return result;
}

/* Counting every allocation would take a lock of the whole process for each. */
static void configure_library(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int ph_sqlite_schema_work(const char *directory, bool is_upgrade, ph_sqlite_schema_each *each, void *ctx,
                          struct ph_error *err)
{
    struct ph_sqlite_connection connection;
    int lock_fd = -1;
    int result = PH_OK;
    char *path = path_in(directory, "posthouse.db");
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        free(path);
        return PH_OK;
    }
    if (is_upgrade) {
        result = take_lock(directory, &lock_fd, err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_connect(&connection, path, is_upgrade ? PH_SQLITE_WRITER : PH_SQLITE_READER, err);
    }
    if (result == PH_OK) {
        result = ph_sqlite_schema_look(&connection, is_upgrade, each, ctx, err);
        ph_sqlite_disconnect(&connection);
    }
    if (lock_fd >= 0) {
        close(lock_fd);
    }
    free(path);
    return result;
}

int ph_sqlite_open(const struct ph_sqlite_options *options, struct ph_db **out_db, struct ph_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_library);
    int lock_fd = -1;
    int result = make_directory(options->directory, err);
    if (result == PH_OK) {
        result = take_lock(options->directory, &lock_fd, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_sqlite *engine = ph_zalloc(sizeof *engine);
    engine->db.engine = &functions;
    engine->db.clock = options->clock;
    engine->path = path_in(options->directory, "posthouse.db");
    engine->lock_fd = lock_fd;
    engine->writer.db = &engine->db;
    engine->writer.checkpointer = &engine->checkpointer;
    engine->writer.log = options->log;
    bool is_small = options->batch_max != 0 && options->batch_max < PH_SQLITE_BATCH_MAX;
    engine->writer.batch_max = is_small ? options->batch_max : PH_SQLITE_BATCH_MAX;
    ph_sqlite_readers_init(&engine->readers, engine->path);
    result = start(engine, options, err);
    if (result != PH_OK) {
        close_engine(&engine->db);
        return result;
    }
    *out_db = &engine->db;
    return PH_OK;
}
