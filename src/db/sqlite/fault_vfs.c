/* SPDX-License-Identifier: Apache-2.0 */
#include "db/sqlite/fault_vfs.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <sqlite3.h>

static atomic_uint kind;
static atomic_int countdown; /* fails while it is in (-times, 0] after counting down */
static atomic_int times_left;
static atomic_bool is_armed;
static atomic_bool has_fired;
static sqlite3_vfs *lower;

void ph_fault_arm(enum ph_fault fault, unsigned at, unsigned times)
{
    kind = fault;
    countdown = (int)at;
    times_left = (int)times;
    has_fired = false;
    is_armed = true;
}

bool ph_fault_disarm(void)
{
    is_armed = false;
    return has_fired;
}

static bool is_next_to_fail(bool is_sync)
{
    if (!is_armed || is_sync != (kind == PH_FAULT_SYNC)) {
        return false;
    }
    if (atomic_fetch_sub(&countdown, 1) > 1 || atomic_fetch_sub(&times_left, 1) <= 0) {
        return false;
    }
    has_fired = true;
    return true;
}

/* ---- Files: our own struct in front, the lower layer's behind it ---- */

struct fault_file {
    sqlite3_file base;
    sqlite3_file *below;
};

static sqlite3_file *below(sqlite3_file *file)
{
    return ((struct fault_file *)file)->below;
}

static int do_close(sqlite3_file *file)
{
    return below(file)->pMethods->xClose(below(file));
}

static int do_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
    return below(file)->pMethods->xRead(below(file), out, len, at);
}

static int do_write(sqlite3_file *file, const void *octets, int len, sqlite3_int64 at)
{
    if (is_next_to_fail(false)) {
        /* Half of it gets there. */
        (void)below(file)->pMethods->xWrite(below(file), octets, len / 2, at);
        errno = kind == PH_FAULT_FULL ? ENOSPC : EIO;
        return kind == PH_FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    return below(file)->pMethods->xWrite(below(file), octets, len, at);
}

static int do_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (is_next_to_fail(false)) {
        errno = EIO;
        return SQLITE_IOERR_TRUNCATE;
    }
    return below(file)->pMethods->xTruncate(below(file), size);
}

static int do_sync(sqlite3_file *file, int flags)
{
    if (is_next_to_fail(true)) {
        errno = EIO;
        return SQLITE_IOERR_FSYNC;
    }
    return below(file)->pMethods->xSync(below(file), flags);
}

static int do_size(sqlite3_file *file, sqlite3_int64 *out_size)
{
    return below(file)->pMethods->xFileSize(below(file), out_size);
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

static int do_shm_map(sqlite3_file *file, int page, int page_size, int extend, void volatile **out)
{
    return below(file)->pMethods->xShmMap(below(file), page, page_size, extend, out);
}

static int do_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return below(file)->pMethods->xShmLock(below(file), offset, count, flags);
}

static void do_shm_barrier(sqlite3_file *file)
{
    below(file)->pMethods->xShmBarrier(below(file));
}

static int do_shm_unmap(sqlite3_file *file, int is_delete)
{
    return below(file)->pMethods->xShmUnmap(below(file), is_delete);
}

static int do_fetch(sqlite3_file *file, sqlite3_int64 at, int len, void **out)
{
    return below(file)->pMethods->xFetch(below(file), at, len, out);
}

static int do_unfetch(sqlite3_file *file, sqlite3_int64 at, void *page)
{
    return below(file)->pMethods->xUnfetch(below(file), at, page);
}

static const sqlite3_io_methods methods = {
    .iVersion = 3,
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
    .xShmMap = do_shm_map,
    .xShmLock = do_shm_lock,
    .xShmBarrier = do_shm_barrier,
    .xShmUnmap = do_shm_unmap,
    .xFetch = do_fetch,
    .xUnfetch = do_unfetch,
};

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    struct fault_file *own = (struct fault_file *)file;
    own->below = (sqlite3_file *)(own + 1);
    int rc = lower->xOpen(lower, name, own->below, flags, out_flags);
    own->base.pMethods = own->below->pMethods == NULL ? NULL : &methods;
    return rc;
}

void ph_fault_vfs_register(void)
{
    static sqlite3_vfs vfs;
    lower = sqlite3_vfs_find(NULL);
    vfs = *lower;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct fault_file) + lower->szOsFile;
    vfs.xOpen = do_open;
    vfs.pNext = NULL;
    sqlite3_vfs_register(&vfs, 1);
}
