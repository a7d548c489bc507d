/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/import_listener.h"

#include "store/import_state.h"

/* Whoever imports writes the state himself: it needs to know the source. */
static void added(struct ph_plan *plan, const struct ph_message_row *row)
{
    (void)plan;
    (void)row;
}

/* What was deleted was imported all the same. */
static void expunged(struct ph_plan *plan, const struct ph_message_row *row)
{
    (void)plan;
    (void)row;
}

const struct ph_mailbox_listener ph_import_listener = {
    .name = "imported",
    .added = added,
    .expunged = expunged,
    .mailbox_deleted = ph_store_import_remove_mailbox,
};
