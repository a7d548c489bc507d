/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDs and MODSEQs as Apache James gives them on Cassandra: each number is read and then set, on condition that it is
 * still what was read. Whoever loses reads again. For keyspaces shared with a James that serves IMAP, and to compare
 * with.
 *
 * The numbers are given while the plan is built: an attempt is one round of reads (at the serial level) and one of
 * conditional writes, both counters side by side. After TRIES_MAX lost attempts the answer is PH_EBUSY. Between two there is a
 * pause of random length up to a bound that doubles, or those who compete would meet again. An attempt of which it
 * is not known whether it succeeded counts as lost: a gap is allowed (RFC 9051 section 2.3.1.1).
 *
 * The counters of a deleted mailbox stay: its id is computed from its name, and whoever makes it again goes on counting.
 */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "mailbox/uid_policy.h"
#include "net/pool.h"
#include "store/counter.h"

enum { COUNTERS = 2, TRIES_MAX = 64, FIRST_PAUSE_US = 1000, PAUSE_MAX_US = 128000 };

struct lwt_uids {
    struct ph_uid_policy policy;
    struct ph_db *db;
    const struct ph_rand *rand;
};

/* What becomes of a counter. */
struct aim {
    enum ph_counter counter;
    /* The number to set it to, from what it is; 0: leave it. */
    uint64_t (*next)(uint64_t now, const struct ph_uid_wish *wish);
    const struct ph_uid_wish *wish;
    uint64_t from;
    uint64_t to;
    bool is_reached;
};

/* One conditional write that is under way. */
struct attempt {
    pthread_mutex_t *lock;
    pthread_cond_t *is_over;
    unsigned *under_way;
    struct ph_plan plan;
    int result;
};

static void attempted(struct ph_plan *plan, int result, void *ctx)
{
    (void)plan;
    struct attempt *attempt = ctx;
    pthread_mutex_lock(attempt->lock);
    attempt->result = result;
    (*attempt->under_way)--;
    pthread_cond_signal(attempt->is_over);
    pthread_mutex_unlock(attempt->lock);
}

static int read_counters(struct lwt_uids *uids, const struct ph_uuid *mailbox, struct aim *aims,
                         unsigned count, struct ph_error *err)
{
    int result = PH_OK;
    for (unsigned i = 0; result == PH_OK && i < count; i++) {
        bool exists;
        if (!aims[i].is_reached) {
            result = ph_store_counter_get(uids->db, aims[i].counter, mailbox, &aims[i].from, &exists, err);
            aims[i].to = aims[i].next(aims[i].from, aims[i].wish);
            aims[i].is_reached = aims[i].to == 0;
        }
    }
    return result;
}

/* Side by side, and waits for both. */
static int set_counters(struct lwt_uids *uids, const struct ph_uuid *mailbox, struct aim *aims,
                        unsigned count, struct ph_error *err)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t is_over = PTHREAD_COND_INITIALIZER;
    unsigned under_way = 0;
    struct attempt attempts[COUNTERS];
    struct ph_arena arenas[COUNTERS];
    for (unsigned i = 0; i < count; i++) {
        attempts[i] = (struct attempt){&lock, &is_over, &under_way, {0}, PH_OK};
        ph_arena_init(&arenas[i], 512);
        ph_plan_init(&attempts[i].plan, &arenas[i]);
        if (!aims[i].is_reached) {
            ph_store_counter_advance(&attempts[i].plan, aims[i].counter, mailbox, aims[i].from, aims[i].to);
            pthread_mutex_lock(&lock);
            under_way++;
            pthread_mutex_unlock(&lock);
            ph_db_submit(uids->db, &attempts[i].plan, attempted, &attempts[i]);
        }
    }
    ph_pool_blocking_begin();
    pthread_mutex_lock(&lock);
    while (under_way > 0) {
        pthread_cond_wait(&is_over, &lock);
    }
    pthread_mutex_unlock(&lock);
    ph_pool_blocking_end();
    int result = PH_OK;
    for (unsigned i = 0; i < count; i++) {
        bool is_lost = attempts[i].result == PH_ECONFLICT || attempts[i].result == PH_EUNKNOWN_OUTCOME;
        if (attempts[i].result == PH_OK) {
            aims[i].is_reached = true;
        } else if (!is_lost && result == PH_OK) {
            result = attempts[i].result;
            *err = attempts[i].plan.error;
        }
        ph_arena_fini(&arenas[i]);
    }
    pthread_cond_destroy(&is_over);
    pthread_mutex_destroy(&lock);
    return result;
}

