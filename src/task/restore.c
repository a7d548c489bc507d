/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading backups: is each file what its manifest says, and back into a data directory.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "task/backup-private.h"

static const char *text_of(const json_t *file, const char *key)
{
    return json_string_value(json_object_get(file, key));
}

static bool is_same(const json_t *file, const struct ph_backup_file *found)
{
    return (uint64_t)json_integer_value(json_object_get(file, "octets")) == found->octets &&
           strcmp(text_of(file, "sha256"), found->digest) == 0;
}

/* ---- Verifying ---- */

struct verification {
    const char *directory;
    const char *generation; /* the only one; NULL: all */
    void (*wrong)(const char *generation, const char *path, const char *text, void *ctx);
    void *ctx;
    struct ph_backup_counts *counts;
    json_t *seen; /* digests by path, of what was read */
};

static void verify_file(struct verification *v, const char *generation, const json_t *file)
{
    const char *path = text_of(file, "path");
    const char *seen = json_string_value(json_object_get(v->seen, path));
    struct ph_backup_path whole;
    struct ph_backup_file found = {0};
    struct ph_error reason = {0};
    if (seen != NULL) {
        if (strcmp(seen, text_of(file, "sha256")) != 0) {
            v->wrong(generation, path, "its octets are not those of the manifest", v->ctx);
        }
        return;
    }
    v->counts->files++;
    if (ph_backup_join(&whole, &reason, v->directory, path) != PH_OK ||
        ph_backup_digest(whole.text, 0, &found, &reason) != PH_OK) {
        v->wrong(generation, path, reason.text, v->ctx);
    } else if (!is_same(file, &found)) {
        v->wrong(generation, path, "its octets are not those of the manifest", v->ctx);
    }
    v->counts->octets += found.octets;
    json_object_set_new(v->seen, path, json_string(found.digest));
}

static int verify_generation(const char *generation, void *ctx)
{
    struct verification *v = ctx;
    if (v->generation != NULL && strcmp(v->generation, generation) != 0) {
        return 0;
    }
    snprintf(v->counts->generation, sizeof v->counts->generation, "%s", generation);
    struct ph_error reason = {0};
    json_t *manifest = NULL;
    if (ph_backup_read_manifest(v->directory, generation, &manifest, &reason) != PH_OK) {
        v->wrong(generation, "manifest.json", reason.text, v->ctx);
        return 0;
    }
    size_t index = 0;
    const json_t *file = NULL;
    json_array_foreach(json_object_get(manifest, "files"), index, file)
    {
        verify_file(v, generation, file);
    }
    v->counts->missing += json_array_size(json_object_get(manifest, "missing"));
    json_decref(manifest);
    return 0;
}

int ph_backup_verify(const char *directory, const char *generation,
                     void (*wrong)(const char *generation, const char *path, const char *text, void *ctx),
                     void *ctx, struct ph_backup_counts *out_counts, struct ph_error *err)
{
    *out_counts = (struct ph_backup_counts){0};
    struct verification v = {
        .directory = directory,
        .generation = generation,
        .wrong = wrong,
        .ctx = ctx,
        .counts = out_counts,
        .seen = json_object(),
    };
    int result = ph_backup_list(directory, verify_generation, &v, err);
    json_decref(v.seen);
    if (result == PH_OK && out_counts->generation[0] == '\0') {
        result = generation == NULL
                     ? ph_fail(err, PH_ENOTFOUND, "%.180s has no backups", directory)
                     : ph_fail(err, PH_ENOTFOUND, "%.160s has no generation %.40s", directory, generation);
    }
    return result;
}

/* ---- Restoring ---- */

/* While it stands in the target, what is there is an unfinished restoration, and nobody's store. */
static const char MARK[] = "restoring";
static const char DATABASE[] = "posthouse.db";

struct restoration {
    const char *directory;
    const char *target;
    struct ph_backup_counts *counts;
    struct ph_error *err;
    struct stat owner;
};

static int fail_path(struct restoration *r, const char *path)
{
    return ph_fail_errno(r->err, ph_error_class_of_errno(errno), errno, "%.180s", path);
}

static int give_away(struct restoration *r, const char *path)
{
    return geteuid() == 0 && r->owner.st_uid != 0 && chown(path, r->owner.st_uid, r->owner.st_gid) != 0
               ? fail_path(r, path)
               : PH_OK;
}

static int is_content(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
           strcmp(entry->d_name, "lost+found") != 0;
}

