/* SPDX-License-Identifier: Apache-2.0 */
/* The words that most messages' structures are made of, an octet each in the stored form (see structure_code.c). */
#ifndef PH_MIME_STRUCTURE_WORDS_H
#define PH_MIME_STRUCTURE_WORDS_H

#include "base/bytes.h"

enum { PH_STRUCTURE_WORDS_MAX = 112 };

/* From 1 on; 0 for a text that is none of them. */
unsigned ph_structure_word_code(struct ph_bytes text);
bool ph_structure_word(unsigned code, struct ph_bytes *out_text);

#endif
