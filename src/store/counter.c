/* SPDX-License-Identifier: Apache-2.0 */
#include "store/counter.h"

static int get(struct ph_db *db, enum ph_stmt stmt, const struct ph_uuid *mailbox, uint64_t *out_number,
               struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, stmt, ph_uuid_value(mailbox));
    if (result != PH_OK) {
        return result;
    }
    int64_t number = 0;
    result = ph_rows_next(rows, err);
    if (result == 1) {
        result = ph_row_i64(rows, 0, &number) && number >= 0
                     ? PH_OK
                     : ph_fail(err, PH_ECORRUPT, "%s: not a number", ph_stmt_info(stmt)->name);
    }
    *out_number = (uint64_t)number;
    ph_rows_end(&rows);
    return result;
}

int ph_store_counters_get(struct ph_db *db, const struct ph_uuid *mailbox, uint64_t *out_uid,
                          uint64_t *out_modseq, struct ph_error *err)
{
    int result = get(db, PH_STMT_MESSAGE_COUNTER_GET, mailbox, out_uid, err);
    return result != PH_OK ? result : get(db, PH_STMT_MODSEQ_GET, mailbox, out_modseq, err);
}

void ph_store_uid_raise(struct ph_plan *plan, const struct ph_uuid *mailbox, uint64_t uid)
{
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_MESSAGE_COUNTER_RAISE, ph_uuid_value(mailbox),
                ph_i64((int64_t)uid));
}

void ph_store_modseq_raise(struct ph_plan *plan, const struct ph_uuid *mailbox, uint64_t modseq)
{
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_MODSEQ_RAISE, ph_uuid_value(mailbox),
                ph_i64((int64_t)modseq));
}

void ph_store_counters_remove(struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_MESSAGE_COUNTER_DELETE, ph_uuid_value(mailbox));
    ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_MODSEQ_DELETE, ph_uuid_value(mailbox));
}
