/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What SORT and THREAD keep of each message that was found, for sort.c and thread.c. Texts are the order's arena's.
 */
#ifndef PH_IMAP_ORDER_H
#define PH_IMAP_ORDER_H

#include "imap/search.h"

struct ph_imap_order_entry {
    uint32_t number;
    int64_t arrived_ms;
    int64_t sent_ms;
    uint64_t size;
    struct ph_bytes subject;  /* base, folded */
    bool is_reply;            /* or forwarded: RFC 5256 section 5 */
    struct ph_bytes *texts;   /* of SORT: one for each criterion, empty where it compares numbers */
    struct ph_bytes id;       /* of THREAD=REFERENCES: with <>; empty: none */
    struct ph_bytes *parents; /* of THREAD=REFERENCES: References, else the first of In-Reply-To */
    size_t parent_count;
};

struct ph_imap_order {
    const struct ph_imap_search *search;
    bool is_thread;
    struct ph_arena arena;
    struct ph_imap_order_entry *entries;
    size_t count;
    size_t room;
    uint32_t *sorted;
};

/* thread_references.c: THREAD=REFERENCES, of entries as they were added. */
void ph_imap_thread_references(const struct ph_imap_order *order, struct ph_buf *out,
                               const struct ph_view_session *view, bool is_uid);
/* By sent date, then by number. */
int ph_imap_order_by_date(const struct ph_imap_order_entry *a, const struct ph_imap_order_entry *b);
/* The sequence number, or the UID. */
void ph_imap_order_put_number(struct ph_buf *out, const struct ph_view_session *view, uint32_t number,
                              bool is_uid);
/* Message ids in VALUE, in order: "<a@b>" with nothing but what is between; the first MAX. */
size_t ph_imap_message_ids(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *out_ids,
                           size_t max);

#endif
