/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox that continues one of another server: with its UIDVALIDITY, and with its messages under their UIDs, so
 * that clients keep what they have.
 *
 * It can where the mailbox is new, or has no messages, or has been adopted from the same one before; else the
 * messages get UIDs of ours. UIDs below the other server's next one are then set aside for what comes from there; what
 * is delivered meanwhile gets higher ones.
 */
#ifndef PH_MAILBOX_ADOPT_H
#define PH_MAILBOX_ADOPT_H

#include "mailbox/mailbox.h"

struct ph_adoption {
    struct ph_mailbox mailbox;
    bool exists;        /* it did before */
    bool keeps_uids;    /* messages may ask for their UIDs */
    uint64_t uid_limit; /* for ph_append_origin */
};

/* UID_VALIDITY 0: the source knows no UIDs; the mailbox is only made. IS_DRY: nothing is written, and the answer is what
 * it would be. */
int ph_mailbox_adopt(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                     struct ph_bytes name, uint32_t uid_validity, uint64_t uid_next, bool is_dry,
                     struct ph_arena *arena, struct ph_adoption *out_adoption,
                     struct ph_error *err) PH_MUST_USE;

#endif
