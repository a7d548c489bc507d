/* SPDX-License-Identifier: Apache-2.0 */
#include "store/message_id.h"

void ph_store_message_id_add(struct ph_plan *plan, const struct ph_message_row *row,
                             struct ph_number_slots *out_slots)
{
    struct ph_value values[12 + PH_KEPT_VALUES] = {
        ph_uuid_value(&row->mailbox_id),        ph_null(),
        ph_uuid_value(&row->message_id),        ph_null(),
        ph_time_ms(row->internal_date_ms),      ph_time_ms(row->save_date_ms),
        ph_i64((int64_t)row->body_start_octet), ph_i64((int64_t)row->full_content_octets),
        ph_blob_id_value(&row->header_content), ph_blob_id_value(&row->body_content),
    };
    struct ph_plan_entry *entry;
    if (row->kept == NULL) {
        ph_store_summary_values(row, values + 10);
        entry = ph_plan_add_values(plan, PH_STAGE_PROJECTION, PH_STMT_MESSAGE_ID_INSERT, 0, values, 12);
    } else {
        ph_store_kept_values(row->kept, values + 10);
        ph_store_summary_values(row, values + 10 + PH_KEPT_VALUES);
        entry = ph_plan_add_values(plan, PH_STAGE_PROJECTION, PH_STMT_MESSAGE_ID_INSERT_KEPT, PH_ECONFLICT,
                                   values, 12 + PH_KEPT_VALUES);
    }
    out_slots->uid = &entry->params[1];
    out_slots->modseq = &entry->params[3];
}

void ph_store_message_id_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id, uint64_t uid,
                                const struct ph_uuid *message_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE, ph_uuid_value(mailbox_id),
                ph_i64((int64_t)uid), ph_uuid_value(message_id));
}

void ph_store_message_id_remove_marked(struct ph_plan *plan, const struct ph_uuid *mailbox_id, uint64_t uid,
                                       const struct ph_uuid *message_id)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE_MARKED,
                    ph_uuid_value(mailbox_id), ph_i64((int64_t)uid), ph_uuid_value(message_id));
}

void ph_store_message_id_remove_of(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *message_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MESSAGE_ID_DELETE_OF, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id));
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

int ph_store_message_id_check(struct ph_db *db, const struct ph_uuid *mailbox_id, uint64_t uid,
                              struct ph_error *err)
{
    struct ph_rows *rows;
    int result =
        ph_db_query(db, &rows, err, PH_STMT_MESSAGE_ID_GET, ph_uuid_value(mailbox_id), ph_i64((int64_t)uid));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    ph_rows_end(&rows);
    return result == 1   ? PH_OK
           : result == 0 ? ph_fail(err, PH_ENOTFOUND, "messageIdTable: no such UID in this mailbox")
                         : result;
}

static bool read_listed(const struct ph_rows *rows, struct ph_arena *arena, struct ph_message_listed *out)
{
    static const enum ph_flag flags[] = {PH_FLAG_ANSWERED, PH_FLAG_DELETED, PH_FLAG_DRAFT,
                                         PH_FLAG_FLAGGED,  PH_FLAG_RECENT,  PH_FLAG_SEEN};
    *out = (struct ph_message_listed){0};
    int64_t uid;
    if (!ph_row_i64(rows, 0, &uid) || !ph_row_uuid(rows, 1, &out->message_id)) {
        return false;
    }
    out->uid = (uint64_t)uid;
    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        bool is_set = false;
        out->kept.flags |= ph_row_bool(rows, 2 + i, &is_set) && is_set ? flags[i] : 0U;
    }
    struct ph_bytes text;
    if (ph_row_bytes(rows, 8, &text)) {
        out->kept.keywords = ph_arena_bytes(arena, text);
    }
    (void)ph_row_i64(rows, 9, &out->internal_date_ms);
    (void)ph_row_i64(rows, 10, &out->save_date_ms);
    if (ph_row_bytes(rows, 11, &text)) {
        out->kept.uidl = ph_arena_bytes(arena, text);
    }
    return true;
}

/* ---- UIDLs of a page, where the engine cannot read two tables in one statement ---- */

struct uidls {
    struct ph_message_page *page;
    struct ph_arena *arena;
};

static int take_uidl(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    struct uidls *uidls = ctx;
    int result = ph_rows_next(rows, err);
    struct ph_bytes text;
    if (result == 1 && ph_row_bytes(rows, 0, &text)) {
        uidls->page->list[index].kept.uidl = ph_arena_bytes(uidls->arena, text);
    }
    return result < 0 ? result : PH_OK;
}

static int read_uidls(struct ph_db *db, const struct ph_uuid *mailbox_id, struct ph_arena *arena,
                      struct ph_message_page *page, struct ph_error *err)
{
    struct ph_value params[PH_MESSAGE_PAGE_ROWS][2];
    struct ph_db_read reads[PH_MESSAGE_PAGE_ROWS];
    struct uidls uidls = {page, arena};
    for (size_t i = 0; i < page->count; i++) {
        params[i][0] = ph_uuid_value(mailbox_id);
        params[i][1] = ph_uuid_value(&page->list[i].message_id);
        reads[i] = (struct ph_db_read){PH_STMT_POP3_METADATA_UIDL_GET, 2, params[i]};
    }
    return ph_db_query_each(db, reads, page->count, NULL, take_uidl, &uidls, err);
}

int ph_store_message_id_page(struct ph_db *db, const struct ph_uuid *mailbox_id, uint64_t after,
                             struct ph_arena *arena, struct ph_message_page *out_page, struct ph_error *err)
{
    struct ph_rows *rows;
    out_page->count = 0;
    int result = ph_db_query(db, &rows, err, PH_STMT_MESSAGE_ID_PAGE, ph_uuid_value(mailbox_id),
                             ph_i64((int64_t)after));
    if (result != PH_OK) {
        return result;
    }
    while (out_page->count < PH_MESSAGE_PAGE_ROWS && (result = ph_rows_next(rows, err)) == 1) {
        if (!read_listed(rows, arena, &out_page->list[out_page->count])) {
            result = ph_fail(err, PH_ECORRUPT, "messageIdTable: a row without uid or messageId");
            break;
        }
        result = PH_OK;
        out_page->count++;
    }
    ph_rows_end(&rows);
    bool has_uidls = ph_db_traits(db)->is_local;
    return result != PH_OK || has_uidls ? result : read_uidls(db, mailbox_id, arena, out_page, err);
}
