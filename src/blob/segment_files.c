/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/segment_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/mem.h"
#include "blob/record.h"

enum { BUCKETS = 64, NAME_MAX_BYTES = 24 };

struct ph_segment_files {
    char *directory;
    int directory_fd;
    struct ph_file_ops ops;
    unsigned open_max;
    pthread_mutex_t lock; /* of what follows, and of the fields of the files that are ours */
    struct ph_segment_file *buckets[BUCKETS];
    unsigned open_count;
    uint64_t uses;
};

static ssize_t system_pwritev(void *ctx, int fd, const struct iovec *parts, int count, off_t offset)
{
    (void)ctx;
    return pwritev(fd, parts, count, offset);
}

static int system_fdatasync(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd);
}

const struct ph_file_ops ph_file_ops_system = {system_pwritev, system_fdatasync, NULL};

static void format_name(uint32_t number, char out[NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%08u.seg", number);
}

/* A full disk is LIMIT; anything else that befalls a file of our own is not the caller's fault. */
static int fail_file(struct ph_error *err, int errnum, const char *what, uint32_t number)
{
    int class = ph_error_class_of_errno(errnum) == PH_ELIMIT ? PH_ELIMIT : PH_EUNAVAILABLE;
    return ph_fail_errno(err, class, errnum, "cannot %s segment %u", what, number);
}

/* ---- Life ---- */

int ph_segment_files_open(const char *directory, const struct ph_file_ops *ops, unsigned open_max,
                          struct ph_segment_files **out_files, struct ph_error *err)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%s", directory);
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%s", directory);
    }
    struct ph_segment_files *files = ph_zalloc(sizeof *files);
    files->directory = ph_strdup(directory);
    files->directory_fd = fd;
    files->ops = ops == NULL ? ph_file_ops_system : *ops;
    files->open_max = open_max == 0 ? PH_SEGMENT_FILES_OPEN_MAX : open_max;
    pthread_mutex_init(&files->lock, NULL);
    *out_files = files;
    return PH_OK;
}

static void free_file(struct ph_segment_file *file)
{
    close(file->fd);
    free(file);
}

void ph_segment_files_close(struct ph_segment_files **files)
{
    if (*files == NULL) {
        return;
    }
    struct ph_segment_files *f = *files;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (f->buckets[i] != NULL) {
            struct ph_segment_file *file = f->buckets[i];
            f->buckets[i] = file->next;
            free_file(file);
        }
    }
    close(f->directory_fd);
    pthread_mutex_destroy(&f->lock);
    free(f->directory);
    free(f);
    *files = NULL;
}

/* ---- The directory ---- */

/* The number in a name of ours; 0 for other names. */
static uint32_t number_of_name(const char *name)
{
    struct ph_bytes text = ph_bytes_str(name);
    struct ph_bytes suffix = PH_BYTES(".seg");
    uint64_t number = 0;
    if (text.len <= suffix.len || !ph_bytes_eq(ph_bytes_from(text, text.len - suffix.len), suffix) ||
        !ph_bytes_to_u64(ph_bytes_first(text, text.len - suffix.len), &number) || number > UINT32_MAX) {
        return 0;
    }
    return (uint32_t)number;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a;
    uint32_t other = *(const uint32_t *)b;
    return one < other ? -1 : one > other;
}

int ph_segment_files_list(struct ph_segment_files *files, uint32_t **out_numbers, size_t *out_count,
                          struct ph_error *err)
{
    *out_numbers = NULL;
    *out_count = 0;
    DIR *stream = opendir(files->directory);
    if (stream == NULL) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errno, "%s", files->directory);
    }
    size_t room = 0;
    errno = 0;
    for (const struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        uint32_t number = number_of_name(entry->d_name);
        if (number == 0) {
            continue;
        }
        if (*out_count == room) {
            room = room == 0 ? 64 : room * 2;
            *out_numbers = ph_realloc(*out_numbers, room * sizeof **out_numbers);
        }
        (*out_numbers)[(*out_count)++] = number;
    }
    int errnum = errno;
    closedir(stream);
    if (errnum != 0) {
        free(*out_numbers);
        *out_numbers = NULL;
        *out_count = 0;
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "%s", files->directory);
    }
    if (*out_count > 0) {
        qsort(*out_numbers, *out_count, sizeof **out_numbers, compare_numbers);
    }
    return PH_OK;
}

