/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text as accounts need it: normalization form C for addresses, SASLprep for names and passwords that
 * log in (RFC 4013).
 *
 * Text of printable ASCII alone is its own form in each of them and takes no detour through a library.
 * Threads: any.
 */
#ifndef PH_AUTH_UNICODE_H
#define PH_AUTH_UNICODE_H

#include "base/arena.h"
#include "base/buf.h"

/* TEXT must be valid UTF-8. The result is the arena's, or TEXT itself. */
struct ph_bytes ph_unicode_nfc(struct ph_bytes text, struct ph_arena *arena);

/* Whether TEXT has a character that no name may hold: controls (C0, DEL, C1), line and paragraph separators,
 * and those that turn the direction of what follows. TEXT must be valid UTF-8. */
bool ph_unicode_has_unsafe(struct ph_bytes text);

/* What is stored may hold only characters that Unicode 3.2 assigned; what is looked up may hold others. */
enum ph_saslprep { PH_SASLPREP_STORED, PH_SASLPREP_QUERY };

/* Appends the prepared text to OUT, whose max is the limit of both (PH_ELIMIT). PH_EINVALID: not UTF-8, a character
 * that SASLprep prohibits (controls among them), or nothing left. OUT may hold a secret afterwards. */
int ph_unicode_saslprep(struct ph_bytes text, enum ph_saslprep use, struct ph_buf *out,
                        struct ph_error *err) PH_MUST_USE;

#endif
