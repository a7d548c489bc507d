/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preloaded library that makes system calls of a process fail when a test says so, while the process runs. The test's
 * half is tests/support/faults.py.
 *
 *     FAULTS_ROOT     the directory below which files are failed (accept and malloc know no files)
 *     FAULTS_CONTROL  the file that both have mapped: struct control
 *
 * Calls of the chosen kind are counted from 1; those from `at` on fail, `times` of them (0: all that follow), with
 * `error`. A test that wants the state of a disk rather than one bad call sets at to 1 and times to 0, and later kind to
 * NOTHING.
 *     WRITE      write, pwrite, pwritev, ftruncate and fallocate that make a file longer, making a file
 *     READ_ONLY  the same, and all else that changes a file or a directory, syncs too
 *     SYNC       fsync, fdatasync
 *     ACCEPT     accept4
 *     MALLOC     malloc, calloc, realloc, posix_memalign of at least 64 KiB
 *     READ       pread of segments of content
 * A write that fails may have written half of it: with `is_torn` the first half is.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { NOTHING, WRITE, READ_ONLY, SYNC, ACCEPT, MALLOC, READ };
enum { FD_MAX = 65536, LARGE_BYTES = 64 * 1024 };

struct control {
    atomic_uint kind;
    atomic_uint at;
    atomic_uint times;
    atomic_int error;
    atomic_uint is_torn;
    atomic_uint count;  /* calls of that kind so far */
    atomic_uint failed; /* of them */
};

static struct control *control;
static char root[PATH_MAX];
static size_t root_len;
static atomic_bool is_below[FD_MAX];
static atomic_bool is_segment[FD_MAX];

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
    const char *directory = getenv("FAULTS_ROOT");
    const char *file = getenv("FAULTS_CONTROL");
    if (directory == NULL || file == NULL || realpath(directory, root) == NULL) {
        return;
    }
    root_len = strlen(root);
    int fd = REAL(open)(file, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        abort();
    }
    REAL(close)(fd);
    control = map;
}

/* Counts a call of KIND; true, with errno set: it is to fail. */
static bool fails(enum kind kind)
{
    if (control == NULL || atomic_load(&control->kind) != kind) {
        return false;
    }
    unsigned number = atomic_fetch_add(&control->count, 1) + 1;
    unsigned at = atomic_load(&control->at);
    unsigned times = atomic_load(&control->times);
    if (at == 0 || number < at || (times != 0 && number >= at + times)) {
        return false;
    }
    atomic_fetch_add(&control->failed, 1);
    errno = atomic_load(&control->error);
    return true;
}

static bool followed(int fd)
{
    return control != NULL && fd >= 0 && fd < FD_MAX && atomic_load(&is_below[fd]);
}

static bool fails_write(int fd)
{
    return followed(fd) && (fails(WRITE) || fails(READ_ONLY));
}

/* ---- Names ---- */

static bool is_below_root(int directory_fd, const char *path)
{
    if (control == NULL) {
        return false;
    }
    if (path[0] == '/') {
        return strncmp(path, root, root_len) == 0 && (path[root_len] == '/' || path[root_len] == '\0');
    }
    return directory_fd != AT_FDCWD && followed(directory_fd);
}

static int open_at(int directory_fd, const char *path, int flags, mode_t mode)
{
    bool is_ours = is_below_root(directory_fd, path);
    bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    struct stat info;
    if (is_ours && makes && ((flags & O_TMPFILE) == O_TMPFILE || fstatat(directory_fd, path, &info, 0) != 0) &&
        (fails(WRITE) || fails(READ_ONLY))) {
        return -1;
    }
    int fd = REAL(openat)(directory_fd, path, flags, mode);
    if (fd >= 0 && fd < FD_MAX) {
        size_t length = strlen(path);
        atomic_store(&is_below[fd], is_ours);
        atomic_store(&is_segment[fd], is_ours && length > 4 && strcmp(path + length - 4, ".seg") == 0);
    }
    return fd;
}