static int write_header(struct ph_segment_files *files, int fd, uint32_t number, uint64_t made_us)
{
    uint8_t header[PH_SEGMENT_HEADER_BYTES];
    ph_segment_header_encode(number, made_us, header);
    struct iovec part = {header, sizeof header};
    ssize_t written = files->ops.pwritev(files->ops.ctx, fd, &part, 1, 0);
    if (written >= 0 && written < (ssize_t)sizeof header) {
        errno = ENOSPC;
    }
    if (written != (ssize_t)sizeof header || files->ops.fdatasync(files->ops.ctx, fd) != 0 ||
        fsync(files->directory_fd) != 0) {
        return -1;
    }
    return 0;
}

int ph_segment_create(struct ph_segment_files *files, uint32_t number, uint64_t made_us, struct ph_error *err)
{
    char name[NAME_MAX_BYTES];
    format_name(number, name);
    int fd = openat(files->directory_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == EEXIST ? ph_fail(err, PH_ECONFLICT, "segment %u exists", number)
                               : fail_file(err, errno, "make", number);
    }
    int result = PH_OK;
    if (write_header(files, fd, number, made_us) != 0) {
        result = fail_file(err, errno, "make", number);
        unlinkat(files->directory_fd, name, 0);
    }
    close(fd);
    return result;
}

/* ---- Descriptors ---- */

static struct ph_segment_file **find(struct ph_segment_files *files, uint32_t number)
{
    struct ph_segment_file **at = &files->buckets[number % BUCKETS];
    while (*at != NULL && (*at)->number != number) {
        at = &(*at)->next;
    }
    return at;
}

static void drop(struct ph_segment_files *files, struct ph_segment_file **at)
{
    struct ph_segment_file *file = *at;
    *at = file->next;
    files->open_count--;
    free_file(file);
}

/* Closes the descriptor that nobody holds and nobody used for longest. False: there is none. */
static bool close_oldest(struct ph_segment_files *files)
{
    struct ph_segment_file **oldest = NULL;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct ph_segment_file **at = &files->buckets[i]; *at != NULL; at = &(*at)->next) {
            if ((*at)->holders == 0 && (oldest == NULL || (*at)->used_at < (*oldest)->used_at)) {
                oldest = at;
            }
        }
    }
    if (oldest == NULL) {
        return false;
    }
    drop(files, oldest);
    return true;
}

static int open_file(struct ph_segment_files *files, uint32_t number, struct ph_segment_file **out_file,
                     struct ph_error *err)
{
    char name[NAME_MAX_BYTES];
    format_name(number, name);
    if (files->open_count >= files->open_max) {
        close_oldest(files);
    }
    int fd;
    do {
        fd = openat(files->directory_fd, name, O_RDWR | O_CLOEXEC);
    } while (fd < 0 && (errno == EMFILE || errno == ENFILE) && close_oldest(files));
    if (fd < 0) {
        return errno == ENOENT ? ph_fail(err, PH_ENOTFOUND, "segment %u is not there", number)
                               : fail_file(err, errno, "open", number);
    }
    struct ph_segment_file *file = ph_zalloc(sizeof *file);
    file->number = number;
    file->fd = fd;
    struct ph_segment_file **at = find(files, number);
    *at = file;
    files->open_count++;
    *out_file = file;
    return PH_OK;
}

int ph_segment_hold(struct ph_segment_files *files, uint32_t number, struct ph_segment_file **out_file,
                    struct ph_error *err)
{
    pthread_mutex_lock(&files->lock);
    int result = PH_OK;
    struct ph_segment_file *file = *find(files, number);
    if (file == NULL) {
        result = open_file(files, number, &file, err);
    }
    if (file != NULL) {
        file->holders++;
        file->used_at = ++files->uses;
        *out_file = file;
    }
    pthread_mutex_unlock(&files->lock);
    return result;
}

void ph_segment_release(struct ph_segment_files *files, struct ph_segment_file **file)
{
    if (*file == NULL) {
        return;
    }
    pthread_mutex_lock(&files->lock);
    bool is_last = --(*file)->holders == 0 && (*file)->is_removed;
    pthread_mutex_unlock(&files->lock);
    if (is_last) {
        free_file(*file);
    }
    *file = NULL;
}

