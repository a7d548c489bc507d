/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with chains. Entries older than the delay are dropped when their chain is walked, so that the table
 * never holds more than the users of one delay, and those few that share a chain with nobody since.
 */
#include "pop3/login_delay.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { CHAINS = 4096 };

struct entry {
    struct entry *next;
    uint64_t login_us;
    size_t len;
    uint8_t user[];
};

struct ph_login_delays {
    pthread_mutex_t lock;
    const struct ph_clock *clock;
    unsigned seconds;
    struct entry *chains[CHAINS];
};

struct ph_login_delays *ph_login_delays_new(unsigned seconds, const struct ph_clock *clock)
{
    struct ph_login_delays *delays = ph_zalloc(sizeof *delays);
    pthread_mutex_init(&delays->lock, NULL);
    delays->clock = clock;
    delays->seconds = seconds;
    return delays;
}

void ph_login_delays_free(struct ph_login_delays **delays)
{
    if (*delays == NULL) {
        return;
    }
    for (size_t i = 0; i < CHAINS; i++) {
        struct entry *next;
        for (struct entry *entry = (*delays)->chains[i]; entry != NULL; entry = next) {
            next = entry->next;
            free(entry);
        }
    }
    pthread_mutex_destroy(&(*delays)->lock);
    free(*delays);
    *delays = NULL;
}

unsigned ph_login_delays_seconds(const struct ph_login_delays *delays)
{
    return delays->seconds;
}

/* FNV-1a: only users who exist and gave their password get here, so nobody can aim at one chain. */
static struct entry **chain_of(struct ph_login_delays *delays, struct ph_bytes user)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < user.len; i++) {
        hash = (hash ^ user.ptr[i]) * 0x100000001b3u;
    }
    return &delays->chains[hash % CHAINS];
}

/* Drops what is too old from USER's chain; returns USER's entry if it is not. Under the lock. */
static struct entry *find(struct ph_login_delays *delays, struct ph_bytes user, uint64_t now_us)
{
    struct entry *found = NULL;
    struct entry **link = chain_of(delays, user);
    while (*link != NULL) {
        struct entry *entry = *link;
        if (now_us - entry->login_us >= (uint64_t)delays->seconds * 1000000) {
            *link = entry->next;
            free(entry);
            continue;
        }
        if (ph_bytes_eq(ph_bytes_of(entry->user, entry->len), user)) {
            found = entry;
        }
        link = &entry->next;
    }
    return found;
}

bool ph_login_delays_may_login(struct ph_login_delays *delays, struct ph_bytes user)
{
    pthread_mutex_lock(&delays->lock);
    bool may = find(delays, user, ph_mono_us(delays->clock)) == NULL;
    pthread_mutex_unlock(&delays->lock);
    return may;
}

void ph_login_delays_note(struct ph_login_delays *delays, struct ph_bytes user)
{
    pthread_mutex_lock(&delays->lock);
    uint64_t now_us = ph_mono_us(delays->clock);
    struct entry *entry = find(delays, user, now_us);
    if (entry == NULL) {
        struct entry **chain = chain_of(delays, user);
        entry = ph_alloc(sizeof *entry + user.len);
        entry->len = user.len;
        memcpy(entry->user, user.ptr, user.len);
        entry->next = *chain;
        *chain = entry;
    }
    entry->login_us = now_us;
    pthread_mutex_unlock(&delays->lock);
}
