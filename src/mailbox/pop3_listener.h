/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps pop3metadata true, for every way a message comes or goes.
 */
#ifndef PH_MAILBOX_POP3_LISTENER_H
#define PH_MAILBOX_POP3_LISTENER_H

#include "mailbox/listener.h"

extern const struct ph_mailbox_listener ph_pop3_listener;

#endif
