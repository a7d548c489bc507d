/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preloaded library that writes down, in order, everything a process does to the files below one directory, so
 * that tests/faults/power.py can work out what a disk might hold after the power went at any moment.
 *
 *     DISK_ROOT     the directory that is watched
 *     DISK_JOURNAL  the file to write to (outside of it)
 *
 * Records, little-endian: u32 type, u32 id, u64 a, u64 b, u32 length, then that many octets.
 *     OPEN        id of a file, its path below the root; a = 1 if this made it
 *     WRITE       id, a = offset, octets
 *     TRUNCATE    id, a = length
 *     SYNC_BEGIN  id, a = number of the sync
 *     SYNC_END    id, a = number of the sync: all writes of that file before its SYNC_BEGIN are durable
 *     UNLINK      path
 *     RENAME      old path, NUL, new path
 *     MKDIR       path
 * A directory that is synced has a file id too, of its path: that makes its entries durable.
 * Files without a name (O_TMPFILE) and descriptors outside the root are not followed. Shared memory maps (the -shm file) are not
 * seen, which is right: SQLite makes that file anew after a crash.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, UNLINK, RENAME, MKDIR };
enum { FD_MAX = 65536, PATHS_MAX = 65536 };

struct record {
    uint32_t type, id;
    uint64_t a, b;
    uint32_t length;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static char root[PATH_MAX];
static size_t root_len;
static uint32_t file_of[FD_MAX]; /* id by descriptor; 0: not followed */
static char *paths[PATHS_MAX];   /* by id */
static uint32_t path_count = 1;
static uint64_t sync_count;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL) {
        abort();
    }
    return found;
}

__attribute__((constructor)) static void start(void)
{
    const char *directory = getenv("DISK_ROOT");
    const char *file = getenv("DISK_JOURNAL");
    if (directory == NULL || file == NULL || realpath(directory, root) == NULL) {
        return;
    }
    root_len = strlen(root);
    journal = REAL(open)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* With the lock held. One writev, so that a kill cannot cut a record of ours by more than its end. */
static void put(uint32_t type, uint32_t id, uint64_t a, uint64_t b, const void *data, size_t length)
{
    struct record record = {type, id, a, b, (uint32_t)length};
    struct iovec parts[2] = {{&record, sizeof record}, {(void *)(uintptr_t)data, length}};
    ssize_t wanted = (ssize_t)(sizeof record + length);
    if (REAL(writev)(journal, parts, length > 0 ? 2 : 1) != wanted) {
        abort();
    }
}

static const char *below_root(const char *path)
{
    if (journal < 0 || strncmp(path, root, root_len) != 0 || (path[root_len] != '/' && path[root_len] != '\0')) {
        return NULL;
    }
    return path[root_len] == '/' ? path + root_len + 1 : path + root_len;
}

/* Absolute, as the calls of the server give them; a relative one is taken from DIRECTORY_FD. */
static const char *resolve(int directory_fd, const char *path, char *space)
{
    if (path[0] == '/' || journal < 0) {
        return path;
    }
    char link[64];
    if (directory_fd == AT_FDCWD) {
        if (getcwd(space, PATH_MAX) == NULL) {
            return path;
        }
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory_fd);
        ssize_t len = readlink(link, space, PATH_MAX - 1);
        if (len < 0) {
            return path;
        }
        space[len] = '\0';
    }
    size_t len = strlen(space);
    snprintf(space + len, PATH_MAX - len, "/%s", path);
    return space;
}

static uint32_t id_of_path(const char *path)
{
    for (uint32_t id = 1; id < path_count; id++) {
        if (strcmp(paths[id], path) == 0) {
            return id;
        }
    }
    if (path_count == PATHS_MAX) {
        abort();
    }
    paths[path_count] = strdup(path);
    return path_count++;
}

static void follow(int fd, const char *path, bool is_new)
{
    if (fd < 0 || fd >= FD_MAX) {
        return;
    }
    /* A name that was removed and made again is another file. */
    if (is_new) {
        for (uint32_t id = 1; id < path_count; id++) {
            if (strcmp(paths[id], path) == 0) {
                free(paths[id]);
                paths[id] = strdup("\001gone");
            }
        }
    }
    uint32_t id = id_of_path(path);
    file_of[fd] = id;
    put(OPEN, id, is_new, 0, path, strlen(path));
}

