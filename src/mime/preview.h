/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first words of a message, as RFC 8970 has them: one line of UTF-8 of at most PH_PREVIEW_CHARACTERS, from the first part that is text and
 * no attachment; HTML without its tags. Quoted lines ("> ...") are passed over where others follow.
 */
#ifndef PH_MIME_PREVIEW_H
#define PH_MIME_PREVIEW_H

#include "mime/structure.h"

enum {
    PH_PREVIEW_CHARACTERS = 200,       /* RFC 8970 section 3.1 */
    PH_PREVIEW_OCTETS = 800,           /* at most, so many characters take */
    PH_PREVIEW_BODY_BYTES = 16 * 1024, /* as much of a part is looked at */
};

/* The part that the preview is made of; NULL: there is none, and the preview is empty. */
const struct ph_part *ph_preview_part(const struct ph_part *root);

/* Appends the preview of CONTENT, the first PH_PREVIEW_BODY_BYTES of PART's content as transferred (it may be shorter). */
void ph_preview_put(const struct ph_part *part, struct ph_bytes content, struct ph_buf *out);

#endif
