/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ENVELOPE and BODYSTRUCTURE (RFC 9051 sections 7.5.2 and 2.3.6), from what a message's row has. Pure functions.
 */
#ifndef PH_IMAP_ENVELOPE_H
#define PH_IMAP_ENVELOPE_H

#include "imap/format.h"
#include "mime/structure.h"

/* "(date subject from sender reply-to to cc bcc in-reply-to message-id)". FIELDS: raw, for ph_header_next; others than
 * these are passed over. */
void ph_imap_put_envelope(struct ph_buf *out, struct ph_bytes fields, struct ph_arena *arena);

enum ph_imap_structure_how {                                 /* by | */
                             PH_IMAP_STRUCTURE_EXTENDED = 1, /* BODYSTRUCTURE, not BODY */
                             PH_IMAP_STRUCTURE_GLOBAL =
                                 2, /* the client knows message/global as a message (rev2, UTF8=ACCEPT) */
};
void ph_imap_put_structure(struct ph_buf *out, const struct ph_part *root, unsigned how,
                           struct ph_arena *arena);

/* Appends FIELD's value in one line: without the ends of lines that fold it, blanks at both ends, and NULs. */
void ph_imap_unfold(struct ph_bytes value, struct ph_buf *out);

#endif
