/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a backup. The database first: its rows refer to octets that stand in the segments already, so whatever is
 * copied of those afterwards has them. From before the one to behind the other the store holds its segments.
 */
#include "task/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "blob/record.h"
#include "task/backup-private.h"

struct backup {
    const struct ph_backup_options *options;
    struct ph_backup_counts *counts;
    struct ph_error *err;
    struct ph_backup_path generations; /* DIRECTORY/generations */
    struct ph_backup_path shared;      /* DIRECTORY/segments */
    struct ph_backup_path unfinished;  /* DIRECTORY/generations/new */
    json_t *before;                    /* the manifest of the newest generation, or NULL */
    json_t *manifest;
    int lock_fd;
};

/* ---- Beginning ---- */

static void make_name(const struct ph_clock *clock, char out_name[PH_BACKUP_NAME_BYTES])
{
    uint64_t now_us = ph_real_us(clock);
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts = {0};
    gmtime_r(&seconds, &parts);
    size_t len = strftime(out_name, PH_BACKUP_NAME_BYTES, "%Y%m%dT%H%M%S", &parts);
    snprintf(out_name + len, PH_BACKUP_NAME_BYTES - len, ".%06uZ", (unsigned)(now_us % 1000000));
}

static int take_lock(struct backup *b)
{
    struct ph_backup_path path;
    int result = ph_backup_join(&path, b->err, b->options->directory, "lock");
    if (result != PH_OK) {
        return result;
    }
    b->lock_fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (b->lock_fd < 0 || flock(b->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? ph_fail(b->err, PH_EBUSY, "another backup into %.180s runs", b->options->directory)
                   : ph_fail_errno(b->err, ph_error_class_of_errno(errno), errno, "%.180s", path.text);
    }
    return PH_OK;
}

static int make_directories(struct backup *b)
{
    const char *directory = b->options->directory;
    int result = ph_backup_join(&b->generations, b->err, directory, "generations");
    if (result == PH_OK) {
        result = ph_backup_join(&b->shared, b->err, directory, "segments");
    }
    if (result == PH_OK) {
        result = ph_backup_join(&b->unfinished, b->err, directory, "generations", "new");
    }
    const char *const paths[] = {directory, b->generations.text, b->shared.text};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && result == PH_OK; i++) {
        result = ph_backup_make_directory(paths[i], b->err);
    }
    return result;
}

/* Whether there are generations, as the options say, and what the newest has. */
static int read_before(struct backup *b)
{
    char newest[PH_BACKUP_NAME_BYTES] = "";
    struct ph_error reason = {0};
    int result = ph_backup_newest(b->options->directory, newest, &reason);
    if (result == PH_ENOTFOUND && !b->options->is_incremental) {
        return PH_OK;
    }
    if (result != PH_OK) {
        return ph_fail(b->err, result, "%s", reason.text);
    }
    if (!b->options->is_incremental) {
        return ph_fail(b->err, PH_ECONFLICT, "%.160s has backups: --incremental adds one to them",
                       b->options->directory);
    }
    return ph_backup_read_manifest(b->options->directory, newest, &b->before, b->err);
}

static int begin(struct backup *b)
{
    int result = make_directories(b);
    if (result == PH_OK) {
        result = take_lock(b);
    }
    if (result == PH_OK) {
        result = read_before(b);
    }
    if (result == PH_OK) {
        result = ph_backup_remove_tree(b->unfinished.text, b->err);
    }
    if (result == PH_OK) {
        result = ph_backup_make_directory(b->unfinished.text, b->err);
    }
    make_name(b->options->clock, b->counts->generation);
    b->manifest = json_pack("{s:i, s:s, s:s, s:[], s:[]}", "format", 1, "generation", b->counts->generation,
                            "version", b->options->version, "files", "missing");
    return result;
}

/* ---- Files ---- */

static void add_file(struct backup *b, const char *path, const char *as, const struct ph_backup_file *file,
                     bool is_new)
{
    ph_backup_manifest_add(b->manifest, path, as, file);
    b->counts->files++;
    b->counts->octets += file->octets;
    b->counts->new_files += is_new ? 1 : 0;
    b->counts->new_octets += is_new ? file->octets : 0;
}

