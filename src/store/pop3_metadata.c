/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pop3_metadata.h"

void ph_store_pop3_metadata_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_uuid *message_id, uint64_t size)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size));
}

void ph_store_pop3_metadata_add_again(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                      const struct ph_uuid *message_id, uint64_t size)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT_KEPT, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size));
}

void ph_store_pop3_metadata_add_uidl(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                     const struct ph_uuid *message_id, uint64_t size, struct ph_bytes uidl)
{
    struct ph_uuid id;
    bool is_id = ph_uuid_parse(uidl, &id) == PH_OK;
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT_UIDL, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size), ph_text(uidl),
                is_id ? ph_uuid_value(&id) : ph_null());
}

int ph_store_pop3_metadata_has_uidl(struct ph_db *db, const struct ph_uuid *mailbox_id,
                                    const struct ph_uuid *message_id, bool *out_has_uidl,
                                    struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_METADATA_UIDL_GET, ph_uuid_value(mailbox_id),
                             ph_uuid_value(message_id));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        struct ph_bytes uidl;
        *out_has_uidl = ph_row_bytes(rows, 0, &uidl);
        result = PH_OK;
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "pop3metadata: no such message in this mailbox");
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_pop3_metadata_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *message_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_METADATA_DELETE, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id));
}

void ph_store_pop3_metadata_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_METADATA_DELETE_MAILBOX,
                ph_uuid_value(mailbox_id));
}

struct ph_db_read ph_store_pop3_size_read(bool is_late, const struct ph_uuid *mailbox_id,
                                          const struct ph_uuid *message_id, struct ph_value params[2])
{
    params[0] = ph_uuid_value(mailbox_id);
    params[1] = ph_uuid_value(message_id);
    return (struct ph_db_read){is_late ? PH_STMT_POP3_LATE_GET : PH_STMT_POP3_METADATA_GET, 2, params};
}

int ph_store_pop3_size_take(struct ph_rows *rows, uint64_t *out_size, struct ph_error *err)
{
    int64_t size = 0;
    int result = ph_rows_next(rows, err);
    if (result == 1) {
        (void)ph_row_i64(rows, 0, &size);
        *out_size = size < 0 ? 0 : (uint64_t)size;
    }
    return result;
}

/* ---- Lists ---- */

static int list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                struct ph_pop3_entry **out_entries, size_t *out_count, struct ph_pop3_uidls *out_uidls,
                struct ph_error *err)
{
    struct ph_rows *rows;
    *out_entries = NULL;
    *out_count = 0;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(mailbox_id));
    if (result != PH_OK) {
        return result;
    }
    struct ph_pop3_listing listing;
    ph_pop3_listing_init(&listing, max, out_uidls != NULL);
    result = ph_pop3_listing_take(&listing, rows, err);
    ph_rows_end(&rows);
    if (result == PH_OK) {
        ph_pop3_listing_give(&listing, out_entries, out_count, out_uidls);
    } else {
        ph_pop3_listing_fini(&listing);
    }
    return result;
}

int ph_store_pop3_metadata_list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                                struct ph_pop3_entry **out_entries, size_t *out_count, struct ph_error *err)
{
    return list(db, mailbox_id, max, out_entries, out_count, NULL, err);
}

int ph_store_pop3_metadata_list_uidls(struct ph_db *db, const struct ph_uuid *mailbox_id,
                                      struct ph_pop3_entry **out_entries, size_t *out_count,
                                      struct ph_pop3_uidls *out_uidls, struct ph_error *err)
{
    *out_uidls = (struct ph_pop3_uidls){0};
    return list(db, mailbox_id, SIZE_MAX, out_entries, out_count, out_uidls, err);
}
