/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values of Content-* fields: RFC 2045 section 5, RFC 2183. They take any octets, and read on behind what breaks the rules
 * as mail programs do (parameters without a semicolon between, values with octets that want quotes, quotes that are not
 * closed). Text that comes out is as mime/structure.h says: without folds, quotes, comments, NUL, CR and LF.
 */
#ifndef PH_MIME_CONTENT_VALUE_H
#define PH_MIME_CONTENT_VALUE_H

#include "mime/structure.h"

enum { PH_MIME_PARAMS_MAX = 100 /* of one field; later ones are left out */ };

/* "text/plain; charset=utf-8". False, and nothing is set, where it begins with no type. A type alone is text/plain or multipart/mixed,
 * if it is one of these. */
bool ph_content_type_parse(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *out_type,
                           struct ph_bytes *out_subtype, struct ph_mime_params *out_params);

/* "attachment; filename=a.txt". False where it begins with no token. */
bool ph_disposition_parse(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *out_disposition,
                          struct ph_mime_params *out_params);

/* All of the value but comments and blanks: an encoding, a list of languages. Missing where nothing is left. */
struct ph_bytes ph_content_words(struct ph_bytes value, struct ph_arena *arena);

/* Unstructured text, with blanks only inside of it. Missing where nothing is left. */
struct ph_bytes ph_content_text(struct ph_bytes value, struct ph_arena *arena);

#endif
