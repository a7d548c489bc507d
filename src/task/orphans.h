/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes content that no message refers to, from a store that several nodes write to: what was put for a plan whose
 * outcome nobody learnt, by a process that was killed, or what the last two messages of a shared blob gave up at once in two
 * datacenters. It takes room and does no other harm.
 *
 * Nothing says from a blob to its messages, so all messages are read first, as a quorum of every datacenter has them,
 * into a filter that forgets none (task/id_filter.h); then all content. What is not in the filter and older than the
 * grace age is doubted. A while later all messages are read again, and what is doubted and still not named by any is removed. A
 * message is there all the time that anything refers to its content, or takes less than that while to appear.
 *
 * Content is gone through in portions, a second look behind each; an interrupted run goes on behind the last portion.
 *
 * Threads: any; on several nodes at once it only costs reading. Blocking: for as long as it takes.
 */
#ifndef PH_TASK_ORPHANS_H
#define PH_TASK_ORPHANS_H

#include "blob/blob.h"

struct ph_orphans_finding {
    struct ph_uuid blob;
    bool is_removed;
};

struct ph_orphans_counts {
    uint64_t message_rows; /* read in this run */
    uint64_t blobs;
    uint64_t doubted; /* at first sight */
    uint64_t found;   /* and at second */
    uint64_t removed;
    bool was_resumed;
};

struct ph_orphans_options {
    struct ph_db *db;
    struct ph_blob_store *blobs;
    const struct ph_clock *clock;
    bool is_dry_run;          /* nothing is written, not even how far it came */
    bool starts_anew;         /* not where the last run stopped */
    unsigned rows_per_second; /* 0: as fast as it goes */
    uint64_t grace_ms;        /* content that is younger is left alone; 0: a day */
    unsigned second_look_ms;  /* between the two looks; 0: 120,000 */
    size_t filter_bytes;      /* 0: 64 MiB, for 50 million blobs; with more some orphans stay */
    size_t portion;           /* doubted blobs of one portion; 0: 262,144 */
    /* Each may be NULL. What they return that is not PH_OK ends the task; the next run goes on from there. */
    int (*found)(const struct ph_orphans_finding *finding, void *ctx, struct ph_error *err);
    int (*went_on)(const struct ph_orphans_counts *counts, void *ctx,
                   struct ph_error *err); /* every second or so */
    void *ctx;
};

/* PH_EINVALID: a store that looks after its content itself, or a keyspace shared with James, where only James knows.
 * A failure of Cassandra is waited out for a minute; a datacenter that cannot be asked is one. */
int ph_orphans_run(const struct ph_orphans_options *options, struct ph_orphans_counts *out_counts,
                   struct ph_error *err) PH_MUST_USE;

#endif
