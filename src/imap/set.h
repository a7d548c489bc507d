/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of sequence numbers or UIDs, as a client writes them: "1:4,7,9:*" (RFC 9051 section 9, sequence-set), and
 * "$" for what the last SEARCH saved.
 *
 * As parsed, a range is as written: "9:4" is 4 to 9, and 0 stands for "*". Only who knows the mailbox can say what
 * "*" is; ph_imap_set_settle does that and leaves ascending ranges that neither touch nor overlap.
 */
#ifndef PH_IMAP_SET_H
#define PH_IMAP_SET_H

#include "base/arena.h"
#include "base/buf.h"
#include "mailbox/view.h"

enum { PH_IMAP_STAR = 0 };

struct ph_imap_set {
    struct ph_uid_range *ranges;
    size_t count;
    bool is_saved; /* "$": no ranges */
};

/* Takes a set off the front of *REST, as far as it goes; false where there is none, or with more than MAX ranges.
 * *REST then stands somewhere inside. */
bool ph_imap_set_take(struct ph_bytes *rest, size_t max, struct ph_arena *arena, struct ph_imap_set *out_set);

/* LARGEST is what "*" stands for: the largest number in use; 0 in an empty mailbox, where "*" is then nothing. A
 * range with "*" holds LARGEST at least, as "9:*" does in a mailbox of 4. In place. */
void ph_imap_set_settle(struct ph_imap_set *set, uint32_t largest);

/* Of a settled set. */
bool ph_imap_set_has(const struct ph_imap_set *set, uint32_t number);

/* "1:4,7", of a settled set. Nothing for an empty one. */
void ph_imap_set_put(const struct ph_imap_set *set, struct ph_buf *out);

/* Adds NUMBER, larger than all before, to ranges that RANGES (room for one more) holds. Returns the new count. */
size_t ph_imap_ranges_add(struct ph_uid_range *ranges, size_t count, uint32_t number);

#endif
