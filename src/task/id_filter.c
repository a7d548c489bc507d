/* SPDX-License-Identifier: Apache-2.0 */
#include "task/id_filter.h"

#include <stdlib.h>

#include "base/mem.h"

enum { HASHES = 7, BYTES_MIN = 64 };

/* Of splitmix64: each bit of the result depends on all of X. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* The bits of an id are FIRST, FIRST + STEP, and so on. */
static void hash(const struct ph_uuid *id, uint64_t *out_first, uint64_t *out_step)
{
    uint64_t halves[2];
    memcpy(halves, id, sizeof halves);
    *out_first = mix(halves[0] ^ mix(halves[1]));
    *out_step = mix(*out_first + UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

void ph_id_filter_init(struct ph_id_filter *filter, size_t bytes)
{
    size_t room = BYTES_MIN;
    while (room < bytes) {
        room *= 2;
    }
    filter->words = ph_zalloc(room);
    filter->mask = (uint64_t)room * 8 - 1;
}

void ph_id_filter_fini(struct ph_id_filter *filter)
{
    free(filter->words);
    filter->words = NULL;
}

void ph_id_filter_clear(struct ph_id_filter *filter)
{
    memset(filter->words, 0, (size_t)((filter->mask + 1) / 8));
}

void ph_id_filter_add(struct ph_id_filter *filter, const struct ph_uuid *id)
{
    uint64_t bit;
    uint64_t step;
    hash(id, &bit, &step);
    for (unsigned i = 0; i < HASHES; i++, bit += step) {
        uint64_t at = bit & filter->mask;
        filter->words[at / 64] |= UINT64_C(1) << at % 64;
    }
}

bool ph_id_filter_may_have(const struct ph_id_filter *filter, const struct ph_uuid *id)
{
    uint64_t bit;
    uint64_t step;
    hash(id, &bit, &step);
    for (unsigned i = 0; i < HASHES; i++, bit += step) {
        uint64_t at = bit & filter->mask;
        if ((filter->words[at / 64] >> at % 64 & 1) == 0) {
            return false;
        }
    }
    return true;
}
