/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of a store: made while it serves, verified, and restored.
 *
 * A directory holds any number of generations:
 *
 *     generations/20260101T030000.123456Z/   one backup: its name is when it began, in UTC
 *         manifest.json                      what belongs to it, with octets and SHA-256 of each file
 *         posthouse.db                       the database, of one moment
 *         00000042.seg                       segments that were still appended to
 *     segments/00000007-0005f3a1b2c3d4e5.seg full segments, which never change: all generations share them
 *     lock                                   of whoever makes a backup
 *
 * A full segment is linked where the file system can do that, else copied; either way it is read once, for its digest.
 * A generation gets its name when all of it is on disk. What was begun and not finished is removed by the next.
 *
 * Promised: what was acknowledged before a backup began is in it, whole. What comes while it is made may be in it, or
 * not; it is there whole or not at all, since the database is copied first and refers only to what the segments had by
 * then. Until a backup is done the store removes no segment.
 *
 * Threads: any. Blocking: for as long as it takes. A generation's manifest is trusted only as far as naming files of
 * the directory it lies in.
 */
#ifndef PH_TASK_BACKUP_H
#define PH_TASK_BACKUP_H

#include "blob/segment_store.h"

enum { PH_BACKUP_NAME_BYTES = 32 };

struct ph_backup_options {
    struct ph_db *db;
    struct ph_blob_store *blobs;
    const char *segments; /* the store's directory of them */
    const char *directory;
    bool is_incremental;       /* DIRECTORY has generations already; else it must have none */
    uint64_t bytes_per_second; /* 0: as fast as it goes */
    const struct ph_clock *clock;
    const char *version; /* of this program, for the manifest */
};

struct ph_backup_counts {
    char generation[PH_BACKUP_NAME_BYTES];
    uint64_t files;
    uint64_t new_files;
    uint64_t octets;
    uint64_t new_octets; /* of files that no earlier generation had; linked ones too */
    uint64_t missing;    /* segments that the store itself has lost: named in the manifest */
};

/* PH_ECONFLICT: DIRECTORY has generations, and is_incremental was not asked for. PH_ENOTFOUND: it has none, and it was.
 * PH_EBUSY: another backup into it runs. PH_ELIMIT: its disk is full. */
int ph_backup_make(const struct ph_backup_options *options, struct ph_backup_counts *out_counts,
                   struct ph_error *err) PH_MUST_USE;

/* Each generation of DIRECTORY, oldest first; EACH's first result that is not 0 ends it. */
int ph_backup_list(const char *directory, int (*each)(const char *generation, void *ctx), void *ctx,
                   struct ph_error *err) PH_MUST_USE;

/* Reads every file of every generation (or of one, unless GENERATION is NULL), a shared one once. WRONG is called for each
 * that is missing or differs. */
int ph_backup_verify(const char *directory, const char *generation,
                     void (*wrong)(const char *generation, const char *path, const char *text, void *ctx),
                     void *ctx, struct ph_backup_counts *out_counts, struct ph_error *err) PH_MUST_USE;

/* The newest generation, or GENERATION, into TARGET, which is made where it is missing and must be empty. Each file is
 * compared with its digest on the way, and the database is put there last: what was interrupted is no store, and may be
 * begun again. Files belong to TARGET's owner where root restores. */
int ph_backup_restore(const char *directory, const char *generation, const char *target,
                      struct ph_backup_counts *out_counts, struct ph_error *err) PH_MUST_USE;

#endif
