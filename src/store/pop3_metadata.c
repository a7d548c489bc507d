/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pop3_metadata.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 32 };

void ph_store_pop3_metadata_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_uuid *message_id, uint64_t size)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_POP3_METADATA_INSERT, ph_uuid_value(mailbox_id),
                ph_uuid_value(message_id), ph_i64((int64_t)size));
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

static int fill(struct ph_rows *rows, size_t max, struct ph_pop3_entry **entries, size_t *count,
                struct ph_error *err)
{
    size_t capacity = 0;
    int result = PH_OK;
    while (*count < max && (result = ph_rows_next(rows, err)) == 1) {
        if (*count == capacity) {
            capacity = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
            *entries = ph_realloc(*entries, capacity * sizeof **entries);
        }
        struct ph_pop3_entry *entry = &(*entries)[*count];
        int64_t size;
        if (!ph_row_uuid(rows, 0, &entry->message_id) || !ph_row_i64(rows, 1, &size) || size < 0) {
            return ph_fail(err, PH_ECORRUPT, "pop3metadata: a row without messageId or size");
        }
        entry->size = (uint64_t)size;
        (*count)++;
        result = PH_OK;
    }
    return result;
}

int ph_store_pop3_metadata_list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                                struct ph_pop3_entry **out_entries, size_t *out_count, struct ph_error *err)
{
    struct ph_rows *rows;
    *out_entries = NULL;
    *out_count = 0;
    int result = ph_db_query(db, &rows, err, PH_STMT_POP3_METADATA_LIST, ph_uuid_value(mailbox_id));
    if (result != PH_OK) {
        return result;
    }
    result = fill(rows, max, out_entries, out_count, err);
    ph_rows_end(&rows);
    if (result != PH_OK) {
        free(*out_entries);
        *out_entries = NULL;
        *out_count = 0;
    } else if (*out_count > 0) {
        /* A session keeps it: give back what doubling took too much. */
        *out_entries = ph_realloc(*out_entries, *out_count * sizeof **out_entries);
    }
    return result;
}
