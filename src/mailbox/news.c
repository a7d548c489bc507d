/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/news.h"

#include "mailbox/views.h"

/* Lives in the plan's arena. */
struct telling {
    struct ph_plan_hook hook;
    struct ph_views *views;
    struct ph_uuid mailbox;
    struct ph_view_event event;
    const struct ph_value *uid; /* of a message that is added */
    const struct ph_value *modseq;
};

static void tell(struct ph_plan *plan, struct ph_plan_hook *hook, int result)
{
    (void)plan;
    struct telling *telling = (struct telling *)hook;
    if (result != PH_OK) {
        return;
    }
    if (telling->modseq != NULL && telling->modseq->type == PH_VALUE_I64) {
        telling->event.modseq = (uint64_t)telling->modseq->i64;
    }
    if (telling->uid != NULL) {
        if (telling->uid->type != PH_VALUE_I64 || telling->uid->i64 <= 0 || telling->uid->i64 >= UINT32_MAX) {
            return; /* not one that IMAP can show */
        }
        telling->event.message.uid = (uint32_t)telling->uid->i64;
    }
    ph_views_tell(telling->views, &telling->mailbox, &telling->event);
}

static struct telling *add_hook(struct ph_mailboxes *mailboxes, struct ph_plan *plan,
                                const struct ph_uuid *mailbox, enum ph_view_event_kind kind,
                                const struct ph_value *modseq)
{
    struct telling *telling = ph_arena_zalloc(plan->arena, sizeof *telling);
    telling->hook.done = tell;
    telling->views = mailboxes->views;
    telling->mailbox = *mailbox;
    telling->event.kind = kind;
    telling->modseq = modseq;
    ph_plan_hook_add(plan, &telling->hook);
    return telling;
}

void ph_news_added(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_message_row *row,
                   const struct ph_number_slots *slots)
{
    struct telling *telling = add_hook(mailboxes, plan, &row->mailbox_id, PH_VIEW_ADDED, slots->modseq);
    telling->uid = slots->uid;
    telling->event.message = (struct ph_view_message){
        .id = row->message_id,
        .size = row->full_content_octets,
        .internal_date_ms = row->internal_date_ms,
        .flags = (uint16_t)(row->kept == NULL ? 0U : row->kept->flags & ~(unsigned)PH_FLAG_RECENT),
    };
    if (row->kept != NULL) {
        telling->event.keywords = ph_arena_bytes(plan->arena, row->kept->keywords);
    }
}

void ph_news_flagged(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_uuid *mailbox,
                     const struct ph_news_item *items, size_t count, const struct ph_value *modseq)
{
    struct telling *telling = add_hook(mailboxes, plan, mailbox, PH_VIEW_FLAGGED, modseq);
    telling->event.items = items;
    telling->event.count = count;
}

void ph_news_expunged(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_uuid *mailbox,
                      const struct ph_news_item *items, size_t count, const struct ph_value *modseq)
{
    struct telling *telling = add_hook(mailboxes, plan, mailbox, PH_VIEW_EXPUNGED, modseq);
    telling->event.items = items;
    telling->event.count = count;
}

void ph_news_deleted(struct ph_mailboxes *mailboxes, struct ph_plan *plan, const struct ph_uuid *mailbox)
{
    add_hook(mailboxes, plan, mailbox, PH_VIEW_DELETED, NULL);
}
