/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of header fields as UTF-8: encoded words (RFC 2047, with the languages of RFC 2231) and encoded parameters.
 *
 * What is appended is always UTF-8, without NUL, CR and LF; it never fails: what cannot be decoded stays as it was
 * written, and octets that are no UTF-8 are taken for windows-1252, as programs of that age wrote it. Never more than four
 * times as long as the input.
 */
#ifndef PH_MIME_ENCODED_WORD_H
#define PH_MIME_ENCODED_WORD_H

#include "base/buf.h"
#include "mime/structure.h"

/* Unstructured text, or a phrase without its quotes: unfolds it and decodes its words. */
void ph_encoded_words_decode(struct ph_bytes text, struct ph_buf *out);

/* The parameter NAME, put together from its pieces (name*0, name*1*) and decoded; where there is none of RFC 2231, the plain
 * one with its encoded words, which mail programs write there against the rules. False, and nothing appended, where there is
 * neither. */
bool ph_mime_param_decode(const struct ph_mime_params *params, struct ph_bytes name, struct ph_buf *out);

/* The file name of a part: of its disposition, else the name of its type. */
bool ph_part_filename(const struct ph_part *part, struct ph_buf *out);

#endif
