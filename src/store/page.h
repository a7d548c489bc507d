/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of any length, a page at a time: rows are copied into an arena and the read is over before anybody looks at
 * them, so that a slow reader of the list keeps nothing of the engine.
 */
#ifndef PH_STORE_PAGE_H
#define PH_STORE_PAGE_H

#include "base/arena.h"
#include "db/db.h"

enum { PH_STORE_PAGE_ROWS = 256 };

/* The first column of one page of names. */
struct ph_store_names {
    struct ph_bytes list[PH_STORE_PAGE_ROWS]; /* the arena's */
    size_t count;                             /* fewer than PH_STORE_PAGE_ROWS: the last page */
};

/* Reads what ROWS still has (PH_STORE_PAGE_ROWS at most) and ends it. TABLE is for the text of an error. */
int ph_store_names_take(struct ph_rows **rows, struct ph_arena *arena, const char *table,
                        struct ph_store_names *out_names, struct ph_error *err) PH_MUST_USE;

/* PH_OK if ROWS has a row, else PH_ENOTFOUND with WHAT and NAME in the text; ends ROWS. */
int ph_store_rows_check(struct ph_rows **rows, const char *what, struct ph_bytes name,
                        struct ph_error *err) PH_MUST_USE;

#endif
