/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dovecot-keywords: which keyword each small letter of a Maildir's file names stands for, "0 $Forwarded" a line. And
 * keywords as IMAP has them: atoms (RFC 9051 section 9, flag-keyword). A pure parser over a text that stays.
 */
#ifndef PH_TASK_DOVECOT_KEYWORDS_H
#define PH_TASK_DOVECOT_KEYWORDS_H

#include "task/maildir_name.h"

enum { PH_KEYWORD_MAX = 64, PH_KEYWORDS_BYTES_MAX = 2048 };

struct ph_dovecot_keywords {
    struct ph_bytes names[PH_MAILDIR_KEYWORDS]; /* empty: not used */
    size_t broken;                              /* lines */
};

bool ph_keyword_is_valid(struct ph_bytes keyword);

void ph_dovecot_keywords_parse(struct ph_dovecot_keywords *keywords, struct ph_bytes text);
/* Appends the names of the letters in BITS to OUT, separated by blanks. False where a letter stands for nothing. */
bool ph_dovecot_keywords_put(const struct ph_dovecot_keywords *keywords, uint32_t bits, struct ph_buf *out);

/* For writing. The bit of KEYWORD, found or added; -1 where there is no more room. ADDED is copied into ARENA. */
struct ph_arena;
int ph_dovecot_keywords_bit(struct ph_dovecot_keywords *keywords, struct ph_bytes keyword,
                            struct ph_arena *arena);
void ph_dovecot_keywords_write(const struct ph_dovecot_keywords *keywords, struct ph_buf *out);

#endif
