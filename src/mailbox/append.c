/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message comes into a mailbox, and goes out of one: the statements of each, in the order that plan.h asks.
 *
 *     comes: messageV3, then imapUidTable (the truth), then messageIdTable and what the listeners keep
 *     goes: what the listeners keep and messageIdTable, then imapUidTable, then messageV3 if that was the last
 *     mailbox, and with its row the content
 */
#include "mailbox/listener.h"
#include "mailbox/mailbox-private.h"
#include "mailbox/message_summary.h"
#include "mailbox/name.h"
#include "mailbox/news.h"
#include "mailbox/views.h"
#include "store/message.h"
#include "store/message_id.h"
#include "store/pop3_floor.h"

/* A row whose id is old goes where floors do not hide it; one whose id is young is not written any more once it is
 * old: see store/pop3_floor.h. */
static void mind_floor(struct ph_mailboxes *mailboxes, struct ph_message_row *row, struct ph_plan *plan)
{
    if (mailboxes->floors == NULL) {
        return;
    }
    row->is_late = ph_pop3_is_late(row);
    uint64_t settled_us = ph_uuid_unix_us(&row->message_id) + (uint64_t)PH_POP3_LATE_MS * 1000;
    if (!row->is_late) {
        ph_plan_expire(plan, settled_us);
    }
}

/* Who adds a message and wants to know its numbers. */
struct asking {
    struct ph_plan_hook hook;
    struct ph_number_slots slots;
    struct ph_numbers *out_numbers;
};

static void answer(struct ph_plan *plan, struct ph_plan_hook *hook, int result)
{
    (void)plan;
    struct asking *asking = (struct asking *)hook;
    const struct ph_value *uid = asking->slots.uid;
    const struct ph_value *modseq = asking->slots.modseq;
    *asking->out_numbers = (struct ph_numbers){0, 0};
    if (result == PH_OK && uid->type == PH_VALUE_I64 && modseq->type == PH_VALUE_I64) {
        *asking->out_numbers = (struct ph_numbers){(uint64_t)uid->i64, (uint64_t)modseq->i64};
    }
}

static void ask(struct ph_plan *plan, const struct ph_number_slots *slots, struct ph_numbers *out_numbers)
{
    struct asking *asking = ph_arena_zalloc(plan->arena, sizeof *asking);
    asking->hook.done = answer;
    asking->slots = *slots;
    asking->out_numbers = out_numbers;
    ph_plan_hook_add(plan, &asking->hook);
}

static int add_metadata(struct ph_mailboxes *mailboxes, struct ph_message_row *row,
                        const struct ph_uid_wish *wish, struct ph_numbers *out_numbers, struct ph_plan *plan,
                        struct ph_error *err)
{
    struct ph_number_slots slots[2];
    int result = PH_OK;
    mind_floor(mailboxes, row, plan);
    ph_store_imap_uid_add(plan, row, &slots[0]);
    if (mailboxes->uids->numbers_on_append) {
        ph_store_message_id_add(plan, row, &slots[1]);
        result = mailboxes->uids->number(mailboxes->uids, plan, &row->mailbox_id, wish, slots, 2, err);
    }
    ph_news_added(mailboxes, plan, row, &slots[0]);
    if (out_numbers != NULL) {
        ask(plan, &slots[0], out_numbers);
    }
    ph_listeners_added(plan, row);
    return result;
}

static int64_t now_ms(const struct ph_mailboxes *mailboxes)
{
    return (int64_t)(ph_real_us(mailboxes->clock) / 1000);
}

static int add_rows(struct ph_mailboxes *mailboxes, const struct ph_append *message,
                    const struct ph_uuid *mailbox, struct ph_plan *plan, struct ph_error *err)
{
    const struct ph_append_origin *origin = message->origin;
    struct ph_message_row row = {
        .message_id = message->message_id,
        .mailbox_id = *mailbox,
        .internal_date_ms = message->internal_date_ms,
        .save_date_ms =
            origin != NULL && origin->save_date_ms != 0 ? origin->save_date_ms : now_ms(mailboxes),
        .kept = origin == NULL ? NULL : &origin->kept,
        .body_start_octet = message->header_bytes,
        .full_content_octets = message->total_bytes,
        .header_content = message->header_blob,
        .body_content = message->body_blob,
    };
    if (message->has_summary) {
        row.envelope = ph_summary_column(message->envelope);
        row.bodystructure = ph_summary_column(message->bodystructure);
    }
    if (!message->has_message_row) {
        ph_store_message_add(plan, &row);
    }
    const struct ph_uid_wish wish = {origin == NULL ? 0 : origin->uid,
                                     origin == NULL ? 0 : origin->uid_limit};
    return add_metadata(mailboxes, &row, &wish, message->out_numbers, plan, err);
}

