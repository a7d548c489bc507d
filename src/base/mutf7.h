/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modified UTF-7, in which IMAP and Maildir++ write names of mailboxes: RFC 3501 section 5.1.3. Pure functions.
 */
#ifndef PH_BASE_MUTF7_H
#define PH_BASE_MUTF7_H

#include "base/buf.h"

/* Appends NAME as UTF-8. PH_EINVALID: not in this form (broken base64, half a surrogate pair, a control character). What is
 * UTF-8 already is taken as it is: some servers write that. */
int ph_mutf7_decode(struct ph_bytes name, struct ph_buf *out, struct ph_error *err) PH_MUST_USE;

/* Appends NAME, which is UTF-8, in modified UTF-7. */
void ph_mutf7_encode(struct ph_bytes name, struct ph_buf *out);
/* The same, with '/' in base64 too, which decodes as well: so no name is ever a path. */
void ph_mutf7_encode_file(struct ph_bytes name, struct ph_buf *out);

#endif
