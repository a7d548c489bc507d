/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One buffer, then one nameless file: O_TMPFILE leaves nothing behind a crash and needs no name. File systems that
 * cannot do it (NFS) get a named file that is unlinked at once.
 *
 * A write at a known offset keeps a failed one harmless: size does not move, so the next write lies over what came
 * of it.
 */
#include "blob/spool.h"

#include <errno.h>
#include <fcntl.h>

void ph_spool_init(struct ph_spool *spool, const char *directory, size_t memory_max, uint64_t size_max)
{
    *spool = (struct ph_spool){
        .directory = directory,
        .memory = PH_BUF(memory_max),
        .memory_max = memory_max,
        .size_max = size_max,
        .fd = -1,
    };
}

static void close_file(struct ph_spool *spool)
{
    if (spool->fd >= 0) {
        close(spool->fd);
        spool->fd = -1;
    }
}

void ph_spool_clear(struct ph_spool *spool)
{
    close_file(spool);
    ph_buf_clear(&spool->memory);
    spool->size = 0;
}

void ph_spool_fini(struct ph_spool *spool)
{
    close_file(spool);
    ph_buf_fini(&spool->memory);
    spool->size = 0;
}

/* A full disk is LIMIT; what else happens to a file of our own is not the sender's fault. */
static int fail_file(struct ph_error *err, int errnum, const char *what, const char *directory)
{
    int class = ph_error_class_of_errno(errnum) == PH_ELIMIT ? PH_ELIMIT : PH_EUNAVAILABLE;
    return ph_fail_errno(err, class, errnum, "%s a spool file in %s", what, directory);
}

static int open_file(const char *directory, struct ph_error *err)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        struct ph_buf path = PH_BUF(4096);
        ph_buf_printf(&path, "%s/spool-XXXXXX", directory);
        ph_buf_byte(&path, '\0');
        if (path.has_overflowed) {
            errno = ENAMETOOLONG;
        } else {
            fd = mkostemp((char *)path.ptr, O_CLOEXEC);
            if (fd >= 0) {
                unlink((char *)path.ptr);
            }
        }
        ph_buf_fini(&path);
    }
    return fd >= 0 ? fd : fail_file(err, errno, "cannot make", directory);
}

static int write_at(const struct ph_spool *spool, int fd, struct ph_bytes bytes, uint64_t offset,
                    struct ph_error *err)
{
    while (bytes.len > 0) {
        ssize_t written = pwrite(fd, bytes.ptr, bytes.len, (off_t)offset);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return fail_file(err, errno, "cannot write", spool->directory);
        }
        bytes = ph_bytes_from(bytes, (size_t)written);
        offset += (uint64_t)written;
    }
    return PH_OK;
}

/* From memory to a file; memory stays as it was where that fails. */
static int move_to_file(struct ph_spool *spool, struct ph_error *err)
{
    int fd = open_file(spool->directory, err);
    if (fd < 0) {
        return fd;
    }
    int rc = write_at(spool, fd, ph_buf_view(&spool->memory), 0, err);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    ph_buf_fini(&spool->memory);
    spool->fd = fd;
    return PH_OK;
}

int ph_spool_write(struct ph_spool *spool, struct ph_bytes bytes, struct ph_error *err)
{
    if (bytes.len > spool->size_max - spool->size) {
        return ph_fail(err, PH_ELIMIT, "more than %llu octets", (unsigned long long)spool->size_max);
    }
    if (spool->fd < 0) {
        if (bytes.len <= spool->memory_max - spool->memory.len) {
            ph_buf_bytes(&spool->memory, bytes);
            spool->size += bytes.len;
            return PH_OK;
        }
        int rc = move_to_file(spool, err);
        if (rc < 0) {
            return rc;
        }
    }
    int rc = write_at(spool, spool->fd, bytes, spool->size, err);
    if (rc < 0) {
        return rc;
    }
    spool->size += bytes.len;
    return PH_OK;
}

int ph_spool_read(struct ph_spool *spool, uint64_t offset, void *out, size_t len, struct ph_error *err)
{
    if (offset > spool->size || len > spool->size - offset) {
        return ph_fail(err, PH_EBUG, "asked for octets %llu to %llu of a spool of %llu",
                       (unsigned long long)offset, (unsigned long long)offset + len,
                       (unsigned long long)spool->size);
    }
    if (len == 0) {
        return PH_OK;
    }
    if (spool->fd < 0) {
        memcpy(out, spool->memory.ptr + offset, len);
        return PH_OK;
    }
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = pread(spool->fd, at, len, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return fail_file(err, got < 0 ? errno : EIO, "cannot read", spool->directory);
        }
        at += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return PH_OK;
}

struct ph_bytes ph_spool_view(const struct ph_spool *spool)
{
    return spool->fd < 0 ? ph_buf_view(&spool->memory) : (struct ph_bytes){NULL, 0};
}
