/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people do with whole mailboxes beyond making and deleting them: renaming, and an INBOX that is there.
 *
 * Threads: any. Blocking: yes.
 */
#ifndef PH_MAILBOX_MANAGE_H
#define PH_MAILBOX_MANAGE_H

#include "mailbox/mailbox.h"

/* As ph_mailbox_open; and the user's own INBOX, which is found as if it existed, is made: so that its UIDVALIDITY stays what the
 * caller tells. */
int ph_mailbox_open_made(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                         struct ph_bytes name, struct ph_arena *arena, struct ph_mailbox *out_mailbox,
                         struct ph_error *err) PH_MUST_USE;

/* FROM and all below it get new names; their ids, UIDs and UIDVALIDITY stay. Of INBOX the messages move to the new
 * mailbox TO, and nothing below it (RFC 9051 section 6.3.6). One plan, but for INBOX: PH_ENOTFOUND, PH_ECONFLICT where a new name
 * is taken, PH_EINVALID for a name that breaks the rules or lies below FROM. */
int ph_mailbox_rename(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes from, struct ph_bytes to, struct ph_error *err) PH_MUST_USE;

#endif
