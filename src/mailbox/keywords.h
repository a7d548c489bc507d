/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keywords of a mailbox's messages, each set of them kept once: a message has a number. 0 is the empty set. Sets and
 * words stay until fini; so a text that was given out does too. Threads: one at a time.
 */
#ifndef PH_MAILBOX_KEYWORDS_H
#define PH_MAILBOX_KEYWORDS_H

#include "base/bytes.h"

enum { PH_KEYWORD_SETS_MAX = 65535 };

struct ph_keywords {
    struct ph_bytes *sets; /* set N is sets[N - 1] */
    unsigned set_count;
    struct ph_bytes *words; /* each once, in the order they came; the first thousand */
    unsigned word_count;
    uint16_t *places; /* of sets, by hash; 0: free */
    unsigned place_count;
};

void ph_keywords_fini(struct ph_keywords *keywords);
/* WORDS, separated by blanks. False where there are PH_KEYWORD_SETS_MAX sets already. */
bool ph_keywords_put(struct ph_keywords *keywords, struct ph_bytes words, uint16_t *out_set);
struct ph_bytes ph_keywords_get(const struct ph_keywords *keywords, uint16_t set);

#endif
