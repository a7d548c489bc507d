/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of mailboxes: UTF-8, levels separated by '.', as Apache James stores them. INBOX is one name in any case,
 * also as the first level of a longer one (RFC 9051 section 5.1).
 */
#ifndef PH_MAILBOX_NAME_H
#define PH_MAILBOX_NAME_H

#include "base/arena.h"

enum { PH_MAILBOX_NAME_MAX = 255, PH_MAILBOX_DELIMITER = '.' };

/* The name as it is stored, in ARENA. PH_EINVALID: empty, longer than PH_MAILBOX_NAME_MAX octets, not UTF-8, with
 * control characters or with an empty level. */
int ph_mailbox_name_canonical(struct ph_bytes name, struct ph_arena *arena, struct ph_bytes *out_name,
                              struct ph_error *err) PH_MUST_USE;
bool ph_mailbox_name_is_inbox(struct ph_bytes canonical);

#endif
