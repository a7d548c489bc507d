/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of somebody else's mail store: opened by name below a directory that is open, never through a symbolic link,
 * and only if they are what they should be. A user may have put anything there, and who imports is often root.
 *
 * Names have one part: with a slash, "." or ".." they are PH_EDENIED. Errors: PH_ENOTFOUND, PH_EDENIED (a link, no
 * plain file, no permission), PH_EUNAVAILABLE.
 */
#ifndef PH_TASK_FILES_H
#define PH_TASK_FILES_H

#include <sys/stat.h>

#include "base/buf.h"

/* The caller closes *OUT_FD. */
int ph_files_open(int directory, const char *name, int *out_fd, struct stat *out_info,
                  struct ph_error *err) PH_MUST_USE;
int ph_files_open_directory(int directory, const char *name, int *out_fd, struct ph_error *err) PH_MUST_USE;

/* All of a file that is not large; PH_ELIMIT past OUT's maximum. */
int ph_files_read(int directory, const char *name, struct ph_buf *out, struct ph_error *err) PH_MUST_USE;

/* Calls EACH for every name in the directory but "." and "..", in the directory's order; stops at a result that is
 * not 0 and returns it. */
int ph_files_list(int directory, int (*each)(void *ctx, const char *name), void *ctx,
                  struct ph_error *err) PH_MUST_USE;

/* Whether no name in the directory NAME came, went or changed in the last moments: a listing that is made while names
 * change may show one twice or not at all. True for a directory that is not there. */
bool ph_files_at_rest(int directory, const char *name);

#endif
