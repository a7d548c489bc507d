/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of tables blobs and segments, and nothing else.
 */
#ifndef PH_BLOB_SEGMENT_ROWS_H
#define PH_BLOB_SEGMENT_ROWS_H

#include "db/db.h"

enum ph_segment_state {
    PH_SEGMENT_ACTIVE,   /* deliveries append to it, or will */
    PH_SEGMENT_OUTPUT,   /* the compactor appends to it */
    PH_SEGMENT_SEALED,   /* complete and synced; size is its end */
    PH_SEGMENT_DRAINING, /* being emptied by the compactor: no new row may point there */
    PH_SEGMENT_DEAD,     /* no row points there: the file goes, then this row */
    PH_SEGMENT_KEPT,     /* could not be emptied, because something in it cannot be read */
    PH_SEGMENT_AWAY      /* its file was missing, or shorter than verified; SEALED when it is back */
};

struct ph_segment_row {
    uint32_t number;
    enum ph_segment_state state;
    uint64_t size;     /* where its records end; of an active one, when it was last marked */
    uint64_t verified; /* what stands before this offset was on disk when it was last marked */
    uint64_t live;     /* octets of the records that rows of blobs point to */
};

struct ph_segment_list {
    struct ph_segment_row *rows; /* by number */
    size_t count;
};

/* By arena ARENA. */
int ph_segment_list(struct ph_db *db, struct ph_arena *arena, struct ph_segment_list *out_list,
                    struct ph_error *err) PH_MUST_USE;
/* PH_ENOTFOUND. */
int ph_segment_get(struct ph_db *db, uint32_t number, struct ph_segment_row *out_row,
                   struct ph_error *err) PH_MUST_USE;

/* Where a blob lies. */
struct ph_blob_place {
    uint32_t segment;
    uint64_t offset;
    uint64_t length; /* of the record, header and padding included */
    uint64_t size;   /* of the content */
    uint64_t check;
};

/* PH_ENOTFOUND. */
int ph_blob_place_get(struct ph_db *db, const struct ph_uuid *id, struct ph_blob_place *out_place,
                      struct ph_error *err) PH_MUST_USE;
/* The same of two by one statement. */
int ph_blob_place_get_two(struct ph_db *db, const struct ph_uuid *const ids[2],
                          struct ph_blob_place out_places[2], struct ph_error *err) PH_MUST_USE;
/* Of a row that begins with the columns of BLOB_GET. PH_ECORRUPT where one of them cannot be. */
int ph_blob_place_of_row(const struct ph_rows *rows, struct ph_blob_place *out_place,
                         struct ph_error *err) PH_MUST_USE;

void ph_blob_row_add(struct ph_plan *plan, const struct ph_uuid *id, const struct ph_blob_place *place,
                     unsigned references);

/* Applies one statement on its own. PARAMS as the statement's. */
int ph_segment_apply(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                     struct ph_error *err) PH_MUST_USE;
#define ph_segment_apply_one(db, err, stmt, ...)                                                           \
    ph_segment_apply((db), (stmt), (const struct ph_value[]){__VA_ARGS__},                                 \
                     (unsigned)(sizeof((const struct ph_value[]){__VA_ARGS__}) / sizeof(struct ph_value)), \
                     (err))

#endif
