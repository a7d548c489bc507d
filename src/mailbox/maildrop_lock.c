/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/maildrop_lock.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUCKETS = 4096 };

struct holder {
    struct holder *next;
    size_t len;
    uint8_t user[];
};

struct ph_maildrop_locks {
    pthread_mutex_t lock;
    struct holder *buckets[BUCKETS];
};

struct ph_maildrop_locks *ph_maildrop_locks_new(void)
{
    struct ph_maildrop_locks *locks = ph_zalloc(sizeof *locks);
    pthread_mutex_init(&locks->lock, NULL);
    return locks;
}

void ph_maildrop_locks_free(struct ph_maildrop_locks **locks)
{
    if (*locks == NULL) {
        return;
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        assert((*locks)->buckets[i] == NULL);
    }
    pthread_mutex_destroy(&(*locks)->lock);
    free(*locks);
    *locks = NULL;
}

/* Where the holder stands, or would. */
static struct holder **place_of(struct ph_maildrop_locks *locks, struct ph_bytes user)
{
    uint64_t hash = 0xCBF29CE484222325U;
    for (size_t i = 0; i < user.len; i++) {
        hash = (hash ^ user.ptr[i]) * 0x100000001B3U; /* FNV-1a */
    }
    struct holder **place = &locks->buckets[(hash ^ (hash >> 32)) % BUCKETS];
    while (*place != NULL && !ph_bytes_eq(ph_bytes_of((*place)->user, (*place)->len), user)) {
        place = &(*place)->next;
    }
    return place;
}

bool ph_maildrop_lock(struct ph_maildrop_locks *locks, struct ph_bytes user)
{
    pthread_mutex_lock(&locks->lock);
    struct holder **place = place_of(locks, user);
    bool is_free = *place == NULL;
    if (is_free) {
        struct holder *holder = ph_alloc(sizeof *holder + user.len);
        holder->next = NULL;
        holder->len = user.len;
        memcpy(holder->user, user.ptr, user.len);
        *place = holder;
    }
    pthread_mutex_unlock(&locks->lock);
    return is_free;
}

void ph_maildrop_unlock(struct ph_maildrop_locks *locks, struct ph_bytes user)
{
    pthread_mutex_lock(&locks->lock);
    struct holder **place = place_of(locks, user);
    struct holder *holder = *place;
    assert(holder != NULL);
    *place = holder->next;
    pthread_mutex_unlock(&locks->lock);
    free(holder);
}
