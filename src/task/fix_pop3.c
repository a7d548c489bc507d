/* SPDX-License-Identifier: Apache-2.0 */
#include "task/fix_pop3-private.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "store/pop3_floor.h"
#include "store/task_progress.h"
#include "store/walk.h"

enum {
    DOUBTS_MAX = 1024,
    SECOND_LOOK_MS = 10 * 1000,
    SAVE_MS = 15 * 1000,
    TELL_MS = 1000,
    PAUSE_MS = 100,
    PATIENCE_MS = 60 * 1000,
    RETRY_MS = 2000,
};

enum pass { PASS_MAILDROPS, PASS_MESSAGES, PASS_COUNT };
static const char *const pass_names[PASS_COUNT] = {"maildrops", "messages"};

struct fix {
    const struct ph_fix_pop3_options *options;
    struct ph_fix_pop3_counts *counts;
    enum pass pass;
    int64_t position; /* everything up to this token is settled */
    int64_t token;    /* of the last row */
    struct ph_fix_pop3_look batch[PH_FIX_POP3_BATCH];
    size_t batch_count;
    struct ph_fix_pop3_look *doubts;
    size_t doubt_count;
    uint64_t doubted_ms; /* the last of them */
    uint64_t started_us;
    uint64_t rows; /* since then */
    uint64_t saved_ms;
    uint64_t told_ms;
    struct ph_uuid floor_of;
    struct ph_uuid floor;
};

static const struct {
    const char *name;
    const char *repair;
} kinds[] = {
#define KIND(upper, name, meaning, repair) {name, repair},
    PH_FIX_POP3_KINDS(KIND)
#undef KIND
};

const char *ph_fix_pop3_kind_name(enum ph_fix_pop3_kind kind)
{
    return kinds[kind].name;
}

const char *ph_fix_pop3_kind_repair(enum ph_fix_pop3_kind kind)
{
    return kinds[kind].repair;
}

/* ---- Time ---- */

static void pause_ms(unsigned ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&pause, NULL);
}

static int tell(struct fix *fix, struct ph_error *err)
{
    uint64_t now_ms = ph_mono_ms(fix->options->clock);
    if (fix->options->went_on == NULL || now_ms - fix->told_ms < TELL_MS) {
        return PH_OK;
    }
    fix->told_ms = now_ms;
    return fix->options->went_on(fix->counts, fix->options->ctx, err);
}

/* Until DUE_MS of the clock that does not jump. */
static int wait_until(struct fix *fix, uint64_t due_ms, struct ph_error *err)
{
    int result = PH_OK;
    while (result == PH_OK) {
        uint64_t now_ms = ph_mono_ms(fix->options->clock);
        if (now_ms >= due_ms) {
            break;
        }
        pause_ms(due_ms - now_ms < PAUSE_MS ? (unsigned)(due_ms - now_ms) : PAUSE_MS);
        result = tell(fix, err);
    }
    return result;
}

/* ---- The floor of a maildrop ---- */

/* Rows of a maildrop come together, so one floor is remembered. */
static int look_at_floor(struct fix *fix, struct ph_fix_pop3_look *look, struct ph_error *err)
{
    if (!fix->options->keeps_floors) {
        return PH_OK;
    }
    if (!ph_uuid_eq(&fix->floor_of, &look->mailbox)) {
        struct ph_pop3_floor floor;
        int result = ph_store_pop3_floor_get(fix->options->db, &look->mailbox, &floor, err);
        if (result != PH_OK) {
            return result;
        }
        fix->floor_of = look->mailbox;
        fix->floor = floor.floor;
    }
    look->is_below_floor = ph_uuid_compare(&look->message, &fix->floor) <= 0;
    look->wants |= look->is_below_floor ? PH_FIX_POP3_WANTS_LATE : 0;
    return PH_OK;
}

/* ---- The second look ---- */

static int settle_one(struct fix *fix, struct ph_fix_pop3_look *look, struct ph_error *err)
{
    enum ph_fix_pop3_kind kind;
    if (!ph_fix_pop3_judge(look, &kind)) {
        return PH_OK;
    }
    fix->counts->found++;
    struct ph_fix_pop3_finding finding = {.kind = kind, .mailbox = look->mailbox, .message = look->message};
    int result = PH_OK;
    if (!fix->options->is_dry_run) {
        result = ph_fix_pop3_mend(fix->options, look, kind, &finding.is_fixed, err);
    }
    if (result == PH_OK) {
        fix->counts->fixed += finding.is_fixed ? 1 : 0;
        result = fix->options->found == NULL ? PH_OK : fix->options->found(&finding, fix->options->ctx, err);
    }
    return result;
}

