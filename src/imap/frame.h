/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a command ends: lines, and the literals between them (RFC 9051 sections 2.2.1 and 4.3, RFC 7888). A pure
 * function over what has arrived.
 *
 * The octets of a command stay in front of the input until all are there; only how far they were understood is kept.
 */
#ifndef PH_IMAP_FRAME_H
#define PH_IMAP_FRAME_H

#include "base/bytes.h"

enum ph_imap_frame {
    PH_IMAP_FRAME_NEEDS_MORE,
    PH_IMAP_FRAME_LITERAL,  /* a line ends in a literal's length: see struct ph_imap_literal */
    PH_IMAP_FRAME_READY,    /* out_len octets, the last CRLF among them */
    PH_IMAP_FRAME_TOO_LONG, /* no end within MAX octets */
    PH_IMAP_FRAME_BAD_LINE, /* a LF without CR, or a NUL, in a line that ends at out_len */
};

struct ph_imap_literal {
    size_t at;      /* where its first octet is, or will be */
    uint64_t len;   /* as the client says */
    bool is_sync;   /* the client waits for "+" */
    bool is_binary; /* literal8: "~{3}" */
};

/* Goes on from *SCANNED, which is 0 at a command's start. For PH_IMAP_FRAME_LITERAL, *SCANNED is not moved: the caller
 * takes the literal by setting it to literal.at + literal.len, once it has decided that so much may come. */
enum ph_imap_frame ph_imap_frame(struct ph_bytes input, size_t max, size_t *scanned,
                                 struct ph_imap_literal *out_literal, size_t *out_len);

#endif
