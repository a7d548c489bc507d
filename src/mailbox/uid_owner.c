/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UID policy of a store that one process has to itself: numbers are counted in memory, and what is on disk is
 * a bound that no number in use passes.
 *
 * A number is given when the writer comes to the plan, not when the plan is built: so numbers ascend in the order
 * in which messages become visible. A plan whose number passes the bound that is known to be on disk raises it
 * itself, by STEP, in the same transaction; the bound counts as on disk once that plan is done. So a number never
 * stands in a row that could survive a crash without its bound, and 63 of 64 deliveries to a quiet mailbox write no
 * counter. A restart goes on above the bound and leaves a gap, which is allowed (RFC 9051 section 2.3.1.1).
 *
 * Memory: some 80 octets for each mailbox that got a message since the start; they are not given back.
 */
#include "mailbox/uid_policy.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/counter.h"

enum { STEP = 64, FIRST_BUCKETS = 64 };

struct number {
    uint64_t last;    /* given */
    uint64_t bound;   /* on disk */
    uint64_t settled; /* given, by a plan that is over */
};

struct counters {
    struct counters *next;
    struct ph_uuid mailbox;
    struct number uid;
    struct number modseq;
    unsigned removals; /* a bound that was written before one of them is not on disk */
};

struct owner {
    struct ph_uid_policy policy;
    struct ph_db *db;
    pthread_mutex_t lock; /* for all below; held for moments */
    struct counters **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

/* Lives in the plan's arena. */
struct numbering {
    struct ph_plan_hook hook;
    struct owner *owner;
    struct ph_uuid mailbox;
    struct ph_uid_wish wish;
    uint64_t uid;
    uint64_t modseq; /* 0 until given */
    bool wants_uid;
    uint64_t raised_uid; /* 0, or the bound that this plan writes */
    uint64_t raised_modseq;
    unsigned removals;
    unsigned slot_count;
    struct ph_number_slots slots[];
};

struct reservation {
    struct ph_plan_hook hook;
    struct owner *owner;
    struct ph_uuid mailbox;
    uint64_t old_limit;
    uint64_t limit;
    struct ph_value *value;
};

struct removal {
    struct ph_plan_hook hook;
    struct owner *owner;
    struct ph_uuid mailbox;
};

/* ---- The table ---- */

static struct counters **place_of(const struct owner *owner, const struct ph_uuid *mailbox)
{
    /* Ids made from names are hashes, those made from time differ at the front. */
    uint64_t a;
    uint64_t b;
    memcpy(&a, mailbox->b, sizeof a);
    memcpy(&b, mailbox->b + sizeof a, sizeof b);
    uint64_t hash = (a ^ (b * 0x9E3779B97F4A7C15U)) * 0xD6E8FEB86659FD93U;
    return &owner->buckets[(hash >> 32) & (owner->bucket_count - 1)];
}

static struct counters *find(const struct owner *owner, const struct ph_uuid *mailbox)
{
    struct counters *counters = *place_of(owner, mailbox);
    while (counters != NULL && !ph_uuid_eq(&counters->mailbox, mailbox)) {
        counters = counters->next;
    }
    return counters;
}

static void insert(struct owner *owner, struct counters *counters)
{
    struct counters **place = place_of(owner, &counters->mailbox);
    counters->next = *place;
    *place = counters;
}

static void grow(struct owner *owner)
{
    struct counters **old = owner->buckets;
    size_t old_count = owner->bucket_count;
    owner->bucket_count = old_count * 2;
    owner->buckets = ph_zalloc(owner->bucket_count * sizeof(struct counters *));
    for (size_t i = 0; i < old_count; i++) {
        while (old[i] != NULL) {
            struct counters *counters = old[i];
            old[i] = counters->next;
            insert(owner, counters);
        }
    }
    free(old);
}

static void add(struct owner *owner, const struct ph_uuid *mailbox, uint64_t uid, uint64_t modseq)
{
    if (owner->count == owner->bucket_count) {
        grow(owner);
    }
    struct counters *counters = ph_zalloc(sizeof *counters);
    counters->mailbox = *mailbox;
    counters->uid = (struct number){uid, uid, uid};
    counters->modseq = (struct number){modseq, modseq, modseq};
    insert(owner, counters);
    owner->count++;
}

/* ---- Giving numbers, on the writer's thread ---- */

static uint64_t take(struct number *number, uint64_t *out_raised)
{
    number->last++;
    *out_raised = number->last > number->bound ? number->last + STEP - 1 : 0;
    return number->last;
}

static uint64_t take_wanted(struct number *number, const struct ph_uid_wish *wish, uint64_t *out_raised)
{
    if (wish->uid > number->last) {
        number->last = wish->uid;
        /* Exactly: the next wish is the next number, also after a restart. */
        *out_raised = number->last > number->bound ? number->last : 0;
        return wish->uid;
    }
    if (wish->uid != 0 && wish->uid <= wish->limit) {
        *out_raised = 0;
        return wish->uid;
    }
    return take(number, out_raised);
}

static void give(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    struct numbering *numbering = (struct numbering *)hook;
    struct owner *owner = numbering->owner;
    if (numbering->modseq != 0) {
        return; /* the same plan again, after an unknown outcome */
    }
    pthread_mutex_lock(&owner->lock);
    struct counters *counters = find(owner, &numbering->mailbox);
    assert(counters != NULL);
    if (numbering->wants_uid) {
        numbering->uid = take_wanted(&counters->uid, &numbering->wish, &numbering->raised_uid);
    }
    numbering->modseq = take(&counters->modseq, &numbering->raised_modseq);
    numbering->removals = counters->removals;
    pthread_mutex_unlock(&owner->lock);
    for (unsigned i = 0; i < numbering->slot_count; i++) {
        if (numbering->slots[i].uid != NULL) {
            *numbering->slots[i].uid = ph_i64((int64_t)numbering->uid);
        }
        *numbering->slots[i].modseq = ph_i64((int64_t)numbering->modseq);
    }
    if (numbering->raised_uid != 0) {
        ph_store_uid_raise(plan, &numbering->mailbox, numbering->raised_uid);
    }
    if (numbering->raised_modseq != 0) {
        ph_store_modseq_raise(plan, &numbering->mailbox, numbering->raised_modseq);
    }
}

static void confirm(struct number *number, uint64_t raised)
{
    number->bound = raised > number->bound ? raised : number->bound;
}

static void settle(struct number *number, uint64_t given)
{
    number->settled = given > number->settled ? given : number->settled;
}

static void given(struct ph_plan *plan, struct ph_plan_hook *hook, int result)
{
    (void)plan;
    struct numbering *numbering = (struct numbering *)hook;
    struct owner *owner = numbering->owner;
    if (numbering->modseq == 0) {
        return;
    }
    pthread_mutex_lock(&owner->lock);
    struct counters *counters = find(owner, &numbering->mailbox);
    settle(&counters->uid, numbering->uid);
    settle(&counters->modseq, numbering->modseq);
    if (result == PH_OK && numbering->removals == counters->removals) {
        confirm(&counters->uid, numbering->raised_uid);
        confirm(&counters->modseq, numbering->raised_modseq);
    }
    pthread_mutex_unlock(&owner->lock);
}

/* ---- The policy ---- */

static int load(struct owner *owner, const struct ph_uuid *mailbox, struct ph_error *err)
{
    pthread_mutex_lock(&owner->lock);
    bool is_known = find(owner, mailbox) != NULL;
    pthread_mutex_unlock(&owner->lock);
    if (is_known) {
        return PH_OK;
    }
    uint64_t uid;
    uint64_t modseq;
    int result = ph_store_counters_get(owner->db, mailbox, &uid, &modseq, err);
    if (result == PH_OK) {
        pthread_mutex_lock(&owner->lock);
        if (find(owner, mailbox) == NULL) {
            add(owner, mailbox, uid, modseq);
        }
        pthread_mutex_unlock(&owner->lock);
    }
    return result;
}

static int number(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                  const struct ph_uid_wish *wish, const struct ph_number_slots *slots, unsigned slot_count,
                  struct ph_error *err)
{
    struct owner *owner = (struct owner *)policy;
    int result = load(owner, mailbox, err);
    if (result != PH_OK) {
        return result;
    }
    struct numbering *numbering =
        ph_arena_zalloc(plan->arena, sizeof *numbering + slot_count * sizeof numbering->slots[0]);
    numbering->hook.run = give;
    numbering->hook.done = given;
    numbering->owner = owner;
    numbering->mailbox = *mailbox;
    numbering->wish = wish == NULL ? (struct ph_uid_wish){0} : *wish;
    numbering->slot_count = slot_count;
    numbering->wants_uid = ph_number_slots_want_uid(slots, slot_count);
    memcpy(numbering->slots, slots, slot_count * sizeof slots[0]);
    ph_plan_hook_add(plan, &numbering->hook);
    return PH_OK;
}

static int look(struct ph_uid_policy *policy, const struct ph_uuid *mailbox, uint64_t *out_uid,
                uint64_t *out_modseq, struct ph_error *err)
{
    struct owner *owner = (struct owner *)policy;
    int result = load(owner, mailbox, err);
    if (result == PH_OK) {
        pthread_mutex_lock(&owner->lock);
        const struct counters *counters = find(owner, mailbox);
        *out_uid = counters->uid.settled;
        *out_modseq = counters->modseq.settled;
        pthread_mutex_unlock(&owner->lock);
    }
    return result;
}

/* On the writer's thread. */
static void set_limit(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    struct reservation *reservation = (struct reservation *)hook;
    struct owner *owner = reservation->owner;
    pthread_mutex_lock(&owner->lock);
    struct counters *counters = find(owner, &reservation->mailbox);
    assert(counters != NULL);
    bool is_free = counters->uid.last <= reservation->old_limit;
    if (is_free && counters->uid.last < reservation->limit) {
        counters->uid.last = reservation->limit;
    }
    pthread_mutex_unlock(&owner->lock);
    if (is_free) {
        *reservation->value = ph_i64((int64_t)reservation->limit);
        ph_store_uid_raise(plan, &reservation->mailbox, reservation->limit);
    }
}

static int reserve(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                   uint64_t old_limit, uint64_t limit, struct ph_value *out_limit, struct ph_error *err)
{
    struct owner *owner = (struct owner *)policy;
    int result = load(owner, mailbox, err);
    if (result != PH_OK) {
        return result;
    }
    struct reservation *reservation = ph_arena_zalloc(plan->arena, sizeof *reservation);
    reservation->hook.run = set_limit;
    reservation->owner = owner;
    reservation->mailbox = *mailbox;
    reservation->old_limit = old_limit;
    reservation->limit = limit;
    reservation->value = out_limit;
    ph_plan_hook_add(plan, &reservation->hook);
    return PH_OK;
}

/* On the writer's thread: from here on nothing is on disk. What was given in memory goes on, so that a number is not
 * given twice if the deletion fails. */
static void forget_bounds(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    (void)plan;
    struct removal *removal = (struct removal *)hook;
    struct owner *owner = removal->owner;
    pthread_mutex_lock(&owner->lock);
    struct counters *counters = find(owner, &removal->mailbox);
    if (counters != NULL) {
        counters->uid.bound = 0;
        counters->modseq.bound = 0;
        counters->removals++;
    }
    pthread_mutex_unlock(&owner->lock);
}

static void remove_counters(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    struct removal *removal = ph_arena_zalloc(plan->arena, sizeof *removal);
    removal->hook.run = forget_bounds;
    removal->owner = (struct owner *)policy;
    removal->mailbox = *mailbox;
    ph_plan_hook_add(plan, &removal->hook);
    ph_store_counters_remove(plan, mailbox);
}

static void free_owner(struct ph_uid_policy *policy)
{
    struct owner *owner = (struct owner *)policy;
    for (size_t i = 0; i < owner->bucket_count; i++) {
        while (owner->buckets[i] != NULL) {
            struct counters *counters = owner->buckets[i];
            owner->buckets[i] = counters->next;
            free(counters);
        }
    }
    free(owner->buckets);
    pthread_mutex_destroy(&owner->lock);
    free(owner);
}

struct ph_uid_policy *ph_uid_owner_new(struct ph_db *db)
{
    struct owner *owner = ph_zalloc(sizeof *owner);
    owner->policy = (struct ph_uid_policy){.name = "owner",
                                           .numbers_on_append = true,
                                           .has_imap_numbers = true,
                                           .look = look,
                                           .number = number,
                                           .reserve = reserve,
                                           .remove = remove_counters,
                                           .free = free_owner};
    owner->db = db;
    owner->bucket_count = FIRST_BUCKETS;
    owner->buckets = ph_zalloc(owner->bucket_count * sizeof(struct counters *));
    pthread_mutex_init(&owner->lock, NULL);
    return &owner->policy;
}
