/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of a database is the lower layer's as it is, with two functions of its table replaced and our part behind it.
 * What is kept is held by one of the open files, the keeper; when it goes, another takes over before.
 *
 * SQLite gives no connection both kinds of lock on one slot, and unlocks only what it locked, so the number of holders
 * of each slot is all there is to know.
 */
#include "db/sqlite/kept_locks.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

static const char layer_name[] = "posthouse-locks";

static sqlite3_vfs *lower;
static sqlite3_io_methods methods; /* of the lower layer, but for ours */
static const sqlite3_io_methods *lower_methods;

/* One database, while anybody has the index of its log mapped. */
struct locked_database {
    struct locked_database *next;
    char *path;
    struct kept_file *files;
    struct kept_file *keeper; /* one of them */
    unsigned kept;            /* bits: slots that the keeper has a shared lock on */
    unsigned holders[SQLITE_SHM_NLOCK];
};

/* Ours behind a file of the lower layer. */
struct kept_file {
    sqlite3_file *file;
    const char *path;                 /* SQLite's, as long as the file is open */
    struct locked_database *database; /* NULL: not mapped, or plain */
    bool is_plain; /* locked something before it could join; so it stays as the lower layer has it */
    struct kept_file *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct locked_database *databases;

static size_t lower_size(void)
{
    size_t align = _Alignof(struct kept_file);
    return ((size_t)lower->szOsFile + align - 1) / align * align;
}

static struct kept_file *of(sqlite3_file *file)
{
    return (struct kept_file *)(void *)((char *)file + lower_size());
}

static int shared(struct kept_file *keeper, int slot, int way)
{
    return lower_methods->xShmLock(keeper->file, slot, 1, SQLITE_SHM_SHARED | way);
}

/* ---- Who has it open ---- */

static void join(struct kept_file *own)
{
    struct locked_database *database = databases;
    while (database != NULL && strcmp(database->path, own->path) != 0) {
        database = database->next;
    }
    if (database == NULL) {
        database = calloc(1, sizeof *database);
        char *path = strdup(own->path);
        if (database == NULL || path == NULL) {
            free(database);
            free(path);
            return; /* then this one is locked as ever */
        }
        database->path = path;
        database->next = databases;
        databases = database;
    }
    own->database = database;
    own->next = database->files;
    database->files = own;
    if (database->keeper == NULL) {
        database->keeper = own;
    }
}

static void free_database(struct locked_database *database)
{
    struct locked_database **at = &databases;
    while (*at != database) {
        at = &(*at)->next;
    }
    *at = database->next;
    free(database->path);
    free(database);
}

/* Another keeps what this one kept; where it cannot, SQLite's next look at the index finds out. */
static void hand_on(struct locked_database *database, struct kept_file *own)
{
    struct kept_file *heir = database->files;
    for (int slot = 0; slot < SQLITE_SHM_NLOCK; slot++) {
        unsigned bit = 1U << slot;
        if ((database->kept & bit) == 0) {
            continue;
        }
        bool is_needed = database->holders[slot] > 0;
        if (!is_needed || heir == NULL || shared(heir, slot, SQLITE_SHM_LOCK) != SQLITE_OK) {
            database->kept &= ~bit;
        }
        (void)shared(own, slot, SQLITE_SHM_UNLOCK);
    }
    database->keeper = heir;
}

static void leave(struct kept_file *own)
{
    struct locked_database *database = own->database;
    if (database == NULL) {
        return;
    }
    struct kept_file **at = &database->files;
    while (*at != own) {
        at = &(*at)->next;
    }
    *at = own->next;
    own->database = NULL;
    if (database->keeper == own) {
        hand_on(database, own);
    }
    if (database->files == NULL) {
        free_database(database);
    }
}

/* ---- What SQLite asks ---- */

static int take_shared(struct locked_database *database, int slot)
{
    unsigned bit = 1U << slot;
    if ((database->kept & bit) == 0) {
        int rc = shared(database->keeper, slot, SQLITE_SHM_LOCK);
        if (rc != SQLITE_OK) {
            return rc;
        }
        database->kept |= bit;
    }
    database->holders[slot]++;
    return SQLITE_OK;
}

/* Makes way for a lock on the slots from FIRST on. */
static int give_back(struct locked_database *database, int first, int count)
{
    for (int slot = first; slot < first + count; slot++) {
        if (database->holders[slot] > 0) {
            return SQLITE_BUSY;
        }
    }
    for (int slot = first; slot < first + count; slot++) {
        if ((database->kept & (1U << slot)) != 0) {
            int rc = shared(database->keeper, slot, SQLITE_SHM_UNLOCK);
            if (rc != SQLITE_OK) {
                return rc;
            }
            database->kept &= ~(1U << slot);
        }
    }
    return SQLITE_OK;
}

static int locked_shm_lock(struct kept_file *own, int first, int count, int flags)
{
    struct locked_database *database = own->database;
    bool is_shared = (flags & SQLITE_SHM_SHARED) != 0;
    bool is_taken = (flags & SQLITE_SHM_LOCK) != 0;
    own->is_plain = database == NULL;
    if (database != NULL && is_shared) {
        assert(count == 1);
        if (is_taken) {
            return take_shared(database, first);
        }
        assert(database->holders[first] > 0);
        database->holders[first]--;
        return SQLITE_OK;
    }
    if (database != NULL && is_taken) {
        int rc = give_back(database, first, count);
        if (rc != SQLITE_OK) {
            return rc;
        }
    }
    return lower_methods->xShmLock(own->file, first, count, flags);
}

static int do_shm_lock(sqlite3_file *file, int first, int count, int flags)
{
    pthread_mutex_lock(&lock);
    int rc = locked_shm_lock(of(file), first, count, flags);
    pthread_mutex_unlock(&lock);
    return rc;
}

/* The first region is mapped before anything is locked. */
static int do_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out_region)
{
    int rc = lower_methods->xShmMap(file, region, size, extend, out_region);
    struct kept_file *own = of(file);
    if (region == 0 && (rc & 0xFF) == SQLITE_OK) {
        pthread_mutex_lock(&lock);
        if (own->database == NULL && !own->is_plain) {
            join(own);
        }
        pthread_mutex_unlock(&lock);
    }
    return rc;
}

