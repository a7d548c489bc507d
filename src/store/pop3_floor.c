/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pop3_floor.h"

bool ph_pop3_is_late(const struct ph_message_row *row)
{
    return row->save_date_ms - (int64_t)(ph_uuid_unix_us(&row->message_id) / 1000) > PH_POP3_LATE_MS;
}

/* ---- Reading ---- */

struct ph_db_read ph_store_pop3_floor_read(const struct ph_uuid *mailbox_id, struct ph_value params[1])
{
    params[0] = ph_uuid_value(mailbox_id);
    return (struct ph_db_read){PH_STMT_POP3_FLOOR_GET, 1, params};
}

int ph_store_pop3_floor_take(struct ph_rows *rows, struct ph_pop3_floor *out_floor, struct ph_error *err)
{
    *out_floor = (struct ph_pop3_floor){.floor = ph_uuid_first_of_us(0)};
    int result = ph_rows_next(rows, err);
    if (result == 1) {
        (void)ph_row_uuid(rows, 0, &out_floor->floor);
        (void)ph_row_bool(rows, 1, &out_floor->has_late);
    }
    return result < 0 ? result : PH_OK;
}

int ph_store_pop3_floor_get(struct ph_db *db, const struct ph_uuid *mailbox_id,
                            struct ph_pop3_floor *out_floor, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_FLOOR_GET, ph_uuid_value(mailbox_id));
    if (result == PH_OK) {
        result = ph_store_pop3_floor_take(rows, out_floor, err);
        ph_rows_end(&rows);
    }
    return result;
}

struct ph_db_read ph_store_pop3_above_read(const struct ph_uuid *mailbox_id, const struct ph_uuid *floor,
                                           struct ph_value params[2])
{
    params[0] = ph_uuid_value(mailbox_id);
    params[1] = ph_uuid_value(floor);
    return (struct ph_db_read){PH_STMT_POP3_METADATA_LIST_ABOVE, 2, params};
}

struct ph_db_read ph_store_pop3_late_read(const struct ph_uuid *mailbox_id, struct ph_value params[1])
{
    params[0] = ph_uuid_value(mailbox_id);
    return (struct ph_db_read){PH_STMT_POP3_LATE_LIST, 1, params};
}

/* ---- Raising ---- */

int ph_store_pop3_floor_check(struct ph_db *db, const struct ph_uuid *mailbox_id, const struct ph_uuid *floor,
                              const struct ph_uuid *to, struct ph_uuid *out_first, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_FLOOR_CHECK, ph_uuid_value(mailbox_id),
                             ph_uuid_value(floor), ph_uuid_value(to));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        result = ph_row_uuid(rows, 0, out_first)
                     ? PH_OK
                     : ph_fail(err, PH_ECORRUPT, "pop3metadata: a row without messageId");
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "pop3metadata: no row in the range");
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_pop3_floor_raise(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                               const struct ph_uuid *floor)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_FLOOR_RAISE, ph_uuid_value(mailbox_id),
                ph_uuid_value(floor), ph_i64((int64_t)ph_uuid_unix_us(floor)));
}

/* ---- Rows that came late ---- */

void ph_store_pop3_late_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                            const struct ph_uuid *message_id, uint64_t size, struct ph_bytes uidl)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_LATE_INSERT, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size), uidl.len == 0 ? ph_null() : ph_text(uidl));
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_LATE_MARK, ph_uuid_value(mailbox_id));
}

void ph_store_pop3_late_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                               const struct ph_uuid *message_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_LATE_DELETE, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id));
}

void ph_store_pop3_late_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_POP3_LATE_DELETE_MAILBOX,
                ph_uuid_value(mailbox_id));
}
