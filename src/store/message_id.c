/* SPDX-License-Identifier: Apache-2.0 */
#include "store/message_id.h"

void ph_store_message_id_add(struct ph_plan *plan, const struct ph_message_row *row,
                             struct ph_number_slots *out_slots)
{
    const struct ph_value values[] = {
        ph_uuid_value(&row->mailbox_id),        ph_null(),
        ph_uuid_value(&row->message_id),        ph_null(),
        ph_time_ms(row->internal_date_ms),      ph_time_ms(row->save_date_ms),
        ph_i64((int64_t)row->body_start_octet), ph_i64((int64_t)row->full_content_octets),
        ph_uuid_value(&row->header_content),    ph_uuid_value(&row->body_content),
    };
    struct ph_plan_entry *entry = ph_plan_add_values(plan, PH_STAGE_PROJECTION, PH_STMT_MESSAGE_ID_INSERT, 0,
                                                     values, sizeof values / sizeof values[0]);
    out_slots->uid = &entry->params[1];
    out_slots->modseq = &entry->params[3];
}

void ph_store_message_id_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id, uint64_t uid)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE, ph_uuid_value(mailbox_id),
                ph_i64((int64_t)uid));
}

void ph_store_message_id_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE_MAILBOX,
                ph_uuid_value(mailbox_id));
}

int ph_store_message_id_first(struct ph_db *db, const struct ph_uuid *mailbox_id, struct ph_uuid *out_ids,
                              size_t max, size_t *out_count, struct ph_error *err)
{
    struct ph_rows *rows;
    *out_count = 0;
    int result = ph_db_query(db, &rows, err, PH_STMT_MESSAGE_ID_LIST, ph_uuid_value(mailbox_id));
    if (result != PH_OK) {
        return result;
    }
    while (*out_count < max && (result = ph_rows_next(rows, err)) == 1) {
        if (!ph_row_uuid(rows, 0, &out_ids[*out_count])) {
            result = ph_fail(err, PH_ECORRUPT, "messageIdTable: a row without messageId");
            break;
        }
        result = PH_OK;
        (*out_count)++;
    }
    ph_rows_end(&rows);
    return result;
}