/* Makes TARGET an empty directory with the mark in it. */
static int prepare(struct restoration *r)
{
    struct ph_backup_path mark;
    struct ph_backup_path segments;
    int result = ph_backup_make_directory(r->target, r->err);
    if (result == PH_OK && stat(r->target, &r->owner) != 0) {
        result = fail_path(r, r->target);
    }
    if (result == PH_OK) {
        result = ph_backup_join(&mark, r->err, r->target, MARK);
    }
    if (result == PH_OK) {
        result = ph_backup_join(&segments, r->err, r->target, "segments");
    }
    if (result != PH_OK) {
        return result;
    }
    if (access(mark.text, F_OK) == 0) {
        result = ph_backup_remove_tree(segments.text, r->err);
        if (result == PH_OK) {
            result = ph_backup_remove_tree(mark.text, r->err);
        }
    }
    struct dirent **list = NULL;
    int count = result == PH_OK ? scandir(r->target, &list, is_content, NULL) : 0;
    for (int i = 0; i < count; i++) {
        free(list[i]);
    }
    free(list);
    if (count != 0) {
        return count < 0 ? fail_path(r, r->target)
                         : ph_fail(r->err, PH_ECONFLICT, "%.180s is not empty", r->target);
    }
    if (result == PH_OK) {
        result = ph_backup_make_directory(mark.text, r->err);
    }
    if (result == PH_OK) {
        result = ph_backup_make_directory(segments.text, r->err);
    }
    return result == PH_OK ? give_away(r, segments.text) : result;
}

static int restore_file(struct restoration *r, const json_t *file, const char *as)
{
    struct ph_backup_path source;
    struct ph_backup_path target;
    struct ph_backup_file found;
    int result = ph_backup_join(&source, r->err, r->directory, text_of(file, "path"));
    if (result == PH_OK) {
        result = ph_backup_join(&target, r->err, r->target, as);
    }
    if (result == PH_OK) {
        result = ph_backup_copy(source.text, target.text, 0, &found, r->err);
    }
    if (result == PH_OK && !is_same(file, &found)) {
        result = ph_fail(r->err, PH_ECORRUPT, "%.180s is not what its manifest says", source.text);
    }
    if (result == PH_OK) {
        r->counts->files++;
        r->counts->octets += found.octets;
        result = give_away(r, target.text);
    }
    return result;
}

/* Takes the mark away, which makes it a store: the database, which lies in the mark until then, first. */
static int finish(struct restoration *r)
{
    struct ph_backup_path from;
    struct ph_backup_path to;
    struct ph_backup_path segments;
    int result = ph_backup_join(&from, r->err, r->target, MARK, DATABASE);
    if (result == PH_OK) {
        result = ph_backup_join(&to, r->err, r->target, DATABASE);
    }
    if (result == PH_OK) {
        result = ph_backup_join(&segments, r->err, r->target, "segments");
    }
    if (result == PH_OK) {
        result = ph_backup_sync_directory(segments.text, r->err);
    }
    if (result == PH_OK && rename(from.text, to.text) != 0) {
        result = fail_path(r, to.text);
    }
    if (result == PH_OK) {
        result = ph_backup_join(&from, r->err, r->target, MARK);
    }
    if (result == PH_OK && rmdir(from.text) != 0) {
        result = fail_path(r, from.text);
    }
    return result == PH_OK ? ph_backup_sync_directory(r->target, r->err) : result;
}

static int restore_files(struct restoration *r, const json_t *manifest)
{
    char in_mark[32];
    snprintf(in_mark, sizeof in_mark, "%s/%s", MARK, DATABASE);
    size_t index = 0;
    const json_t *file = NULL;
    int result = PH_OK;
    json_array_foreach(json_object_get(manifest, "files"), index, file)
    {
        const char *as = text_of(file, "as");
        if (result == PH_OK) {
            result = restore_file(r, file, strcmp(as, DATABASE) == 0 ? in_mark : as);
        }
    }
    r->counts->missing = json_array_size(json_object_get(manifest, "missing"));
    return result;
}

int ph_backup_restore(const char *directory, const char *generation, const char *target,
                      struct ph_backup_counts *out_counts, struct ph_error *err)
{
    *out_counts = (struct ph_backup_counts){0};
    struct restoration r = {.directory = directory, .target = target, .counts = out_counts, .err = err};
    int result = PH_OK;
    if (generation == NULL) {
        result = ph_backup_newest(directory, out_counts->generation, err);
    } else {
        snprintf(out_counts->generation, sizeof out_counts->generation, "%s", generation);
    }
    json_t *manifest = NULL;
    if (result == PH_OK) {
        result = ph_backup_read_manifest(directory, out_counts->generation, &manifest, err);
    }
    if (result == PH_OK) {
        result = prepare(&r);
    }
    if (result == PH_OK) {
        result = restore_files(&r, manifest);
    }
    if (result == PH_OK) {
        result = finish(&r);
    }
    json_decref(manifest);
    return result;
}
