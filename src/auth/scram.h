/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without -PLUS: messages in, messages out, no store, no
 * clock.
 *
 *     ph_scram_client_first    the peer's first message; then scram->user and ->authzid name whom it claims to be
 *     ph_scram_server_first    with that user's keys, or made-up ones: the challenge
 *     ph_scram_client_final    the proof; on PH_OK the verifier goes to the peer
 *
 * Views in struct ph_scram are its arena's. The keys are wiped by ph_scram_fini. Threads: one at a time.
 * What went wrong is also there as SCRAM says it (ph_scram_error), for protocols that can carry it.
 */
#ifndef PH_AUTH_SCRAM_H
#define PH_AUTH_SCRAM_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    PH_SCRAM_KEY_BYTES = 32,
    PH_SCRAM_SALT_BYTES = 16,
    PH_SCRAM_SALT_MAX = 64,
    PH_SCRAM_NONCE_BYTES = 18, /* random octets of the server's part; 24 characters */
    PH_SCRAM_ITERATIONS = 32768,
    PH_SCRAM_ITERATIONS_MIN = 4096,
    PH_SCRAM_MESSAGE_MAX = 2048,
};

struct ph_scram_keys {
    uint8_t salt[PH_SCRAM_SALT_MAX];
    size_t salt_len;
    unsigned iterations;
    uint8_t stored_key[PH_SCRAM_KEY_BYTES];
    uint8_t server_key[PH_SCRAM_KEY_BYTES];
};

/* PASSWORD as SASLprep leaves it. Takes milliseconds, by ITERATIONS. Wipe the keys after use. */
void ph_scram_derive(struct ph_bytes password, struct ph_bytes salt, unsigned iterations,
                     struct ph_scram_keys *out_keys);

struct ph_scram {
    struct ph_arena *arena;
    struct ph_bytes user;    /* decoded, as the peer wrote it */
    struct ph_bytes authzid; /* empty: none */
    struct ph_bytes gs2_header;
    struct ph_bytes client_first_bare;
    struct ph_bytes nonce; /* the peer's, then both parts */
    struct ph_bytes server_first;
    struct ph_scram_keys keys;
    bool is_known; /* the keys are a user's; a proof for others never fits */
    const char *error;
};

void ph_scram_init(struct ph_scram *scram, struct ph_arena *arena);
void ph_scram_fini(struct ph_scram *scram);

/* PH_EINVALID: malformed, or asks for what is not offered (channel binding, a mandatory extension). */
int ph_scram_client_first(struct ph_scram *scram, struct ph_bytes message, struct ph_error *err) PH_MUST_USE;
/* SERVER_NONCE: printable ASCII without comma. Copies KEYS. */
struct ph_bytes ph_scram_server_first(struct ph_scram *scram, const struct ph_scram_keys *keys, bool is_known,
                                      struct ph_bytes server_nonce);
/* PH_OK and the verifier ("v=..."); PH_EDENIED: the proof is not the user's; PH_EINVALID: malformed. */
int ph_scram_client_final(struct ph_scram *scram, struct ph_bytes message, struct ph_bytes *out_server_final,
                          struct ph_error *err) PH_MUST_USE;

/* "e=..." with the reason of the failure. "unknown-user" is never one. */
struct ph_bytes ph_scram_error(struct ph_scram *scram);

#endif