static int open_at(int directory_fd, const char *path, int flags, mode_t mode)
{
    char space[PATH_MAX];
    const char *name = below_root(resolve(directory_fd, path, space));
    if (name == NULL || (flags & O_TMPFILE) == O_TMPFILE) {
        return REAL(openat)(directory_fd, path, flags, mode);
    }
    pthread_mutex_lock(&lock);
    struct stat before;
    bool was_there = fstatat(directory_fd, path, &before, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = REAL(openat)(directory_fd, path, flags, mode);
    if (fd >= 0) {
        follow(fd, name, !was_there);
        if (was_there && (flags & O_TRUNC) != 0) {
            put(TRUNCATE, file_of[fd], 0, 0, NULL, 0);
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static mode_t mode_of(int flags, va_list args)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

#define OPEN_LIKE(name)                                                                                                \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list args;                                                                                                  \
        va_start(args, flags);                                                                                         \
        mode_t mode = mode_of(flags, args);                                                                            \
        va_end(args);                                                                                                  \
        return open_at(AT_FDCWD, path, flags, mode);                                                                   \
    }
#define OPENAT_LIKE(name)                                                                                              \
    int name(int directory_fd, const char *path, int flags, ...)                                                       \
    {                                                                                                                  \
        va_list args;                                                                                                  \
        va_start(args, flags);                                                                                         \
        mode_t mode = mode_of(flags, args);                                                                            \
        va_end(args);                                                                                                  \
        return open_at(directory_fd, path, flags, mode);                                                               \
    }
OPEN_LIKE(open)
OPEN_LIKE(open64)
OPENAT_LIKE(openat64)

int openat(int directory_fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = mode_of(flags, args);
    va_end(args);
    return open_at(directory_fd, path, flags, mode);
}

static uint32_t followed(int fd)
{
    return journal >= 0 && fd >= 0 && fd < FD_MAX ? file_of[fd] : 0;
}

int close(int fd)
{
    if (followed(fd) != 0) {
        pthread_mutex_lock(&lock);
        file_of[fd] = 0;
        pthread_mutex_unlock(&lock);
    }
    return REAL(close)(fd);
}

static ssize_t write_at(int fd, const void *data, size_t length, off_t offset)
{
    ssize_t written = REAL(pwrite)(fd, data, length, offset);
    if (written > 0) {
        put(WRITE, file_of[fd], (uint64_t)offset, 0, data, (size_t)written);
    }
    return written;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    if (followed(fd) == 0) {
        return REAL(pwrite)(fd, data, length, offset);
    }
    pthread_mutex_lock(&lock);
    ssize_t written = write_at(fd, data, length, offset);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return pwrite(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length)
{
    if (followed(fd) == 0) {
        return REAL(write)(fd, data, length);
    }
    pthread_mutex_lock(&lock);
    off_t at = lseek(fd, 0, SEEK_CUR);
    ssize_t written = write_at(fd, data, length, at);
    if (written > 0) {
        lseek(fd, at + written, SEEK_SET);
    }
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    if (followed(fd) == 0) {
        return REAL(pwritev)(fd, parts, count, offset);
    }
    ssize_t total = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++) {
        ssize_t written = write_at(fd, parts[i].iov_base, parts[i].iov_len, offset + total);
        if (written < 0) {
            total = total == 0 ? -1 : total;
            break;
        }
        total += written;
        if ((size_t)written < parts[i].iov_len) {
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return total;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev(fd, parts, count, offset);
}

int ftruncate(int fd, off_t length)
{
    if (followed(fd) == 0) {
        return REAL(ftruncate)(fd, length);
    }
    pthread_mutex_lock(&lock);
    int result = REAL(ftruncate)(fd, length);
    if (result == 0) {
        put(TRUNCATE, file_of[fd], (uint64_t)length, 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

/* The real sync is not made: the test's machine keeps its power, and the model needs the order alone. */
static int sync_file(int fd)
{
    pthread_mutex_lock(&lock);
    uint32_t id = file_of[fd];
    uint64_t number = ++sync_count;
    put(SYNC_BEGIN, id, number, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    usleep(500); /* others write meanwhile, as they would */
    pthread_mutex_lock(&lock);
    put(SYNC_END, id, number, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

int fsync(int fd)
{
    return followed(fd) == 0 ? REAL(fsync)(fd) : sync_file(fd);
}

int fdatasync(int fd)
{
    return followed(fd) == 0 ? REAL(fdatasync)(fd) : sync_file(fd);
}

int unlink(const char *path)
{
    char space[PATH_MAX];
    const char *name = below_root(resolve(AT_FDCWD, path, space));
    if (name == NULL) {
        return REAL(unlink)(path);
    }
    pthread_mutex_lock(&lock);
    int result = REAL(unlink)(path);
    if (result == 0) {
        put(UNLINK, 0, 0, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int unlinkat(int directory_fd, const char *path, int flags)
{
    char space[PATH_MAX];
    const char *name = below_root(resolve(directory_fd, path, space));
    if (name == NULL) {
        return REAL(unlinkat)(directory_fd, path, flags);
    }
    pthread_mutex_lock(&lock);
    int result = REAL(unlinkat)(directory_fd, path, flags);
    if (result == 0) {
        put(UNLINK, 0, 0, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int rename(const char *old_path, const char *new_path)
{
    char space[2][PATH_MAX];
    const char *old_name = below_root(resolve(AT_FDCWD, old_path, space[0]));
    const char *new_name = below_root(resolve(AT_FDCWD, new_path, space[1]));
    if (old_name == NULL || new_name == NULL) {
        return REAL(rename)(old_path, new_path);
    }
    pthread_mutex_lock(&lock);
    int result = REAL(rename)(old_path, new_path);
    if (result == 0) {
        char both[2 * PATH_MAX];
        int length = snprintf(both, sizeof both, "%s%c%s", old_name, 0, new_name);
        put(RENAME, 0, 0, 0, both, (size_t)length);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    char space[PATH_MAX];
    const char *name = below_root(resolve(AT_FDCWD, path, space));
    if (name == NULL) {
        return REAL(mkdir)(path, mode);
    }
    pthread_mutex_lock(&lock);
    int result = REAL(mkdir)(path, mode);
    if (result == 0) {
        put(MKDIR, 0, 0, 0, name, strlen(name));
    }
    pthread_mutex_unlock(&lock);
    return result;
}