static int settle(struct fix *fix, struct ph_error *err)
{
    unsigned second_look_ms =
        fix->options->second_look_ms == 0 ? SECOND_LOOK_MS : fix->options->second_look_ms;
    int result = fix->doubt_count == 0 ? PH_OK : wait_until(fix, fix->doubted_ms + second_look_ms, err);
    for (size_t at = 0; result == PH_OK && at < fix->doubt_count; at += PH_FIX_POP3_BATCH) {
        size_t count = fix->doubt_count - at < PH_FIX_POP3_BATCH ? fix->doubt_count - at : PH_FIX_POP3_BATCH;
        for (size_t i = 0; result == PH_OK && i < count; i++) {
            struct ph_fix_pop3_look *look = &fix->doubts[at + i];
            *look = (struct ph_fix_pop3_look){.mailbox = look->mailbox,
                                              .message = look->message,
                                              .wants = PH_FIX_POP3_WANTS_TRUTH | PH_FIX_POP3_WANTS_LISTED};
            fix->floor_of = (struct ph_uuid){{0}}; /* it may have risen */
            result = look_at_floor(fix, look, err);
        }
        if (result == PH_OK) {
            result = ph_fix_pop3_look_at(fix->options, &fix->doubts[at], count, err);
        }
        for (size_t i = 0; result == PH_OK && i < count; i++) {
            result = settle_one(fix, &fix->doubts[at + i], err);
        }
    }
    if (result == PH_OK) {
        fix->doubt_count = 0;
    }
    return result;
}

static int save(struct fix *fix, enum pass pass, int64_t position, struct ph_error *err)
{
    fix->position = position;
    fix->saved_ms = ph_mono_ms(fix->options->clock);
    if (fix->options->is_dry_run) {
        return PH_OK;
    }
    uint8_t octets[sizeof position];
    memcpy(octets, &position, sizeof octets);
    const struct ph_task_progress progress = {ph_bytes_of(octets, sizeof octets),
                                              ph_bytes_str(pass_names[pass])};
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 512);
    ph_plan_init(&plan, &arena);
    ph_store_task_progress_put(&plan, PH_BYTES("fix-pop3-inconsistencies"), &progress,
                               (int64_t)(ph_real_us(fix->options->clock) / 1000));
    int result = ph_db_apply(fix->options->db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}

/* ---- The first look ---- */

static int end_batch(struct fix *fix, struct ph_error *err)
{
    int result = ph_fix_pop3_look_at(fix->options, fix->batch, fix->batch_count, err);
    for (size_t i = 0; result == PH_OK && i < fix->batch_count; i++) {
        enum ph_fix_pop3_kind kind;
        if (!ph_fix_pop3_judge(&fix->batch[i], &kind)) {
            continue;
        }
        if (fix->doubt_count == DOUBTS_MAX) {
            result = settle(fix, err);
        }
        if (result == PH_OK) {
            fix->doubts[fix->doubt_count++] = fix->batch[i];
            fix->doubted_ms = ph_mono_ms(fix->options->clock);
            fix->counts->doubted++;
        }
    }
    fix->batch_count = 0;
    return result;
}

static int each_row(const struct ph_walk_row *row, void *ctx, struct ph_error *err)
{
    struct fix *fix = ctx;
    bool is_maildrop = fix->pass == PASS_MAILDROPS;
    unsigned save_ms = fix->options->save_ms == 0 ? SAVE_MS : fix->options->save_ms;
    int result = PH_OK;
    if (row->token != fix->token && ph_mono_ms(fix->options->clock) - fix->saved_ms >= save_ms) {
        result = end_batch(fix, err);
        result = result == PH_OK ? settle(fix, err) : result;
        result = result == PH_OK ? save(fix, fix->pass, fix->token, err) : result;
    }
    if (result != PH_OK) {
        return result;
    }
    fix->token = row->token;
    struct ph_fix_pop3_look *look = &fix->batch[fix->batch_count++];
    *look = (struct ph_fix_pop3_look){.mailbox = row->mailbox_id, .message = row->message_id};
    if (is_maildrop) {
        fix->counts->maildrop_rows++;
        look->is_listed = true;
        look->listed_size = row->size;
        look->wants = PH_FIX_POP3_WANTS_TRUTH;
        result = look_at_floor(fix, look, err);
    } else {
        fix->counts->message_rows++;
        look->has_truth = true;
        look->has_size = row->has_size;
        look->size = row->size;
        look->wants = PH_FIX_POP3_WANTS_LISTED;
    }
    if (result == PH_OK && fix->batch_count == PH_FIX_POP3_BATCH) {
        result = end_batch(fix, err);
    }
    fix->rows++;
    if (result == PH_OK && fix->options->rows_per_second > 0) {
        uint64_t due_us = fix->started_us + fix->rows * 1000000 / fix->options->rows_per_second;
        result = wait_until(fix, due_us / 1000, err);
    }
    return result == PH_OK ? tell(fix, err) : result;
}

