/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header of a message as fields, over octets that are held in one piece. A pure reader: it takes any octets.
 *
 * The header ends behind the first empty line (CRLF CRLF, or CRLF at the very start); where there is none, all of
 * the message is header. Lines end in CRLF alone. A line that is no field (an mbox "From " line, or rubbish) is
 * given as a field without a name, with the lines that continue it; so the fields together are the header, octet
 * for octet, but for its empty line.
 *
 * Source: RFC 5322 section 2.2, with the blanks before the colon of section 4.5.
 */
#ifndef PH_MIME_HEADER_H
#define PH_MIME_HEADER_H

#include "base/bytes.h"

struct ph_header_field {
    struct ph_bytes name;  /* without blanks; empty for what is no field */
    struct ph_bytes value; /* behind the colon, folded as it came, without the last CRLF */
    struct ph_bytes whole; /* everything, with the last CRLF */
};

/* Takes the next field off the front of *REST. False at the empty line, which is left, and at the end. */
bool ph_header_next(struct ph_bytes *rest, struct ph_header_field *out_field);

static inline bool ph_header_is(const struct ph_header_field *field, struct ph_bytes name)
{
    return ph_bytes_ieq(field->name, name);
}

/* Finds the end of a header that comes in pieces. Zeroed is ready. */
struct ph_header_end {
    unsigned matched; /* of CRLF CRLF, from the back; the start of a message counts as behind a CRLF */
    bool is_begun;
    bool is_found;
    uint64_t offset; /* octets of the header so far; with its empty line once it is found */
};

/* Looks at the next octets of the message; nothing more once it is found. */
void ph_header_end_feed(struct ph_header_end *end, struct ph_bytes octets);

#endif
