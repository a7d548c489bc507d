/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store said about names, for a short time: is there such a domain, such a user, what is an address
 * mapped to. Also that there is none.
 *
 * Bounded in entries and in octets of a value. A name is kept as a keyed hash of 16 octets, whose key is random
 * for each cache, so that nobody outside can choose names that meet in one place. Negative answers give way
 * before positive ones: who asks for many names that do not exist pushes out few that do.
 *
 * Who asks the store takes a mark first and gives it back with the answer; an answer from before a change is not
 * kept.
 * Threads: any. Never blocks on anything but its own short lock.
 */
#ifndef PH_AUTH_NAME_CACHE_H
#define PH_AUTH_NAME_CACHE_H

#include "base/arena.h"
#include "base/clock.h"

enum ph_name_kind { PH_NAME_DOMAIN, PH_NAME_USER, PH_NAME_MAPPINGS };
enum { PH_NAME_VALUE_MAX = 4096 };

struct ph_name_cache;

/* ENTRIES_MAX is rounded up to a multiple of eight. */
struct ph_name_cache *ph_name_cache_new(const struct ph_clock *clock, const struct ph_rand *rand,
                                        unsigned entries_max, unsigned seconds);
void ph_name_cache_free(struct ph_name_cache **cache);

/* Whether the answer is known; then *OUT_IS_THERE, and the value as the arena's copy (ARENA may be NULL where the
 * kind has no values). */
bool ph_name_cache_get(struct ph_name_cache *cache, enum ph_name_kind kind, struct ph_bytes name,
                       struct ph_arena *arena, bool *out_is_there, struct ph_bytes *out_value);
uint64_t ph_name_cache_mark(struct ph_name_cache *cache);
void ph_name_cache_put(struct ph_name_cache *cache, uint64_t mark, enum ph_name_kind kind,
                       struct ph_bytes name, bool is_there, struct ph_bytes value);

/* After a change of one name, or of anything. */
void ph_name_cache_drop(struct ph_name_cache *cache, enum ph_name_kind kind, struct ph_bytes name);
void ph_name_cache_clear(struct ph_name_cache *cache);

#endif
