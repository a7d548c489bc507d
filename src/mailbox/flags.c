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
#include "mailbox/copy.h"
#include "mailbox/mailbox-private.h"
#include "net/pool.h"
#include "store/message_state.h"

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

/* ---- Keywords: words, separated by blanks ---- */

static bool has_word(struct ph_bytes words, struct ph_bytes word)
{
    for (;;) {
        struct ph_bytes next = ph_bytes_next_word(&words);
        if (next.len == 0) {
            return false;
        }
        if (ph_bytes_ieq(next, word)) {
            return true;
        }
    }
}

/* Those of WORDS that are in OTHERS, or are not. */
static struct ph_bytes pick_words(struct ph_arena *arena, struct ph_bytes words, struct ph_bytes others,
                                  bool are_in)
{
    uint8_t *text = ph_arena_alloc(arena, words.len + 1);
    size_t len = 0;
    for (;;) {
        struct ph_bytes word = ph_bytes_next_word(&words);
        if (word.len == 0) {
            return ph_bytes_of(text, len);
        }
        if (has_word(others, word) == are_in) {
            if (len > 0) {
                text[len++] = ' ';
            }
            memcpy(text + len, word.ptr, word.len);
            len += word.len;
        }
    }
}

static struct ph_bytes join_words(struct ph_arena *arena, struct ph_bytes a, struct ph_bytes b)
{
    if (a.len == 0 || b.len == 0) {
        return a.len == 0 ? b : a;
    }
    return ph_bytes_str(ph_arena_printf(arena, "%.*s %.*s", (int)a.len, (const char *)a.ptr, (int)b.len,
                                        (const char *)b.ptr));
}

/* ---- One message ---- */

/* False: nothing changes. */
static bool find_change(struct flagging *f, const struct ph_message_state *seen,
                        struct ph_flag_change *out_change)
{
    unsigned now = seen->kept.flags;
    struct ph_bytes had = seen->kept.keywords;
    struct ph_bytes none = {NULL, 0};
    unsigned wanted = f->how == PH_FLAGS_ADD      ? now | f->flags
                      : f->how == PH_FLAGS_REMOVE ? now & ~f->flags
                                                  : f->flags;
    wanted = (wanted & ~(unsigned)PH_FLAG_RECENT) | (now & PH_FLAG_RECENT);
    *out_change = (struct ph_flag_change){
        .set = wanted & ~now,
        .cleared = now & ~wanted,
        .added_keywords = f->how == PH_FLAGS_REMOVE ? none : pick_words(&f->arena, f->keywords, had, false),
        .removed_keywords = f->how == PH_FLAGS_ADD
                                ? none
                                : pick_words(&f->arena, had, f->keywords, f->how == PH_FLAGS_REMOVE),
    };
    out_change->keywords =
        join_words(&f->arena, pick_words(&f->arena, had, out_change->removed_keywords, false),
                   out_change->added_keywords);
    return out_change->set != 0 || out_change->cleared != 0 || out_change->added_keywords.len > 0 ||
           out_change->removed_keywords.len > 0;
}

static uint64_t timestamp_for(const struct flagging *f, const struct ph_message_state *seen)
{
    uint64_t now_us = ph_real_us(f->mailboxes->clock);
    uint64_t next_us = seen->written_us + MARGIN_US;
    return next_us < now_us ? next_us : now_us > seen->written_us ? now_us : seen->written_us + 1;
}

static int change_one(struct flagging *f, const struct ph_message_state *seen, struct ph_plan *plan,
                      struct ph_error *err)
{
    struct ph_flag_change change;
    if (!find_change(f, seen, &change)) {
        return PH_OK;
    }
    struct ph_number_slots slots[2];
    struct ph_uid_policy *uids = f->mailboxes->uids;
    ph_store_message_state_set_flags(plan, seen, &change, timestamp_for(f, seen), slots);
    return uids->number(uids, plan, f->mailbox, NULL, slots, 2, err);
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
        size_t found = 0;
        for (size_t i = 0; result == PH_OK && i < count; i++) {
            if (states[i].exists) {
                found++;
                result = change_one(f, &states[i], &plan, err);
            }
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
