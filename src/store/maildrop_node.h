/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maildroplock(mailboxId / node -> session): which nodes have a maildrop open, a row a node, so that there are never
 * more rows than nodes. A row dies of itself after PH_MAILDROP_NODE_SECONDS. Of Cassandra.
 *
 * All writes of a row come from its node, which gives them timestamps of its own that ascend: a row that was given up
 * and taken again stands, whichever coordinator was asked.
 */
#ifndef PH_STORE_MAILDROP_NODE_H
#define PH_STORE_MAILDROP_NODE_H

#include "db/db.h"

enum { PH_MAILDROP_NODE_SECONDS = 120 };

struct ph_maildrop_node {
    struct ph_uuid node;
    struct ph_uuid session;
};

void ph_store_maildrop_node_put(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_maildrop_node *node, uint64_t timestamp_us);
void ph_store_maildrop_node_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *node, uint64_t timestamp_us);

/* What to read, for ph_db_query_each: PARAMS lives as long. */
struct ph_db_read ph_store_maildrop_node_read(const struct ph_uuid *mailbox_id, struct ph_value params[1]);
/* The oldest session of a node other than OWN. PH_ENOTFOUND: there is none. */
int ph_store_maildrop_node_take(struct ph_rows *rows, const struct ph_uuid *own,
                                struct ph_maildrop_node *out_other, struct ph_error *err) PH_MUST_USE;

#endif
