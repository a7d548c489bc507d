/* SPDX-License-Identifier: Apache-2.0 */
#include "task/digest_count.h"

#include <stdlib.h>

#include "base/mem.h"

struct ph_digest_slot {
    uint8_t digest[PH_DIGEST_BYTES];
    unsigned count; /* 0: free */
};

static struct ph_digest_slot *place_of(const struct ph_digest_count *counts, const uint8_t *digest)
{
    size_t at;
    memcpy(&at, digest, sizeof at); /* as good as random, and nobody gains by making it worse */
    for (;; at++) {
        struct ph_digest_slot *slot = &counts->slots[at & (counts->slot_count - 1)];
        if (slot->count == 0 || memcmp(slot->digest, digest, PH_DIGEST_BYTES) == 0) {
            return slot;
        }
    }
}

static void grow(struct ph_digest_count *counts)
{
    struct ph_digest_count larger = {.slot_count = counts->slot_count == 0 ? 1024 : counts->slot_count * 2,
                                     .used = counts->used};
    larger.slots = ph_zalloc(larger.slot_count * sizeof *larger.slots);
    for (size_t i = 0; i < counts->slot_count; i++) {
        if (counts->slots[i].count > 0) {
            *place_of(&larger, counts->slots[i].digest) = counts->slots[i];
        }
    }
    free(counts->slots);
    *counts = larger;
}

unsigned ph_digest_count_add(struct ph_digest_count *counts, const uint8_t digest[PH_DIGEST_BYTES])
{
    if (counts->used * 2 >= counts->slot_count) {
        grow(counts);
    }
    struct ph_digest_slot *slot = place_of(counts, digest);
    if (slot->count == 0) {
        memcpy(slot->digest, digest, PH_DIGEST_BYTES);
        counts->used++;
    }
    return ++slot->count;
}

void ph_digest_count_fini(struct ph_digest_count *counts)
{
    free(counts->slots);
    *counts = (struct ph_digest_count){0};
}
