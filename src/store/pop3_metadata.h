/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pop3metadata, mailboxId / messageId -> size, uidl: the projection that POP3 lists, and the only one that lists every
 * message of a mailbox, with a UID or without.
 *
 * uidl is ours: what UIDL says of a message that came from another server with one. Null, which it mostly is, means
 * that the message id is. No two messages of a mailbox ever show the same.
 */
#ifndef PH_STORE_POP3_METADATA_H
#define PH_STORE_POP3_METADATA_H

#include "store/pop3_listing.h"

void ph_store_pop3_metadata_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                const struct ph_uuid *message_id, uint64_t size);
/* Of a message that may have been in the mailbox before: it is there again, however soon. */
void ph_store_pop3_metadata_add_again(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                      const struct ph_uuid *message_id, uint64_t size);
/* With a UIDL of its own: 1 to 70 octets, 0x21 to 0x7E (RFC 1939 section 7). Where another message of the mailbox
 * shows it already, the row goes in without. */
void ph_store_pop3_metadata_add_uidl(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                     const struct ph_uuid *message_id, uint64_t size, struct ph_bytes uidl);
/* What to read of pop3metadata, or of pop3late, for ph_db_query_each: PARAMS lives as long. Of Cassandra. 1: the row;
 * 0: there is none; negative: failed. */
struct ph_db_read ph_store_pop3_size_read(bool is_late, const struct ph_uuid *mailbox_id,
                                          const struct ph_uuid *message_id, struct ph_value params[2]);
int ph_store_pop3_size_take(struct ph_rows *rows, uint64_t *out_size, struct ph_error *err) PH_MUST_USE;

/* Whether the message shows a UIDL of its own. PH_ENOTFOUND: no such row. */
int ph_store_pop3_metadata_has_uidl(struct ph_db *db, const struct ph_uuid *mailbox_id,
                                    const struct ph_uuid *message_id, bool *out_has_uidl,
                                    struct ph_error *err) PH_MUST_USE;
void ph_store_pop3_metadata_remove(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                   const struct ph_uuid *message_id);
void ph_store_pop3_metadata_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id);

/* Message ids and sizes in message id order, up to MAX; one statement. *OUT_ENTRIES is the caller's to free (NULL
 * for none). */
int ph_store_pop3_metadata_list(struct ph_db *db, const struct ph_uuid *mailbox_id, size_t max,
                                struct ph_pop3_entry **out_entries, size_t *out_count,
                                struct ph_error *err) PH_MUST_USE;

/* As ph_store_pop3_metadata_list, all of them, with their UIDLs; the caller frees both. */
int ph_store_pop3_metadata_list_uidls(struct ph_db *db, const struct ph_uuid *mailbox_id,
                                      struct ph_pop3_entry **out_entries, size_t *out_count,
                                      struct ph_pop3_uidls *out_uidls, struct ph_error *err) PH_MUST_USE;

#endif
