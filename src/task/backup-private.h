/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of backup share: files with digests, and the manifest.
 */
#ifndef PH_TASK_BACKUP_PRIVATE_H
#define PH_TASK_BACKUP_PRIVATE_H

#include <jansson.h>
#include <limits.h>

#include "task/backup.h"

enum { PH_BACKUP_DIGEST_TEXT = 65 };

struct ph_backup_file {
    uint64_t octets;
    char digest[PH_BACKUP_DIGEST_TEXT]; /* SHA-256, lower-case hexadecimal */
};

/* A path of parts, joined by "/": ph_backup_join(&path, err, directory, "generations", name). PH_EINVALID: it is too
 * long. */
struct ph_backup_path {
    char text[PATH_MAX];
};
int ph_backup_join_parts(struct ph_backup_path *out_path, struct ph_error *err, const char *const *parts,
                         size_t count) PH_MUST_USE;
#define ph_backup_join(out_path, err, ...)                                      \
    ph_backup_join_parts((out_path), (err), (const char *const[]){__VA_ARGS__}, \
                         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

/* ---- backup_files.c ---- */

/* Octets and digest of PATH. */
int ph_backup_digest(const char *path, uint64_t bytes_per_second, struct ph_backup_file *out_file,
                     struct ph_error *err) PH_MUST_USE;
/* The same, and a copy TARGET of it, on disk; TARGET must not exist. What SOURCE grows meanwhile is left out. */
int ph_backup_copy(const char *source, const char *target, uint64_t bytes_per_second,
                   struct ph_backup_file *out_file, struct ph_error *err) PH_MUST_USE;
int ph_backup_make_directory(const char *path, struct ph_error *err) PH_MUST_USE;
int ph_backup_sync_directory(const char *path, struct ph_error *err) PH_MUST_USE;
/* PATH and what is in it; one level of directories deep. Not an error where it is not there. */
int ph_backup_remove_tree(const char *path, struct ph_error *err) PH_MUST_USE;

/* ---- backup_manifest.c ---- */

int ph_backup_write_manifest(const json_t *manifest, const char *path, struct ph_error *err) PH_MUST_USE;
/* PH_ECORRUPT: it is no manifest, or one that names what it must not. */
int ph_backup_read_manifest(const char *directory, const char *generation, json_t **out_manifest,
                            struct ph_error *err) PH_MUST_USE;
/* Adds FILE, at PATH below the directory, which belongs AS below the data directory. */
void ph_backup_manifest_add(json_t *manifest, const char *path, const char *as,
                            const struct ph_backup_file *file);
/* The newest generation. PH_ENOTFOUND: there is none. */
int ph_backup_newest(const char *directory, char out_generation[PH_BACKUP_NAME_BYTES],
                     struct ph_error *err) PH_MUST_USE;

#endif
