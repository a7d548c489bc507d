/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageIdTable, mailboxId / uid: the projection that lists a mailbox by UID. A message without a UID is not in it.
 */
#ifndef PH_STORE_MESSAGE_ID_H
#define PH_STORE_MESSAGE_ID_H

#include "store/imap_uid.h"

/* As ph_store_imap_uid_add; the UID must be set before the plan runs. */
void ph_store_message_id_add(struct ph_plan *plan, const struct ph_message_row *row,
                             struct ph_number_slots *out_slots);
void ph_store_message_id_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id, uint64_t uid);
void ph_store_message_id_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id);
/* Up to MAX message ids, by UID from the lowest. */
int ph_store_message_id_first(struct ph_db *db, const struct ph_uuid *mailbox_id, struct ph_uuid *out_ids,
                              size_t max, size_t *out_count, struct ph_error *err) PH_MUST_USE;

#endif
