/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox that is deleted forgets what was imported into it: made again, it may be imported again.
 */
#ifndef PH_MAILBOX_IMPORT_LISTENER_H
#define PH_MAILBOX_IMPORT_LISTENER_H

#include "mailbox/listener.h"

extern const struct ph_mailbox_listener ph_import_listener;

#endif
