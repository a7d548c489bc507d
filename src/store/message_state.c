/* SPDX-License-Identifier: Apache-2.0 */
#include "store/message_state.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FLAGS = 6, SET_PARAMS = 15 };

/* In the order of the columns. */
static const enum ph_flag flags[FLAGS] = {PH_FLAG_ANSWERED, PH_FLAG_DELETED, PH_FLAG_DRAFT,
                                          PH_FLAG_FLAGGED,  PH_FLAG_RECENT,  PH_FLAG_SEEN};

struct reading {
    const struct ph_uuid *mailbox_id;
    const struct ph_uuid *ids;
    struct ph_arena *arena;
    struct ph_message_state *states;
};

static void take_flags(const struct ph_rows *rows, struct ph_arena *arena, struct ph_message_state *state)
{
    for (unsigned i = 0; i < FLAGS; i++) {
        bool is_set = false;
        if (ph_row_bool(rows, 8 + i, &is_set) && is_set) {
            state->kept.flags |= flags[i];
        }
    }
    struct ph_bytes keywords;
    if (ph_row_bytes(rows, 14, &keywords)) {
        state->kept.keywords = ph_arena_bytes(arena, keywords);
    }
}

/* An empty one is there too. */
static void take_blob(const struct ph_rows *rows, unsigned column, struct ph_arena *arena,
                      struct ph_bytes *out_blob)
{
    struct ph_bytes octets;
    if (ph_row_bytes(rows, column, &octets)) {
        *out_blob = ph_bytes_of(ph_arena_copy(arena, octets.ptr, octets.len), octets.len);
    }
}

static int take(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    const struct reading *reading = ctx;
    struct ph_message_state *state = &reading->states[index];
    *state = (struct ph_message_state){.row.message_id = reading->ids[index],
                                       .row.mailbox_id = *reading->mailbox_id};
    int result = ph_rows_next(rows, err);
    if (result == 1) {
        int64_t number;
        state->exists = true;
        state->row.has_uid = ph_row_i64(rows, 0, &number);
        state->row.uid = state->row.has_uid ? (uint64_t)number : 0;
        ph_message_row_fill(&state->row, rows, 1);
        state->row.has_save_date = ph_row_i64(rows, 6, &state->row.save_date_ms);
        state->has_modseq = ph_row_i64(rows, 7, &number);
        state->row.modseq = state->has_modseq ? (uint64_t)number : 0;
        take_flags(rows, reading->arena, state);
        state->written_us = ph_row_i64(rows, 15, &number) ? (uint64_t)number : 0;
        take_blob(rows, 16, reading->arena, &state->row.envelope);
        take_blob(rows, 17, reading->arena, &state->row.bodystructure);
    }
    return result < 0 ? result : PH_OK;
}

int ph_store_message_state_get(struct ph_db *db, const struct ph_uuid *mailbox_id, const struct ph_uuid *ids,
                               size_t count, struct ph_arena *arena, struct ph_message_state *out_states,
                               struct ph_error *err)
{
    struct reading reading = {mailbox_id, ids, arena, out_states};
    struct ph_value(*params)[2] = ph_alloc(count * sizeof *params);
    struct ph_db_read *reads = ph_alloc(count * sizeof *reads);
    for (size_t i = 0; i < count; i++) {
        params[i][0] = ph_uuid_value(&ids[i]);
        params[i][1] = ph_uuid_value(mailbox_id);
        reads[i] = (struct ph_db_read){PH_STMT_IMAP_UID_STATE_GET, 2, params[i]};
    }
    int result = ph_db_query_each(db, reads, count, NULL, take, &reading, err);
    free(reads);
    free(params);
    return result;
}

static struct ph_value text_or_null(struct ph_bytes text)
{
    return text.len == 0 ? ph_null() : ph_text(text);
}

void ph_store_message_state_set_flags(struct ph_plan *plan, const struct ph_message_state *seen,
                                      const struct ph_flag_change *change, uint64_t timestamp_us,
                                      struct ph_number_slots out_slots[2])
{
    struct ph_value values[SET_PARAMS] = {
        ph_uuid_value(&seen->row.message_id),
        ph_uuid_value(&seen->row.mailbox_id),
        ph_i64((int64_t)timestamp_us),
        ph_null(),
    };
    for (unsigned i = 0; i < FLAGS; i++) {
        values[4 + i] = (change->set & flags[i]) != 0       ? ph_bool(true)
                        : (change->cleared & flags[i]) != 0 ? ph_bool(false)
                                                            : ph_null();
    }
    values[10] = text_or_null(change->added_keywords);
    values[11] = text_or_null(change->removed_keywords);
    values[12] = seen->row.has_uid ? ph_i64((int64_t)seen->row.uid) : ph_null();
    values[13] = seen->has_modseq ? ph_i64((int64_t)seen->row.modseq) : ph_null();
    values[14] = text_or_null(change->keywords);
    struct ph_plan_entry *truth = ph_plan_add_values(plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_SET_FLAGS,
                                                     PH_ECONFLICT, values, SET_PARAMS);
    out_slots[0] = (struct ph_number_slots){.uid = NULL, .modseq = &truth->params[3]};
    out_slots[1] = out_slots[0];
    if (seen->row.has_uid) {
        struct ph_plan_entry *projection = ph_plan_add_values(
            plan, PH_STAGE_PROJECTION, PH_STMT_MESSAGE_ID_SET_FLAGS, 0, values, SET_PARAMS);
        out_slots[1].modseq = &projection->params[3];
    }
}
