/* SPDX-License-Identifier: Apache-2.0 */
#include "store/message.h"

static bool fill_number(const struct ph_rows *rows, unsigned column, uint64_t *number)
{
    int64_t value;
    if (!ph_row_i64(rows, column, &value) || value < 0) {
        return false;
    }
    *number = (uint64_t)value;
    return true;
}

void ph_message_row_fill(struct ph_message_row *row, const struct ph_rows *rows, unsigned first)
{
    if (!row->has_internal_date) {
        row->has_internal_date = ph_row_i64(rows, first, &row->internal_date_ms);
    }
    if (!row->has_body_start_octet) {
        row->has_body_start_octet = fill_number(rows, first + 1, &row->body_start_octet);
    }
    if (!row->has_full_content_octets) {
        row->has_full_content_octets = fill_number(rows, first + 2, &row->full_content_octets);
    }
    if (!row->has_header_content) {
        row->has_header_content = ph_row_blob_id(rows, first + 3, &row->header_content);
    }
    if (!row->has_body_content) {
        row->has_body_content = ph_row_blob_id(rows, first + 4, &row->body_content);
    }
}

void ph_store_message_add(struct ph_plan *plan, const struct ph_message_row *row)
{
    uint64_t body_octets = row->full_content_octets - row->body_start_octet;
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_MESSAGE_INSERT, ph_uuid_value(&row->message_id),
                ph_time_ms(row->internal_date_ms), ph_i64((int64_t)row->body_start_octet),
                ph_i64((int64_t)body_octets), ph_i64((int64_t)row->full_content_octets),
                ph_blob_id_value(&row->body_content), ph_blob_id_value(&row->header_content));
}

void ph_store_message_remove_unreferenced(struct ph_plan *plan, const struct ph_uuid *message_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_MESSAGE_DELETE_UNREFERENCED,
                ph_uuid_value(message_id));
}

int ph_store_message_complete(struct ph_db *db, struct ph_message_row *row, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_MESSAGE_GET, ph_uuid_value(&row->message_id));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        ph_message_row_fill(row, rows, 0);
        result = PH_OK;
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "messageV3: no such message id");
    }
    ph_rows_end(&rows);
    return result;
}
