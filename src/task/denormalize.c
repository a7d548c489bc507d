/* SPDX-License-Identifier: Apache-2.0 */
#include "task/denormalize.h"

#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "mailbox/message_summary.h"
#include "store/metadata_walk.h"
#include "store/task_progress.h"

enum { SAVE_MS = 15 * 1000, TELL_MS = 1000, PAUSE_MS = 100, PATIENCE_MS = 60 * 1000, RETRY_MS = 2000 };

static const char *const table_names[PH_METADATA_TABLE_COUNT] = {
    [PH_METADATA_TRUTH] = "imapUidTable",
    [PH_METADATA_PROJECTION] = "messageIdTable",
};

struct denormalizing {
    const struct ph_denormalize_options *options;
    struct ph_denormalize_counts *counts;
    struct ph_db *db;
    enum ph_metadata_table table;
    uint8_t position[PH_METADATA_POSITION_BYTES]; /* behind it the next attempt begins */
    unsigned position_len;
    struct ph_metadata_row last; /* the row before */
    struct ph_summary summary;
    struct ph_arena arena;
    uint64_t started_us;
    uint64_t rows; /* since then */
    uint64_t saved_ms;
    uint64_t told_ms;
};

/* ---- Time ---- */

static int tell(struct denormalizing *d)
{
    uint64_t now_ms = ph_mono_ms(d->options->clock);
    if (d->options->went_on == NULL || now_ms - d->told_ms < TELL_MS) {
        return PH_OK;
    }
    d->told_ms = now_ms;
    return d->options->went_on(d->counts, d->options->ctx);
}

static int wait_until(struct denormalizing *d, uint64_t due_ms)
{
    int result = PH_OK;
    for (;;) {
        uint64_t now_ms = ph_mono_ms(d->options->clock);
        if (result != PH_OK || now_ms >= due_ms) {
            return result;
        }
        uint64_t left_ms = due_ms - now_ms < PAUSE_MS ? due_ms - now_ms : PAUSE_MS;
        const struct timespec pause = {.tv_nsec = (long)left_ms * 1000000};
        (void)nanosleep(&pause, NULL);
        result = tell(d);
    }
}

/* ---- How far it is ---- */

static int save(struct denormalizing *d, struct ph_error *err)
{
    d->saved_ms = ph_mono_ms(d->options->clock);
    if (d->options->is_dry_run) {
        return PH_OK;
    }
    const struct ph_task_progress progress = {ph_bytes_of(d->position, d->position_len),
                                              ph_bytes_str(table_names[d->table])};
    struct ph_plan plan;
    ph_arena_reset(&d->arena);
    ph_plan_init(&plan, &d->arena);
    ph_store_task_progress_put(&plan, PH_BYTES("denormalize-metadata"), &progress,
                               (int64_t)(ph_real_us(d->options->clock) / 1000));
    return ph_db_apply(d->db, &plan, err);
}

static int forget_place(struct denormalizing *d, struct ph_error *err)
{
    struct ph_plan plan;
    ph_arena_reset(&d->arena);
    ph_plan_init(&plan, &d->arena);
    ph_store_task_progress_remove(&plan, PH_BYTES("denormalize-metadata"));
    return d->options->is_dry_run ? PH_OK : ph_db_apply(d->db, &plan, err);
}

static int find_place(struct denormalizing *d, struct ph_error *err)
{
    struct ph_task_progress progress;
    struct ph_error trouble = {0};
    if (d->options->starts_anew || d->options->is_dry_run) {
        return PH_OK;
    }
    int result =
        ph_store_task_progress_get(d->db, PH_BYTES("denormalize-metadata"), &d->arena, &progress, &trouble);
    if (result == PH_OK && progress.position.len <= sizeof d->position) {
        for (int i = 0; i < PH_METADATA_TABLE_COUNT; i++) {
            if (ph_bytes_eq(progress.state, ph_bytes_str(table_names[i]))) {
                d->table = (enum ph_metadata_table)i;
                d->position_len = (unsigned)progress.position.len;
                memcpy(d->position, progress.position.ptr, progress.position.len);
                d->counts->was_resumed = true;
            }
        }
    }
    if (result != PH_OK && result != PH_ENOTFOUND) {
        *err = trouble;
        return result;
    }
    return PH_OK;
}

/* ---- One row ---- */

static bool is_incomplete(const struct ph_message_row *row)
{
    return !ph_message_row_is_complete(row) || row->envelope.ptr == NULL || row->bodystructure.ptr == NULL;
}

static int complete(struct denormalizing *d, const struct ph_metadata_row *found,
                    struct ph_message_row *out_full, struct ph_error *err)
{
    struct ph_bytes envelope = {NULL, 0};
    struct ph_bytes structure = {NULL, 0};
    *out_full = found->row;
    int result = ph_message_places_complete(d->options->mailboxes, out_full, err);
    if (result == PH_OK && (out_full->envelope.ptr == NULL || out_full->bodystructure.ptr == NULL)) {
        result = ph_message_summary(d->options->mailboxes, out_full, out_full->bodystructure.ptr == NULL,
                                    &d->summary, &envelope, &structure, err);
        out_full->envelope = ph_summary_column(envelope);
        out_full->bodystructure = ph_summary_column(structure);
    }
    return result;
}

