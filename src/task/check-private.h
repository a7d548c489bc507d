/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a check, for its own files.
 */
#ifndef PH_TASK_CHECK_PRIVATE_H
#define PH_TASK_CHECK_PRIVATE_H

#include "base/arena.h"
#include "task/check.h"

enum { PH_CHECK_CELLS_MAX = 16, PH_CHECK_PAGE_ROWS = 256 };

/* Segments of higher numbers are not summed up on the way, only one by one. */
enum { PH_CHECK_SEGMENTS_MAX = 1 << 16 };

struct ph_check {
    const struct ph_check_options *options;
    struct ph_check_counts *counts;
    struct ph_error *err;
    int64_t *live; /* PH_CHECK_SEGMENTS_MAX: the lengths of content, by segment */
};

/* A row of a page: its cells, by column. */
struct ph_check_row {
    struct ph_value cells[PH_CHECK_CELLS_MAX];
};

static inline int64_t ph_check_number(const struct ph_check_row *row, unsigned column)
{
    return row->cells[column].type == PH_VALUE_I64 ? row->cells[column].i64 : 0;
}

/* NULL where it is NULL. */
static inline const struct ph_uuid *ph_check_uuid(const struct ph_check_row *row, unsigned column)
{
    return row->cells[column].type == PH_VALUE_UUID ? &row->cells[column].uuid : NULL;
}

/* One walk over a table. */
struct ph_check_pass {
    enum ph_stmt page;   /* the key behind which it begins, then how many rows */
    unsigned key_count;  /* columns of the key, the first of each row */
    const char *columns; /* a letter each: u UUID, i number, t text */
    /* What is wrong with a row: 1 << each enum ph_check_kind. */
    unsigned (*judge)(const struct ph_check_row *row);
    /* What would repair these of it; an empty plan where nothing would. */
    void (*repair)(struct ph_plan *plan, const struct ph_check_row *row, unsigned kinds);
    /* Which columns say of what message and mailbox it is; -1: none. */
    int message_column;
    int mailbox_column;
    /* Counts a row; NULL: does not count. */
    uint64_t *(*counter)(struct ph_check_counts *counts);
};

int ph_check_walk(struct ph_check *check, const struct ph_check_pass *pass) PH_MUST_USE;

/* One page into ROWS, behind KEY; PH_ECORRUPT is for the caller to report. */
int ph_check_page(struct ph_check *check, const struct ph_check_pass *pass, const struct ph_value *key,
                  unsigned limit, struct ph_arena *arena, struct ph_check_row *rows, size_t *out_count,
                  struct ph_error *err) PH_MUST_USE;

/* Completes FINDING with the mailbox's owner and name, counts it and hands it on. */
int ph_check_report(struct ph_check *check, const struct ph_check_finding *finding) PH_MUST_USE;
/* A failed read: PH_OK and a finding where the database is damaged, else the failure. */
int ph_check_read_failed(struct ph_check *check, const struct ph_error *reason) PH_MUST_USE;

/* check_mailboxes.c, check_messages.c: */
int ph_check_mailboxes(struct ph_check *check) PH_MUST_USE;
int ph_check_messages(struct ph_check *check) PH_MUST_USE;
/* check_lost.c: */
int ph_check_lost_content(struct ph_check *check) PH_MUST_USE;
/* check_content.c: */
int ph_check_content(struct ph_check *check) PH_MUST_USE;
int ph_check_segments(struct ph_check *check) PH_MUST_USE;

#endif
