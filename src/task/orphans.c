/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two looks of a portion are two walks over all messages. A walk that fails for the moment goes on behind the last message
 * that it has read: what it notes of messages only grows.
 */
#include "task/orphans.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "store/task_progress.h"
#include "store/walk.h"
#include "task/id_filter.h"

enum {
    GRACE_MS = 24 * 3600 * 1000,
    SECOND_LOOK_MS = 120 * 1000,
    FILTER_BYTES = 64 << 20,
    PORTION = 256 << 10,
    TELL_MS = 1000,
    PAUSE_MS = 100,
    PATIENCE_MS = 60 * 1000,
    RETRY_MS = 2000,
};

static const struct ph_bytes name = {(const uint8_t *)"remove-orphaned-content",
                                     sizeof "remove-orphaned-content" - 1};

struct doubt {
    struct ph_uuid blob;
    bool is_named; /* by a message, at the second look */
};

struct sweep {
    const struct ph_orphans_options *options;
    struct ph_orphans_counts *counts;
    struct ph_id_filter filter;
    uint64_t oldest_us; /* what was made since then is left alone */
    struct doubt *doubts;
    size_t doubt_count;
    size_t portion;
    uint64_t doubted_ms; /* the last of them */
    bool is_second_look;
    int64_t message_token;
    uint8_t position[PH_BLOB_POSITION_MAX]; /* of the last blob */
    size_t position_len;
    bool is_portion_full;
    uint64_t started_us;
    uint64_t rows; /* since then */
    uint64_t told_ms;
};

/* ---- Time ---- */

static int tell(struct sweep *sweep, struct ph_error *err)
{
    uint64_t now_ms = ph_mono_ms(sweep->options->clock);
    if (sweep->options->went_on == NULL || now_ms - sweep->told_ms < TELL_MS) {
        return PH_OK;
    }
    sweep->told_ms = now_ms;
    return sweep->options->went_on(sweep->counts, sweep->options->ctx, err);
}

static int wait_until(struct sweep *sweep, uint64_t due_ms, struct ph_error *err)
{
    int result = PH_OK;
    while (result == PH_OK) {
        uint64_t now_ms = ph_mono_ms(sweep->options->clock);
        if (now_ms >= due_ms) {
            break;
        }
        uint64_t left_ms = due_ms - now_ms < PAUSE_MS ? due_ms - now_ms : PAUSE_MS;
        const struct timespec pause = {.tv_nsec = (long)left_ms * 1000000};
        (void)nanosleep(&pause, NULL);
        result = tell(sweep, err);
    }
    return result;
}

static void begin_rows(struct sweep *sweep)
{
    sweep->rows = 0;
    sweep->started_us = ph_mono_us(sweep->options->clock);
}

/* One row more, at the rate that is wanted. */
static int end_row(struct sweep *sweep, struct ph_error *err)
{
    sweep->rows++;
    if (sweep->options->rows_per_second > 0) {
        uint64_t due_us = sweep->started_us + sweep->rows * 1000000 / sweep->options->rows_per_second;
        int result = wait_until(sweep, due_us / 1000, err);
        if (result != PH_OK) {
            return result;
        }
    }
    return tell(sweep, err);
}

static bool is_transient(int result)
{
    return result == PH_EUNAVAILABLE || result == PH_EBUSY || result == PH_EUNKNOWN_OUTCOME;
}

/* WALK again and again, from where it stopped, while Cassandra has trouble, unless that lasts. */
static int with_patience(struct sweep *sweep, int (*walk)(struct sweep *sweep, struct ph_error *err),
                         struct ph_error *err)
{
    uint64_t trouble_ms = 0;
    uint64_t seen = 0;
    for (;;) {
        begin_rows(sweep);
        int result = walk(sweep, err);
        uint64_t now_ms = ph_mono_ms(sweep->options->clock);
        if (!is_transient(result)) {
            return result;
        }
        uint64_t rows = sweep->counts->message_rows + sweep->counts->blobs;
        if (trouble_ms == 0 || rows != seen) {
            trouble_ms = now_ms;
            seen = rows;
        }
        if (now_ms - trouble_ms >= PATIENCE_MS) {
            return result;
        }
        struct ph_error stopped = {0};
        int waited = wait_until(sweep, now_ms + RETRY_MS, &stopped);
        if (waited != PH_OK) {
            *err = stopped;
            return waited;
        }
    }
}

