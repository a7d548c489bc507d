/* SPDX-License-Identifier: Apache-2.0 */
#include "store/maildrop_node.h"

void ph_store_maildrop_node_put(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_maildrop_node *node, uint64_t timestamp_us)
{
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_MAILDROP_NODE_PUT, ph_uuid_value(mailbox_id),
                ph_uuid_value(&node->node), ph_uuid_value(&node->session), ph_i64((int64_t)timestamp_us),
                ph_i64(PH_MAILDROP_NODE_SECONDS));
}

void ph_store_maildrop_node_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *node, uint64_t timestamp_us)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_MAILDROP_NODE_DELETE, ph_uuid_value(mailbox_id),
                ph_uuid_value(node), ph_i64((int64_t)timestamp_us));
}

struct ph_db_read ph_store_maildrop_node_read(const struct ph_uuid *mailbox_id, struct ph_value params[1])
{
    params[0] = ph_uuid_value(mailbox_id);
    return (struct ph_db_read){PH_STMT_MAILDROP_NODE_LIST, 1, params};
}

int ph_store_maildrop_node_take(struct ph_rows *rows, const struct ph_uuid *own,
                                struct ph_maildrop_node *out_other, struct ph_error *err)
{
    bool is_there = false;
    int result;
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_maildrop_node one;
        if (!ph_row_uuid(rows, 0, &one.node) || !ph_row_uuid(rows, 1, &one.session) ||
            ph_uuid_eq(&one.node, own)) {
            continue;
        }
        if (!is_there || ph_uuid_compare(&one.session, &out_other->session) < 0) {
            *out_other = one;
            is_there = true;
        }
    }
    return result < 0 ? result : is_there ? PH_OK : PH_ENOTFOUND;
}
