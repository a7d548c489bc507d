/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a plan does to a mailbox, told to the mailbox's view (mailbox/view.h) once the plan is done, with the numbers
 * that the UID policy really gave. To be called while the plan is built, behind the policy's own hook. What concerns a
 * mailbox that nobody has open costs a look.
 */
#ifndef PH_MAILBOX_NEWS_H
#define PH_MAILBOX_NEWS_H

#include "mailbox/mailbox-private.h"

/* ROW comes into its mailbox; SLOTS are its numbers. */
void ph_news_added(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_message_row *row,
                   const struct ph_number_slots *slots);

/* One message that has other flags then, or is gone. */
struct ph_news_item {
    struct ph_uuid id;
    uint64_t uid; /* 0: not known */
    unsigned flags;
    struct ph_bytes keywords;
};

/* ITEMS and MODSEQ are the plan's arena's. */
void ph_news_flagged(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_uuid *mailbox,
                     const struct ph_news_item *items, size_t count, const struct ph_value *modseq);
/* MODSEQ NULL: it has none. */
void ph_news_expunged(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_uuid *mailbox,
                      const struct ph_news_item *items, size_t count, const struct ph_value *modseq);
/* With all that is in it. */
void ph_news_deleted(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_uuid *mailbox);

#endif
