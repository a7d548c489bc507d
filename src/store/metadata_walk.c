/* SPDX-License-Identifier: Apache-2.0 */
#include "store/metadata_walk.h"

#include <stdlib.h>

#include "base/mem.h"

enum { PAGE_ROWS = 256, TOKEN_BYTES = 8 };

static const enum ph_stmt walks[PH_METADATA_TABLE_COUNT] = {
    [PH_METADATA_TRUTH] = PH_STMT_METADATA_WALK_TRUTH,
    [PH_METADATA_PROJECTION] = PH_STMT_METADATA_WALK_PROJECTION,
};

static int take(struct ph_rows *rows, struct ph_metadata_row *out, struct ph_error *err)
{
    int64_t number;
    *out = (struct ph_metadata_row){.row = {.uid = 0}};
    struct ph_message_row *row = &out->row;
    if (!ph_row_uuid(rows, 1, &row->message_id) || !ph_row_uuid(rows, 2, &row->mailbox_id)) {
        return ph_fail(err, PH_ECORRUPT, "imapUidTable or messageIdTable: a row without its key");
    }
    row->has_uid = ph_row_i64(rows, 3, &number);
    row->uid = row->has_uid ? (uint64_t)number : 0;
    ph_message_row_fill(row, rows, 4);
    row->envelope = ph_row_i64(rows, 9, &number) ? PH_BYTES("") : (struct ph_bytes){NULL, 0};
    row->bodystructure = ph_row_i64(rows, 10, &number) ? PH_BYTES("") : (struct ph_bytes){NULL, 0};
    out->written_us = ph_row_i64(rows, 11, &number) && number > 0 ? (uint64_t)number : 0;
    return PH_OK;
}

/* ---- SQLite: pages, by key ---- */

static void set_key(enum ph_metadata_table table, struct ph_metadata_row *row)
{
    const struct ph_message_row *message = &row->row;
    bool is_truth = table == PH_METADATA_TRUTH;
    memcpy(row->position, is_truth ? message->message_id.b : message->mailbox_id.b, PH_UUID_BYTES);
    if (is_truth) {
        memcpy(row->position + PH_UUID_BYTES, message->mailbox_id.b, PH_UUID_BYTES);
    } else {
        memcpy(row->position + PH_UUID_BYTES, &message->uid, sizeof message->uid);
    }
    row->position_len = is_truth ? 2 * PH_UUID_BYTES : PH_UUID_BYTES + sizeof message->uid;
    row->is_first = true;
}

static int read_page(struct ph_db *db, enum ph_metadata_table table, const struct ph_metadata_row *after,
                     struct ph_metadata_row *page, unsigned *out_count, struct ph_error *err)
{
    struct ph_rows *rows;
    struct ph_uuid first = {{0}};
    struct ph_uuid second = {{0}};
    uint64_t uid = 0;
    memcpy(first.b, after->position, PH_UUID_BYTES);
    memcpy(second.b, after->position + PH_UUID_BYTES, PH_UUID_BYTES);
    memcpy(&uid, after->position + PH_UUID_BYTES, sizeof uid);
    *out_count = 0;
    int result = ph_db_query(db, &rows, err, walks[table], ph_uuid_value(&first),
                             table == PH_METADATA_TRUTH ? ph_uuid_value(&second) : ph_i64((int64_t)uid));
    if (result != PH_OK) {
        return result;
    }
    while (*out_count < PAGE_ROWS && (result = ph_rows_next(rows, err)) == 1) {
        result = take(rows, &page[*out_count], err);
        if (result != PH_OK) {
            break;
        }
        set_key(table, &page[(*out_count)++]);
    }
    ph_rows_end(&rows);
    return result;
}

