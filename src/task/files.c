/* SPDX-License-Identifier: Apache-2.0 */
#include "task/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 65536,
    REST_NS = 20 * 1000 * 1000, /* a file system counts in ticks of the kernel, 10 ms at most */
};

static int fail_open(const char *name, int errnum, struct ph_error *err)
{
    if (errnum == ELOOP) {
        return ph_fail(err, PH_EDENIED, "%.180s: a symbolic link, which is not followed", name);
    }
    /* A socket, a bad block, a name that cannot be: one file's trouble, and not ours. */
    bool is_its_own = errnum == ENXIO || errnum == ENODEV || errnum == EIO || errnum == ENAMETOOLONG;
    return ph_fail_errno(err, is_its_own ? PH_EDENIED : ph_error_class_of_errno(errnum), errnum, "%.180s",
                         name);
}

static int check_name(const char *name, struct ph_error *err)
{
    bool is_part =
        name[0] != '\0' && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strchr(name, '/') == NULL;
    return is_part ? PH_OK : ph_fail(err, PH_EDENIED, "%.180s: not the name of a file", name);
}

int ph_files_open(int directory, const char *name, int *out_fd, struct stat *out_info, struct ph_error *err)
{
    int result = check_name(name, err);
    if (result != PH_OK) {
        return result;
    }
    /* A pipe must not keep us waiting, nor a terminal become ours. */
    int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) {
        return fail_open(name, errno, err);
    }
    if (fstat(fd, out_info) != 0) {
        result = fail_open(name, errno, err);
    } else if (!S_ISREG(out_info->st_mode)) {
        result = ph_fail(err, PH_EDENIED, "%.180s: not a plain file", name);
    }
    if (result != PH_OK) {
        close(fd);
        return result;
    }
    *out_fd = fd;
    return PH_OK;
}

int ph_files_open_directory(int directory, const char *name, int *out_fd, struct ph_error *err)
{
    int result = check_name(name, err);
    if (result != PH_OK) {
        return result;
    }
    *out_fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*out_fd >= 0) {
        return PH_OK;
    }
    int errnum = errno;
    struct stat info;
    /* A link to a directory is no directory. */
    if (errnum == ENOTDIR && fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(info.st_mode)) {
        errnum = ELOOP;
    }
    return fail_open(name, errnum, err);
}

int ph_files_read(int directory, const char *name, struct ph_buf *out, struct ph_error *err)
{
    int fd = -1;
    struct stat info;
    int result = ph_files_open(directory, name, &fd, &info, err);
    if (result != PH_OK) {
        return result;
    }
    for (;;) {
        uint8_t piece[READ_BYTES];
        ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            result = fail_open(name, errno, err);
            break;
        }
        if (got == 0) {
            break;
        }
        ph_buf_append(out, piece, (size_t)got);
        if (out->has_overflowed) {
            result = ph_fail(err, PH_ELIMIT, "%.180s: larger than %zu octets", name, out->max);
            break;
        }
    }
    close(fd);
    return result;
}

int ph_files_list(int directory, int (*each)(void *ctx, const char *name), void *ctx, struct ph_error *err)
{
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) {
        int errnum = errno;
        if (fd >= 0) {
            close(fd);
        }
        return fail_open("the directory", errnum, err);
    }
    int result = PH_OK;
    while (result == PH_OK) {
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            result = errno == 0 ? PH_OK : fail_open("the directory", errno, err);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = each(ctx, entry->d_name);
        }
    }
    closedir(stream);
    return result;
}

bool ph_files_at_rest(int directory, const char *name)
{
    struct stat info;
    struct timespec now;
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return true;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t age_ns =
        (int64_t)(now.tv_sec - info.st_mtim.tv_sec) * 1000000000 + now.tv_nsec - info.st_mtim.tv_nsec;
    return age_ns < 0 || age_ns > REST_NS;
}
