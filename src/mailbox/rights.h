/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what with whose mailboxes: the one place that decides. Today an owner may do everything with his own,
 * an administrator with all, and nobody else anything.
 */
#ifndef PH_MAILBOX_RIGHTS_H
#define PH_MAILBOX_RIGHTS_H

#include "mailbox/mailbox.h"

enum ph_right {
    PH_RIGHT_LOOKUP, /* see that it is there */
    PH_RIGHT_READ,
    PH_RIGHT_INSERT,
    PH_RIGHT_EXPUNGE,
    PH_RIGHT_FLAGS,
    PH_RIGHT_ADMINISTER, /* create, delete */
};

/* PH_EDENIED. */
int ph_rights_check(const struct ph_access *access, struct ph_bytes owner, enum ph_right right,
                    struct ph_error *err) PH_MUST_USE;

#endif