/* ---- Messages ---- */

static int compare_doubts(const void *a, const void *b)
{
    return memcmp(&((const struct doubt *)a)->blob, &((const struct doubt *)b)->blob, sizeof(struct ph_uuid));
}

static void note_named(struct sweep *sweep, const struct ph_blob_id *id)
{
    if (!id->has_uuid) {
        return; /* not one of ours */
    }
    if (!sweep->is_second_look) {
        ph_id_filter_add(&sweep->filter, &id->uuid);
        return;
    }
    const struct doubt key = {.blob = id->uuid};
    struct doubt *doubt =
        bsearch(&key, sweep->doubts, sweep->doubt_count, sizeof *sweep->doubts, compare_doubts);
    if (doubt != NULL) {
        doubt->is_named = true;
    }
}

static int each_message(const struct ph_walk_content *row, void *ctx, struct ph_error *err)
{
    struct sweep *sweep = ctx;
    note_named(sweep, &row->header);
    note_named(sweep, &row->body);
    /* Its partition may have more rows: a walk goes on from the message before. */
    sweep->message_token = row->token == INT64_MIN ? row->token : row->token - 1;
    sweep->counts->message_rows++;
    return end_row(sweep, err);
}

static int walk_messages(struct sweep *sweep, struct ph_error *err)
{
    return ph_store_imap_uid_content_walk(sweep->options->db, sweep->message_token, each_message, sweep, err);
}

static int look(struct sweep *sweep, bool is_second, struct ph_error *err)
{
    sweep->is_second_look = is_second;
    sweep->message_token = PH_WALK_START;
    return with_patience(sweep, walk_messages, err);
}

/* ---- Content ---- */

static int each_blob(const struct ph_uuid *id, struct ph_bytes position, void *ctx, struct ph_error *err)
{
    struct sweep *sweep = ctx;
    if (sweep->doubt_count == sweep->portion) {
        sweep->is_portion_full = true;
        return ph_fail(err, PH_EDENIED, "the portion is full");
    }
    sweep->counts->blobs++;
    if (ph_uuid_unix_us(id) < sweep->oldest_us && !ph_id_filter_may_have(&sweep->filter, id)) {
        sweep->doubts[sweep->doubt_count++] = (struct doubt){.blob = *id};
        sweep->doubted_ms = ph_mono_ms(sweep->options->clock);
        sweep->counts->doubted++;
    }
    memcpy(sweep->position, position.ptr, position.len);
    sweep->position_len = position.len;
    return end_row(sweep, err);
}

static int walk_blobs(struct sweep *sweep, struct ph_error *err)
{
    int result = ph_blob_walk(sweep->options->blobs, ph_bytes_of(sweep->position, sweep->position_len),
                              each_blob, sweep, err);
    if (sweep->is_portion_full) {
        *err = (struct ph_error){0};
        return PH_OK;
    }
    return result;
}

static int settle(struct sweep *sweep, struct ph_error *err)
{
    unsigned second_look_ms =
        sweep->options->second_look_ms == 0 ? SECOND_LOOK_MS : sweep->options->second_look_ms;
    if (sweep->doubt_count == 0) {
        return PH_OK;
    }
    qsort(sweep->doubts, sweep->doubt_count, sizeof *sweep->doubts, compare_doubts);
    int result = wait_until(sweep, sweep->doubted_ms + second_look_ms, err);
    result = result == PH_OK ? look(sweep, true, err) : result;
    for (size_t i = 0; result == PH_OK && i < sweep->doubt_count; i++) {
        const struct doubt *doubt = &sweep->doubts[i];
        /* Both tables of a blob may have shown it. */
        bool is_repeated = i > 0 && ph_uuid_eq(&doubt->blob, &doubt[-1].blob);
        if (doubt->is_named || is_repeated) {
            continue;
        }
        struct ph_orphans_finding finding = {.blob = doubt->blob};
        sweep->counts->found++;
        if (!sweep->options->is_dry_run) {
            result = ph_blob_discard(sweep->options->blobs, &doubt->blob, err);
            finding.is_removed = result == PH_OK;
            sweep->counts->removed += finding.is_removed ? 1 : 0;
        }
        if (result == PH_OK && sweep->options->found != NULL) {
            result = sweep->options->found(&finding, sweep->options->ctx, err);
        }
    }
    return result;
}

