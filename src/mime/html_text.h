/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of HTML, plainly: without tags, comments, scripts and styles; with the usual entities; a line end where a block begins or ends.
 * No parser of HTML, only what previews and searches need. In pieces of any size; UTF-8 in, UTF-8 out, never longer.
 */
#ifndef PH_MIME_HTML_TEXT_H
#define PH_MIME_HTML_TEXT_H

#include "base/buf.h"

enum { PH_HTML_NAME_MAX = 10 };

/* Zeroed is ready. */
struct ph_html_text {
    enum {
        PH_HTML_TEXT,
        PH_HTML_OPEN, /* behind '<' */
        PH_HTML_NAME, /* of a tag */
        PH_HTML_TAG,
        PH_HTML_COMMENT,
        PH_HTML_RAW, /* of a script or style */
        PH_HTML_ENTITY,
    } state;
    uint8_t quote;               /* of an attribute's value; 0: outside */
    unsigned len;                /* of name */
    char name[PH_HTML_NAME_MAX]; /* of the tag or the entity, in lower case where it is a tag's */
    unsigned matched;            /* RAW: of what ends it; COMMENT: dashes */
};

void ph_html_text_feed(struct ph_html_text *html, struct ph_bytes in, struct ph_buf *out);
void ph_html_text_finish(struct ph_html_text *html, struct ph_buf *out);

#endif
