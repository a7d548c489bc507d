/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageIdTable, mailboxId / uid: the projection that lists a mailbox by UID. A message without a UID is not in it.
 */
#ifndef PH_STORE_MESSAGE_ID_H
#define PH_STORE_MESSAGE_ID_H

#include "store/imap_uid.h"

/* As ph_store_imap_uid_add; the UID must be set before the plan runs. Of a row with kept the plan fails with
 * PH_ECONFLICT where its UID is taken. */
void ph_store_message_id_add(struct ph_plan *plan, const struct ph_message_row *row,
                             struct ph_number_slots *out_slots);
/* PH_OK: a message has this UID; PH_ENOTFOUND: none has. */
int ph_store_message_id_check(struct ph_db *db, const struct ph_uuid *mailbox_id, uint64_t uid,
                              struct ph_error *err) PH_MUST_USE;
void ph_store_message_id_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id, uint64_t uid,
                                const struct ph_uuid *message_id);
/* The plan fails with PH_ECONFLICT where the message is not marked \Deleted any more. Only of a store that is local. */
void ph_store_message_id_remove_marked(struct ph_plan *plan, const struct ph_uuid *mailbox_id, uint64_t uid,
                                       const struct ph_uuid *message_id);
/* As ph_store_message_id_remove, where the UID was not read. Only of a store that is local, where imapUidTable's row
 * goes in the same plan. */
void ph_store_message_id_remove_of(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *message_id);
void ph_store_message_id_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id);
/* Up to MAX message ids, by UID from the lowest. */
int ph_store_message_id_first(struct ph_db *db, const struct ph_uuid *mailbox_id, struct ph_uuid *out_ids,
                              size_t max, size_t *out_count, struct ph_error *err) PH_MUST_USE;

/* One message with what ph_message_kept has, for whoever takes a mailbox elsewhere. */
struct ph_message_listed {
    uint64_t uid;
    struct ph_uuid message_id;
    struct ph_message_kept kept; /* uidl empty: the message id */
    int64_t internal_date_ms;    /* 0: not known, as the next */
    int64_t save_date_ms;
};

enum { PH_MESSAGE_PAGE_ROWS = 256 };

struct ph_message_page {
    struct ph_message_listed list[PH_MESSAGE_PAGE_ROWS]; /* its texts are the arena's */
    size_t count;                                        /* fewer than PH_MESSAGE_PAGE_ROWS: the last page */
};

/* The page behind UID AFTER, by UID. */
int ph_store_message_id_page(struct ph_db *db, const struct ph_uuid *mailbox_id, uint64_t after,
                             struct ph_arena *arena, struct ph_message_page *out_page,
                             struct ph_error *err) PH_MUST_USE;

#endif
