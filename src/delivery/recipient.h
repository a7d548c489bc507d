/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which mailboxes an address means: aliases, groups, forwards to local addresses, subaddresses, catch-all.
 */
#ifndef PH_DELIVERY_RECIPIENT_H
#define PH_DELIVERY_RECIPIENT_H

#include "auth/accounts.h"

/* A mailbox to deliver to. */
struct ph_target {
    struct ph_bytes user;    /* canonical */
    struct ph_bytes mailbox; /* "INBOX" */
};

struct ph_targets {
    struct ph_target *list; /* the arena's; without duplicates */
    unsigned count;
};

enum { PH_EXPANSION_DEPTH_MAX = 16, PH_EXPANSION_TARGETS_MAX = 1000 };

/* Expands ADDRESS. Errors as ph_delivery_add_recipient says; PH_ELIMIT past the maxima above. A loop among aliases is passed over
 * where another way leads to a user, else PH_ENOTFOUND. */
int ph_recipient_expand(struct ph_accounts *accounts, char subaddress_separator, struct ph_bytes address,
                        struct ph_arena *arena, struct ph_targets *out_targets,
                        struct ph_error *err) PH_MUST_USE;

#endif
