/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content on its way in: in memory up to a limit, then in a nameless file in the spool directory, so that a
 * message may be larger than what one session may hold.
 *
 * Life: ph_spool_init; ph_spool_write as octets arrive; then reads; ph_spool_clear to use it again; ph_spool_fini.
 * A spool is never synced: nothing has been acknowledged yet. Threads: one at a time.
 */
#ifndef PH_BLOB_SPOOL_H
#define PH_BLOB_SPOOL_H

#include "base/buf.h"

struct ph_spool {
    const char *directory; /* borrowed */
    struct ph_buf memory;  /* all of it while fd is -1, else empty */
    size_t memory_max;
    uint64_t size;
    uint64_t size_max;
    int fd;
};

void ph_spool_init(struct ph_spool *spool, const char *directory, size_t memory_max, uint64_t size_max);
void ph_spool_clear(struct ph_spool *spool);
void ph_spool_fini(struct ph_spool *spool);
/* PH_ELIMIT past size_max (nothing is kept of BYTES then) or on a full disk, PH_EUNAVAILABLE for other trouble. */
int ph_spool_write(struct ph_spool *spool, struct ph_bytes bytes, struct ph_error *err) PH_MUST_USE;
/* Reads exactly LEN octets at OFFSET; asking past the end is PH_EBUG. */
int ph_spool_read(struct ph_spool *spool, uint64_t offset, void *out, size_t len,
                  struct ph_error *err) PH_MUST_USE;
/* All of it as one view if it is in memory, else an empty view with ptr NULL. */
struct ph_bytes ph_spool_view(const struct ph_spool *spool);

#endif
