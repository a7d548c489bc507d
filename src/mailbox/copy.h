/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that are in a mailbox already: put into another, moved there, given other flags.
 *
 * A copy is the same message in one more mailbox: the same id, the same content, flags and date as they are, a UID and
 * a MODSEQ of its own. A mailbox holds a message once: a copy into one that has it already changes nothing. Ids that
 * are not in the source are passed over.
 *
 * Promised: a message that was copied is whole, also where its source is expunged at the same moment: on a store without
 * transactions the source is read once more behind the copy, and where it is gone by then the copy is taken back. A move
 * adds first and removes then; one that breaks in between has left the message in both. Threads: any. Blocking.
 */
#ifndef PH_MAILBOX_COPY_H
#define PH_MAILBOX_COPY_H

#include "mailbox/mailbox.h"

/* *OUT_COUNT: how many of IDS are in TO now. PH_EDENIED without the right to read FROM, to add to TO and, to move, to
 * delete from FROM. */
int ph_message_copy(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *from, const struct ph_uuid *ids, size_t count,
                    const struct ph_mailbox *to, size_t *out_count, struct ph_error *err) PH_MUST_USE;
int ph_message_move(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *from, const struct ph_uuid *ids, size_t count,
                    const struct ph_mailbox *to, size_t *out_count, struct ph_error *err) PH_MUST_USE;

enum ph_flags_how { PH_FLAGS_ADD, PH_FLAGS_REMOVE, PH_FLAGS_REPLACE };

/* FLAGS: of enum ph_flag; PH_FLAG_RECENT is the server's and stays. KEYWORDS: separated by blanks. A message that has
 * them so already is left as it is. *OUT_COUNT: how many of IDS are there. PH_EBUSY: others change them all the time.
 * A change that comes to a message that is being deleted brings nothing back. PH_EINVALID in a keyspace shared with James,
 * which keeps lists of one flag each. */
int ph_message_set_flags(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                         const struct ph_mailbox *mailbox, const struct ph_uuid *ids, size_t count,
                         enum ph_flags_how how, unsigned flags, struct ph_bytes keywords, size_t *out_count,
                         struct ph_error *err) PH_MUST_USE;

#endif
