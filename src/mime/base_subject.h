/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base subject of RFC 5256 section 2.1, by which SORT and THREAD compare subjects: without "Re:", "Fwd:", "[list]", "(fwd)" and the like.
 */
#ifndef PH_MIME_BASE_SUBJECT_H
#define PH_MIME_BASE_SUBJECT_H

#include "base/buf.h"

/* Appends the base of SUBJECT, the raw value of the field, as UTF-8; what comes out may be empty. True where the subject
 * is that of a reply or a forwarded message (RFC 5256 section 5). */
bool ph_base_subject(struct ph_bytes subject, struct ph_buf *out);

#endif
