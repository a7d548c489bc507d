/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageV3: a message by id, whatever mailboxes hold it. Read only where the metadata tables are incomplete.
 * Its content is freed with its row.
 */
#ifndef PH_STORE_MESSAGE_H
#define PH_STORE_MESSAGE_H

#include "store/message_row.h"

void ph_store_message_add(struct ph_plan *plan, const struct ph_message_row *row);
/* Takes the row away once no row of imapUidTable has the message id any more. */
void ph_store_message_remove_unreferenced(struct ph_plan *plan, const struct ph_uuid *message_id);
/* Fills what *ROW lacks, by its message id. PH_ENOTFOUND. */
int ph_store_message_complete(struct ph_db *db, struct ph_message_row *row, struct ph_error *err) PH_MUST_USE;

#endif
