/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/path_cache.h"

#include <stdlib.h>

#include "base/mem.h"

struct slot {
    struct ph_uuid id;
    uint32_t uid_validity;
    uint32_t user_len;
    uint32_t name_len;
    uint64_t put_us; /* monotonic */
    char *key;       /* user, then name; NULL: empty */
};

struct ph_path_cache {
    pthread_mutex_t lock;
    uint64_t drops;
    uint64_t max_age_us;
    const struct ph_clock *clock;
    size_t slot_count;
    struct slot slots[];
};

struct ph_path_cache *ph_path_cache_new(size_t slots, uint64_t max_age_us, const struct ph_clock *clock)
{
    struct ph_path_cache *cache = ph_zalloc(sizeof *cache + slots * sizeof cache->slots[0]);
    pthread_mutex_init(&cache->lock, NULL);
    cache->slot_count = slots;
    cache->max_age_us = max_age_us;
    cache->clock = clock;
    return cache;
}

void ph_path_cache_free(struct ph_path_cache **cache)
{
    if (*cache == NULL) {
        return;
    }
    for (size_t i = 0; i < (*cache)->slot_count; i++) {
        free((*cache)->slots[i].key);
    }
    pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

static uint64_t hash_bytes(uint64_t hash, struct ph_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        hash = (hash ^ bytes.ptr[i]) * 0x100000001B3U; /* FNV-1a */
    }
    return hash;
}

static struct slot *slot_of(struct ph_path_cache *cache, const struct ph_mailbox_row *row)
{
    uint64_t hash = hash_bytes(hash_bytes(0xCBF29CE484222325U, row->user), row->name);
    return &cache->slots[(hash ^ (hash >> 32)) % cache->slot_count];
}

static bool holds(const struct slot *slot, const struct ph_mailbox_row *row)
{
    return slot->key != NULL && slot->user_len == row->user.len && slot->name_len == row->name.len &&
           memcmp(slot->key, row->user.ptr, row->user.len) == 0 &&
           memcmp(slot->key + row->user.len, row->name.ptr, row->name.len) == 0;
}

bool ph_path_cache_get(struct ph_path_cache *cache, struct ph_mailbox_row *row, uint64_t *out_ticket)
{
    uint64_t now_us = cache->max_age_us == 0 ? 0 : ph_mono_us(cache->clock);
    pthread_mutex_lock(&cache->lock);
    const struct slot *slot = slot_of(cache, row);
    bool is_hit = holds(slot, row) && now_us - slot->put_us <= cache->max_age_us;
    if (is_hit) {
        row->id = slot->id;
        row->uid_validity = slot->uid_validity;
    }
    *out_ticket = cache->drops;
    pthread_mutex_unlock(&cache->lock);
    return is_hit;
}

void ph_path_cache_put(struct ph_path_cache *cache, const struct ph_mailbox_row *row, uint64_t ticket)
{
    char *key = ph_alloc(row->user.len + row->name.len);
    memcpy(key, row->user.ptr, row->user.len);
    memcpy(key + row->user.len, row->name.ptr, row->name.len);
    uint64_t now_us = cache->max_age_us == 0 ? 0 : ph_mono_us(cache->clock);
    pthread_mutex_lock(&cache->lock);
    if (ticket == cache->drops) {
        struct slot *slot = slot_of(cache, row);
        char *old = slot->key;
        *slot = (struct slot){
            row->id, row->uid_validity, (uint32_t)row->user.len, (uint32_t)row->name.len, now_us, key};
        key = old;
    }
    pthread_mutex_unlock(&cache->lock);
    free(key);
}

void ph_path_cache_drop(struct ph_path_cache *cache, const struct ph_mailbox_row *row)
{
    char *key = NULL;
    pthread_mutex_lock(&cache->lock);
    cache->drops++;
    struct slot *slot = slot_of(cache, row);
    if (holds(slot, row)) {
        key = slot->key;
        *slot = (struct slot){0};
    }
    pthread_mutex_unlock(&cache->lock);
    free(key);
}