/* ---- The passes ---- */

static int walk(struct fix *fix, struct ph_error *err)
{
    fix->batch_count = 0;
    fix->doubt_count = 0;
    fix->floor_of = (struct ph_uuid){{0}};
    fix->token = fix->position;
    fix->rows = 0;
    fix->started_us = ph_mono_us(fix->options->clock);
    int result = fix->pass == PASS_MAILDROPS
                     ? ph_store_pop3_metadata_walk(fix->options->db, fix->position, each_row, fix, err)
                     : ph_store_imap_uid_walk(fix->options->db, fix->position, each_row, fix, err);
    result = result == PH_OK ? end_batch(fix, err) : result;
    return result == PH_OK ? settle(fix, err) : result;
}

static bool is_transient(int result)
{
    return result == PH_EUNAVAILABLE || result == PH_EBUSY || result == PH_EUNKNOWN_OUTCOME;
}

/* Goes on from the last place that was settled while Cassandra has trouble, unless that lasts. */
static int run_pass(struct fix *fix, struct ph_error *err)
{
    uint64_t trouble_ms = 0;
    int64_t from = fix->position;
    for (;;) {
        int result = walk(fix, err);
        uint64_t now_ms = ph_mono_ms(fix->options->clock);
        if (!is_transient(result)) {
            return result;
        }
        if (trouble_ms == 0 || fix->position != from) {
            trouble_ms = now_ms;
            from = fix->position;
        }
        if (now_ms - trouble_ms >= PATIENCE_MS) {
            return result;
        }
        struct ph_error stopped = {0};
        int waited = wait_until(fix, now_ms + RETRY_MS, &stopped);
        if (waited != PH_OK) {
            *err = stopped;
            return waited;
        }
    }
}

static int find_place(struct fix *fix, struct ph_error *err)
{
    fix->pass = PASS_MAILDROPS;
    fix->position = PH_WALK_START;
    if (fix->options->starts_anew || fix->options->is_dry_run) {
        return PH_OK;
    }
    struct ph_arena arena;
    struct ph_task_progress progress;
    ph_arena_init(&arena, 512);
    struct ph_error trouble = {0};
    int result = ph_store_task_progress_get(fix->options->db, PH_BYTES("fix-pop3-inconsistencies"), &arena,
                                            &progress, &trouble);
    for (int i = 0; result == PH_OK && i < PASS_COUNT; i++) {
        bool is_this = ph_bytes_eq(progress.state, ph_bytes_str(pass_names[i]));
        if (is_this && progress.position.len == sizeof fix->position) {
            memcpy(&fix->position, progress.position.ptr, sizeof fix->position);
            fix->pass = (enum pass)i;
            fix->counts->was_resumed = i > 0 || fix->position != PH_WALK_START;
        }
    }
    ph_arena_fini(&arena);
    if (result == PH_OK || result == PH_ENOTFOUND) {
        return PH_OK;
    }
    *err = trouble;
    return result;
}

static int forget_place(struct fix *fix, struct ph_error *err)
{
    if (fix->options->is_dry_run) {
        return PH_OK;
    }
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 512);
    ph_plan_init(&plan, &arena);
    ph_store_task_progress_remove(&plan, PH_BYTES("fix-pop3-inconsistencies"));
    int result = ph_db_apply(fix->options->db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}

int ph_fix_pop3_run(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_counts *out_counts,
                    struct ph_error *err)
{
    *out_counts = (struct ph_fix_pop3_counts){0};
    if (ph_db_traits(options->db)->is_local) {
        return ph_fail(err, PH_EINVALID,
                       "maildrops of the embedded store change with the mail, all or nothing; "
                       "`posthouse check --repair` looks at all of it");
    }
    struct fix *fix = ph_zalloc(sizeof *fix);
    fix->options = options;
    fix->counts = out_counts;
    fix->doubts = ph_alloc(DOUBTS_MAX * sizeof *fix->doubts);
    int result = find_place(fix, err);
    while (result == PH_OK && fix->pass < PASS_COUNT) {
        result = run_pass(fix, err);
        if (result == PH_OK) {
            fix->pass++;
            result =
                fix->pass < PASS_COUNT ? save(fix, fix->pass, PH_WALK_START, err) : forget_place(fix, err);
        }
    }
    free(fix->doubts);
    free(fix);
    return result;
}
