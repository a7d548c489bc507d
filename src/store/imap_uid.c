/* SPDX-License-Identifier: Apache-2.0 */
#include "store/imap_uid.h"

#include <stdlib.h>

#include "base/mem.h"

void ph_store_kept_values(const struct ph_message_kept *kept, struct ph_value *out_values)
{
    static const enum ph_flag flags[] = {PH_FLAG_ANSWERED, PH_FLAG_DELETED, PH_FLAG_DRAFT,
                                         PH_FLAG_FLAGGED,  PH_FLAG_RECENT,  PH_FLAG_SEEN};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        out_values[i] = ph_bool((kept->flags & flags[i]) != 0);
    }
    out_values[6] = kept->keywords.len == 0 ? ph_null() : ph_text(kept->keywords);
}

void ph_store_summary_values(const struct ph_message_row *row, struct ph_value *out_values)
{
    out_values[0] = row->envelope.ptr == NULL ? ph_null() : ph_blob(row->envelope);
    out_values[1] = row->bodystructure.ptr == NULL ? ph_null() : ph_blob(row->bodystructure);
}

void ph_store_imap_uid_add(struct ph_plan *plan, const struct ph_message_row *row,
                           struct ph_number_slots *out_slots)
{
    struct ph_value values[12 + PH_KEPT_VALUES] = {
        ph_uuid_value(&row->message_id),
        ph_uuid_value(&row->mailbox_id),
        ph_null(),
        ph_null(),
        ph_time_ms(row->internal_date_ms),
        ph_time_ms(row->save_date_ms),
        ph_i64((int64_t)row->body_start_octet),
        ph_i64((int64_t)row->full_content_octets),
        ph_blob_id_value(&row->header_content),
        ph_blob_id_value(&row->body_content),
    };
    struct ph_plan_entry *entry;
    if (row->kept == NULL) {
        ph_store_summary_values(row, values + 10);
        entry = ph_plan_add_values(plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT, 0, values, 12);
    } else {
        ph_store_kept_values(row->kept, values + 10);
        ph_store_summary_values(row, values + 10 + PH_KEPT_VALUES);
        entry = ph_plan_add_values(plan, PH_STAGE_TRUTH, PH_STMT_IMAP_UID_INSERT_KEPT, 0, values,
                                   12 + PH_KEPT_VALUES);
    }
    out_slots->uid = &entry->params[2];
    out_slots->modseq = &entry->params[3];
}

void ph_store_imap_uid_remove(struct ph_plan *plan, const struct ph_uuid *message_id,
                              const struct ph_uuid *mailbox_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_IMAP_UID_DELETE, ph_uuid_value(message_id),
                ph_uuid_value(mailbox_id));
}

/* The first of ROWS, if there is one. 1, 0 or an error, as ph_rows_next. */
static int take(struct ph_rows *rows, const struct ph_uuid *message_id, const struct ph_uuid *mailbox_id,
                struct ph_message_row *out_row, struct ph_error *err)
{
    int result = ph_rows_next(rows, err);
    if (result == 1) {
        int64_t uid;
        *out_row = (struct ph_message_row){.message_id = *message_id, .mailbox_id = *mailbox_id};
        if (ph_row_i64(rows, 0, &uid)) {
            out_row->uid = (uint64_t)uid;
            out_row->has_uid = true;
        }
        ph_message_row_fill(out_row, rows, 1);
        out_row->has_save_date = ph_row_i64(rows, 6, &out_row->save_date_ms);
    }
    return result;
}

struct ph_db_read ph_store_imap_uid_read(const struct ph_uuid *message_id, const struct ph_uuid *mailbox_id,
                                         struct ph_value params[2])
{
    params[0] = ph_uuid_value(message_id);
    params[1] = ph_uuid_value(mailbox_id);
    return (struct ph_db_read){PH_STMT_IMAP_UID_GET, 2, params};
}

int ph_store_imap_uid_take(struct ph_rows *rows, const struct ph_uuid *message_id,
                           const struct ph_uuid *mailbox_id, struct ph_message_row *out_row,
                           struct ph_error *err)
{
    return take(rows, message_id, mailbox_id, out_row, err);
}

int ph_store_imap_uid_get(struct ph_db *db, const struct ph_uuid *message_id,
                          const struct ph_uuid *mailbox_id, struct ph_message_row *out_row,
                          struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_IMAP_UID_GET, ph_uuid_value(message_id),
                             ph_uuid_value(mailbox_id));
    if (result != PH_OK) {
        return result;
    }
    result = take(rows, message_id, mailbox_id, out_row, err);
    ph_rows_end(&rows);
    return result == 1   ? PH_OK
           : result == 0 ? ph_fail(err, PH_ENOTFOUND, "imapUidTable: no such message in this mailbox")
                         : result;
}

struct several {
    const struct ph_uuid *mailbox_id;
    const struct ph_uuid *ids;
    int (*each)(const struct ph_uuid *id, const struct ph_message_row *row, void *ctx, struct ph_error *err);
    void *ctx;
};

static int take_each(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    const struct several *several = ctx;
    const struct ph_uuid *id = &several->ids[index];
    struct ph_message_row row;
    int result = take(rows, id, several->mailbox_id, &row, err);
    return result < 0 ? result : several->each(id, result == 1 ? &row : NULL, several->ctx, err);
}

int ph_store_imap_uid_get_each(struct ph_db *db, const struct ph_uuid *mailbox_id, const struct ph_uuid *ids,
                               size_t count,
                               int (*each)(const struct ph_uuid *id, const struct ph_message_row *row,
                                           void *ctx, struct ph_error *err),
                               void *ctx, struct ph_error *err)
{
    struct several several = {mailbox_id, ids, each, ctx};
    struct ph_value(*params)[2] = ph_alloc(count * sizeof *params);
    struct ph_db_read *reads = ph_alloc(count * sizeof *reads);
    for (size_t i = 0; i < count; i++) {
        params[i][0] = ph_uuid_value(&ids[i]);
        params[i][1] = ph_uuid_value(mailbox_id);
        reads[i] = (struct ph_db_read){PH_STMT_IMAP_UID_GET, 2, params[i]};
    }
    int result = ph_db_query_each(db, reads, count, NULL, take_each, &several, err);
    free(reads);
    free(params);
    return result;
}