static int do_shm_unmap(sqlite3_file *file, int is_deleted)
{
    pthread_mutex_lock(&lock);
    leave(of(file));
    of(file)->is_plain = false;
    pthread_mutex_unlock(&lock);
    return lower_methods->xShmUnmap(file, is_deleted);
}

static int do_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    int rc = lower->xOpen(lower, name, file, flags, out_flags);
    bool has_index = rc == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0 && name != NULL &&
                     file->pMethods != NULL && file->pMethods->iVersion >= 2;
    if (!has_index) {
        return rc;
    }
    pthread_mutex_lock(&lock);
    if (lower_methods == NULL) {
        lower_methods = file->pMethods;
        methods = *lower_methods;
        methods.xShmLock = do_shm_lock;
        methods.xShmMap = do_shm_map;
        methods.xShmUnmap = do_shm_unmap;
    }
    if (file->pMethods == lower_methods) {
        *of(file) = (struct kept_file){.file = file, .path = name};
        file->pMethods = &methods;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static void register_layer(void)
{
    static sqlite3_vfs vfs;
    lower = sqlite3_vfs_find(NULL);
    vfs = *lower;
    vfs.zName = layer_name;
    vfs.szOsFile = (int)(lower_size() + sizeof(struct kept_file));
    vfs.xOpen = do_open;
    vfs.pNext = NULL;
    sqlite3_vfs_register(&vfs, 0);
}

const char *ph_kept_locks_layer(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, register_layer);
    return layer_name;
}
