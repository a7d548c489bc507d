/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content that is, or may be, of no more use, on its way out: what cannot be part of the plan that made it so.
 *
 * Threads of its own, of a bounded queue. What fails for the moment is tried again some times; what does not get done
 * (trouble that lasts, a full queue, the end of the process) stays as garbage, with a line in the log for each.
 *
 * Threads: any.
 */
#ifndef PH_BLOB_LEFTOVERS_H
#define PH_BLOB_LEFTOVERS_H

#include "base/jobs.h"
#include "blob/blob_id.h"

struct ph_leftovers;

enum { PH_LEFTOVER_BLOBS_MAX = 8 };

struct ph_leftover {
    bool is_discarded;      /* the blobs were put for a plan that failed: nobody can know their names */
    struct ph_uuid message; /* else: it gave up the blobs, in some mailbox */
    unsigned count;
    struct ph_blob_id blobs[PH_LEFTOVER_BLOBS_MAX];
};

struct ph_leftovers_options {
    /* On a thread of the queue; may block. PH_EUNAVAILABLE, PH_EBUSY, PH_EUNKNOWN_OUTCOME: to be tried again. */
    int (*clear)(void *ctx, const struct ph_leftover *leftover, struct ph_error *err);
    void *ctx;
    const struct ph_log *log;
};

int ph_leftovers_new(const struct ph_leftovers_options *options, struct ph_leftovers **out_leftovers,
                     struct ph_error *err) PH_MUST_USE;
/* Clears what waits, each once, until one cannot be; then ends. */
void ph_leftovers_free(struct ph_leftovers **leftovers);

/* When PLAN is done. */
void ph_leftovers_after(struct ph_leftovers *leftovers, struct ph_plan *plan,
                        const struct ph_leftover *leftover);
/* When PLAN has failed and that is sure. */
void ph_leftovers_unless(struct ph_leftovers *leftovers, struct ph_plan *plan,
                         const struct ph_leftover *leftover);
/* Now. */
void ph_leftovers_now(struct ph_leftovers *leftovers, const struct ph_leftover *leftover);
/* How many wait. */
unsigned ph_leftovers_waiting(struct ph_leftovers *leftovers);

#endif