static int walk_pages(struct ph_db *db, enum ph_metadata_table table, struct ph_bytes position,
                      int (*each)(const struct ph_metadata_row *row, void *ctx, struct ph_error *err),
                      void *ctx, struct ph_error *err)
{
    struct ph_metadata_row *page = ph_alloc(PAGE_ROWS * sizeof *page);
    struct ph_metadata_row last = {.position_len = 0};
    unsigned count;
    memcpy(last.position, position.len == 0 ? (const uint8_t *)"" : position.ptr,
           position.len < sizeof last.position ? position.len : sizeof last.position);
    int result;
    do {
        result = read_page(db, table, &last, page, &count, err);
        for (unsigned i = 0; result == PH_OK && i < count; i++) {
            result = each(&page[i], ctx, err);
        }
        if (count > 0) {
            last = page[count - 1];
        }
    } while (result == PH_OK && count == PAGE_ROWS);
    free(page);
    return result;
}

/* ---- Cassandra: by token ---- */

static int walk_tokens(struct ph_db *db, enum ph_metadata_table table, struct ph_bytes position,
                       int (*each)(const struct ph_metadata_row *row, void *ctx, struct ph_error *err),
                       void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    int64_t token = INT64_MIN;
    if (position.len == TOKEN_BYTES) {
        memcpy(&token, position.ptr, TOKEN_BYTES);
    }
    int result = ph_db_query(db, &rows, err, walks[table], ph_i64(token));
    if (result != PH_OK) {
        return result;
    }
    bool has_token = false;
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_metadata_row row;
        int64_t now = 0;
        result = take(rows, &row, err);
        if (result == PH_OK) {
            (void)ph_row_i64(rows, 0, &now);
            row.is_first = !has_token || now != token;
            token = now;
            has_token = true;
            memcpy(row.position, &token, TOKEN_BYTES);
            row.position_len = TOKEN_BYTES;
            result = each(&row, ctx, err);
        }
        if (result != PH_OK) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}

int ph_store_metadata_walk(struct ph_db *db, enum ph_metadata_table table, struct ph_bytes position,
                           int (*each)(const struct ph_metadata_row *row, void *ctx, struct ph_error *err),
                           void *ctx, struct ph_error *err)
{
    return ph_db_traits(db)->is_local ? walk_pages(db, table, position, each, ctx, err)
                                      : walk_tokens(db, table, position, each, ctx, err);
}

/* ---- Filling ---- */

static struct ph_value if_lacking(bool has, struct ph_value value)
{
    return has ? ph_null() : value;
}

void ph_store_metadata_fill(struct ph_plan *plan, const struct ph_metadata_row *found,
                            const struct ph_message_row *full)
{
    const struct ph_message_row *row = &found->row;
    bool has_envelope = row->envelope.ptr != NULL || full->envelope.ptr == NULL;
    bool has_structure = row->bodystructure.ptr != NULL || full->bodystructure.ptr == NULL;
    const struct ph_value values[] = {
        ph_uuid_value(&row->message_id),
        ph_uuid_value(&row->mailbox_id),
        row->has_uid ? ph_i64((int64_t)row->uid) : ph_null(),
        if_lacking(row->has_internal_date, ph_time_ms(full->internal_date_ms)),
        if_lacking(row->has_body_start_octet, ph_i64((int64_t)full->body_start_octet)),
        if_lacking(row->has_full_content_octets, ph_i64((int64_t)full->full_content_octets)),
        if_lacking(row->has_header_content, ph_blob_id_value(&full->header_content)),
        if_lacking(row->has_body_content, ph_blob_id_value(&full->body_content)),
        has_envelope ? ph_null() : ph_blob(full->envelope),
        has_structure ? ph_null() : ph_blob(full->bodystructure),
        ph_i64((int64_t)found->written_us + 1),
    };
    enum { VALUES = sizeof values / sizeof values[0] };
    if (!row->has_uid) {
        /* Not in the projection, and on Cassandra without a whole key. */
        if (found->written_us == 0) {
            ph_plan_add_values(plan, PH_STAGE_TRUTH, PH_STMT_METADATA_FILL_TRUTH, 0, values, VALUES);
        }
        return;
    }
    ph_plan_add_values(plan, PH_STAGE_TRUTH, PH_STMT_METADATA_FILL_TRUTH, 0, values, VALUES);
    ph_plan_add_values(plan, PH_STAGE_PROJECTION, PH_STMT_METADATA_FILL_PROJECTION, 0, values, VALUES);
}
