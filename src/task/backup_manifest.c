/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests, and the generations that have one. A manifest comes from a directory that others may have written to:
 * every path in it is held against what this program would write before it is used.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "task/backup-private.h"

/* ---- Names that may stand in it ---- */

/* PATTERN: "9" a digit, "x" a hexadecimal digit in lower case, others themselves. */
static bool matches(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; text++, pattern++) {
        bool is_digit = *text >= '0' && *text <= '9';
        bool is_right = *pattern == '9'   ? is_digit
                        : *pattern == 'x' ? is_digit || (*text >= 'a' && *text <= 'f')
                                          : *text == *pattern;
        if (!is_right) {
            return false;
        }
    }
    return *text == '\0';
}

static bool is_generation(const char *name)
{
    return matches(name, "99999999T999999.999999Z");
}

static bool is_path(const char *path, const char *generation)
{
    static const char prefix[] = "generations/";
    if (matches(path, "segments/99999999-xxxxxxxxxxxxxxxx.seg")) {
        return true;
    }
    size_t len = sizeof prefix - 1;
    size_t name_len = strlen(generation);
    if (strncmp(path, prefix, len) != 0 || strncmp(path + len, generation, name_len) != 0) {
        return false;
    }
    path += len + name_len;
    return strcmp(path, "/posthouse.db") == 0 || matches(path, "/99999999.seg");
}

static bool is_place(const char *as)
{
    return strcmp(as, "posthouse.db") == 0 || matches(as, "segments/99999999.seg");
}

/* ---- Reading and writing ---- */

void ph_backup_manifest_add(json_t *manifest, const char *path, const char *as,
                            const struct ph_backup_file *file)
{
    json_array_append_new(json_object_get(manifest, "files"),
                          json_pack("{s:s, s:s, s:I, s:s}", "path", path, "as", as, "octets",
                                    (json_int_t)file->octets, "sha256", file->digest));
}

int ph_backup_write_manifest(const json_t *manifest, const char *path, struct ph_error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = fd < 0 ? -1 : json_dumpfd(manifest, fd, JSON_INDENT(1));
    if (rc == 0) {
        rc = write(fd, "\n", 1) == 1 ? fsync(fd) : -1;
    }
    int errnum = errno;
    if (fd >= 0) {
        close(fd);
    }
    return rc == 0 ? PH_OK : ph_fail_errno(err, ph_error_class_of_errno(errnum), errnum, "%.180s", path);
}

static bool is_file(const json_t *file, const char *generation)
{
    const char *path = json_string_value(json_object_get(file, "path"));
    const char *as = json_string_value(json_object_get(file, "as"));
    const char *digest = json_string_value(json_object_get(file, "sha256"));
    return path != NULL && as != NULL && digest != NULL && is_path(path, generation) && is_place(as) &&
           strlen(digest) == PH_BACKUP_DIGEST_TEXT - 1 && json_is_integer(json_object_get(file, "octets"));
}

static bool is_manifest(const json_t *manifest, const char *generation)
{
    const json_t *files = json_object_get(manifest, "files");
    if (json_integer_value(json_object_get(manifest, "format")) != 1 || !json_is_array(files)) {
        return false;
    }
    size_t index = 0;
    const json_t *file = NULL;
    bool has_database = false;
    json_array_foreach(files, index, file)
    {
        if (!is_file(file, generation)) {
            return false;
        }
        has_database =
            has_database || strcmp(json_string_value(json_object_get(file, "as")), "posthouse.db") == 0;
    }
    return has_database;
}

int ph_backup_read_manifest(const char *directory, const char *generation, json_t **out_manifest,
                            struct ph_error *err)
{
    *out_manifest = NULL;
    struct ph_backup_path path;
    if (!is_generation(generation)) {
        return ph_fail(err, PH_ENOTFOUND, "%.40s is not the name of a generation", generation);
    }
    int result = ph_backup_join(&path, err, directory, "generations", generation, "manifest.json");
    if (result != PH_OK) {
        return result;
    }
    if (access(path.text, R_OK) != 0) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.180s", path.text);
    }
    json_error_t reason;
    json_t *manifest = json_load_file(path.text, JSON_REJECT_DUPLICATES, &reason);
    if (manifest == NULL || !is_manifest(manifest, generation)) {
        json_decref(manifest);
        return ph_fail(err, PH_ECORRUPT, "%.160s is not a manifest: %.60s", path.text,
                       manifest == NULL ? reason.text : "what it says is not of its form");
    }
    *out_manifest = manifest;
    return PH_OK;
}

/* ---- Generations ---- */

static int is_listed(const struct dirent *entry)
{
    return is_generation(entry->d_name);
}

int ph_backup_list(const char *directory, int (*each)(const char *generation, void *ctx), void *ctx,
                   struct ph_error *err)
{
    struct ph_backup_path path;
    int result = ph_backup_join(&path, err, directory, "generations");
    if (result != PH_OK) {
        return result;
    }
    struct dirent **list = NULL;
    int count = scandir(path.text, &list, is_listed, alphasort);
    if (count < 0) {
        return errno == ENOENT
                   ? ph_fail(err, PH_ENOTFOUND, "%.180s has no backups", directory)
                   : ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%.180s", path.text);
    }
    for (int i = 0; i < count; i++) {
        if (result == 0) {
            result = each(list[i]->d_name, ctx);
        }
        free(list[i]);
    }
    free(list);
    return result;
}

static int take_name(const char *generation, void *ctx)
{
    snprintf(ctx, PH_BACKUP_NAME_BYTES, "%s", generation);
    return 0;
}

int ph_backup_newest(const char *directory, char out_generation[PH_BACKUP_NAME_BYTES], struct ph_error *err)
{
    out_generation[0] = '\0';
    int result = ph_backup_list(directory, take_name, out_generation, err);
    return result == PH_OK && out_generation[0] == '\0'
               ? ph_fail(err, PH_ENOTFOUND, "%.180s has no backups", directory)
               : result;
}
