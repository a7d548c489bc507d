/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of the log: where new content goes, and how it gets to disk with the commit that refers to it.
 *
 * A put reserves a place, which also makes the ids, writes there on its own thread and then says it has. At each
 * commit of the database the appender syncs, on a thread of its own beside the commit, every segment that was
 * written to.
 *
 * Order: ids made here ascend with the places that they are made for, by segment number, then offset.
 * The verified mark: segments.verified of a row says that all octets before it were on disk when it was written
 * there. It never passes a place that is reserved and not written, in this segment or one before.
 *
 * After a sync failed nobody knows what is on disk, so nothing more is accepted, and no transaction commits, until
 * the store is opened again.
 *
 * Threads: any. reserve blocks where a new segment must be made (ph_appender_care makes it before).
 */
#ifndef PH_BLOB_SEGMENT_APPENDER_H
#define PH_BLOB_SEGMENT_APPENDER_H

#include "blob/segment_files.h"
#include "blob/segment_rows.h"

struct ph_appender;

struct ph_appender_options {
    struct ph_db *db;
    struct ph_segment_files *files;
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
    uint64_t segment_bytes;
    uint32_t next_number; /* of segments; no file and no row has it or a higher one */
    /* Called when ph_appender_care has something to do; short, on any thread. */
    void (*wants_care)(void *ctx);
    void *ctx;
};

int ph_appender_new(const struct ph_appender_options *options, struct ph_appender **out_appender,
                    struct ph_error *err) PH_MUST_USE;
/* The database has no companion any more. */
void ph_appender_free(struct ph_appender **appender);

/* Goes on with segment NUMBER from an earlier run, whose octets up to END are on disk. In ascending order, the one
 * to append to first; those behind it are empty. Before anything is reserved. */
int ph_appender_adopt(struct ph_appender *appender, uint32_t number, uint64_t end,
                      struct ph_error *err) PH_MUST_USE;

/* A number for a segment of somebody else. */
uint32_t ph_appender_next_number(struct ph_appender *appender);
/* A file and a row in STATE for a new segment. */
int ph_appender_make_segment(struct ph_appender *appender, enum ph_segment_state state, uint32_t *out_number,
                             struct ph_error *err) PH_MUST_USE;

struct ph_open_segment;

struct ph_reservation {
    struct ph_segment_file *file;
    uint64_t offset;
    uint64_t length;
    /* The appender's. */
    struct ph_open_segment *segment;
    struct ph_reservation *previous;
    struct ph_reservation *next;
};

/* LENGTH octets in one piece, a multiple of PH_RECORD_ALIGN, and COUNT ids. PH_ELIMIT: disk full. */
int ph_appender_reserve(struct ph_appender *appender, uint64_t length, struct ph_uuid *out_ids,
                        unsigned count, struct ph_reservation *out_reservation,
                        struct ph_error *err) PH_MUST_USE;
/* IS_WRITTEN false: the write failed; the place is given back where that is possible, else it stays a hole. */
void ph_appender_complete(struct ph_appender *appender, struct ph_reservation *reservation, bool is_written);

struct ph_db_companion ph_appender_companion(struct ph_appender *appender);

/* Makes the next segment before it is needed, and seals those that are full and on disk. */
int ph_appender_care(struct ph_appender *appender, struct ph_error *err) PH_MUST_USE;

/* Records the verified marks as they are, once nobody appends any more. Nothing where a sync failed. */
int ph_appender_mark(struct ph_appender *appender, struct ph_error *err) PH_MUST_USE;

/* The number of the segment that is appended to; 0: none yet. */
uint32_t ph_appender_active(struct ph_appender *appender);
bool ph_appender_is_broken(struct ph_appender *appender);

#endif
