/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/subscriptions.h"

#include "mailbox/name.h"
#include "mailbox/rights.h"
#include "store/subscription.h"

int ph_subscription_set(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                        struct ph_bytes name, bool is_subscribed, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_LOOKUP, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_bytes canonical;
    result = ph_mailbox_name_canonical(name, &arena, &canonical, err);
    if (result == PH_OK) {
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        if (is_subscribed) {
            ph_store_subscription_add(&plan, user, canonical);
        } else {
            ph_store_subscription_remove(&plan, user, canonical);
        }
        result = ph_db_apply(ph_mailboxes_db(mailboxes), &plan, err);
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_subscription_list(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                         int (*each)(struct ph_bytes name, void *ctx), void *ctx, struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_LOOKUP, err);
    return result == PH_OK ? ph_store_subscription_list(ph_mailboxes_db(mailboxes), user, each, ctx, err)
                           : result;
}
