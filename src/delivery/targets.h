/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailboxes of one delivery, each once, whatever aliases led to it. Names are borrowed from the delivery's
 * arena. Adding and finding cost the same for few and for many: a peer may name many recipients.
 */
#ifndef PH_DELIVERY_TARGETS_H
#define PH_DELIVERY_TARGETS_H

#include "base/uuid.h"
#include "delivery/recipient.h"

struct ph_delivery_target {
    struct ph_target target;
    bool is_loop; /* the message has been there: no copy */
};

struct ph_target_set {
    struct ph_delivery_target *list; /* in the order added */
    unsigned count;
    unsigned capacity;
    unsigned *slots; /* index into list, plus one; twice the capacity of it, a power of two */
};

/* The index of TARGET, added if it is new. */
unsigned ph_target_set_add(struct ph_target_set *set, const struct ph_target *target);
/* Sets is_loop of every mailbox of USER. */
void ph_target_set_mark_loop(struct ph_target_set *set, struct ph_bytes user);
/* Empty again, the memory kept if it is not much. */
void ph_target_set_clear(struct ph_target_set *set);
void ph_target_set_fini(struct ph_target_set *set);

#endif
