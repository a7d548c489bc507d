/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of addresses as header fields have them, one after the other: RFC 5322 section 3.4 with the obsolete forms of section
 * 4.4 (routes, empty places, comments and folds everywhere), groups, and UTF-8 (RFC 6532).
 *
 * It takes any octets and never fails: what is no address is given as well as it can be told, as mail programs do. Text is
 * unfolded, unquoted and without comments, holds no NUL, CR or LF, and points into the value or is the arena's;
 * encoded words in names stay encoded.
 */
#ifndef PH_MIME_ADDRESS_H
#define PH_MIME_ADDRESS_H

#include "base/arena.h"

enum ph_mime_address_kind {
    PH_MIME_ADDRESS_MAILBOX,
    PH_MIME_ADDRESS_GROUP,     /* begins; its name is in mailbox */
    PH_MIME_ADDRESS_GROUP_END, /* nothing else is set */
};

/* As IMAP's ENVELOPE divides it: what is missing has ptr NULL. A mailbox without a domain has an empty host, which is
 * not missing; one without a local part an empty mailbox. */
struct ph_mime_address {
    enum ph_mime_address_kind kind;
    struct ph_bytes name;  /* the phrase before <>, or the comment behind an address without one */
    struct ph_bytes route; /* "@a.example,@b.example", obsolete */
    struct ph_bytes mailbox;
    struct ph_bytes host;
};

struct ph_mime_address_reader {
    struct ph_bytes rest;
    bool is_in_group;
};

static inline struct ph_mime_address_reader ph_mime_addresses(struct ph_bytes value)
{
    return (struct ph_mime_address_reader){value, false};
}

/* The next of the list; false at the end. Every group that begins ends. Linear in the value's length. */
bool ph_mime_address_next(struct ph_mime_address_reader *reader, struct ph_arena *arena,
                          struct ph_mime_address *out_address);

#endif