static bool is_transient(int result)
{
    return result == PH_EUNAVAILABLE || result == PH_EBUSY || result == PH_EUNKNOWN_OUTCOME;
}

static int fill(struct denormalizing *d, const struct ph_metadata_row *found, struct ph_error *err)
{
    struct ph_message_row full;
    struct ph_error why = {0};
    d->counts->incomplete++;
    if (d->options->is_dry_run) {
        return PH_OK;
    }
    int result = complete(d, found, &full, &why);
    if (result == PH_ENOTFOUND) {
        return PH_OK; /* deleted meanwhile */
    }
    if (result == PH_OK) {
        struct ph_plan plan;
        ph_arena_reset(&d->arena);
        ph_plan_init(&plan, &d->arena);
        ph_store_metadata_fill(&plan, found, &full);
        result = plan.count == 0 ? PH_OK : ph_db_apply(d->db, &plan, &why);
        d->counts->filled += result == PH_OK && plan.count > 0 ? 1 : 0;
    } else if (result == PH_ECORRUPT) {
        d->counts->unreadable++;
        result = d->options->unreadable == NULL
                     ? PH_OK
                     : d->options->unreadable(&found->row.mailbox_id, &found->row.message_id, &why,
                                              d->options->ctx);
    }
    if (result != PH_OK) {
        *err = why;
    }
    return result;
}

static int each_row(const struct ph_metadata_row *row, void *ctx, struct ph_error *err)
{
    struct denormalizing *d = ctx;
    unsigned save_ms = d->options->save_ms == 0 ? SAVE_MS : d->options->save_ms;
    int result = PH_OK;
    /* Everything before a first row is done, and may be passed over next time. */
    if (row->is_first && d->last.position_len > 0) {
        memcpy(d->position, d->last.position, d->last.position_len);
        d->position_len = d->last.position_len;
        if (ph_mono_ms(d->options->clock) - d->saved_ms >= save_ms) {
            result = save(d, err);
        }
    }
    d->last = *row;
    d->rows++;
    d->counts->rows++;
    if (result == PH_OK && is_incomplete(&row->row)) {
        result = fill(d, row, err);
    }
    if (result == PH_OK && d->options->rows_per_second > 0) {
        uint64_t due_us = d->started_us + d->rows * 1000000 / d->options->rows_per_second;
        result = wait_until(d, due_us / 1000);
    }
    return result == PH_OK ? tell(d) : result;
}

/* ---- The tables ---- */

/* Goes on from the last place while the store has trouble, unless that lasts. */
static int run_table(struct denormalizing *d, struct ph_error *err)
{
    uint64_t trouble_ms = 0;
    for (;;) {
        uint64_t before = d->counts->filled;
        d->last = (struct ph_metadata_row){.position_len = 0};
        d->rows = 0;
        d->started_us = ph_mono_us(d->options->clock);
        int result = ph_store_metadata_walk(d->db, d->table, ph_bytes_of(d->position, d->position_len),
                                            each_row, d, err);
        uint64_t now_ms = ph_mono_ms(d->options->clock);
        if (!is_transient(result)) {
            return result;
        }
        if (trouble_ms == 0 || d->counts->filled != before) {
            trouble_ms = now_ms;
        }
        if (now_ms - trouble_ms >= PATIENCE_MS) {
            return result;
        }
        int waited = wait_until(d, now_ms + RETRY_MS);
        if (waited != PH_OK) {
            return waited;
        }
    }
}

int ph_denormalize_run(const struct ph_denormalize_options *options, struct ph_denormalize_counts *out_counts,
                       struct ph_error *err)
{
    *out_counts = (struct ph_denormalize_counts){0};
    struct denormalizing *d = ph_zalloc(sizeof *d);
    d->options = options;
    d->counts = out_counts;
    d->db = ph_mailboxes_db(options->mailboxes);
    d->saved_ms = ph_mono_ms(options->clock);
    d->told_ms = d->saved_ms;
    ph_summary_init(&d->summary);
    ph_arena_init(&d->arena, 16U << 10);
    int result = find_place(d, err);
    while (result == PH_OK && d->table < PH_METADATA_TABLE_COUNT) {
        result = run_table(d, err);
        if (result == PH_OK) {
            d->table++;
            d->position_len = 0;
            result = d->table < PH_METADATA_TABLE_COUNT ? save(d, err) : forget_place(d, err);
        }
    }
    if (result != PH_OK && d->table < PH_METADATA_TABLE_COUNT) {
        struct ph_error ignored;
        (void)save(d, &ignored); /* the next run finds it; if not, it has more to read */
    }
    ph_arena_fini(&d->arena);
    ph_summary_fini(&d->summary);
    free(d);
    return result;
}
