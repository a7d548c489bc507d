/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message content by id: headers and bodies, written once, read often, freed when no message refers to them.
 *
 * A blob is put inside a plan: its octets are in place when ph_blob_put returns or part of the plan's first stage, its
 * row is part of the plan, and the plan's completion promises both durable. Ids are TimeUUIDs in the order of being
 * put. Where content goes when nothing refers to it, and what becomes of a plan that fails, is each store's business:
 *     segments    with the last row of messageV3 that names it; the compactor takes what never got a row
 *     cassandra   by ph_blob_remove; a plan that surely failed takes back what it put, one whose outcome is not known,
 *     s3          or that was never submitted, leaves garbage
 *
 * Threads: any; a reader belongs to one thread at a time. Blocking: put writes and a reader reads files (page cache
 * mostly).
 * Errors of reading: PH_ENOTFOUND (no such id), PH_ECORRUPT (checksum, torn or missing segment), PH_EUNAVAILABLE.
 */
#ifndef PH_BLOB_BLOB_H
#define PH_BLOB_BLOB_H

#include "blob/blob_id.h"
#include "blob/spool.h"

struct ph_blob_store;

enum ph_blob_kind { PH_BLOB_HEADER, PH_BLOB_BODY };

/* What to store: PREFIX, then LENGTH octets of SPOOL from OFFSET. Either may be empty; SPOOL may be NULL. */
struct ph_blob_content {
    struct ph_bytes prefix;
    struct ph_spool *spool;
    uint64_t offset;
    uint64_t length;
};

/* REFERENCES: how many messages the plan makes refer to it. PH_ELIMIT: disk full. */
int ph_blob_put(struct ph_blob_store *store, struct ph_plan *plan, enum ph_blob_kind kind,
                const struct ph_blob_content *content, unsigned references, struct ph_blob_id *out_id,
                struct ph_error *err) PH_MUST_USE;

/* Several blobs of one plan at once: they lie next to each other, and are written together. */
struct ph_blob_item {
    enum ph_blob_kind kind;
    struct ph_blob_content content;
    unsigned references;
    struct ph_blob_id id; /* set by ph_blob_put_all */
};

enum { PH_BLOB_ITEMS_MAX = 8 };

int ph_blob_put_all(struct ph_blob_store *store, struct ph_plan *plan, struct ph_blob_item *items,
                    unsigned count, struct ph_error *err) PH_MUST_USE;

/* Whether one blob can serve several messages; else each needs its own, and REFERENCES is 1. */
bool ph_blob_shares(const struct ph_blob_store *store);

/* For a plan that takes MESSAGE out of a mailbox: behind everything else, its content goes if no mailbox holds it any
 * more and, of a blob that is shared, if all that share it are gone. Either name may be NULL. Adds statements to the plan, or
 * does it once the plan is done; on a store whose rows count, nothing needs to be done. */
void ph_blob_remove(struct ph_blob_store *store, struct ph_plan *plan, const struct ph_uuid *message,
                    const struct ph_blob_id *header, const struct ph_blob_id *body);

/* ---- For who looks for content that nothing refers to ---- */

/* POSITION: from where a later walk goes on, behind this one. What it returns that is not PH_OK ends the walk and is
 * returned. */
typedef int ph_blob_each(const struct ph_uuid *id, struct ph_bytes position, void *ctx, struct ph_error *err);
enum { PH_BLOB_POSITION_MAX = 64 };

/* Whether ph_blob_walk can be. */
bool ph_blob_walks(const struct ph_blob_store *store);
/* Each blob that the store holds, or holds notes of, from behind AFTER (empty: all): those that are there all the time, once or twice;
 * of those that come and go meanwhile some. */
int ph_blob_walk(struct ph_blob_store *store, struct ph_bytes after, ph_blob_each *each, void *ctx,
                 struct ph_error *err) PH_MUST_USE;
/* Removes a blob that nothing refers to, with all that is noted of it. */
int ph_blob_discard(struct ph_blob_store *store, const struct ph_uuid *id, struct ph_error *err) PH_MUST_USE;

/* Where a reader is. A store on this machine holds nothing more between calls, so a slow client costs nothing but
 * this; one far away holds the piece that it has fetched, of PH_BLOB_HELD_MAX octets at most. */
struct ph_blob_reader {
    struct ph_blob_id id;
    uint64_t size;     /* octets of the content */
    uint64_t offset;   /* of the next read; may be set, up to size */
    uint64_t place[4]; /* the store's */
    void *held;        /* the store's, NULL for nothing */
    bool is_open;
};

enum { PH_BLOB_HELD_MAX = 320 * 1024 };

/* In every case followed by ph_blob_close, which may be called twice. */
int ph_blob_open(struct ph_blob_store *store, const struct ph_blob_id *id, struct ph_blob_reader *out_reader,
                 struct ph_error *err) PH_MUST_USE;
/* Appends up to MAX octets from the reader's offset to OUT and moves on; at the end appends nothing. OUT's own
 * maximum must leave room for them. The result is PH_OK or an error; how much came is seen from OUT. */
int ph_blob_read(struct ph_blob_store *store, struct ph_blob_reader *reader, size_t max, struct ph_buf *out,
                 struct ph_error *err) PH_MUST_USE;
void ph_blob_close(struct ph_blob_reader *reader);
/* For whoever cannot say that content is damaged once some of it has gone out: what can be known of it at little cost.
 * PH_OK promises nothing. PH_ECORRUPT: it will not be read to its end; PH_EUNAVAILABLE: not now. */
int ph_blob_look(struct ph_blob_store *store, struct ph_blob_reader *reader,
                 struct ph_error *err) PH_MUST_USE;

/* A reader of a blob whose SIZE is known from the row that names it. No statement; ph_blob_read opens it when it has
 * to. A store that is far away believes the size, and finds out while reading where it was wrong (PH_ECORRUPT). */
void ph_blob_reader_init(struct ph_blob_reader *reader, const struct ph_blob_id *id, uint64_t size);
/* Opens the first of READERS, so that content that is not there is known before anything of it has gone out. A
 * store that is far away fetches the beginnings of all of them, at once. */
int ph_blob_open_first(struct ph_blob_store *store, struct ph_blob_reader *const *readers, unsigned count,
                       struct ph_error *err) PH_MUST_USE;

#endif