/* With the lock. */
static void forget(struct ph_segment_files *files, uint32_t number)
{
    struct ph_segment_file **at = find(files, number);
    struct ph_segment_file *file = *at;
    if (file != NULL && file->holders == 0) {
        drop(files, at);
    } else if (file != NULL) {
        /* Its last holder frees it. */
        file->is_removed = true;
        *at = file->next;
        files->open_count--;
    }
}

void ph_segment_forget(struct ph_segment_files *files, uint32_t number)
{
    pthread_mutex_lock(&files->lock);
    forget(files, number);
    pthread_mutex_unlock(&files->lock);
}

int ph_segment_remove(struct ph_segment_files *files, uint32_t number, struct ph_error *err)
{
    char name[NAME_MAX_BYTES];
    format_name(number, name);
    pthread_mutex_lock(&files->lock);
    int rc = unlinkat(files->directory_fd, name, 0);
    int errnum = errno;
    if (rc == 0 || errnum == ENOENT) {
        forget(files, number);
    }
    pthread_mutex_unlock(&files->lock);
    if (rc == 0 && fsync(files->directory_fd) != 0) {
        return fail_file(err, errno, "remove", number);
    }
    return rc == 0 || errnum == ENOENT ? PH_OK : fail_file(err, errnum, "remove", number);
}

/* ---- Octets ---- */

int ph_segment_read_some(struct ph_segment_file *file, uint64_t offset, void *out, size_t len,
                         size_t *out_len, struct ph_error *err)
{
    uint8_t *at = out;
    size_t left = len;
    while (left > 0) {
        ssize_t got = pread(file->fd, at, left, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return fail_file(err, errno, "read", file->number);
        }
        if (got == 0) {
            break;
        }
        at += got;
        left -= (size_t)got;
        offset += (uint64_t)got;
    }
    *out_len = len - left;
    return PH_OK;
}

int ph_segment_read(struct ph_segment_file *file, uint64_t offset, void *out, size_t len,
                    struct ph_error *err)
{
    size_t got = 0;
    int result = ph_segment_read_some(file, offset, out, len, &got, err);
    if (result == PH_OK && got < len) {
        result = ph_fail(err, PH_ECORRUPT, "segment %u ends at %llu, octets up to %llu are wanted",
                         file->number, (unsigned long long)offset + got, (unsigned long long)offset + len);
    }
    return result;
}

int ph_segment_write(struct ph_segment_files *files, struct ph_segment_file *file, struct iovec *parts,
                     int count, uint64_t offset, struct ph_error *err)
{
    while (count > 0) {
        if (parts->iov_len == 0) {
            parts++;
            count--;
            continue;
        }
        ssize_t written = files->ops.pwritev(files->ops.ctx, file->fd, parts, count, (off_t)offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return fail_file(err, written == 0 ? ENOSPC : errno, "write", file->number);
        }
        offset += (uint64_t)written;
        for (size_t left = (size_t)written; left > 0;) {
            size_t step = left < parts->iov_len ? left : parts->iov_len;
            parts->iov_base = (uint8_t *)parts->iov_base + step;
            parts->iov_len -= step;
            left -= step;
            if (parts->iov_len == 0) {
                parts++;
                count--;
            }
        }
    }
    return PH_OK;
}

int ph_segment_sync(struct ph_segment_files *files, struct ph_segment_file *file, struct ph_error *err)
{
    return files->ops.fdatasync(files->ops.ctx, file->fd) == 0 ? PH_OK
                                                               : fail_file(err, errno, "sync", file->number);
}

int ph_segment_size(struct ph_segment_file *file, uint64_t *out_size, struct ph_error *err)
{
    struct stat st;
    if (fstat(file->fd, &st) != 0) {
        return fail_file(err, errno, "look at", file->number);
    }
    *out_size = (uint64_t)st.st_size;
    return PH_OK;
}

int ph_segment_truncate(struct ph_segment_file *file, uint64_t size, struct ph_error *err)
{
    return ftruncate(file->fd, (off_t)size) == 0 ? PH_OK : fail_file(err, errno, "cut", file->number);
}
