/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SASL exchanges as pure state machines: PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM-SHA-256. No
 * store, no hashing of passwords, no clock; what a machine needs from those it asks for by what it returns.
 *
 *     PH_SASL_CHALLENGE   send sasl->challenge, then ph_sasl_step with the answer
 *     PH_SASL_PASSWORD    sasl->user and sasl->password are what the peer claims: verify them, the exchange is over
 *     PH_SASL_KEYS        call ph_sasl_keys with the SCRAM keys of sasl->user
 *     PH_SASL_PROVEN      the peer has proven to be sasl->user, and the challenge with our own proof is there to be
 *                         sent; its answer, empty, ends the exchange with PH_SASL_DONE
 *     PH_SASL_DONE        sasl->user is logged in
 *     negative            PH_EINVALID: malformed; PH_EDENIED: the proof is wrong, or another user is asked for
 *
 * Messages are decoded from base64 already. Views are the machine's memory, until its next step or ph_sasl_fini,
 * which wipes it.
 * Threads: one at a time.
 */
#ifndef PH_AUTH_SASL_H
#define PH_AUTH_SASL_H

#include "auth/scram.h"

enum { PH_SASL_CHALLENGE, PH_SASL_PASSWORD, PH_SASL_KEYS, PH_SASL_PROVEN, PH_SASL_DONE };

struct ph_sasl_mechanism;

struct ph_sasl {
    const struct ph_sasl_mechanism *mechanism;
    unsigned step;
    struct ph_arena arena;
    struct ph_buf secret; /* what holds a password: wiped */
    struct ph_scram scram;
    struct ph_bytes user; /* as the peer wrote it */
    struct ph_bytes password;
    struct ph_bytes challenge;
};

/* By name, in any case; NULL: unknown. */
const struct ph_sasl_mechanism *ph_sasl_find(struct ph_bytes name);
bool ph_sasl_shows_password(const struct ph_sasl_mechanism *mechanism);
/* Names, best first, separated by blanks. */
const char *ph_sasl_names(bool with_those_that_show_the_password);

void ph_sasl_init(struct ph_sasl *sasl, const struct ph_sasl_mechanism *mechanism);
void ph_sasl_fini(struct ph_sasl *sasl);

int ph_sasl_start(struct ph_sasl *sasl, bool has_initial, struct ph_bytes initial,
                  struct ph_error *err) PH_MUST_USE;
int ph_sasl_step(struct ph_sasl *sasl, struct ph_bytes response, struct ph_error *err) PH_MUST_USE;
/* Always PH_SASL_CHALLENGE. */
int ph_sasl_keys(struct ph_sasl *sasl, const struct ph_scram_keys *keys, bool is_known,
                 struct ph_bytes server_nonce);

/* Whether the next step verifies a proof. */
bool ph_sasl_awaits_proof(const struct ph_sasl *sasl);

/* Whether two user names are one: as they are, or in canonical form. */
bool ph_sasl_same_user(struct ph_bytes a, struct ph_bytes b);

#endif