int ph_append_copy(struct ph_mailboxes *mailboxes, const struct ph_message_row *source,
                   const struct ph_message_kept *kept, const struct ph_uuid *mailbox,
                   struct ph_numbers *out_numbers, struct ph_plan *plan, struct ph_error *err)
{
    struct ph_message_row row = *source;
    struct ph_message_kept recent = *kept;
    recent.flags |= PH_FLAG_RECENT;
    row.mailbox_id = *mailbox;
    row.save_date_ms = now_ms(mailboxes);
    row.kept = &recent;
    return add_metadata(mailboxes, &row, NULL, out_numbers, plan, err);
}

/* A mailbox may be deleted or renamed before the plan comes to be done. Its message is not to lie where no name leads: a
 * mailbox that was deleted is there again, and one that was renamed has its new name alone.
 *
 * On Cassandra the name that was read is written again where it is missing. A RENAME at that moment leaves the mailbox with two
 * names, of which one can be deleted only together with the messages: see docs/consistency.md. */
static void add_path(struct ph_mailboxes *mailboxes, const struct ph_mailbox_row *mailbox,
                     struct ph_plan *plan)
{
    if (ph_db_traits(mailboxes->db)->is_local) {
        ph_store_mailbox_keep(plan, mailbox);
    } else {
        ph_store_mailbox_add(plan, mailbox, 0);
    }
}