#define MODE_OF(flags, args, mode)                                                                                     \
    va_list args;                                                                                                      \
    va_start(args, flags);                                                                                             \
    mode_t mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;               \
    va_end(args)

int open(const char *path, int flags, ...)
{
    MODE_OF(flags, args, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags, args, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory_fd, const char *path, int flags, ...)
{
    MODE_OF(flags, args, mode);
    return open_at(directory_fd, path, flags, mode);
}

int openat64(int directory_fd, const char *path, int flags, ...)
{
    MODE_OF(flags, args, mode);
    return open_at(directory_fd, path, flags, mode);
}

int unlink(const char *path)
{
    return is_below_root(AT_FDCWD, path) && fails(READ_ONLY) ? -1 : REAL(unlink)(path);
}

int unlinkat(int directory_fd, const char *path, int flags)
{
    return is_below_root(directory_fd, path) && fails(READ_ONLY) ? -1 : REAL(unlinkat)(directory_fd, path, flags);
}

/* ---- Octets ---- */

static ssize_t half_of(int fd, const void *data, size_t length, off_t offset)
{
    int error = errno;
    ssize_t written = -1;
    if (atomic_load(&control->is_torn) != 0 && length > 1) {
        written = REAL(pwrite)(fd, data, length / 2, offset);
    }
    errno = error;
    return written > 0 ? written : -1;
}

ssize_t write(int fd, const void *data, size_t length)
{
    return fails_write(fd) ? -1 : REAL(write)(fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return fails_write(fd) ? half_of(fd, data, length, offset) : REAL(pwrite)(fd, data, length, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    return pwrite(fd, data, length, offset);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    return fails_write(fd) ? half_of(fd, parts[0].iov_base, parts[0].iov_len, offset)
                           : REAL(pwritev)(fd, parts, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev(fd, parts, count, offset);
}

int ftruncate(int fd, off_t length)
{
    struct stat info;
    bool grows = followed(fd) && fstat(fd, &info) == 0 && length > info.st_size;
    if (followed(fd) && ((grows && fails(WRITE)) || fails(READ_ONLY))) {
        return -1;
    }
    return REAL(ftruncate)(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    return fails_write(fd) ? errno : REAL(posix_fallocate)(fd, offset, length);
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return posix_fallocate(fd, offset, length);
}

static int sync_fails(int fd)
{
    return followed(fd) && (fails(SYNC) || fails(READ_ONLY));
}

int fsync(int fd)
{
    return sync_fails(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return sync_fails(fd) ? -1 : REAL(fdatasync)(fd);
}

ssize_t pread(int fd, void *data, size_t length, off_t offset)
{
    return followed(fd) && atomic_load(&is_segment[fd]) && fails(READ) ? -1 : REAL(pread)(fd, data, length, offset);
}

ssize_t pread64(int fd, void *data, size_t length, off64_t offset)
{
    return pread(fd, data, length, offset);
}

/* ---- Connections ---- */

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict length, int flags)
{
    return fails(ACCEPT) ? -1 : REAL(accept4)(fd, address, length, flags);
}

/* ---- Memory: glibc's own names, since dlsym allocates ---- */

extern void *__libc_malloc(size_t length);
extern void *__libc_calloc(size_t count, size_t length);
extern void *__libc_realloc(void *old, size_t length);
extern void *__libc_memalign(size_t alignment, size_t length);

static bool fails_memory(size_t length)
{
    return length >= LARGE_BYTES && fails(MALLOC);
}

void *malloc(size_t length)
{
    return fails_memory(length) ? NULL : __libc_malloc(length);
}

void *calloc(size_t count, size_t length)
{
    return length != 0 && count >= LARGE_BYTES / length && fails_memory(count * length) ? NULL
                                                                                      : __libc_calloc(count, length);
}

void *realloc(void *old, size_t length)
{
    return fails_memory(length) ? NULL : __libc_realloc(old, length);
}

int posix_memalign(void **out, size_t alignment, size_t length)
{
    *out = fails_memory(length) ? NULL : __libc_memalign(alignment, length);
    return *out == NULL ? ENOMEM : 0;
}
