/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hears of every message that comes or goes, while the plan that does it is being built: so that a projection
 * changes in the same plan as the truth, whatever command caused it.
 *
 * A listener only adds statements; it reads nothing. The list of listeners is in listener.c.
 */
#ifndef PH_MAILBOX_LISTENER_H
#define PH_MAILBOX_LISTENER_H

#include "store/message_row.h"

struct ph_mailbox_listener {
    const char *name;
    void (*added)(struct ph_plan *plan, const struct ph_message_row *row);
    /* The row has mailbox and message id, and what else is known. */
    void (*expunged)(struct ph_plan *plan, const struct ph_message_row *row);
    /* The mailbox and whatever may be left in it. */
    void (*mailbox_deleted)(struct ph_plan *plan, const struct ph_uuid *mailbox);
};

void ph_listeners_added(struct ph_plan *plan, const struct ph_message_row *row);
void ph_listeners_expunged(struct ph_plan *plan, const struct ph_message_row *row);
void ph_listeners_mailbox_deleted(struct ph_plan *plan, const struct ph_uuid *mailbox);

#endif