int ph_mailbox_append(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes name, const struct ph_append *message, struct ph_plan *plan,
                      struct ph_error *err)
{
    int result = ph_rights_check(access, user, PH_RIGHT_INSERT, err);
    struct ph_bytes canonical;
    if (result == PH_OK) {
        result = ph_mailbox_name_canonical(name, plan->arena, &canonical, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_mailbox_row mailbox;
    bool exists;
    result = ph_mailbox_find(mailboxes, user, canonical, &mailbox, &exists, err);
    if (result == PH_ENOTFOUND && message->create_mailbox) {
        ph_mailbox_row_new(mailboxes, user, canonical, &mailbox);
        result = ph_mailbox_choose_id(mailboxes, &mailbox, err);
        exists = false;
    }
    if (result != PH_OK) {
        return result;
    }
    if (!exists || !ph_mailbox_name_is_inbox(canonical)) {
        add_path(mailboxes, &mailbox, plan);
    }
    return add_rows(mailboxes, message, &mailbox.id, plan, err);
}

void ph_expunge_stale(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, const struct ph_uuid *id,
                      struct ph_plan *plan)
{
    /* Whether it came late, its row would have said. */
    const struct ph_message_row stale = {
        .message_id = *id, .mailbox_id = *mailbox, .is_late = mailboxes->floors != NULL};
    ph_listeners_expunged(plan, &stale);
}

struct expunging {
    struct ph_mailboxes *mailboxes;
    const struct ph_uuid *mailbox;
    struct ph_plan *plan;
    bool has_late;
    size_t found;
    struct ph_news_item *gone; /* as many as found */
};

static int expunge_one(const struct ph_uuid *id, const struct ph_message_row *row, void *ctx,
                       struct ph_error *err)
{
    (void)err;
    struct expunging *expunging = ctx;
    struct ph_plan *plan = expunging->plan;
    struct ph_mailboxes *mailboxes = expunging->mailboxes;
    if (row == NULL) {
        ph_expunge_stale(mailboxes, expunging->mailbox, id, plan);
        return PH_OK;
    }
    struct ph_message_row gone = *row;
    gone.is_late = mailboxes->floors != NULL && (expunging->has_late || ph_pop3_is_late(row));
    ph_listeners_expunged(plan, &gone);
    if (row->has_uid) {
        ph_store_message_id_remove(plan, expunging->mailbox, row->uid, id);
    }
    ph_store_imap_uid_remove(plan, id, expunging->mailbox);
    ph_store_message_remove_unreferenced(plan, id);
    ph_blob_remove(mailboxes->blobs, plan, id, row->has_header_content ? &row->header_content : NULL,
                   row->has_body_content ? &row->body_content : NULL);
    expunging->gone[expunging->found++] =
        (struct ph_news_item){.id = *id, .uid = row->has_uid ? row->uid : 0};
    return PH_OK;
}

/* Content goes with the last row of messageV3 there, and the rest is known by the id or found by the writer. */
static void expunge_unread(const struct ph_uuid *mailbox, const struct ph_uuid *ids, size_t count,
                           struct ph_news_item *gone, struct ph_plan *plan)
{
    for (size_t i = 0; i < count; i++) {
        const struct ph_message_row row = {.message_id = ids[i], .mailbox_id = *mailbox};
        gone[i].id = ids[i];
        ph_listeners_expunged(plan, &row);
        ph_store_message_id_remove_of(plan, mailbox, &ids[i]);
        ph_store_imap_uid_remove(plan, &ids[i], mailbox);
        ph_store_message_remove_unreferenced(plan, &ids[i]);
    }
}

/* A MODSEQ for what goes, where an IMAP client may ask what went since. */
static int number_expunge(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, struct ph_plan *plan,
                          const struct ph_value **out_modseq, struct ph_error *err)
{
    *out_modseq = NULL;
    if (!mailboxes->uids->has_imap_numbers || !ph_views_has(mailboxes->views, mailbox)) {
        return PH_OK;
    }
    struct ph_value *modseq = ph_arena_zalloc(plan->arena, sizeof *modseq);
    const struct ph_number_slots slots = {NULL, modseq};
    *out_modseq = modseq;
    return mailboxes->uids->number(mailboxes->uids, plan, mailbox, NULL, &slots, 1, err);
}

int ph_expunge(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, const struct ph_uuid *ids,
               size_t count, bool has_late, struct ph_plan *plan, size_t *out_found, struct ph_error *err)
{
    struct expunging expunging = {mailboxes, mailbox, plan, has_late, 0, NULL};
    const struct ph_value *modseq = NULL;
    int result = PH_OK;
    expunging.gone = ph_arena_zalloc(plan->arena, count * sizeof *expunging.gone);
    if (out_found == NULL && !mailboxes->has_nodes) {
        expunge_unread(mailbox, ids, count, expunging.gone, plan);
        expunging.found = count;
    } else {
        result = ph_store_imap_uid_get_each(mailboxes->db, mailbox, ids, count, expunge_one, &expunging, err);
    }
    if (out_found != NULL) {
        *out_found = expunging.found;
    }
    if (result == PH_OK && expunging.found > 0) {
        result = number_expunge(mailboxes, mailbox, plan, &modseq, err);
        ph_news_expunged(mailboxes, plan, mailbox, expunging.gone, expunging.found, modseq);
    }
    return result;
}

int ph_expunge_known(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox,
                     const struct ph_news_item *items, size_t count, bool only_marked, struct ph_plan *plan,
                     const struct ph_value **out_modseq, struct ph_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct ph_message_row row = {.message_id = items[i].id, .mailbox_id = *mailbox};
        ph_listeners_expunged(plan, &row);
        if (only_marked) {
            ph_store_message_id_remove_marked(plan, mailbox, items[i].uid, &items[i].id);
        } else {
            ph_store_message_id_remove(plan, mailbox, items[i].uid, &items[i].id);
        }
        ph_store_imap_uid_remove(plan, &items[i].id, mailbox);
        ph_store_message_remove_unreferenced(plan, &items[i].id);
    }
    int result = number_expunge(mailboxes, mailbox, plan, out_modseq, err);
    ph_news_expunged(mailboxes, plan, mailbox, items, count, *out_modseq);
    return result;
}

int ph_message_expunge(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                       const struct ph_mailbox *mailbox, const struct ph_uuid *ids, size_t count,
                       struct ph_plan *plan, size_t *out_found, struct ph_error *err)
{
    *out_found = 0;
    struct ph_pop3_floor floor = {0};
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_EXPUNGE, err);
    if (result == PH_OK && mailboxes->floors != NULL) {
        result = ph_store_pop3_floor_get(mailboxes->db, &mailbox->id, &floor, err);
    }
    for (size_t at = 0; result == PH_OK && at < count; at += PH_EXPUNGE_CHUNK) {
        size_t size = count - at < PH_EXPUNGE_CHUNK ? count - at : PH_EXPUNGE_CHUNK;
        size_t found;
        result = ph_expunge(mailboxes, &mailbox->id, ids + at, size, floor.has_late, plan, &found, err);
        *out_found += found;
    }
    return result;
}