static int copy_database(struct backup *b)
{
    struct ph_backup_path path;
    struct ph_backup_path listed;
    struct ph_backup_file file = {0};
    const struct ph_backup_options *options = b->options;
    int result = ph_backup_join(&path, b->err, b->unfinished.text, "posthouse.db");
    if (result == PH_OK) {
        result = ph_backup_join(&listed, b->err, "generations", b->counts->generation, "posthouse.db");
    }
    if (result == PH_OK) {
        result = ph_db_copy(options->db, path.text, options->bytes_per_second, b->err);
    }
    if (result == PH_OK) {
        result = ph_backup_digest(path.text, options->bytes_per_second, &file, b->err);
    }
    if (result == PH_OK) {
        add_file(b, listed.text, "posthouse.db", &file, true);
    }
    return result;
}

/* What the newest generation knows of PATH, if the file is still as long as it says. */
static bool is_known(const struct backup *b, const char *path, struct ph_backup_file *out_file)
{
    size_t index = 0;
    const json_t *entry = NULL;
    struct ph_backup_path whole;
    struct stat info;
    json_array_foreach(json_object_get(b->before, "files"), index, entry)
    {
        if (strcmp(json_string_value(json_object_get(entry, "path")), path) == 0) {
            out_file->octets = (uint64_t)json_integer_value(json_object_get(entry, "octets"));
            snprintf(out_file->digest, sizeof out_file->digest, "%s",
                     json_string_value(json_object_get(entry, "sha256")));
            return ph_backup_join(&whole, NULL, b->options->directory, path) == PH_OK &&
                   stat(whole.text, &info) == 0 && (uint64_t)info.st_size == out_file->octets;
        }
    }
    return false;
}

/* Links SOURCE to TARGET, or copies it. */
static int link_or_copy(struct backup *b, const char *source, const char *target,
                        struct ph_backup_file *out_file)
{
    uint64_t rate = b->options->bytes_per_second;
    struct ph_backup_path part;
    int result = ph_backup_join(&part, b->err, b->shared.text, "new");
    if (result != PH_OK) {
        return result;
    }
    if (unlink(part.text) != 0 && errno != ENOENT) {
        return ph_fail_errno(b->err, ph_error_class_of_errno(errno), errno, "%.180s", part.text);
    }
    if (link(source, part.text) == 0) {
        result = ph_backup_digest(part.text, rate, out_file, b->err);
    } else {
        result = ph_backup_copy(source, part.text, rate, out_file, b->err);
    }
    if (result == PH_OK && rename(part.text, target) != 0) {
        result = ph_fail_errno(b->err, ph_error_class_of_errno(errno), errno, "%.180s", target);
    }
    /* Where both names are of one file, rename leaves them be. */
    (void)unlink(part.text);
    return result;
}

