/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "task/backup-private.h"

enum { PIECE_BYTES = 1 << 20 };

static int fail_path(struct ph_error *err, int errnum, const char *path)
{
    return ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%.180s", path);
}

int ph_backup_join_parts(struct ph_backup_path *out_path, struct ph_error *err, const char *const *parts,
                         size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        int wrote =
            snprintf(out_path->text + len, sizeof out_path->text - len, "%s%s", i == 0 ? "" : "/", parts[i]);
        if (wrote < 0 || (size_t)wrote >= sizeof out_path->text - len) {
            return ph_fail(err, PH_EINVALID, "%.100s: the path is too long", parts[0]);
        }
        len += (size_t)wrote;
    }
    return PH_OK;
}

/* ---- Octets ---- */

static void pause_for(uint64_t bytes, uint64_t bytes_per_second)
{
    if (bytes_per_second != 0) {
        uint64_t us = bytes * 1000000 / bytes_per_second;
        const struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
        nanosleep(&pause, NULL);
    }
}

static int write_all(int fd, const uint8_t *octets, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, octets, len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return -1;
        }
        octets += written;
        len -= (size_t)written;
    }
    return 0;
}

struct pump {
    const char *source;
    const char *target; /* NULL: nothing is written */
    int from;
    int to;
    uint64_t bytes_per_second;
    EVP_MD_CTX *digest;
    uint8_t *piece;
};

/* What FROM has now, to TO and into the digest. */
static int pump_all(const struct pump *pump, uint64_t *out_octets, struct ph_error *err)
{
    struct stat info;
    if (fstat(pump->from, &info) != 0) {
        return fail_path(err, errno, pump->source);
    }
    uint64_t left = (uint64_t)info.st_size;
    *out_octets = left;
    while (left > 0) {
        size_t want = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ssize_t got = read(pump->from, pump->piece, want);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? fail_path(err, errno, pump->source)
                           : ph_fail(err, PH_ECORRUPT, "%.180s became shorter", pump->source);
        }
        if (EVP_DigestUpdate(pump->digest, pump->piece, (size_t)got) != 1) {
            return ph_fail(err, PH_EUNAVAILABLE, "SHA-256 of %.180s", pump->source);
        }
        if (pump->target != NULL && write_all(pump->to, pump->piece, (size_t)got) != 0) {
            return fail_path(err, errno, pump->target);
        }
        left -= (uint64_t)got;
        pause_for((uint64_t)got, pump->bytes_per_second);
    }
    if (pump->target != NULL && fsync(pump->to) != 0) {
        return fail_path(err, errno, pump->target);
    }
    return PH_OK;
}

static int finish_digest(const struct pump *pump, struct ph_backup_file *out_file, struct ph_error *err)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_DigestFinal_ex(pump->digest, digest, &len) != 1 || len * 2 + 1 != PH_BACKUP_DIGEST_TEXT) {
        return ph_fail(err, PH_EUNAVAILABLE, "SHA-256 of %.180s", pump->source);
    }
    for (unsigned i = 0; i < len; i++) {
        snprintf(out_file->digest + (size_t)i * 2, 3, "%02x", digest[i]);
    }
    return PH_OK;
}

static int run(struct pump *pump, struct ph_backup_file *out_file, struct ph_error *err)
{
    *out_file = (struct ph_backup_file){0};
    pump->digest = EVP_MD_CTX_new();
    pump->piece = ph_alloc(PIECE_BYTES);
    int result = pump->digest != NULL && EVP_DigestInit_ex(pump->digest, EVP_sha256(), NULL) == 1
                     ? PH_OK
                     : ph_fail(err, PH_EUNAVAILABLE, "SHA-256 of %.180s", pump->source);
    if (result == PH_OK) {
        result = pump_all(pump, &out_file->octets, err);
    }
    if (result == PH_OK) {
        result = finish_digest(pump, out_file, err);
    }
    free(pump->piece);
    EVP_MD_CTX_free(pump->digest);
    return result;
}

int ph_backup_digest(const char *path, uint64_t bytes_per_second, struct ph_backup_file *out_file,
                     struct ph_error *err)
{
    struct pump pump = {.source = path, .bytes_per_second = bytes_per_second};
    pump.from = open(path, O_RDONLY | O_CLOEXEC);
    if (pump.from < 0) {
        return fail_path(err, errno, path);
    }
    int result = run(&pump, out_file, err);
    close(pump.from);
    return result;
}

int ph_backup_copy(const char *source, const char *target, uint64_t bytes_per_second,
                   struct ph_backup_file *out_file, struct ph_error *err)
{
    struct pump pump = {.source = source, .target = target, .bytes_per_second = bytes_per_second};
    pump.from = open(source, O_RDONLY | O_CLOEXEC);
    if (pump.from < 0) {
        return fail_path(err, errno, source);
    }
    pump.to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int result = pump.to < 0 ? fail_path(err, errno, target) : run(&pump, out_file, err);
    close(pump.from);
    if (pump.to >= 0) {
        close(pump.to);
    }
    return result;
}

/* ---- Directories ---- */

int ph_backup_make_directory(const char *path, struct ph_error *err)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? PH_OK : fail_path(err, errno, path);
}

int ph_backup_sync_directory(const char *path, struct ph_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    int errnum = errno;
    if (fd >= 0) {
        close(fd);
    }
    return rc == 0 ? PH_OK : fail_path(err, errnum, path);
}

int ph_backup_remove_tree(const char *path, struct ph_error *err)
{
    char *root = ph_strdup(path);
    char *roots[] = {root, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    int result = PH_OK;
    for (FTSENT *entry = tree == NULL ? NULL : fts_read(tree); entry != NULL && result == PH_OK;
         entry = fts_read(tree)) {
        bool is_directory = entry->fts_info == FTS_DP;
        if (entry->fts_info == FTS_D || entry->fts_info == FTS_NS) {
            continue;
        }
        if ((is_directory ? rmdir(entry->fts_accpath) : unlink(entry->fts_accpath)) != 0 && errno != ENOENT) {
            result = fail_path(err, errno, entry->fts_path);
        }
    }
    if (tree != NULL) {
        fts_close(tree);
    }
    free(root);
    return result;
}
