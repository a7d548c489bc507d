/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded store of content: append-only segment files in a directory, and rows of the database that say where
 * in them each blob lies.
 *
 * What is promised: what ph_blob_put says. Octets are synced beside the commit of the plan that refers to them, and
 * both are on disk before the plan's completion says PH_OK. After a crash opening the store finds the content that
 * did not get to disk, which is never acknowledged content, and removes the messages that refer to it, with a line in
 * the log for each.
 * Content whose segment is missing, or is cut off before it, cannot be read: PH_EUNAVAILABLE, until the file is
 * back. All else goes on meanwhile, and nothing is removed.
 * A full disk fails the put with PH_ELIMIT and nothing else. A sync that fails makes every write fail with
 * PH_EUNAVAILABLE until the store is opened again.
 *
 * A thread of its own, of low priority, gives the disk space of deleted content back: it moves what lives in a
 * segment that is mostly dead to another, and removes the file.
 *
 * Life: open after the database, close before it and after the last plan. Threads: any.
 */
#ifndef PH_BLOB_SEGMENT_STORE_H
#define PH_BLOB_SEGMENT_STORE_H

#include "blob/blob.h"
#include "blob/segment_files.h"

struct ph_segment_options {
    const char *directory;       /* of the segments; its last level is made where it is missing */
    const char *spool_directory; /* for large content while it is compressed; the same */
    bool compress_headers;
    bool compress_bodies;
    uint64_t segment_bytes;            /* of a segment before the next is begun; 0: 64 MiB */
    unsigned compact_percent;          /* a segment of which less lives is compacted; 0: 50 */
    unsigned compact_interval_seconds; /* 0: 60 */
    uint64_t compact_bytes_per_second; /* read by the compactor; 0: 16 MiB */
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
    const struct ph_file_ops *file_ops; /* NULL: the system's */
};

/* Becomes the database's companion. A segment that is missing does not hinder it. PH_EINVALID: one was written by a
 * later version. */
int ph_segment_store_open(const struct ph_segment_options *options, struct ph_db *db,
                          struct ph_blob_store **out_store, struct ph_error *err) PH_MUST_USE;
void ph_segment_store_close(struct ph_blob_store **store);

struct ph_segment_stats {
    uint64_t segments;
    uint64_t octets;        /* of all segments, without the holes that a failed write left */
    uint64_t live_octets;   /* of the records that are referred to */
    uint64_t kept_segments; /* could not be compacted, because something in them cannot be read */
    uint64_t away_segments; /* are missing, or shorter than they must be */
    uint64_t removed_lost;  /* messages that opening removed, because their content was lost */
    uint64_t compacted;     /* segments, since opening */
    bool is_broken;         /* a sync failed: writes are refused */
};
int ph_segment_store_stats(struct ph_blob_store *store, struct ph_segment_stats *out_stats,
                           struct ph_error *err) PH_MUST_USE;

/* Compacts every full segment of which less than PERCENT lives (100: any that has garbage), without a limit of rate
 * and without sparing young ones: a plan that was put and not yet submitted may fail with PH_EUNAVAILABLE. */
int ph_segment_store_compact_now(struct ph_blob_store *store, unsigned percent,
                                 struct ph_error *err) PH_MUST_USE;

/* Looks now for segments that have gone or are back; the store's thread does so in every compact_interval_seconds. */
int ph_segment_store_look_for_away(struct ph_blob_store *store, struct ph_error *err) PH_MUST_USE;

/* From the one to the other no segment is removed: for whoever copies the files. May be nested. */
void ph_segment_store_hold(struct ph_blob_store *store);
void ph_segment_store_unhold(struct ph_blob_store *store);

struct ph_segment_entry {
    uint32_t number;
    bool is_final; /* nothing is appended to it any more */
};
/* The segments that there are, by number. *OUT_ENTRIES is the caller's to free. */
int ph_segment_store_list(struct ph_blob_store *store, struct ph_segment_entry **out_entries,
                          size_t *out_count, struct ph_error *err) PH_MUST_USE;

/* Content that a message of a mailbox refers to and that has no row. */
struct ph_segment_lost {
    struct ph_uuid content;
    struct ph_uuid message;
    struct ph_uuid mailbox;
    bool is_found; /* it has one again */
};
/* Looks for LOST in all segments, and gives what is whole there its row back. Sorts LOST. Reads all segments. */
int ph_segment_store_salvage(struct ph_blob_store *store, struct ph_segment_lost *lost, size_t count,
                             struct ph_error *err) PH_MUST_USE;

struct ph_segment_look {
    uint64_t octets; /* that were read */
    bool is_away;    /* its segment is missing, or cut off before it: it may come back */
};
/* Looks at the record that ID's row points to: that one of this id and these lengths stands there and, IS_WHOLE,
 * that each octet is as it was written. PH_ENOTFOUND: there is no such row. PH_ECORRUPT: the content cannot be read;
 * ERR says why. */
int ph_segment_store_verify(struct ph_blob_store *store, const struct ph_uuid *id, bool is_whole,
                            struct ph_segment_look *out_look, struct ph_error *err) PH_MUST_USE;

#endif
