/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dot-stuffing of a multi-line response (RFC 1939 section 3): a dot that opens a line is doubled, the end is a line
 * with a dot alone.
 *
 * It works in place, on octets that were just read into the output: most mail has no line that opens with a dot
 * and is then not touched at all. A line opens behind every LF, also one without CR: a client that ends lines at LF
 * would otherwise take such a line for the end of the message.
 */
#ifndef PH_POP3_DOTS_H
#define PH_POP3_DOTS_H

#include "base/buf.h"

/* What came last; zero at the beginning, which is as good as a line's end. */
struct ph_dots {
    enum { PH_DOTS_AT_CRLF, PH_DOTS_AT_CR, PH_DOTS_AT_LF, PH_DOTS_INSIDE } at;
};

/* Stuffs what stands in OUT from FROM on, which continues what the calls before had. */
void ph_dots_stuff(struct ph_dots *dots, struct ph_buf *out, size_t from);
/* Appends the final line, with CRLF before it only where the content does not end with one. */
void ph_dots_end(struct ph_dots *dots, struct ph_buf *out);

#endif
