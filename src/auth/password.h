/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stored passwords: made as Argon2id, verified in whatever form the column `alg` names: that, or one of James's
 * (james_password.h).
 *
 * A password is prepared first (SASLprep), when it is set and when it is checked, so that two keyboards that write
 * one character differently log in alike. Both hashing functions take tens of milliseconds and some MiB of memory,
 * by design: call them where that slows nobody else. Threads: any.
 */
#ifndef PH_AUTH_PASSWORD_H
#define PH_AUTH_PASSWORD_H

#include "auth/unicode.h"

enum { PH_PASSWORD_MAX = 1024, PH_PASSWORD_HASH_MAX = 128 };

struct ph_password_cost {
    unsigned memory_kib; /* 0: 19 MiB */
    unsigned passes;     /* 0: 2 */
};

/* OUT: of PH_PASSWORD_MAX; wipe it. PH_EINVALID: empty, not UTF-8, or control characters. PH_ELIMIT: too long. */
int ph_password_prepare(struct ph_bytes password, enum ph_saslprep use, struct ph_buf *out,
                        struct ph_error *err) PH_MUST_USE;

/* The name that goes into `alg` beside a hash of ph_password_hash. */
extern const char ph_password_alg[];
int ph_password_hash(struct ph_bytes prepared, const struct ph_password_cost *cost,
                     char out_hash[PH_PASSWORD_HASH_MAX], struct ph_error *err) PH_MUST_USE;

/* USER (canonical) is the salt of some. PH_OK; PH_EDENIED: another password; PH_ENOTFOUND: ALG is unknown here; PH_ECORRUPT: HASH is no hash of ALG;
 * PH_EUNAVAILABLE: no memory. */
int ph_password_verify(struct ph_bytes alg, struct ph_bytes hash, struct ph_bytes user,
                       struct ph_bytes prepared, struct ph_error *err) PH_MUST_USE;

#endif
