/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a mailbox in memory, by UID: a list that many hold and one changes.
 *
 * A list is cut into chunks, and both are counted. Whoever changes a list that others hold as well gets a list of his own
 * first, which shares every chunk but those that he then changes: a flag costs some KiB of copying in a mailbox of any
 * size, and a session that lags behind holds what it has seen and nothing more. Two lists that came from one are compared
 * by their chunks.
 *
 * Threads: ref, unref and reading from any; who changes a list, or takes a reference of one that may be changed, does so
 * under a lock of his own.
 */
#ifndef PH_MAILBOX_VIEW_LIST_H
#define PH_MAILBOX_VIEW_LIST_H

#include "mailbox/view.h"

_Static_assert(sizeof(struct ph_view_message) <= 48, "a mailbox in memory is small");

struct ph_view_list;

struct ph_view_list *ph_view_list_new(void);
struct ph_view_list *ph_view_list_ref(struct ph_view_list *list);
/* NULLs the pointer; NULL inside is allowed. */
void ph_view_list_unref(struct ph_view_list **list);

uint32_t ph_view_list_count(const struct ph_view_list *list);
/* INDEX from 0. */
const struct ph_view_message *ph_view_list_at(const struct ph_view_list *list, uint32_t index);
/* The index of the first message whose UID is at least UID; the count where there is none. */
uint32_t ph_view_list_find(const struct ph_view_list *list, uint32_t uid);
/* NULL: there is none. */
const struct ph_view_message *ph_view_list_get(const struct ph_view_list *list, uint32_t uid);

/* ---- Changing: *LIST is replaced where others hold it ---- */

/* In the place of its UID, instead of what has it. */
void ph_view_list_put(struct ph_view_list **list, const struct ph_view_message *message);
/* Those of UIDS (ascending) that are there. */
void ph_view_list_remove(struct ph_view_list **list, const uint32_t *uids, size_t count);

/* ---- Going through ---- */

struct ph_view_cursor {
    const struct ph_view_list *list;
    uint32_t chunk;
    uint32_t at;
};

struct ph_view_cursor ph_view_list_first(const struct ph_view_list *list);
/* NULL behind the last. */
const struct ph_view_message *ph_view_cursor_get(const struct ph_view_cursor *cursor);
void ph_view_cursor_next(struct ph_view_cursor *cursor);

/* What differs between two lists, by UID. INDEX: in BEFORE. */
struct ph_view_difference {
    const struct ph_view_message *before; /* NULL: it is new */
    const struct ph_view_message *now;    /* NULL: it is gone */
    uint32_t index;
};

struct ph_view_diff {
    struct ph_view_cursor before;
    struct ph_view_cursor now;
    uint32_t index;
};

void ph_view_diff_begin(struct ph_view_diff *diff, const struct ph_view_list *before,
                        const struct ph_view_list *now);
bool ph_view_diff_next(struct ph_view_diff *diff, struct ph_view_difference *out_difference);

#endif