static void pause_before(const struct lwt_uids *uids, unsigned attempt)
{
    uint32_t bound_us = attempt > 7 ? PAUSE_MAX_US : (uint32_t)FIRST_PAUSE_US << attempt;
    uint32_t random;
    ph_rand_fill(uids->rand, &random, sizeof random);
    const struct timespec pause = {.tv_nsec = (long)(random % bound_us) * 1000};
    ph_pool_blocking_begin();
    (void)nanosleep(&pause, NULL);
    ph_pool_blocking_end();
}

static int reach(struct lwt_uids *uids, const struct ph_uuid *mailbox, struct aim *aims, unsigned count,
                 struct ph_error *err)
{
    for (unsigned attempt = 0; attempt < TRIES_MAX; attempt++) {
        if (attempt > 0) {
            pause_before(uids, attempt - 1);
        }
        int result = read_counters(uids, mailbox, aims, count, err);
        if (result == PH_OK) {
            result = set_counters(uids, mailbox, aims, count, err);
        }
        bool is_reached = true;
        for (unsigned i = 0; i < count; i++) {
            is_reached = is_reached && aims[i].is_reached;
        }
        if (result != PH_OK || is_reached) {
            return result;
        }
    }
    return ph_fail(err, PH_EBUSY, "no number to be had for a message: %d attempts lost to others", TRIES_MAX);
}

static uint64_t one_more(uint64_t now, const struct ph_uid_wish *wish)
{
    (void)wish;
    return now + 1;
}

static uint64_t wanted(uint64_t now, const struct ph_uid_wish *wish)
{
    if (wish->uid > now) {
        return wish->uid;
    }
    return wish->uid != 0 && wish->uid <= wish->limit ? 0 : now + 1;
}

static int number(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                  const struct ph_uid_wish *wish, const struct ph_number_slots *slots, unsigned slot_count,
                  struct ph_error *err)
{
    (void)plan;
    static const struct ph_uid_wish no_wish = {0, 0};
    struct aim aims[COUNTERS] = {
        {.counter = PH_COUNTER_UID, .next = wanted, .wish = wish == NULL ? &no_wish : wish},
        {.counter = PH_COUNTER_MODSEQ, .next = one_more},
    };
    bool wants_uid = ph_number_slots_want_uid(slots, slot_count);
    int result = wants_uid ? reach((struct lwt_uids *)policy, mailbox, aims, COUNTERS, err)
                           : reach((struct lwt_uids *)policy, mailbox, &aims[1], 1, err);
    uint64_t uid = aims[0].to != 0 ? aims[0].to : aims[0].wish->uid;
    for (unsigned i = 0; result == PH_OK && i < slot_count; i++) {
        if (slots[i].uid != NULL) {
            *slots[i].uid = ph_i64((int64_t)uid);
        }
        *slots[i].modseq = ph_i64((int64_t)aims[1].to);
    }
    return result;
}

/* The wish's uid is the limit before, its limit the one to come. */
static uint64_t raised(uint64_t now, const struct ph_uid_wish *wish)
{
    return now <= wish->uid && now < wish->limit ? wish->limit : 0;
}

/* At once, not with the plan: that the numbers between are then given to nobody if the plan fails, is no harm. */
static int reserve(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                   uint64_t old_limit, uint64_t limit, struct ph_value *out_limit, struct ph_error *err)
{
    (void)plan;
    const struct ph_uid_wish limits = {old_limit, limit};
    struct aim aim = {.counter = PH_COUNTER_UID, .next = raised, .wish = &limits};
    int result = reach((struct lwt_uids *)policy, mailbox, &aim, 1, err);
    if (result == PH_OK && aim.from <= old_limit) {
        *out_limit = ph_i64((int64_t)limit);
    }
    return result;
}

static int look(struct ph_uid_policy *policy, const struct ph_uuid *mailbox, uint64_t *out_uid,
                uint64_t *out_modseq, struct ph_error *err)
{
    return ph_store_counters_get(((struct lwt_uids *)policy)->db, mailbox, out_uid, out_modseq, err);
}

static void remove_nothing(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    (void)policy;
    (void)plan;
    (void)mailbox;
}

static void free_lwt(struct ph_uid_policy *policy)
{
    free(policy);
}

struct ph_uid_policy *ph_uid_lwt_new(struct ph_db *db, const struct ph_rand *rand)
{
    struct lwt_uids *uids = ph_zalloc(sizeof *uids);
    uids->policy = (struct ph_uid_policy){.name = "lwt",
                                          .numbers_on_append = true,
                                          .has_imap_numbers = true,
                                          .look = look,
                                          .number = number,
                                          .reserve = reserve,
                                          .remove = remove_nothing,
                                          .free = free_lwt};
    uids->db = db;
    uids->rand = rand;
    return &uids->policy;
}
