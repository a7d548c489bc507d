/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment files of one directory, NNNNNNNN.seg, and their open descriptors.
 *
 * A file is used between hold and release; in between it stays readable also where it was removed. Descriptors stay
 * open behind a release, up to a number of them; the one used longest ago is closed for another.
 *
 * Threads: any. Every call may block on the disk, but none holds a lock while it does, except for opening.
 */
#ifndef PH_BLOB_SEGMENT_FILES_H
#define PH_BLOB_SEGMENT_FILES_H

#include <sys/types.h>
#include <sys/uio.h>

#include "base/bytes.h"
#include "base/error.h"

/* What a test replaces, to fail where the disk would. Results and errno as of the system calls. */
struct ph_file_ops {
    ssize_t (*pwritev)(void *ctx, int fd, const struct iovec *parts, int count, off_t offset);
    int (*fdatasync)(void *ctx, int fd);
    void *ctx;
};
extern const struct ph_file_ops ph_file_ops_system;

struct ph_segment_files;

struct ph_segment_file {
    uint32_t number;
    int fd;
    /* Of the files. */
    unsigned holders;
    bool is_removed;
    uint64_t used_at;
    struct ph_segment_file *next;
};

enum { PH_SEGMENT_FILES_OPEN_MAX = 256 };

/* Makes DIRECTORY (its last level) where it is missing. OPS NULL: the system's. OPEN_MAX 0: the default. */
int ph_segment_files_open(const char *directory, const struct ph_file_ops *ops, unsigned open_max,
                          struct ph_segment_files **out_files, struct ph_error *err) PH_MUST_USE;
/* Every file was released. */
void ph_segment_files_close(struct ph_segment_files **files);

/* The numbers of the files that stand in the directory, ascending. *OUT_NUMBERS is the caller's to free. */
int ph_segment_files_list(struct ph_segment_files *files, uint32_t **out_numbers, size_t *out_count,
                          struct ph_error *err) PH_MUST_USE;

/* A new file with its header, on disk with its name when this returns. PH_ECONFLICT where it exists. */
int ph_segment_create(struct ph_segment_files *files, uint32_t number, uint64_t made_us,
                      struct ph_error *err) PH_MUST_USE;
/* Removes the name, for good when this returns; not an error where there is none. */
int ph_segment_remove(struct ph_segment_files *files, uint32_t number, struct ph_error *err) PH_MUST_USE;

/* The next hold opens the name anew: another file may have it by now. */
void ph_segment_forget(struct ph_segment_files *files, uint32_t number);

/* PH_ENOTFOUND: no such file. */
int ph_segment_hold(struct ph_segment_files *files, uint32_t number, struct ph_segment_file **out_file,
                    struct ph_error *err) PH_MUST_USE;
/* NULL inside is allowed. */
void ph_segment_release(struct ph_segment_files *files, struct ph_segment_file **file);

/* Exactly LEN octets; PH_ECORRUPT where the file ends before. */
int ph_segment_read(struct ph_segment_file *file, uint64_t offset, void *out, size_t len,
                    struct ph_error *err) PH_MUST_USE;
/* As many octets as there are, up to LEN. */
int ph_segment_read_some(struct ph_segment_file *file, uint64_t offset, void *out, size_t len,
                         size_t *out_len, struct ph_error *err) PH_MUST_USE;
/* PARTS are used up. PH_ELIMIT: disk full; some of it may be written. */
int ph_segment_write(struct ph_segment_files *files, struct ph_segment_file *file, struct iovec *parts,
                     int count, uint64_t offset, struct ph_error *err) PH_MUST_USE;
int ph_segment_sync(struct ph_segment_files *files, struct ph_segment_file *file,
                    struct ph_error *err) PH_MUST_USE;
int ph_segment_size(struct ph_segment_file *file, uint64_t *out_size, struct ph_error *err) PH_MUST_USE;
int ph_segment_truncate(struct ph_segment_file *file, uint64_t size, struct ph_error *err) PH_MUST_USE;

#endif
