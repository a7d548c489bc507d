/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of eight entries, chosen by the hash of the user, so that forgetting a user looks at one set.
 */
#include "auth/credential_cache.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/mem.h"

enum { WAYS = 8, KEY_BYTES = 32 };

struct entry {
    struct ph_credential credential;
    uint64_t expires_ms; /* 0: free */
};

struct ph_credential_cache {
    pthread_mutex_t lock;
    const struct ph_clock *clock;
    uint64_t ttl_ms;
    uint64_t changes;
    uint8_t key[KEY_BYTES];
    size_t set_count;
    struct entry entries[];
};

struct ph_credential_cache *ph_credential_cache_new(const struct ph_clock *clock, const struct ph_rand *rand,
                                                    unsigned entries_max, unsigned seconds)
{
    size_t sets = ((size_t)entries_max + WAYS - 1) / WAYS;
    sets = sets == 0 ? 1 : sets;
    struct ph_credential_cache *cache = ph_zalloc(sizeof *cache + sizeof(struct entry) * WAYS * sets);
    pthread_mutex_init(&cache->lock, NULL);
    cache->clock = clock;
    cache->ttl_ms = entries_max == 0 ? 0 : (uint64_t)seconds * 1000;
    cache->set_count = sets;
    ph_rand_fill(rand, cache->key, sizeof cache->key);
    return cache;
}

void ph_credential_cache_free(struct ph_credential_cache **cache)
{
    if (*cache != NULL) {
        pthread_mutex_destroy(&(*cache)->lock);
        ph_wipe(*cache, sizeof **cache + sizeof(struct entry) * WAYS * (*cache)->set_count);
        free(*cache);
        *cache = NULL;
    }
}

static void hash_user(const struct ph_credential_cache *cache, struct ph_bytes user, uint8_t out[16])
{
    crypto_generichash(out, 16, user.ptr, user.len, cache->key, sizeof cache->key);
}

void ph_credential_hash(const struct ph_credential_cache *cache, struct ph_bytes user,
                        struct ph_bytes password, struct ph_credential *out_credential)
{
    crypto_generichash_state state;
    uint64_t len = user.len; /* tells "ab" "c" from "a" "bc" */
    hash_user(cache, user, out_credential->user);
    crypto_generichash_init(&state, cache->key, sizeof cache->key, sizeof out_credential->proof);
    crypto_generichash_update(&state, (const uint8_t *)&len, sizeof len);
    crypto_generichash_update(&state, user.ptr, user.len);
    crypto_generichash_update(&state, password.ptr, password.len);
    crypto_generichash_final(&state, out_credential->proof, sizeof out_credential->proof);
    ph_wipe(&state, sizeof state);
}

static struct entry *set_of(struct ph_credential_cache *cache, const uint8_t user[16])
{
    uint64_t number;
    memcpy(&number, user, sizeof number);
    return &cache->entries[number % cache->set_count * WAYS];
}

/* With the lock held. */
static struct entry *find(struct ph_credential_cache *cache, const uint8_t user[16])
{
    struct entry *set = set_of(cache, user);
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].expires_ms != 0 && memcmp(set[i].credential.user, user, 16) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

bool ph_credential_cache_has(struct ph_credential_cache *cache, const struct ph_credential *credential)
{
    uint64_t now_ms = ph_mono_ms(cache->clock);
    pthread_mutex_lock(&cache->lock);
    const struct entry *entry = find(cache, credential->user);
    bool has = entry != NULL && entry->expires_ms > now_ms &&
               sodium_memcmp(entry->credential.proof, credential->proof, sizeof credential->proof) == 0;
    pthread_mutex_unlock(&cache->lock);
    return has;
}

uint64_t ph_credential_cache_mark(struct ph_credential_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t mark = cache->changes;
    pthread_mutex_unlock(&cache->lock);
    return mark;
}

void ph_credential_cache_put(struct ph_credential_cache *cache, uint64_t mark,
                             const struct ph_credential *credential)
{
    if (cache->ttl_ms == 0) {
        return;
    }
    uint64_t now_ms = ph_mono_ms(cache->clock);
    pthread_mutex_lock(&cache->lock);
    if (mark == cache->changes) {
        struct entry *entry = find(cache, credential->user);
        struct entry *set = set_of(cache, credential->user);
        for (unsigned i = 0; entry == NULL && i < WAYS; i++) {
            entry = set[i].expires_ms <= now_ms ? &set[i] : NULL;
        }
        if (entry == NULL) {
            entry = set;
            for (unsigned i = 1; i < WAYS; i++) {
                entry = set[i].expires_ms < entry->expires_ms ? &set[i] : entry;
            }
        }
        entry->credential = *credential;
        entry->expires_ms = now_ms + cache->ttl_ms;
    }
    pthread_mutex_unlock(&cache->lock);
}

void ph_credential_cache_forget(struct ph_credential_cache *cache, struct ph_bytes user)
{
    uint8_t id[16];
    hash_user(cache, user, id);
    pthread_mutex_lock(&cache->lock);
    cache->changes++;
    struct entry *entry = find(cache, id);
    if (entry != NULL) {
        ph_wipe(entry, sizeof *entry);
    }
    pthread_mutex_unlock(&cache->lock);
}
