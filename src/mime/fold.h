/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text compared without regard to case, as SEARCH and SORT want it: Unicode case folding and compatibility decomposition, close to
 * the collation i;unicode-casemap (RFC 5051). Two texts are equal, and one is in the other, where their folded octets are.
 */
#ifndef PH_MIME_FOLD_H
#define PH_MIME_FOLD_H

#include "base/buf.h"

/* Appends TEXT, which is UTF-8, folded; ASCII costs little. Octets that are no UTF-8 become U+FFFD. OUT's maximum bounds it: folding
 * may lengthen a text up to 18 times, in hostile cases. */
void ph_fold(struct ph_bytes text, struct ph_buf *out);

/* Looks for one folded needle in text that comes in pieces, each cut anywhere. */
struct ph_fold_search {
    struct ph_bytes needle; /* folded; borrowed */
    struct ph_buf text;     /* folded, not yet passed */
    uint8_t tail[4];        /* of a character that is not whole yet */
    unsigned tail_len;
    bool is_found; /* an empty needle is found at once */
};

void ph_fold_search_init(struct ph_fold_search *search, struct ph_bytes folded_needle);
void ph_fold_search_feed(struct ph_fold_search *search, struct ph_bytes text);
/* Nothing that comes later joins what came before: between two parts or fields. */
void ph_fold_search_break(struct ph_fold_search *search);
void ph_fold_search_fini(struct ph_fold_search *search);

#endif
