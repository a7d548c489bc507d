/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted
 *
 *     address         failures from an address, for whatever user
 *     user            failures for a user from addresses that are not known for him
 *     (user, address) known: the user logged in from there within the last week; with failures of its own
 *
 * A pair that is known is judged by its own failures alone, all others by the worse of address and user.
 *
 * What an attacker can do
 *
 * - Guess from one address: failures_max guesses a window, for all users together. A user of his own does not help:
 *   success clears nothing but the counter of that pair.
 * - Guess one user's password from many addresses: failures_max guesses a window, all together.
 * - Lock a user out by failing for him: only where the user comes from an address he has not used for a week (or
 *   since the server started: this is memory only). Where he is known, neither his counter nor that of the address
 *   counts, so that a neighbour behind the same translated address cannot lock him out either. From such an address
 *   the attacker has failures_max more guesses a window, and they delay and limit that one pair.
 * - Guess in parallel before the first failure is counted: as many at once as there are threads that verify, because
 *   the check is made again right before each verification; where the user's credentials are remembered, as many as
 *   he has connections, once a window.
 * - Tell a wrong guess by the lateness of its answer, and not wait for it: no, a good answer is as late.
 * - Push his own counter out of the table by failing from many addresses: no, in a full set the smallest counter
 *   gives way, and a new one starts at one. The set is chosen by a keyed hash. Known pairs stand in a table of
 *   their own, which only successes fill.
 *
 * A refused login is not counted: who is refused learns nothing, and a window always ends.
 */
#include "auth/throttle.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/mem.h"

enum { WAYS = 8, ID_BYTES = 16, KEY_BYTES = 32, ENTRIES_DEFAULT = 65536, FIRST_DELAY_MS = 250 };
static const uint64_t KNOWN_MS = 7ULL * 24 * 3600 * 1000;

struct entry {
    uint8_t id[ID_BYTES];
    uint64_t window_end_ms;  /* before it COUNT holds */
    uint64_t known_until_ms; /* of pairs alone */
    unsigned count;
};

struct ph_throttle {
    pthread_mutex_t lock;
    struct ph_throttle_options options;
    uint64_t window_ms;
    uint8_t key[KEY_BYTES];
    size_t set_count;
    struct entry *failures; /* of addresses and users */
    struct entry *pairs;
};

struct ph_throttle *ph_throttle_new(const struct ph_throttle_options *options)
{
    struct ph_throttle *throttle = ph_zalloc(sizeof *throttle);
    unsigned entries = options->entries_max == 0 ? ENTRIES_DEFAULT : options->entries_max;
    pthread_mutex_init(&throttle->lock, NULL);
    throttle->options = *options;
    throttle->window_ms = (uint64_t)options->window_seconds * 1000;
    throttle->set_count = ((size_t)entries + WAYS - 1) / WAYS;
    throttle->failures = ph_zalloc(throttle->set_count * WAYS * sizeof(struct entry));
    throttle->pairs = ph_zalloc(throttle->set_count * WAYS * sizeof(struct entry));
    ph_rand_fill(options->rand, throttle->key, sizeof throttle->key);
    return throttle;
}

void ph_throttle_free(struct ph_throttle **throttle)
{
    if (*throttle != NULL) {
        pthread_mutex_destroy(&(*throttle)->lock);
        free((*throttle)->failures);
        free((*throttle)->pairs);
        free(*throttle);
        *throttle = NULL;
    }
}

static void hash(const struct ph_throttle *throttle, char kind, struct ph_bytes a, struct ph_bytes b,
                 uint8_t out_id[ID_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, throttle->key, sizeof throttle->key, ID_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)&kind, 1);
    crypto_generichash_update(&state, a.ptr, a.len);
    crypto_generichash_update(&state, b.ptr, b.len);
    crypto_generichash_final(&state, out_id, ID_BYTES);
}

void ph_throttle_attempt(const struct ph_throttle *throttle, const struct ph_address *peer,
                         struct ph_bytes user, struct ph_attempt *out_attempt)
{
    uint8_t network[17] = {peer->family};
    memcpy(network + 1, peer->ip, ph_address_is_ipv4(peer) ? 16 : 8);
    struct ph_bytes address = ph_bytes_of(network, sizeof network);
    out_attempt->has_address = peer->family != PH_ADDRESS_UNIX;
    hash(throttle, 'a', address, (struct ph_bytes){0}, out_attempt->address);
    hash(throttle, 'u', (struct ph_bytes){0}, user, out_attempt->user);
    hash(throttle, 'p', address, user, out_attempt->pair);
}

/* The lock is held for the rest of this section. */

static struct entry *set_of(const struct ph_throttle *throttle, struct entry *table,
                            const uint8_t id[ID_BYTES])
{
    uint64_t number;
    memcpy(&number, id, sizeof number);
    return &table[number % throttle->set_count * WAYS];
}

static bool is_live(const struct entry *entry, uint64_t now_ms)
{
    return entry->window_end_ms > now_ms || entry->known_until_ms > now_ms;
}

