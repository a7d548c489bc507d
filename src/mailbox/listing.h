/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in a mailbox, by message id: pop3metadata, from its floor on where floors are kept.
 */
#ifndef PH_MAILBOX_LISTING_H
#define PH_MAILBOX_LISTING_H

#include "mailbox/node_lock.h"
#include "store/pop3_listing.h"

struct ph_mailboxes;

/* Up to MAX messages. *OUT_ENTRIES is the caller's to free, as *OUT_UIDLS, which may be NULL. LOCK, which may be NULL,
 * is taken beside, in the same two rounds, and settled: PH_EBUSY. Whatever the result, it is to be released.
 * *OUT_HAS_LATE (may be NULL): pop3late may have rows of it. */
int ph_listing_read(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, size_t max,
                    struct ph_node_lock *lock, struct ph_pop3_entry **out_entries, size_t *out_count,
                    struct ph_pop3_uidls *out_uidls, bool *out_has_late, struct ph_error *err) PH_MUST_USE;

#endif
