/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3metadata, mailboxId / messageId -> size: the projection that POP3 lists, and the only one that lists every
 * message of a mailbox, with a UID or without.
 */
#ifndef PH_STORE_POP3_METADATA_H
#define PH_STORE_POP3_METADATA_H

#include "db/db.h"

struct ph_pop3_entry {
    struct ph_uuid message_id;
    uint64_t size;
};

void ph_store_pop3_metadata_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_uuid *message_id, uint64_t size);
void ph_store_pop3_metadata_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *message_id);
void ph_store_pop3_metadata_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id);

/* Message ids and sizes in message id order, up to MAX; one statement. *OUT_ENTRIES is the caller's to free (NULL
 * for none). */
int ph_store_pop3_metadata_list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                                struct ph_pop3_entry **out_entries, size_t *out_count,
                                struct ph_error *err) PH_MUST_USE;

#endif