static struct entry *find(const struct ph_throttle *throttle, struct entry *table, const uint8_t id[ID_BYTES],
                          uint64_t now_ms)
{
    struct entry *set = set_of(throttle, table, id);
    for (unsigned i = 0; i < WAYS; i++) {
        if (is_live(&set[i], now_ms) && memcmp(set[i].id, id, ID_BYTES) == 0) {
            return &set[i];
        }
    }
    return NULL;
}

/* Whether A is better given up than B: less known, then fewer failures, then older ones. */
static bool is_lesser(const struct entry *a, const struct entry *b)
{
    if (a->known_until_ms != b->known_until_ms) {
        return a->known_until_ms < b->known_until_ms;
    }
    return a->count != b->count ? a->count < b->count : a->window_end_ms < b->window_end_ms;
}

static struct entry *find_or_make(const struct ph_throttle *throttle, struct entry *table,
                                  const uint8_t id[ID_BYTES], uint64_t now_ms)
{
    struct entry *entry = find(throttle, table, id, now_ms);
    if (entry != NULL) {
        return entry;
    }
    struct entry *set = set_of(throttle, table, id);
    entry = set;
    for (unsigned i = 0; i < WAYS && is_live(entry, now_ms); i++) {
        entry = !is_live(&set[i], now_ms) || is_lesser(&set[i], entry) ? &set[i] : entry;
    }
    *entry = (struct entry){0};
    memcpy(entry->id, id, ID_BYTES);
    return entry;
}

static unsigned count_of(const struct entry *entry, uint64_t now_ms)
{
    return entry != NULL && entry->window_end_ms > now_ms ? entry->count : 0;
}

static void count_one(const struct ph_throttle *throttle, struct entry *entry, uint64_t now_ms)
{
    if (entry->window_end_ms <= now_ms) {
        entry->window_end_ms = now_ms + throttle->window_ms;
        entry->count = 0;
    }
    entry->count += entry->count < UINT32_MAX ? 1 : 0;
}

static struct entry *known_pair(const struct ph_throttle *throttle, const struct ph_attempt *attempt,
                                uint64_t now_ms)
{
    struct entry *pair = find(throttle, throttle->pairs, attempt->pair, now_ms);
    return pair != NULL && pair->known_until_ms > now_ms ? pair : NULL;
}

static unsigned failures_of(const struct ph_throttle *throttle, const struct ph_attempt *attempt,
                            uint64_t now_ms)
{
    const struct entry *pair = known_pair(throttle, attempt, now_ms);
    if (pair != NULL) {
        return count_of(pair, now_ms);
    }
    unsigned by_user = count_of(find(throttle, throttle->failures, attempt->user, now_ms), now_ms);
    unsigned by_address = attempt->has_address
                              ? count_of(find(throttle, throttle->failures, attempt->address, now_ms), now_ms)
                              : 0;
    return by_user > by_address ? by_user : by_address;
}

/* ---- */

static unsigned delay_of(const struct ph_throttle *throttle, unsigned failures)
{
    if (failures < throttle->options.failures_before_delay) {
        return 0;
    }
    unsigned doublings = failures - throttle->options.failures_before_delay;
    unsigned delay_ms =
        doublings < 16 ? (unsigned)FIRST_DELAY_MS << doublings : throttle->options.delay_ms_max;
    return delay_ms < throttle->options.delay_ms_max ? delay_ms : throttle->options.delay_ms_max;
}

int ph_throttle_check(struct ph_throttle *throttle, const struct ph_attempt *attempt, unsigned *out_delay_ms)
{
    uint64_t now_ms = ph_mono_ms(throttle->options.clock);
    pthread_mutex_lock(&throttle->lock);
    unsigned failures = failures_of(throttle, attempt, now_ms);
    pthread_mutex_unlock(&throttle->lock);
    if (failures >= throttle->options.failures_max) {
        *out_delay_ms = throttle->options.delay_ms_max;
        return PH_ELIMIT;
    }
    *out_delay_ms = failures == 0 ? 0 : delay_of(throttle, failures);
    return PH_OK;
}

void ph_throttle_failed(struct ph_throttle *throttle, const struct ph_attempt *attempt)
{
    uint64_t now_ms = ph_mono_ms(throttle->options.clock);
    pthread_mutex_lock(&throttle->lock);
    struct entry *pair = known_pair(throttle, attempt, now_ms);
    if (pair != NULL) {
        count_one(throttle, pair, now_ms);
    } else {
        count_one(throttle, find_or_make(throttle, throttle->failures, attempt->user, now_ms), now_ms);
    }
    if (attempt->has_address) {
        count_one(throttle, find_or_make(throttle, throttle->failures, attempt->address, now_ms), now_ms);
    }
    pthread_mutex_unlock(&throttle->lock);
}

void ph_throttle_succeeded(struct ph_throttle *throttle, const struct ph_attempt *attempt)
{
    uint64_t now_ms = ph_mono_ms(throttle->options.clock);
    pthread_mutex_lock(&throttle->lock);
    struct entry *pair = find_or_make(throttle, throttle->pairs, attempt->pair, now_ms);
    pair->known_until_ms = now_ms + KNOWN_MS;
    pair->window_end_ms = 0;
    pair->count = 0;
    pthread_mutex_unlock(&throttle->lock);
}
