/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/node_lock.h"

#include <time.h>

#include "net/pool.h"

enum { RENEW_AFTER_US = 30 * 1000 * 1000, LOOKS = 3, LOOK_PAUSE_MS = 50 };

static uint64_t next_timestamp(struct ph_node *node)
{
    uint64_t now_us = ph_real_us(node->clock);
    uint64_t last_us = atomic_load(&node->last_us);
    uint64_t next_us;
    do {
        next_us = now_us > last_us ? now_us : last_us + 1;
    } while (!atomic_compare_exchange_weak(&node->last_us, &last_us, next_us));
    return next_us;
}

static void put(struct ph_node_lock *lock, struct ph_plan *plan)
{
    const struct ph_maildrop_node row = {lock->node->id, lock->session};
    ph_store_maildrop_node_put(plan, &lock->mailbox, &row, next_timestamp(lock->node));
    lock->renewed_us = ph_mono_us(lock->node->clock);
}

void ph_node_lock_take(struct ph_node_lock *lock, struct ph_node *node, const struct ph_uuid *mailbox,
                       struct ph_plan *plan)
{
    *lock = (struct ph_node_lock){
        .node = node, .mailbox = *mailbox, .session = ph_uuid_gen_next(node->ids), .is_held = true};
    put(lock, plan);
}

struct ph_db_read ph_node_lock_read(const struct ph_node_lock *lock, struct ph_value params[1])
{
    return ph_store_maildrop_node_read(&lock->mailbox, params);
}

int ph_node_lock_look(struct ph_node_lock *lock, struct ph_rows *rows, struct ph_error *err)
{
    int result = ph_store_maildrop_node_take(rows, &lock->node->id, &lock->other, err);
    lock->has_other = result == PH_OK;
    return result == PH_ENOTFOUND ? PH_OK : result;
}

static int look_again(struct ph_node_lock *lock, struct ph_error *err)
{
    const struct timespec pause = {.tv_nsec = LOOK_PAUSE_MS * 1000000L};
    ph_pool_blocking_begin();
    (void)nanosleep(&pause, NULL);
    ph_pool_blocking_end();
    struct ph_value params[1];
    struct ph_db_read read = ph_node_lock_read(lock, params);
    struct ph_rows *rows;
    int result = ph_db_query_values(lock->node->db, read.stmt, read.params, read.param_count, &rows, err);
    if (result == PH_OK) {
        result = ph_node_lock_look(lock, rows, err);
        ph_rows_end(&rows);
    }
    return result;
}

int ph_node_lock_settle(struct ph_node_lock *lock, struct ph_error *err)
{
    int result = PH_OK;
    for (unsigned i = 0; i < LOOKS && result == PH_OK && lock->has_other; i++) {
        if (ph_uuid_compare(&lock->other.session, &lock->session) < 0) {
            break;
        }
        result = look_again(lock, err);
    }
    if (result == PH_OK && lock->has_other) {
        char node[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(&lock->other.node, node);
        result = ph_fail(err, PH_EBUSY, "the maildrop is open in a session of node %s", node);
    }
    return result;
}

void ph_node_lock_renew(struct ph_node_lock *lock)
{
    if (lock->is_held && ph_mono_us(lock->node->clock) - lock->renewed_us >= RENEW_AFTER_US) {
        struct ph_background *background =
            ph_background_new(lock->node->log, PH_LOG_DEBUG, "maildrop-lock-renewed");
        put(lock, &background->plan);
        ph_background_submit(background, lock->node->db);
    }
}

void ph_node_lock_release_with(const struct ph_node_lock *lock, struct ph_plan *plan)
{
    if (lock->is_held) {
        ph_store_maildrop_node_remove(plan, &lock->mailbox, &lock->node->id, next_timestamp(lock->node));
    }
}

void ph_node_lock_released(struct ph_node_lock *lock)
{
    lock->is_held = false;
}

void ph_node_lock_release(struct ph_node_lock *lock)
{
    if (lock->is_held) {
        struct ph_background *background =
            ph_background_new(lock->node->log, PH_LOG_DEBUG, "maildrop-lock-released");
        ph_node_lock_release_with(lock, &background->plan);
        lock->is_held = false;
        ph_background_submit(background, lock->node->db);
    }
}
