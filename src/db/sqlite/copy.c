/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A copy of the whole file, of one moment, while the store serves.
 *
 * SQLite's backup begins anew whenever somebody else has written, unless its source holds a read transaction; so it
 * does, from the first step to the last. That keeps the write-ahead log from starting anew meanwhile, and stops
 * nobody: the log grows by what is written until the copy is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "db/sqlite/engine.h"

enum { STEP_BYTES = 1 << 20, PAGE_BYTES_MAX = 65536 };

static void pause_for(uint64_t bytes, uint64_t bytes_per_second)
{
    if (bytes_per_second != 0) {
        uint64_t us = bytes * 1000000 / bytes_per_second;
        const struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
        nanosleep(&pause, NULL);
    }
}

static int copy_pages(struct ph_sqlite_connection *source, struct ph_sqlite_connection *target,
                      unsigned page_bytes, uint64_t bytes_per_second, struct ph_error *err)
{
    sqlite3_backup *backup = sqlite3_backup_init(target->handle, "main", source->handle, "main");
    if (backup == NULL) {
        return ph_sqlite_fail(target, err, "copy");
    }
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK) {
        rc = sqlite3_backup_step(backup, (int)(STEP_BYTES / page_bytes));
        pause_for(STEP_BYTES, rc == SQLITE_OK ? bytes_per_second : 0);
    }
    errno = 0;
    int finished = sqlite3_backup_finish(backup);
    return rc == SQLITE_DONE && finished == SQLITE_OK ? PH_OK : ph_sqlite_fail(target, err, "copy");
}

/* Whether what was copied holds together. */
static int check_copy(struct ph_sqlite_connection *target, struct ph_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = PH_OK;
    errno = 0;
    if (sqlite3_prepare_v2(target->handle, "PRAGMA quick_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        result = ph_sqlite_fail(target, err, "quick_check");
    } else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
        result = ph_fail(err, PH_ECORRUPT, "the database is damaged: %s",
                         (const char *)sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    return result;
}

static int page_bytes_of(struct ph_sqlite_connection *source, unsigned *out_bytes, struct ph_error *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = PH_OK;
    errno = 0;
    if (sqlite3_prepare_v2(source->handle, "PRAGMA page_size", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        result = ph_sqlite_fail(source, err, "PRAGMA page_size");
    } else {
        int bytes = sqlite3_column_int(stmt, 0);
        *out_bytes = bytes > 0 ? (unsigned)bytes : PAGE_BYTES_MAX;
    }
    sqlite3_finalize(stmt);
    return result;
}

static int copy_to(struct ph_sqlite_connection *source, const char *path, uint64_t bytes_per_second,
                   struct ph_error *err)
{
    struct ph_sqlite_connection target = {0};
    errno = 0;
    int result = PH_OK;
    unsigned page_bytes = PAGE_BYTES_MAX;
    if (sqlite3_open_v2(path, &target.handle,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK) {
        result = ph_sqlite_fail(&target, err, path);
    }
    if (result == PH_OK) {
        /* Who calls syncs the file once, when it is whole. */
        result = ph_sqlite_exec(&target, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", err);
    }
    if (result == PH_OK) {
        result = page_bytes_of(source, &page_bytes, err);
    }
    if (result == PH_OK) {
        result = copy_pages(source, &target, page_bytes, bytes_per_second, err);
    }
    ph_sqlite_disconnect(&target);
    return result;
}

static int sync_and_check(const char *path, struct ph_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    int errnum = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (rc != 0) {
        return ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%s", path);
    }
    /* Immutable: without a write-ahead log of its own, which a reader would make. */
    char uri[4096 + 32];
    snprintf(uri, sizeof uri, "file:%s?immutable=1", path);
    struct ph_sqlite_connection copy = {0};
    int result = PH_OK;
    if (sqlite3_open_v2(uri, &copy.handle,
                        SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI,
                        NULL) != SQLITE_OK) {
        result = ph_sqlite_fail(&copy, err, path);
    }
    if (result == PH_OK) {
        result = check_copy(&copy, err);
    }
    ph_sqlite_disconnect(&copy);
    return result;
}

int ph_sqlite_copy(struct ph_db *db, const char *path, uint64_t bytes_per_second, struct ph_error *err)
{
    const struct ph_sqlite *engine = (struct ph_sqlite *)db;
    if (strlen(path) > 4000 || strpbrk(path, "?#%") != NULL) {
        return ph_fail(err, PH_EINVALID, "%.100s: a path with ?, # or %%, or too long", path);
    }
    struct ph_sqlite_connection source;
    int result = ph_sqlite_connect(&source, engine->path, PH_SQLITE_READER, err);
    if (result != PH_OK) {
        return result;
    }
    result = ph_sqlite_exec(&source, "BEGIN; SELECT count(*) FROM sqlite_master", err);
    if (result == PH_OK) {
        result = copy_to(&source, path, bytes_per_second, err);
    }
    (void)sqlite3_exec(source.handle, "ROLLBACK", NULL, NULL, NULL);
    ph_sqlite_disconnect(&source);
    return result == PH_OK ? sync_and_check(path, err) : result;
}
