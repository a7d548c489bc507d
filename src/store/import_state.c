/* SPDX-License-Identifier: Apache-2.0 */
#include "store/import_state.h"

int ph_store_import_get(struct ph_db *db, const struct ph_uuid *mailbox_id, struct ph_import_state *out_state,
                        struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_IMPORT_GET, ph_uuid_value(mailbox_id));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        int64_t uid_validity = 0;
        int64_t uid_limit = 0;
        bool is_whole = ph_row_i64(rows, 0, &uid_validity) && ph_row_i64(rows, 1, &uid_limit);
        *out_state = (struct ph_import_state){(uint32_t)uid_validity, (uint64_t)uid_limit};
        result = is_whole ? PH_OK : ph_fail(err, PH_ECORRUPT, "imports: a row that is not whole");
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "imports: nothing of this mailbox");
    }
    ph_rows_end(&rows);
    return result;
}

struct ph_value *ph_store_import_put(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                     const struct ph_import_state *state)
{
    const struct ph_value values[] = {ph_uuid_value(mailbox_id), ph_i64(state->uid_validity),
                                      ph_i64((int64_t)state->uid_limit)};
    return &ph_plan_add_values(plan, PH_STAGE_TRUTH, PH_STMT_IMPORT_PUT, 0, values, 3)->params[2];
}

int ph_store_imported_get(struct ph_db *db, const struct ph_uuid *mailbox_id,
                          const uint8_t key[PH_IMPORT_KEY_BYTES], struct ph_uuid *out_message_id,
                          struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_IMPORTED_GET, ph_uuid_value(mailbox_id),
                             ph_blob(ph_bytes_of(key, PH_IMPORT_KEY_BYTES)));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        result = ph_row_uuid(rows, 0, out_message_id)
                     ? PH_OK
                     : ph_fail(err, PH_ECORRUPT, "imported: a row without messageId");
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "imported: not yet");
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_imported_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                           const uint8_t key[PH_IMPORT_KEY_BYTES], const struct ph_uuid *message_id)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_IMPORTED_INSERT, ph_uuid_value(mailbox_id),
                    ph_blob(ph_bytes_of(key, PH_IMPORT_KEY_BYTES)), ph_uuid_value(message_id));
}

void ph_store_import_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_IMPORTED_DELETE_MAILBOX, ph_uuid_value(mailbox_id));
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_IMPORT_DELETE, ph_uuid_value(mailbox_id));
}
