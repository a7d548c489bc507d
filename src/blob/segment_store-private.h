/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the segment store, for its own files.
 */
#ifndef PH_BLOB_SEGMENT_STORE_PRIVATE_H
#define PH_BLOB_SEGMENT_STORE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "blob/blob-private.h"
#include "blob/codec.h"
#include "blob/segment_appender.h"
#include "blob/segment_store.h"

/* Where the compactor writes. Its own: only the thread that compacts uses it. */
struct ph_compact_output {
    struct ph_segment_file *file; /* NULL: none yet */
    uint64_t end;
};

/* Content in which damage was met, as rings are: the last of them. */
enum { PH_SEGMENT_SUSPECTS = 32 };
struct ph_segment_suspects {
    struct ph_uuid ids[PH_SEGMENT_SUSPECTS];
    uint64_t met;
};

struct ph_segment_store {
    struct ph_blob_store base;
    struct ph_segment_options options; /* with the defaults filled in */
    char *directory;                   /* the options' texts */
    char *spool_directory;
    struct ph_db *db;
    struct ph_segment_files *files;
    struct ph_codec *codec;
    struct ph_appender *appender;
    uint32_t newest_at_open; /* the highest number of a segment when the store was opened */
    uint64_t removed_lost;
    atomic_uint_fast64_t compacted;

    atomic_uint holds;          /* while there are any, nothing is compacted */
    pthread_mutex_t compacting; /* held for one segment */
    struct ph_compact_output output;

    /* The thread that takes care: next segments, sealing, compaction. */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_care_wanted;
    struct ph_segment_suspects suspects;
    atomic_bool is_stopping;
    int care_result; /* of the last time, so that lasting trouble is logged once */
};

/* ---- segment_store.c ---- */

/* Wakes the thread for ph_appender_care. CTX: the store. */
void ph_segment_wants_care(void *ctx);
/* On the thread: sleeps so long, taking care meanwhile, or until the store closes. */
void ph_segment_pause(struct ph_segment_store *store, uint64_t ms);

/* ---- segment_put.c ---- */

int ph_segment_put(struct ph_blob_store *base, struct ph_plan *plan, struct ph_blob_item *items,
                   unsigned count, struct ph_error *err) PH_MUST_USE;

/* ---- segment_get.c ---- */

int ph_segment_open_blob(struct ph_blob_store *base, struct ph_blob_reader *reader,
                         struct ph_error *err) PH_MUST_USE;
int ph_segment_open_blobs(struct ph_blob_store *base, struct ph_blob_reader *const *readers, unsigned count,
                          struct ph_error *err) PH_MUST_USE;
int ph_segment_read_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, size_t len,
                         struct ph_buf *out, struct ph_error *err) PH_MUST_USE;

/* Reads all of the record at PLACE, ID's, and checks it, without decompressing. PH_ECORRUPT. */
int ph_segment_verify(struct ph_segment_store *store, struct ph_segment_file *file, const struct ph_uuid *id,
                      const struct ph_blob_place *place, struct ph_error *err) PH_MUST_USE;

/* ---- segment_suspects.c ---- */

int ph_segment_look_blob(struct ph_blob_store *base, struct ph_blob_reader *reader,
                         struct ph_error *err) PH_MUST_USE;
/* Damage was met in ID's content. */
void ph_segment_suspect(struct ph_segment_store *store, const struct ph_uuid *id);

/* ---- segment_recovery.c ---- */

/* Brings database and files together after whatever ended the last run, and gives the appender what to go on with. */
int ph_segment_recover(struct ph_segment_store *store, struct ph_error *err) PH_MUST_USE;

/* ---- segment_away.c ---- */

/* Is the file of ROW there, with all that must be in it? *OUT_LACK says what is wrong with it, NULL: nothing. The
 * caller releases *OUT_FILE. PH_EINVALID: a later version wrote it. */
int ph_segment_look(struct ph_segment_store *store, const struct ph_segment_row *row,
                    struct ph_segment_file **out_file, uint64_t *out_size, const char **out_lack,
                    struct ph_error *err) PH_MUST_USE;
/* Logs that, and has nothing more done with it. */
int ph_segment_put_away(struct ph_segment_store *store, const struct ph_segment_row *row, uint64_t size,
                        const char *lack, struct ph_error *err) PH_MUST_USE;
/* Which of those that nobody appends to have gone, and which are back? */
int ph_segment_look_for_away(struct ph_segment_store *store, struct ph_error *err) PH_MUST_USE;

/* ---- segment_compactor.c ---- */

/* Compacts what PERCENT asks for among the segments up to SEGMENT_MAX, with the rate limited or not. */
int ph_segment_compact(struct ph_segment_store *store, unsigned percent, uint32_t segment_max,
                       bool is_limited, struct ph_error *err) PH_MUST_USE;
/* Removes the file of a segment to which nothing points any more, then its row. */
int ph_segment_bury(struct ph_segment_store *store, uint32_t number, struct ph_error *err) PH_MUST_USE;

#endif
