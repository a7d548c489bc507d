/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing flags. What is there is read, and the columns that change are written, truth before projection: on condition that
 * nobody else was quicker where the store can tell (SQLite; profile lwt), by columns where it cannot.
 *
 * There the trap is a change that comes to a row which is being deleted: an UPDATE makes a row. So it is given a timestamp
 * that is a little above that of the change before (MARGIN_US, for what lies between truth and projection), not the
 * time that it is: a deletion, which has the time that it is, hides it whichever comes first. Of what the margin leaves
 * open, a row with nothing but a flag, readers take no notice.
 */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "mailbox/flag_words.h"
#include "mailbox/mailbox-private.h"
#include "mailbox/news.h"
#include "net/pool.h"

enum { TRIES_MAX = 64, PAUSE_MAX_US = 4000 };

static const uint64_t MARGIN_US = 10 * 1000 * 1000;

struct flagging {
    struct ph_mailboxes *mailboxes;
    const struct ph_uuid *mailbox;
    enum ph_flags_how how;
    unsigned flags;
    struct ph_bytes keywords;
    struct ph_arena arena;
    size_t found;
};

/* ---- One message ---- */

/* False: nothing changes. */
static bool find_change(struct flagging *f, const struct ph_message_state *seen,
                        struct ph_flag_change *out_change)
{
    ph_flag_change_find(&f->arena, f->how, f->flags, f->keywords, seen->kept.flags, seen->kept.keywords,
                        out_change);
    return out_change->set != 0 || out_change->cleared != 0 || out_change->added_keywords.len > 0 ||
           out_change->removed_keywords.len > 0;
}

static uint64_t timestamp_for(const struct flagging *f, const struct ph_message_state *seen)
{
    uint64_t now_us = ph_real_us(f->mailboxes->clock);
    uint64_t next_us = seen->written_us + MARGIN_US;
    return next_us < now_us ? next_us : now_us > seen->written_us ? now_us : seen->written_us + 1;
}

/* All that change in one plan have one MODSEQ. */
struct batch {
    struct ph_number_slots *slots; /* two a message */
    struct ph_news_item *items;
    size_t count;
};

static void change_one(struct flagging *f, const struct ph_message_state *seen, struct ph_plan *plan,
                       struct batch *batch)
{
    struct ph_flag_change change;
    if (!find_change(f, seen, &change)) {
        return;
    }
    ph_store_message_state_set_flags(plan, seen, &change, timestamp_for(f, seen),
                                     batch->slots + 2 * batch->count);
    batch->items[batch->count++] = (struct ph_news_item){
        .id = seen->row.message_id,
        .uid = seen->row.has_uid ? seen->row.uid : 0,
        .flags = (seen->kept.flags & ~change.cleared) | change.set,
        .keywords = change.keywords,
    };
}

static int finish_batch(struct flagging *f, struct batch *batch, struct ph_plan *plan, struct ph_error *err)
{
    struct ph_uid_policy *uids = f->mailboxes->uids;
    int result = uids->number(uids, plan, f->mailbox, NULL, batch->slots, 2 * (unsigned)batch->count, err);
    ph_news_flagged(f->mailboxes, plan, f->mailbox, batch->items, batch->count, batch->slots[0].modseq);
    return result;
}

/* ---- A plan's worth ---- */

/* Of random length, or who was second would be so again. */
static void pause_a_moment(void)
{
    uint32_t random;
    ph_rand_fill(&ph_rand_system, &random, sizeof random);
    const struct timespec pause = {.tv_nsec = (long)(random % PAUSE_MAX_US) * 1000};
    ph_pool_blocking_begin();
    (void)nanosleep(&pause, NULL);
    ph_pool_blocking_end();
}

static int change_some(struct flagging *f, const struct ph_uuid *ids, size_t count, struct ph_error *err)
{
    struct ph_message_state *states = ph_alloc(count * sizeof *states);
    int result = PH_ECONFLICT;
    for (unsigned attempt = 0; attempt < TRIES_MAX && result == PH_ECONFLICT; attempt++) {
        struct ph_plan plan;
        if (attempt > 0) {
            pause_a_moment();
        }
        ph_arena_reset(&f->arena);
        ph_plan_init(&plan, &f->arena);
        result = ph_store_message_state_get(f->mailboxes->db, f->mailbox, ids, count, &f->arena, states, err);
        struct batch batch = {
            .slots = ph_arena_alloc(&f->arena, 2 * count * sizeof *batch.slots),
            .items = ph_arena_alloc(&f->arena, count * sizeof *batch.items),
        };
        size_t found = 0;
        for (size_t i = 0; result == PH_OK && i < count; i++) {
            if (states[i].exists) {
                found++;
                change_one(f, &states[i], &plan, &batch);
            }
        }
        if (result == PH_OK && batch.count > 0) {
            result = finish_batch(f, &batch, &plan, err);
        }
        if (result == PH_OK && plan.count > 0) {
            result = ph_db_apply(f->mailboxes->db, &plan, err);
        }
        f->found += result == PH_OK ? found : 0;
    }
    free(states);
    return result == PH_ECONFLICT ? ph_fail(err, PH_EBUSY, "flags that others change all the time") : result;
}

int ph_message_set_flags(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                         const struct ph_mailbox *mailbox, const struct ph_uuid *ids, size_t count,
                         enum ph_flags_how how, unsigned flags, struct ph_bytes keywords, size_t *out_count,
                         struct ph_error *err)
{
    *out_count = 0;
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_FLAGS, err);
    struct flagging f = {
        .mailboxes = mailboxes, .mailbox = &mailbox->id, .how = how, .flags = flags, .keywords = keywords};
    ph_arena_init(&f.arena, 16U << 10);
    for (size_t at = 0; result == PH_OK && at < count; at += PH_EXPUNGE_CHUNK) {
        size_t size = count - at < PH_EXPUNGE_CHUNK ? count - at : PH_EXPUNGE_CHUNK;
        result = change_some(&f, ids + at, size, err);
    }
    ph_arena_fini(&f.arena);
    *out_count = f.found;
    return result;
}
