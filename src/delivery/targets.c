/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing over the hash (FNV-1a) of the user, so that all mailboxes of one user stand in one run. */
#include "delivery/targets.h"

#include <stdlib.h>

#include "base/mem.h"

enum { CAPACITY_MIN = 16, CAPACITY_KEPT = 128 };

static unsigned slot_count(const struct ph_target_set *set)
{
    return set->capacity * 2;
}

static unsigned first_slot(const struct ph_target_set *set, struct ph_bytes user)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < user.len; i++) {
        hash = (hash ^ user.ptr[i]) * 1099511628211U;
    }
    return (unsigned)(hash >> 32) & (slot_count(set) - 1);
}

static unsigned next_slot(const struct ph_target_set *set, unsigned slot)
{
    return (slot + 1) & (slot_count(set) - 1);
}

static void place(struct ph_target_set *set, unsigned index)
{
    unsigned slot = first_slot(set, set->list[index].target.user);
    while (set->slots[slot] != 0) {
        slot = next_slot(set, slot);
    }
    set->slots[slot] = index + 1;
}

static void grow(struct ph_target_set *set)
{
    set->capacity = set->capacity == 0 ? CAPACITY_MIN : set->capacity * 2;
    set->list = ph_realloc(set->list, set->capacity * sizeof *set->list);
    free(set->slots);
    set->slots = ph_zalloc(slot_count(set) * sizeof *set->slots);
    for (unsigned i = 0; i < set->count; i++) {
        place(set, i);
    }
}

unsigned ph_target_set_add(struct ph_target_set *set, const struct ph_target *target)
{
    if (set->count == set->capacity) {
        grow(set);
    }
    for (unsigned slot = first_slot(set, target->user); set->slots[slot] != 0; slot = next_slot(set, slot)) {
        const struct ph_target *other = &set->list[set->slots[slot] - 1].target;
        if (ph_bytes_eq(other->user, target->user) && ph_bytes_eq(other->mailbox, target->mailbox)) {
            return set->slots[slot] - 1;
        }
    }
    set->list[set->count] = (struct ph_delivery_target){.target = *target};
    place(set, set->count);
    return set->count++;
}

void ph_target_set_mark_loop(struct ph_target_set *set, struct ph_bytes user)
{
    if (set->count == 0) {
        return;
    }
    for (unsigned slot = first_slot(set, user); set->slots[slot] != 0; slot = next_slot(set, slot)) {
        struct ph_delivery_target *one = &set->list[set->slots[slot] - 1];
        one->is_loop = one->is_loop || ph_bytes_eq(one->target.user, user);
    }
}

void ph_target_set_clear(struct ph_target_set *set)
{
    if (set->capacity > CAPACITY_KEPT) {
        ph_target_set_fini(set);
        return;
    }
    set->count = 0;
    if (set->slots != NULL) {
        memset(set->slots, 0, slot_count(set) * sizeof *set->slots);
    }
}

void ph_target_set_fini(struct ph_target_set *set)
{
    free(set->list);
    free(set->slots);
    *set = (struct ph_target_set){0};
}
