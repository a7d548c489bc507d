/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content-Transfer-Encoding undone, in pieces: RFC 2045 sections 6.7 and 6.8. As mail programs do, it reads on behind what breaks the
 * rules: octets that are no base64 are passed over, a "=" that begins nothing stays as it is. Whether there was any such
 * is told (IMAP's BINARY answers UNKNOWN-CTE only for encodings that are unknown).
 */
#ifndef PH_MIME_TRANSFER_H
#define PH_MIME_TRANSFER_H

#include "base/buf.h"

enum ph_transfer_kind { PH_TRANSFER_IDENTITY, PH_TRANSFER_BASE64, PH_TRANSFER_QUOTED_PRINTABLE };

enum { PH_TRANSFER_HELD_MAX = 80 /* more blanks than that end no line: they are text */ };

struct ph_transfer {
    enum ph_transfer_kind kind;
    bool has_faults;
    unsigned count; /* base64: letters of a quantum; quoted-printable: octets held */
    uint32_t bits;  /* base64: theirs */
    uint8_t held[PH_TRANSFER_HELD_MAX];
};

/* ENCODING as in the field, empty for none. False for one that is unknown: then content passes as it is. */
bool ph_transfer_init(struct ph_transfer *transfer, struct ph_bytes encoding);
/* Appends what IN is decoded; with what an earlier piece held back never longer than that. */
void ph_transfer_feed(struct ph_transfer *transfer, struct ph_bytes in, struct ph_buf *out);
void ph_transfer_finish(struct ph_transfer *transfer, struct ph_buf *out);

#endif
