/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a local program (LF) made lines of mail (CRLF). A CRLF that is there already stays one, and so does a CR
 * alone; it does not matter how the text is cut into pieces. A last line without an end stays without.
 */
#ifndef PH_DELIVERY_NEWLINE_H
#define PH_DELIVERY_NEWLINE_H

#include "base/buf.h"

/* Zeroed is ready. */
struct ph_newline {
    bool is_behind_cr;
};

/* Appends TEXT to OUT, whose maximum leaves room for twice as many octets. */
void ph_newline_convert(struct ph_newline *newline, struct ph_bytes text, struct ph_buf *out);

#endif
