/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills what old rows of imapUidTable and messageIdTable lack: dates, sizes and the names of content from the other
 * table and messageV3; envelope and bodystructure from the content, which is parsed. So that whoever lists a mailbox reads
 * its rows and nothing else. Until then rows are served as well, with the same answers, at more cost.
 *
 * Only absent columns are written: never flags, MODSEQ or the date of saving; and a row that is deleted meanwhile stays so
 * (store/metadata_walk.h). So it runs beside all other work, on any node, and again without harm. Both tables are read from
 * the last place that was finished when the task ran before.
 *
 * Threads: any. Blocking: for as long as it takes.
 */
#ifndef PH_TASK_DENORMALIZE_H
#define PH_TASK_DENORMALIZE_H

#include "mailbox/mailbox.h"

struct ph_denormalize_counts {
    uint64_t rows;       /* read in this run */
    uint64_t incomplete; /* of them, that lacked something */
    uint64_t filled;
    uint64_t unreadable; /* their content is damaged or not here: they stay as they are */
    bool was_resumed;
};

struct ph_denormalize_options {
    struct ph_mailboxes *mailboxes;
    const struct ph_clock *clock;
    bool is_dry_run;          /* nothing is written, not even how far it came; contents are not read */
    bool starts_anew;         /* not where the last run stopped */
    unsigned rows_per_second; /* 0: as fast as it goes */
    unsigned save_ms;         /* between two notes of how far it is; 0: 15,000 */
    /* Each may be NULL. What they return that is not PH_OK ends the task; the next run goes on from there. */
    int (*unreadable)(const struct ph_uuid *mailbox, const struct ph_uuid *message,
                      const struct ph_error *why, void *ctx);
    int (*went_on)(const struct ph_denormalize_counts *counts, void *ctx); /* every second or so */
    void *ctx;
};

/* A failure of the store is waited out for a minute. */
int ph_denormalize_run(const struct ph_denormalize_options *options, struct ph_denormalize_counts *out_counts,
                       struct ph_error *err) PH_MUST_USE;

#endif
