/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of eight entries; a name can stand only in the set that its hash chooses. No lists to keep, no growth, and
 * the work under the lock is a look at eight entries.
 */
#include "auth/name_cache.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/mem.h"

enum { WAYS = 8, ID_BYTES = 16, KEY_BYTES = 32 };

struct entry {
    uint8_t id[ID_BYTES];
    uint64_t expires_ms; /* 0: free */
    bool is_there;
    size_t len;
    uint8_t *value;
};

struct ph_name_cache {
    pthread_mutex_t lock;
    const struct ph_clock *clock;
    uint64_t ttl_ms;
    uint64_t changes;
    uint8_t key[KEY_BYTES];
    unsigned set_count;
    struct entry entries[];
};

struct ph_name_cache *ph_name_cache_new(const struct ph_clock *clock, const struct ph_rand *rand,
                                        unsigned entries_max, unsigned seconds)
{
    unsigned sets = (entries_max + WAYS - 1) / WAYS;
    sets = sets == 0 ? 1 : sets;
    struct ph_name_cache *cache = ph_zalloc(sizeof *cache + sizeof(struct entry) * WAYS * sets);
    pthread_mutex_init(&cache->lock, NULL);
    cache->clock = clock;
    cache->ttl_ms = (uint64_t)seconds * 1000;
    cache->set_count = sets;
    ph_rand_fill(rand, cache->key, sizeof cache->key);
    return cache;
}

static void empty(struct entry *entry)
{
    free(entry->value);
    *entry = (struct entry){0};
}

static void empty_all(struct ph_name_cache *cache)
{
    for (size_t i = 0; i < (size_t)cache->set_count * WAYS; i++) {
        empty(&cache->entries[i]);
    }
}

void ph_name_cache_free(struct ph_name_cache **cache)
{
    if (*cache != NULL) {
        empty_all(*cache);
        pthread_mutex_destroy(&(*cache)->lock);
        free(*cache);
        *cache = NULL;
    }
}

static void hash(const struct ph_name_cache *cache, enum ph_name_kind kind, struct ph_bytes name,
                 uint8_t out_id[ID_BYTES])
{
    crypto_generichash_state state;
    uint8_t prefix = (uint8_t)kind;
    crypto_generichash_init(&state, cache->key, sizeof cache->key, ID_BYTES);
    crypto_generichash_update(&state, &prefix, 1);
    crypto_generichash_update(&state, name.ptr, name.len);
    crypto_generichash_final(&state, out_id, ID_BYTES);
}

static struct entry *set_of(struct ph_name_cache *cache, const uint8_t id[ID_BYTES])
{
    uint64_t number;
    memcpy(&number, id, sizeof number);
    return &cache->entries[number % cache->set_count * WAYS];
}

/* The lock is held for the rest of this section. */

static struct entry *find(struct ph_name_cache *cache, const uint8_t id[ID_BYTES])
{
    struct entry *set = set_of(cache, id);
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].expires_ms != 0 && memcmp(set[i].id, id, ID_BYTES) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* Free or expired, else the oldest negative, else the oldest. */
static struct entry *victim(struct ph_name_cache *cache, const uint8_t id[ID_BYTES], uint64_t now_ms)
{
    struct entry *set = set_of(cache, id);
    struct entry *worst = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].expires_ms <= now_ms) {
            return &set[i];
        }
        if (set[i].is_there != worst->is_there ? !set[i].is_there : set[i].expires_ms < worst->expires_ms) {
            worst = &set[i];
        }
    }
    return worst;
}

/* ---- */

bool ph_name_cache_get(struct ph_name_cache *cache, enum ph_name_kind kind, struct ph_bytes name,
                       struct ph_arena *arena, bool *out_is_there, struct ph_bytes *out_value)
{
    uint8_t id[ID_BYTES];
    hash(cache, kind, name, id);
    uint64_t now_ms = ph_mono_ms(cache->clock);
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = find(cache, id);
    bool is_known = entry != NULL && entry->expires_ms > now_ms;
    if (is_known) {
        *out_is_there = entry->is_there;
        if (arena != NULL) {
            *out_value = ph_arena_bytes(arena, ph_bytes_of(entry->value, entry->len));
        }
    }
    pthread_mutex_unlock(&cache->lock);
    return is_known;
}

uint64_t ph_name_cache_mark(struct ph_name_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    uint64_t mark = cache->changes;
    pthread_mutex_unlock(&cache->lock);
    return mark;
}

void ph_name_cache_put(struct ph_name_cache *cache, uint64_t mark, enum ph_name_kind kind,
                       struct ph_bytes name, bool is_there, struct ph_bytes value)
{
    if (value.len > PH_NAME_VALUE_MAX || cache->ttl_ms == 0) {
        return;
    }
    struct entry fresh = {.is_there = is_there, .len = value.len};
    hash(cache, kind, name, fresh.id);
    if (value.len > 0) {
        fresh.value = ph_alloc(value.len);
        memcpy(fresh.value, value.ptr, value.len);
    }
    uint64_t now_ms = ph_mono_ms(cache->clock);
    fresh.expires_ms = now_ms + cache->ttl_ms;
    pthread_mutex_lock(&cache->lock);
    if (mark == cache->changes) {
        struct entry *entry = find(cache, fresh.id);
        if (entry == NULL) {
            entry = victim(cache, fresh.id, now_ms);
        }
        struct entry old = *entry;
        *entry = fresh;
        fresh = old;
    }
    pthread_mutex_unlock(&cache->lock);
    free(fresh.value);
}

void ph_name_cache_drop(struct ph_name_cache *cache, enum ph_name_kind kind, struct ph_bytes name)
{
    uint8_t id[ID_BYTES];
    hash(cache, kind, name, id);
    pthread_mutex_lock(&cache->lock);
    cache->changes++;
    struct entry *entry = find(cache, id);
    if (entry != NULL) {
        empty(entry);
    }
    pthread_mutex_unlock(&cache->lock);
}

void ph_name_cache_clear(struct ph_name_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    cache->changes++;
    empty_all(cache);
    pthread_mutex_unlock(&cache->lock);
}
