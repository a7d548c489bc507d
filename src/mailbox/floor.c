/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/floor.h"

#include <stdlib.h>

#include "base/jobs.h"
#include "base/mem.h"
#include "store/pop3_floor.h"

enum { SLOTS = 4096, QUEUE_MAX = 1024, DELETIONS = 500 };

struct slot {
    struct ph_uuid mailbox;
    size_t deleted;
};

struct ph_floors {
    struct ph_floors_options options;
    struct ph_jobs *jobs;
    pthread_mutex_t lock; /* for all below; held for moments */
    pthread_cond_t is_idle;
    unsigned under_way;
    bool is_stopping;
    struct slot slots[SLOTS];
};

struct raise {
    struct ph_job job;
    struct ph_floors *floors;
    struct ph_uuid mailbox;
    struct ph_uuid to;
};

int ph_floors_new(const struct ph_floors_options *options, struct ph_floors **out_floors,
                  struct ph_error *err)
{
    struct ph_floors *floors = ph_zalloc(sizeof *floors);
    floors->options = *options;
    floors->options.age_ms = options->age_ms == 0 ? PH_POP3_FLOOR_MS : options->age_ms;
    floors->options.deletions = options->deletions == 0 ? DELETIONS : options->deletions;
    int result = ph_jobs_new(1, QUEUE_MAX, "floors", &floors->jobs, err);
    if (result != PH_OK) {
        free(floors);
        return result;
    }
    pthread_mutex_init(&floors->lock, NULL);
    pthread_cond_init(&floors->is_idle, NULL);
    *out_floors = floors;
    return PH_OK;
}

void ph_floors_free(struct ph_floors **floors)
{
    if (*floors != NULL) {
        pthread_mutex_lock(&(*floors)->lock);
        (*floors)->is_stopping = true;
        pthread_mutex_unlock(&(*floors)->lock);
        ph_jobs_free(&(*floors)->jobs);
        pthread_cond_destroy(&(*floors)->is_idle);
        pthread_mutex_destroy(&(*floors)->lock);
        free(*floors);
        *floors = NULL;
    }
}

/* ---- Counting ---- */

static struct slot *slot_of(struct ph_floors *floors, const struct ph_uuid *mailbox)
{
    /* Ids of mailboxes are hashes of names. */
    uint32_t hash;
    memcpy(&hash, mailbox->b, sizeof hash);
    struct slot *slot = &floors->slots[hash % SLOTS];
    if (!ph_uuid_eq(&slot->mailbox, mailbox)) {
        *slot = (struct slot){.mailbox = *mailbox};
    }
    return slot;
}

/* ---- Raising, on the queue's thread ---- */

/* What is up to FLOOR now, may be up to *TO: to where is nothing left? PH_ENOTFOUND: no further. */
static int find_end(const struct ph_floors *floors, const struct raise *raise, const struct ph_uuid *floor,
                    struct ph_uuid *to, struct ph_error *err)
{
    struct ph_uuid first;
    if (ph_uuid_compare(to, floor) <= 0) {
        return PH_ENOTFOUND;
    }
    int result = ph_store_pop3_floor_check(floors->options.db, &raise->mailbox, floor, to, &first, err);
    if (result == PH_ENOTFOUND) {
        return PH_OK;
    }
    if (result == PH_OK) {
        *to = ph_uuid_first_of_us(ph_uuid_unix_us(&first));
        result = ph_uuid_compare(to, floor) <= 0 ? PH_ENOTFOUND : PH_OK;
    }
    return result;
}

static int look(struct ph_floors *floors, const struct raise *raise, bool *out_is_early, struct ph_error *err)
{
    const struct ph_floors_options *options = &floors->options;
    struct ph_uuid limit = ph_uuid_first_of_us(ph_real_us(options->clock) - (uint64_t)options->age_ms * 1000);
    *out_is_early = ph_uuid_compare(&raise->to, &limit) > 0;
    struct ph_uuid to = *out_is_early ? limit : raise->to;
    struct ph_pop3_floor floor;
    int result = ph_store_pop3_floor_get(options->db, &raise->mailbox, &floor, err);
    if (result == PH_OK) {
        result = find_end(floors, raise, &floor.floor, &to, err);
    }
    if (result == PH_OK) {
        struct ph_arena arena;
        struct ph_plan plan;
        ph_arena_init(&arena, 512);
        ph_plan_init(&plan, &arena);
        ph_store_pop3_floor_raise(&plan, &raise->mailbox, &to);
        result = ph_db_apply(options->db, &plan, err);
        ph_arena_fini(&arena);
    }
    return result == PH_ENOTFOUND ? PH_OK : result;
}

static void run(struct ph_job *job)
{
    struct raise *raise = (struct raise *)job;
    struct ph_floors *floors = raise->floors;
    struct ph_error err = {0};
    pthread_mutex_lock(&floors->lock);
    bool is_stopping = floors->is_stopping;
    pthread_mutex_unlock(&floors->lock);
    bool is_early = false;
    int result = is_stopping ? PH_OK : look(floors, raise, &is_early, &err);
    if (result != PH_OK && ph_log_is_on(floors->options.log, PH_LOG_INFO)) {
        struct ph_log_line line;
        ph_log_begin(&line, floors->options.log, PH_LOG_INFO, "maildrop-floor-stays");
        ph_log_error(&line, &err);
        ph_log_end(&line);
    }
    pthread_mutex_lock(&floors->lock);
    if (is_early || result != PH_OK) {
        /* The next deletion, of however little, tries again. */
        slot_of(floors, &raise->mailbox)->deleted = floors->options.deletions;
    }
    floors->under_way--;
    pthread_cond_broadcast(&floors->is_idle);
    pthread_mutex_unlock(&floors->lock);
    free(raise);
}

void ph_floors_note(struct ph_floors *floors, const struct ph_uuid *mailbox, size_t count,
                    const struct ph_uuid *last)
{
    pthread_mutex_lock(&floors->lock);
    struct slot *slot = slot_of(floors, mailbox);
    slot->deleted += count;
    bool is_due = slot->deleted >= floors->options.deletions;
    if (is_due) {
        slot->deleted = 0;
        floors->under_way++;
    }
    pthread_mutex_unlock(&floors->lock);
    if (!is_due) {
        return;
    }
    struct raise *raise = ph_zalloc(sizeof *raise);
    *raise = (struct raise){.job = {.run = run}, .floors = floors, .mailbox = *mailbox, .to = *last};
    if (ph_jobs_submit(floors->jobs, &raise->job) != PH_OK) {
        pthread_mutex_lock(&floors->lock);
        slot_of(floors, mailbox)->deleted = floors->options.deletions;
        floors->under_way--;
        pthread_cond_broadcast(&floors->is_idle);
        pthread_mutex_unlock(&floors->lock);
        free(raise);
    }
}

void ph_floors_wait(struct ph_floors *floors)
{
    pthread_mutex_lock(&floors->lock);
    while (floors->under_way > 0) {
        pthread_cond_wait(&floors->is_idle, &floors->lock);
    }
    pthread_mutex_unlock(&floors->lock);
}
