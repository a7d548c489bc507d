/* SPDX-License-Identifier: Apache-2.0 */
#include "store/subscription.h"

int ph_store_subscription_list(struct ph_db *db, struct ph_bytes user,
                               int (*each)(struct ph_bytes name, void *ctx), void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_SUBSCRIPTION_LIST, ph_text(user));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_bytes name;
        if (!ph_row_bytes(rows, 0, &name)) {
            result = ph_fail(err, PH_ECORRUPT, "subscription: a row without mailbox");
            break;
        }
        result = each(name, ctx);
        if (result != 0) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_subscription_add(struct ph_plan *plan, struct ph_bytes user, struct ph_bytes name)
{
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_SUBSCRIPTION_INSERT, ph_text(user), ph_text(name));
}

void ph_store_subscription_remove(struct ph_plan *plan, struct ph_bytes user, struct ph_bytes name)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_SUBSCRIPTION_DELETE, ph_text(user), ph_text(name));
}

void ph_store_subscription_remove_user(struct ph_plan *plan, struct ph_bytes user)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_SUBSCRIPTION_DELETE_USER, ph_text(user));
}
