/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The summary of a message that is stored already, made from its content: for rows that lack the columns.
 */
#ifndef PH_MAILBOX_MESSAGE_SUMMARY_H
#define PH_MAILBOX_MESSAGE_SUMMARY_H

#include "mailbox/mailbox-private.h"
#include "mime/summary.h"

/* What goes into a column: a summary that is too large for it is an empty one, so that nobody tries again. */
static inline struct ph_bytes ph_summary_column(struct ph_bytes summary)
{
    return summary.ptr != NULL ? summary : PH_BYTES("");
}

/* Reads the header, and with WANTS_STRUCTURE the body too, of a message whose row is complete. The views are SUMMARY's, which
 * was made by ph_summary_init; ptr NULL where there is none. Blocking. PH_ENOTFOUND: the message was deleted. */
int ph_message_summary(struct ph_mailboxes *mailboxes, struct ph_message_row *row, bool wants_structure,
                       struct ph_summary *summary, struct ph_bytes *out_envelope,
                       struct ph_bytes *out_structure, struct ph_error *err) PH_MUST_USE;

/* Fills what ROW, of messageIdTable, lacks: from imapUidTable, then from messageV3. PH_ENOTFOUND: the message is gone. */
int ph_message_places_complete(struct ph_mailboxes *mailboxes, struct ph_message_row *row,
                               struct ph_error *err) PH_MUST_USE;

#endif
