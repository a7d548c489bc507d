/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which users' maildrops are open in this process. Threads: any.
 */
#ifndef PH_MAILBOX_MAILDROP_LOCK_H
#define PH_MAILBOX_MAILDROP_LOCK_H

#include "base/bytes.h"

struct ph_maildrop_locks;

struct ph_maildrop_locks *ph_maildrop_locks_new(void);
/* Nobody holds a lock. */
void ph_maildrop_locks_free(struct ph_maildrop_locks **locks);

/* False: somebody has it. */
bool ph_maildrop_lock(struct ph_maildrop_locks *locks, struct ph_bytes user);
void ph_maildrop_unlock(struct ph_maildrop_locks *locks, struct ph_bytes user);

#endif
