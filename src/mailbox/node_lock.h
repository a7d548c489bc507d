/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lock of a maildrop across nodes, behind the one of this process: a row that each node writes before it reads
 * those of the others. Quorums meet, so of two sessions in one datacenter at least one sees the other.
 *
 * Who sees an older session gives up. Who sees a younger one looks again: that one gives up too if it saw this
 * session; if its row stays it has not, is open, and this session gives up. So two are never open at once, however wrong
 * clocks are; they only say who gives way.
 *
 * A row dies after two minutes. It is renewed by the commands of a session, so a client that says nothing for so long
 * may lose it, and a node that died holds it so long. Between datacenters it is advisory: each sees the other's rows when they
 * arrive. No harm comes of that but that both clients fetch the same mail: a deletion is idempotent.
 */
#ifndef PH_MAILBOX_NODE_LOCK_H
#define PH_MAILBOX_NODE_LOCK_H

#include <stdatomic.h>

#include "mailbox/background.h"
#include "store/maildrop_node.h"

/* What the locks of a process share. */
struct ph_node {
    struct ph_uuid id;
    struct ph_uuid_gen *ids;
    struct ph_db *db;
    const struct ph_clock *clock;
    const struct ph_log *log;
    atomic_uint_fast64_t last_us; /* timestamp of a row; they ascend, also where the clock stands */
};

struct ph_node_lock {
    struct ph_node *node; /* NULL: there are no other nodes, and nothing is ever done */
    struct ph_uuid mailbox;
    struct ph_uuid session;
    uint64_t renewed_us; /* monotonic */
    bool is_held;        /* a row may be there */
    bool has_other;
    struct ph_maildrop_node other; /* whom the last look saw */
};

/* Adds the row to PLAN; then ph_node_lock_read in a later round; then ph_node_lock_settle. */
void ph_node_lock_take(struct ph_node_lock *lock, struct ph_node *node, const struct ph_uuid *mailbox,
                       struct ph_plan *plan);
struct ph_db_read ph_node_lock_read(const struct ph_node_lock *lock, struct ph_value params[1]);
int ph_node_lock_look(struct ph_node_lock *lock, struct ph_rows *rows, struct ph_error *err) PH_MUST_USE;
/* PH_EBUSY: another session has it. Blocks only if a younger session was seen. */
int ph_node_lock_settle(struct ph_node_lock *lock, struct ph_error *err) PH_MUST_USE;

/* Cheap to call at every command; writes if it is time to. */
void ph_node_lock_renew(struct ph_node_lock *lock);
/* As part of PLAN, behind all that it does; once that is done ph_node_lock_released. */
void ph_node_lock_release_with(const struct ph_node_lock *lock, struct ph_plan *plan);
void ph_node_lock_released(struct ph_node_lock *lock);
/* By itself, if it is held still. Nobody waits. */
void ph_node_lock_release(struct ph_node_lock *lock);

#endif