/* ---- How far it is ---- */

static int write_place(struct sweep *sweep, bool is_over, struct ph_error *err)
{
    if (sweep->options->is_dry_run) {
        return PH_OK;
    }
    const struct ph_task_progress progress = {ph_bytes_of(sweep->position, sweep->position_len),
                                              PH_BYTES("content")};
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 512);
    ph_plan_init(&plan, &arena);
    if (is_over) {
        ph_store_task_progress_remove(&plan, name);
    } else {
        ph_store_task_progress_put(&plan, name, &progress,
                                   (int64_t)(ph_real_us(sweep->options->clock) / 1000));
    }
    int result = ph_db_apply(sweep->options->db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}

static int find_place(struct sweep *sweep, struct ph_error *err)
{
    if (sweep->options->starts_anew || sweep->options->is_dry_run) {
        return PH_OK;
    }
    struct ph_arena arena;
    struct ph_task_progress progress;
    struct ph_error trouble = {0};
    ph_arena_init(&arena, 512);
    int result = ph_store_task_progress_get(sweep->options->db, name, &arena, &progress, &trouble);
    if (result == PH_OK && progress.position.len <= sizeof sweep->position) {
        memcpy(sweep->position, progress.position.ptr, progress.position.len);
        sweep->position_len = progress.position.len;
        sweep->counts->was_resumed = true;
    } else if (result != PH_OK && result != PH_ENOTFOUND) {
        *err = trouble;
    }
    ph_arena_fini(&arena);
    return result == PH_ENOTFOUND ? PH_OK : result;
}

static int run_portions(struct sweep *sweep, struct ph_error *err)
{
    int result = PH_OK;
    do {
        sweep->doubt_count = 0;
        sweep->is_portion_full = false;
        result = with_patience(sweep, walk_blobs, err);
        result = result == PH_OK ? settle(sweep, err) : result;
        result = result == PH_OK ? write_place(sweep, !sweep->is_portion_full, err) : result;
    } while (result == PH_OK && sweep->is_portion_full);
    return result;
}

int ph_orphans_run(const struct ph_orphans_options *options, struct ph_orphans_counts *out_counts,
                   struct ph_error *err)
{
    *out_counts = (struct ph_orphans_counts){0};
    if (ph_db_traits(options->db)->is_local) {
        return ph_fail(err, PH_EINVALID, "the embedded store removes by itself what nothing refers to");
    }
    if (!ph_blob_walks(options->blobs)) {
        return ph_fail(err, PH_EINVALID,
                       "this content cannot be gone through; where James shares it only James knows what it "
                       "refers to");
    }
    uint64_t grace_ms = options->grace_ms == 0 ? GRACE_MS : options->grace_ms;
    struct sweep *sweep = ph_zalloc(sizeof *sweep);
    sweep->options = options;
    sweep->counts = out_counts;
    sweep->portion = options->portion == 0 ? PORTION : options->portion;
    sweep->doubts = ph_alloc(sweep->portion * sizeof *sweep->doubts);
    sweep->oldest_us = ph_real_us(options->clock) - grace_ms * 1000;
    ph_id_filter_init(&sweep->filter, options->filter_bytes == 0 ? FILTER_BYTES : options->filter_bytes);
    int result = find_place(sweep, err);
    result = result == PH_OK ? look(sweep, false, err) : result;
    result = result == PH_OK ? run_portions(sweep, err) : result;
    ph_id_filter_fini(&sweep->filter);
    free(sweep->doubts);
    free(sweep);
    return result;
}
