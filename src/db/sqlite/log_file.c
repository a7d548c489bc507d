/* SPDX-License-Identifier: Apache-2.0 */
#include "db/sqlite/log_file.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "db/sqlite/kept_locks.h"

/* SQLite's layer for Unix cuts what it writes at once to 17 bits of length. */
enum { GATHER_BYTES = 96 << 10 };
static const char layer_name[] = "posthouse";

static sqlite3_vfs *lower;

/* A log file: ours in front, the lower layer's behind it. Any other file is the lower layer's alone. */
struct log_file {
    sqlite3_file base;
    sqlite3_file *below;
    char *gathered; /* GATHER_BYTES, taken with the first write */
    int len;
    sqlite3_int64 at; /* of the first octet gathered */
};

static int write_out(struct log_file *log)
{
    if (log->len == 0) {
        return SQLITE_OK;
    }
    int len = log->len;
    /* Also where it fails: SQLite then gives the transaction up, and its frames with it. */
    log->len = 0;
    return log->below->pMethods->xWrite(log->below, log->gathered, len, log->at);
}

/* ---- What is done to a log ---- */

static int do_write(sqlite3_file *file, const void *octets, int len, sqlite3_int64 at)
{
    struct log_file *log = (struct log_file *)file;
    bool is_behind = log->len > 0 && at == log->at + log->len;
    if (!is_behind || log->len + len > GATHER_BYTES) {
        int rc = write_out(log);
        if (rc != SQLITE_OK) {
            return rc;
        }
        log->at = at;
    }
    if (log->gathered == NULL) {
        log->gathered = malloc(GATHER_BYTES);
    }
    if (log->gathered == NULL || len > GATHER_BYTES) {
        return log->below->pMethods->xWrite(log->below, octets, len, at);
    }
    memcpy(log->gathered + log->len, octets, (size_t)len);
    log->len += len;
    return SQLITE_OK;
}

static int do_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    struct log_file *log = (struct log_file *)file;
    int rc = write_out(log);
    return rc != SQLITE_OK ? rc : log->below->pMethods->xRead(log->below, out, len, at);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct log_file *log = (struct log_file *)file;
    int rc = write_out(log);
    return rc != SQLITE_OK ? rc : log->below->pMethods->xTruncate(log->below, size);
}

static int do_sync(sqlite3_file *file, int flags)
{
    struct log_file *log = (struct log_file *)file;
    int rc = write_out(log);
    return rc != SQLITE_OK ? rc : log->below->pMethods->xSync(log->below, flags);
}

static int do_size(sqlite3_file *file, sqlite3_int64 *out_size)
{
    struct log_file *log = (struct log_file *)file;
    int rc = write_out(log);
    return rc != SQLITE_OK ? rc : log->below->pMethods->xFileSize(log->below, out_size);
}

static int do_close(sqlite3_file *file)
{
    struct log_file *log = (struct log_file *)file;
    int rc = write_out(log);
    int closed = log->below->pMethods->xClose(log->below);
    free(log->gathered);
    return rc != SQLITE_OK ? rc : closed;
}

/* ---- What a log has like any file ---- */

static sqlite3_file *below(sqlite3_file *file)
{
    return ((struct log_file *)file)->below;
}

static int do_lock(sqlite3_file *file, int level)
{
    return below(file)->pMethods->xLock(below(file), level);
}

static int do_unlock(sqlite3_file *file, int level)
{
    return below(file)->pMethods->xUnlock(below(file), level);
}

static int do_check_lock(sqlite3_file *file, int *out_is_reserved)
{
    return below(file)->pMethods->xCheckReservedLock(below(file), out_is_reserved);
}

static int do_control(sqlite3_file *file, int operation, void *arg)
{
    return below(file)->pMethods->xFileControl(below(file), operation, arg);
}

static int do_sector_size(sqlite3_file *file)
{
    return below(file)->pMethods->xSectorSize(below(file));
}

static int do_characteristics(sqlite3_file *file)
{
    return below(file)->pMethods->xDeviceCharacteristics(below(file));
}

static const sqlite3_io_methods log_methods = {
    .iVersion = 1,
    .xClose = do_close,
    .xRead = do_read,
    .xWrite = do_write,
    .xTruncate = do_truncate,
    .xSync = do_sync,
    .xFileSize = do_size,
    .xLock = do_lock,
    .xUnlock = do_unlock,
    .xCheckReservedLock = do_check_lock,
    .xFileControl = do_control,
    .xSectorSize = do_sector_size,
    .xDeviceCharacteristics = do_characteristics,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    if ((flags & SQLITE_OPEN_WAL) == 0) {
        return lower->xOpen(lower, name, file, flags, out_flags);
    }
    struct log_file *log = (struct log_file *)file;
    *log = (struct log_file){.below = (sqlite3_file *)(log + 1)};
    int rc = lower->xOpen(lower, name, log->below, flags, out_flags);
    log->base.pMethods = log->below->pMethods == NULL ? NULL : &log_methods;
    return rc;
}

static void register_layer(void)
{
    static sqlite3_vfs vfs;
    lower = sqlite3_vfs_find(ph_kept_locks_layer());
    vfs = *lower;
    vfs.zName = layer_name;
    vfs.szOsFile = (int)sizeof(struct log_file) + lower->szOsFile;
    vfs.xOpen = do_open;
    vfs.pNext = NULL;
    sqlite3_vfs_register(&vfs, 0);
}

const char *ph_log_file_layer(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_layer);
    return layer_name;
}