/* When the segment was made: with its number its identity, also where a store was restored and went another way. */
static int read_made_us(struct backup *b, const char *path, uint64_t *out_made_us)
{
    uint8_t header[PH_SEGMENT_HEADER_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : pread(fd, header, sizeof header, 0);
    int errnum = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (got < 0) {
        return ph_fail_errno(b->err, ph_error_class_of_errno(errnum), errnum, "%.180s", path);
    }
    *out_made_us = 0;
    for (unsigned i = 0; got == (ssize_t)sizeof header && i < 8; i++) {
        *out_made_us |= (uint64_t)header[16 + i] << (8 * i);
    }
    return PH_OK;
}

static int add_full_segment(struct backup *b, const char *source, uint32_t number, const char *as)
{
    uint64_t made_us = 0;
    char listed[64];
    struct ph_backup_path target;
    struct ph_backup_file file = {0};
    int result = read_made_us(b, source, &made_us);
    if (result == PH_OK) {
        snprintf(listed, sizeof listed, "segments/%08u-%016llx.seg", number, (unsigned long long)made_us);
        result = ph_backup_join(&target, b->err, b->options->directory, listed);
    }
    if (result != PH_OK) {
        return result;
    }
    bool was_there = is_known(b, listed, &file);
    if (!was_there) {
        result = link_or_copy(b, source, target.text, &file);
    }
    if (result == PH_OK) {
        add_file(b, listed, as, &file, !was_there);
    }
    return result;
}

static int add_open_segment(struct backup *b, const char *source, uint32_t number, const char *as)
{
    char name[32];
    snprintf(name, sizeof name, "%08u.seg", number);
    struct ph_backup_path target;
    struct ph_backup_path listed;
    struct ph_backup_file file = {0};
    int result = ph_backup_join(&target, b->err, b->unfinished.text, name);
    if (result == PH_OK) {
        result = ph_backup_join(&listed, b->err, "generations", b->counts->generation, name);
    }
    if (result == PH_OK) {
        result = ph_backup_copy(source, target.text, b->options->bytes_per_second, &file, b->err);
    }
    if (result == PH_OK) {
        add_file(b, listed.text, as, &file, true);
    }
    return result;
}

static int add_segment(struct backup *b, const struct ph_segment_entry *entry)
{
    char name[32];
    char as[48];
    snprintf(name, sizeof name, "%08u.seg", entry->number);
    snprintf(as, sizeof as, "segments/%s", name);
    struct ph_backup_path source;
    int result = ph_backup_join(&source, b->err, b->options->segments, name);
    if (result != PH_OK) {
        return result;
    }
    if (access(source.text, F_OK) != 0 && errno == ENOENT) {
        b->counts->missing++;
        json_array_append_new(json_object_get(b->manifest, "missing"), json_string(as));
        return PH_OK;
    }
    return entry->is_final ? add_full_segment(b, source.text, entry->number, as)
                           : add_open_segment(b, source.text, entry->number, as);
}

static int copy_all(struct backup *b)
{
    struct ph_segment_entry *entries = NULL;
    size_t count = 0;
    ph_segment_store_hold(b->options->blobs);
    int result = copy_database(b);
    if (result == PH_OK) {
        result = ph_segment_store_list(b->options->blobs, &entries, &count, b->err);
    }
    for (size_t i = 0; i < count && result == PH_OK; i++) {
        result = add_segment(b, &entries[i]);
    }
    ph_segment_store_unhold(b->options->blobs);
    free(entries);
    return result;
}

/* ---- Ending ---- */

static int finish(struct backup *b)
{
    struct ph_backup_path path;
    int result = ph_backup_join(&path, b->err, b->unfinished.text, "manifest.json");
    if (result == PH_OK) {
        result = ph_backup_write_manifest(b->manifest, path.text, b->err);
    }
    if (result == PH_OK) {
        result = ph_backup_sync_directory(b->shared.text, b->err);
    }
    if (result == PH_OK) {
        result = ph_backup_sync_directory(b->unfinished.text, b->err);
    }
    if (result == PH_OK) {
        result = ph_backup_join(&path, b->err, b->generations.text, b->counts->generation);
    }
    if (result == PH_OK && rename(b->unfinished.text, path.text) != 0) {
        result = ph_fail_errno(b->err, ph_error_class_of_errno(errno), errno, "%.180s", path.text);
    }
    if (result == PH_OK) {
        result = ph_backup_sync_directory(b->generations.text, b->err);
    }
    return result == PH_OK ? ph_backup_sync_directory(b->options->directory, b->err) : result;
}

int ph_backup_make(const struct ph_backup_options *options, struct ph_backup_counts *out_counts,
                   struct ph_error *err)
{
    *out_counts = (struct ph_backup_counts){0};
    struct backup *b = ph_zalloc(sizeof *b);
    *b = (struct backup){.options = options, .counts = out_counts, .err = err, .lock_fd = -1};
    int result = begin(b);
    if (result == PH_OK) {
        result = copy_all(b);
    }
    if (result == PH_OK) {
        result = finish(b);
    }
    json_decref(b->before);
    json_decref(b->manifest);
    if (b->lock_fd >= 0) {
        close(b->lock_fd);
    }
    free(b);
    return result;
}
