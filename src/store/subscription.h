/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription: user / mailbox. The names that a user wants to see, whether such mailboxes exist or not.
 */
#ifndef PH_STORE_SUBSCRIPTION_H
#define PH_STORE_SUBSCRIPTION_H

#include "db/db.h"

/* Every name of USER; EACH's first result that is not 0 ends it and is returned. The view lives during the call. */
int ph_store_subscription_list(struct ph_db *db, struct ph_bytes user,
                               int (*each)(struct ph_bytes name, void *ctx), void *ctx,
                               struct ph_error *err) PH_MUST_USE;
/* Nothing happens where it is, or is not, there. */
void ph_store_subscription_add(struct ph_plan *plan, struct ph_bytes user, struct ph_bytes name);
void ph_store_subscription_remove(struct ph_plan *plan, struct ph_bytes user, struct ph_bytes name);
/* Of an account that is removed. */
void ph_store_subscription_remove_user(struct ph_plan *plan, struct ph_bytes user);

#endif
