/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of mailboxes that a user has subscribed to. A name stays subscribed when its mailbox goes (RFC 9051 section 6.3.7).
 *
 * Threads: any. Blocking: yes.
 */
#ifndef PH_MAILBOX_SUBSCRIPTIONS_H
#define PH_MAILBOX_SUBSCRIPTIONS_H

#include "mailbox/mailbox.h"

/* PH_EINVALID for a name that breaks the rules. Nothing happens where it is so already. */
int ph_subscription_set(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                        struct ph_bytes name, bool is_subscribed, struct ph_error *err) PH_MUST_USE;
/* By name; EACH's first result that is not 0 ends it and is returned. */
int ph_subscription_list(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                         int (*each)(struct ph_bytes name, void *ctx), void *ctx,
                         struct ph_error *err) PH_MUST_USE;

#endif
