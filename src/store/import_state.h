/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was imported into a mailbox, kept as long as the mailbox is.
 *
 * imported, mailboxId / source -> messageId: each message that an import brought, by a hash that names it in its
 * source. The row is written in the plan that adds the message: so an import that broke off goes on exactly where
 * it stopped, and what the user deleted since is not brought back.
 * imports, mailboxId -> uidvalidity, uidLimit: the mailbox continues one of another server. UIDs up to the limit are
 * the other server's; those that this one gives are above.
 */
#ifndef PH_STORE_IMPORT_STATE_H
#define PH_STORE_IMPORT_STATE_H

#include "db/db.h"

enum { PH_IMPORT_KEY_BYTES = 32 };

struct ph_import_state {
    uint32_t uid_validity;
    uint64_t uid_limit;
};

/* PH_ENOTFOUND: this mailbox has UIDs of its own. */
int ph_store_import_get(struct ph_db *db, const struct ph_uuid *mailbox_id, struct ph_import_state *out_state,
                        struct ph_error *err) PH_MUST_USE;
/* The limit's value is for whoever knows it only when the plan runs. */
struct ph_value *ph_store_import_put(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                                     const struct ph_import_state *state);

/* PH_ENOTFOUND: not imported yet. The message itself may be gone again. */
int ph_store_imported_get(struct ph_db *db, const struct ph_uuid *mailbox_id,
                          const uint8_t key[PH_IMPORT_KEY_BYTES], struct ph_uuid *out_message_id,
                          struct ph_error *err) PH_MUST_USE;
/* The plan fails with PH_ECONFLICT where it was imported meanwhile. */
void ph_store_imported_add(struct ph_plan *plan, const struct ph_uuid *mailbox_id,
                           const uint8_t key[PH_IMPORT_KEY_BYTES], const struct ph_uuid *message_id);

void ph_store_import_remove_mailbox(struct ph_plan *plan, const struct ph_uuid *mailbox_id);

#endif
