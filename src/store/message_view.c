/* SPDX-License-Identifier: Apache-2.0 */
#include "store/message_view.h"

static bool take(const struct ph_rows *rows, struct ph_message_viewed *out)
{
    static const enum ph_flag flags[] = {PH_FLAG_ANSWERED, PH_FLAG_DELETED, PH_FLAG_DRAFT,
                                         PH_FLAG_FLAGGED,  PH_FLAG_RECENT,  PH_FLAG_SEEN};
    *out = (struct ph_message_viewed){.size = UINT64_MAX, .internal_date_ms = INT64_MIN};
    int64_t number;
    if (!ph_row_i64(rows, 0, &number) || !ph_row_uuid(rows, 1, &out->message_id)) {
        return false;
    }
    out->uid = (uint64_t)number;
    out->modseq = ph_row_i64(rows, 2, &number) && number > 0 ? (uint64_t)number : 0;
    for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        bool is_set = false;
        out->flags |= ph_row_bool(rows, 3 + i, &is_set) && is_set ? flags[i] : 0U;
    }
    (void)ph_row_bytes(rows, 9, &out->keywords);
    if (ph_row_i64(rows, 10, &number) && number >= 0) {
        out->size = (uint64_t)number;
    }
    (void)ph_row_i64(rows, 11, &out->internal_date_ms);
    return true;
}

int ph_store_message_view(struct ph_db *db, const struct ph_uuid *mailbox_id, uint64_t after,
                          int (*each)(const struct ph_message_viewed *message, void *ctx,
                                      struct ph_error *err),
                          void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_MESSAGE_ID_VIEW, ph_uuid_value(mailbox_id),
                             ph_i64((int64_t)after));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_message_viewed message;
        result = take(rows, &message)
                     ? each(&message, ctx, err)
                     : ph_fail(err, PH_ECORRUPT, "messageIdTable: a row without uid or messageId");
        if (result != PH_OK) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}
