/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/pop3_listener.h"

#include "store/pop3_floor.h"
#include "store/pop3_metadata.h"

static void added(struct ph_plan *plan, const struct ph_message_row *row)
{
    if (row->kept != NULL && row->kept->uidl.len > 0) {
        ph_store_pop3_metadata_add_uidl(plan, &row->mailbox_id, &row->message_id, row->full_content_octets,
                                        row->kept->uidl);
    } else if (row->kept != NULL) {
        ph_store_pop3_metadata_add_again(plan, &row->mailbox_id, &row->message_id, row->full_content_octets);
    } else {
        ph_store_pop3_metadata_add(plan, &row->mailbox_id, &row->message_id, row->full_content_octets);
    }
    if (row->is_late) {
        ph_store_pop3_late_add(plan, &row->mailbox_id, &row->message_id, row->full_content_octets,
                               row->kept == NULL ? (struct ph_bytes){NULL, 0} : row->kept->uidl);
    }
}

static void expunged(struct ph_plan *plan, const struct ph_message_row *row)
{
    ph_store_pop3_metadata_remove(plan, &row->mailbox_id, &row->message_id);
    if (row->is_late) {
        ph_store_pop3_late_remove(plan, &row->mailbox_id, &row->message_id);
    }
}

static void mailbox_deleted(struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    ph_store_pop3_metadata_remove_mailbox(plan, mailbox);
}

const struct ph_mailbox_listener ph_pop3_listener = {
    .name = "pop3metadata",
    .added = added,
    .expunged = expunged,
    .mailbox_deleted = mailbox_deleted,
};
