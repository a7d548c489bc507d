/* SPDX-License-Identifier: Apache-2.0 */
#include "store/counter.h"

static const struct {
    enum ph_stmt get;
    enum ph_stmt insert;
    enum ph_stmt advance;
} counters[] = {
    [PH_COUNTER_UID] = {PH_STMT_MESSAGE_COUNTER_GET, PH_STMT_MESSAGE_COUNTER_INSERT,
                        PH_STMT_MESSAGE_COUNTER_ADVANCE},
    [PH_COUNTER_MODSEQ] = {PH_STMT_MODSEQ_GET, PH_STMT_MODSEQ_INSERT, PH_STMT_MODSEQ_ADVANCE},
};

int ph_store_counter_get(struct ph_db *db, enum ph_counter counter, const struct ph_uuid *mailbox,
                         uint64_t *out_number, bool *out_exists, struct ph_error *err)
{
    enum ph_stmt stmt = counters[counter].get;
    struct ph_rows *rows;
    *out_number = 0;
    *out_exists = false;
    int result = ph_db_query(db, &rows, err, stmt, ph_uuid_value(mailbox));
    if (result != PH_OK) {
        return result;
    }
    int64_t number = 0;
    result = ph_rows_next(rows, err);
    if (result == 1) {
        *out_exists = true;
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
    bool exists;
    int result = ph_store_counter_get(db, PH_COUNTER_UID, mailbox, out_uid, &exists, err);
    return result != PH_OK ? result
                           : ph_store_counter_get(db, PH_COUNTER_MODSEQ, mailbox, out_modseq, &exists, err);
}

void ph_store_counter_advance(struct ph_plan *plan, enum ph_counter counter, const struct ph_uuid *mailbox,
                              uint64_t from, uint64_t to)
{
    if (from == 0) {
        ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, counters[counter].insert, ph_uuid_value(mailbox),
                        ph_i64((int64_t)to));
    } else {
        ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, counters[counter].advance, ph_uuid_value(mailbox),
                        ph_i64((int64_t)from), ph_i64((int64_t)to));
    }
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
