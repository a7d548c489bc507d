/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/listener.h"

#include "mailbox/import_listener.h"
#include "mailbox/pop3_listener.h"

static const struct ph_mailbox_listener *const listeners[] = {
    &ph_pop3_listener,
    &ph_import_listener,
};
enum { LISTENER_COUNT = sizeof listeners / sizeof listeners[0] };

void ph_listeners_added(struct ph_plan *plan, const struct ph_message_row *row)
{
    for (unsigned i = 0; i < LISTENER_COUNT; i++) {
        listeners[i]->added(plan, row);
    }
}

void ph_listeners_expunged(struct ph_plan *plan, const struct ph_message_row *row)
{
    for (unsigned i = 0; i < LISTENER_COUNT; i++) {
        listeners[i]->expunged(plan, row);
    }
}

void ph_listeners_mailbox_deleted(struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    for (unsigned i = 0; i < LISTENER_COUNT; i++) {
        listeners[i]->mailbox_deleted(plan, mailbox);
    }
}
