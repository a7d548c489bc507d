/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials that were verified a short while ago, so that the next login of a client that polls costs microseconds.
 *
 * Kept is a keyed hash of user and password (BLAKE2b, a random key for each process), never either of them: who reads
 * this memory learns a password no faster than by trying them. One entry a user, for one password is right at a time.
 * Bounded; the entry that ends first gives way.
 *
 * A mark taken before the store was asked keeps out what a change of password has made wrong meanwhile.
 * Threads: any. Never blocks on anything but its own short lock.
 */
#ifndef PH_AUTH_CREDENTIAL_CACHE_H
#define PH_AUTH_CREDENTIAL_CACHE_H

#include "base/bytes.h"
#include "base/clock.h"

struct ph_credential_cache;

struct ph_credential {
    uint8_t user[16];
    uint8_t proof[32];
};

/* SECONDS or ENTRIES_MAX 0: remembers nothing. ENTRIES_MAX is rounded up to a multiple of eight. */
struct ph_credential_cache *ph_credential_cache_new(const struct ph_clock *clock, const struct ph_rand *rand,
                                                    unsigned entries_max, unsigned seconds);
void ph_credential_cache_free(struct ph_credential_cache **cache);

/* USER canonical, PASSWORD prepared. */
void ph_credential_hash(const struct ph_credential_cache *cache, struct ph_bytes user,
                        struct ph_bytes password, struct ph_credential *out_credential);

bool ph_credential_cache_has(struct ph_credential_cache *cache, const struct ph_credential *credential);
uint64_t ph_credential_cache_mark(struct ph_credential_cache *cache);
void ph_credential_cache_put(struct ph_credential_cache *cache, uint64_t mark,
                             const struct ph_credential *credential);
void ph_credential_cache_forget(struct ph_credential_cache *cache, struct ph_bytes user);

#endif
