/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imapUidTable, messageId / mailboxId: the source of truth of which message is in which mailbox. The UID is absent
 * until the UID policy has given one.
 */
#ifndef PH_STORE_IMAP_UID_H
#define PH_STORE_IMAP_UID_H

#include "store/message_row.h"

/* Where the values stand that a UID policy sets before the plan runs. */
struct ph_number_slots {
    struct ph_value *uid;
    struct ph_value *modseq;
};

/* What to read, for ph_db_query_each: PARAMS lives as long. 1: the row; 0: there is none; negative: failed. */
struct ph_db_read ph_store_imap_uid_read(const struct ph_uuid *message_id, const struct ph_uuid *mailbox_id,
                                         struct ph_value params[2]);
int ph_store_imap_uid_take(struct ph_rows *rows, const struct ph_uuid *message_id,
                           const struct ph_uuid *mailbox_id, struct ph_message_row *out_row,
                           struct ph_error *err) PH_MUST_USE;

static inline bool ph_number_slots_want_uid(const struct ph_number_slots *slots, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].uid != NULL) {
            return true;
        }
    }
    return false;
}

/* The row goes in with no UID and no MODSEQ; *OUT_SLOTS is for who gives them. */
void ph_store_imap_uid_add(struct ph_plan *plan, const struct ph_message_row *row,
                           struct ph_number_slots *out_slots);
/* The values of six flags and the keywords, in the order of the statements that add a message with them. */
enum { PH_KEPT_VALUES = 7 };
void ph_store_kept_values(const struct ph_message_kept *kept, struct ph_value *out_values);
/* envelope and bodystructure. */
void ph_store_summary_values(const struct ph_message_row *row, struct ph_value *out_values);
void ph_store_imap_uid_remove(struct ph_plan *plan, const struct ph_uuid *message_id,
                              const struct ph_uuid *mailbox_id);
/* PH_ENOTFOUND. */
int ph_store_imap_uid_get(struct ph_db *db, const struct ph_uuid *message_id,
                          const struct ph_uuid *mailbox_id, struct ph_message_row *out_row,
                          struct ph_error *err) PH_MUST_USE;
/* The rows of COUNT messages, side by side: EACH is called for every id in turn, with NULL where there is no row; what
 * it returns that is not PH_OK ends it and is returned. */
int ph_store_imap_uid_get_each(struct ph_db *db, const struct ph_uuid *mailbox_id, const struct ph_uuid *ids,
                               size_t count,
                               int (*each)(const struct ph_uuid *id, const struct ph_message_row *row,
                                           void *ctx, struct ph_error *err),
                               void *ctx, struct ph_error *err) PH_MUST_USE;

#endif
