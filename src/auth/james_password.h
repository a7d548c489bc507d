/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords as Apache James 3.8 and 3.9 store them: the column `algorithm` says ALGORITHM/MODE, `passwd` is MIME's
 * base64 of the digest, with its line ends.
 *
 * ALGORITHM: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512, a single digest; PBKDF2[-ITERATIONS[-BITS]] with HMAC
 * of SHA-1, PBKDF2-SHA512[-ITERATIONS[-BITS]]. MODE: plain; salted, with the user's name in front of the password;
 * legacy and legacy_salted, of which the base64 lacks what is left behind the last three octets; none: any of these.
 * The salt of PBKDF2 is the user's name.
 *
 * Single digests are weak: what they protect is renewed at the first login (auth.h). Threads: any.
 */
#ifndef PH_AUTH_JAMES_PASSWORD_H
#define PH_AUTH_JAMES_PASSWORD_H

#include "base/bytes.h"
#include "base/error.h"

bool ph_james_password_knows(struct ph_bytes algorithm);

/* As ph_password_verify, of USER (canonical). */
int ph_james_password_verify(struct ph_bytes algorithm, struct ph_bytes hash, struct ph_bytes user,
                             struct ph_bytes prepared, struct ph_error *err) PH_MUST_USE;

/* What James verifies too: PBKDF2-SHA512, of a cost that is good today. */
enum { PH_JAMES_PASSWORD_HASH_MAX = 96 };
extern const char ph_james_password_algorithm[];
int ph_james_password_hash(struct ph_bytes user, struct ph_bytes prepared,
                           char out_hash[PH_JAMES_PASSWORD_HASH_MAX], struct ph_error *err) PH_MUST_USE;

#endif
