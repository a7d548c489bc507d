/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all logins share. Only `accounts` and the parts behind pointers change after ph_auth_new, each under a lock
 * of its own.
 */
#ifndef PH_AUTH_AUTH_PRIVATE_H
#define PH_AUTH_AUTH_PRIVATE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/credential_cache.h"
#include "auth/delay.h"
#include "auth/password.h"
#include "auth/scram.h"
#include "auth/throttle.h"
#include "store/user.h"

enum { PH_AUTH_SECRET_BYTES = 32 };

struct ph_auth {
    struct ph_auth_beside beside; /* without functions: none */
    struct ph_auth_options options;
    struct ph_credential_cache *credentials;
    struct ph_throttle *throttle;
    struct ph_delays *delays;
    struct ph_jobs *jobs;
    atomic_bool is_hurried;
    atomic_uint_fast64_t unavailable_us;    /* monotonic: when the store last gave a hash thread no answer */
    struct ph_bytes nobody_alg;             /* of what new passwords have */
    char nobody_hash[PH_PASSWORD_HASH_MAX]; /* of a password that nobody has */
    uint8_t nobody_secret[PH_AUTH_SECRET_BYTES];
};

/* Whether PASSWORD (prepared) is that of USER (canonical; empty for a name that cannot be one). Costs the same
 * for a user who does not exist. PH_OK, PH_EDENIED, PH_EUNAVAILABLE. Tens of milliseconds. */
int ph_auth_verify(struct ph_auth *auth, const char *protocol, struct ph_bytes user, struct ph_bytes password,
                   struct ph_error *err) PH_MUST_USE;

/* The SCRAM keys of USER, or for a user without any keys that look like some and stay the same. *OUT_IS_KNOWN says
 * which. PH_OK or PH_EUNAVAILABLE. PROTOCOL, here and above, is for the log. */
int ph_auth_scram_keys(struct ph_auth *auth, const char *protocol, struct ph_bytes user,
                       struct ph_scram_keys *out_keys, bool *out_is_known, struct ph_error *err) PH_MUST_USE;

#endif
