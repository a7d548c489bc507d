/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a session changes. The view says what is there, so nothing is read before flags are written or messages expunged:
 * a plan says what it saw, and where somebody was quicker it fails, and is made again from what the view says then.
 *
 * On a store that is local the last plan is submitted and its completion is the caller's; elsewhere, where numbers are
 * read before a plan is built, all are waited for.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/flag_words.h"
#include "mailbox/news.h"
#include "mailbox/rights.h"
#include "mailbox/view_session.h"
#include "store/message_state.h"

enum { TRIES_MAX = 64, CHUNK = 1000 };

struct change {
    struct ph_view_session *session;
    struct ph_view_write *write;
    struct ph_arena arena; /* of the plan */
    struct ph_plan plan;
    struct ph_view_flag_change flags; /* of a store; its keywords are memory's */
    bool only_deleted;
    uint32_t *uids; /* all that are to be changed, by UID */
    size_t uid_count;
    size_t at;      /* of them: where the next plan begins */
    size_t planned; /* by the plan under way */
    size_t in_plan; /* messages that it changes */
    unsigned tries;
    const struct ph_value *modseq;
    char *memory;
    bool (*build)(struct change *change, struct ph_error *err, int *out_result);
};

static void refuse(struct ph_view_write *write, int result)
{
    write->error.code = result;
    write->done(write, result);
}

static void begin(struct ph_view_write *write)
{
    write->error = (struct ph_error){0};
    write->modseq = 0;
    write->first_modseq = 0;
    write->count = 0;
    write->modified = NULL;
    write->modified_count = 0;
    write->pairs = NULL;
    write->pair_count = 0;
}

static int check(const struct ph_view_session *session, enum ph_right right, struct ph_error *err)
{
    return session->is_read_only ? ph_fail(err, PH_EDENIED, "the mailbox is selected read-only")
                                 : ph_rights_check(&session->access, session->mailbox.user, right, err);
}

/* ---- Plans, one behind the other ---- */

static void change_free(struct change *change)
{
    ph_arena_fini(&change->arena);
    free(change->uids);
    free(change->memory);
    free(change);
}

static void end(struct change *change, int result)
{
    struct ph_view_write *write = change->write;
    write->own = NULL;
    change_free(change);
    write->error.code = result;
    write->done(write, result);
}

static void note_applied(struct change *change)
{
    struct ph_view_write *write = change->write;
    write->count += change->in_plan;
    if (change->modseq != NULL && change->modseq->type == PH_VALUE_I64) {
        write->modseq = (uint64_t)change->modseq->i64;
        write->first_modseq = write->first_modseq == 0 ? write->modseq : write->first_modseq;
    }
    change->at += change->planned;
    change->tries = 0;
}

/* The next plan, or PH_OK with an empty one. */
static int build(struct change *change)
{
    struct ph_error *err = &change->write->error;
    int result = PH_OK;
    do {
        ph_arena_reset(&change->arena);
        ph_plan_init(&change->plan, &change->arena);
        change->in_plan = 0;
        change->modseq = NULL;
        change->planned = change->uid_count - change->at < CHUNK ? change->uid_count - change->at : CHUNK;
        if (!change->build(change, err, &result) && result == PH_OK) {
            change->at += change->planned; /* nothing to do for these */
        }
    } while (result == PH_OK && change->plan.count == 0 && change->at < change->uid_count);
    return result;
}

static bool is_quicker(struct change *change, int result)
{
    return result == PH_ECONFLICT && ++change->tries < TRIES_MAX;
}

static void applied(struct ph_plan *plan, int result, void *ctx);

static void submit(struct change *change)
{
    ph_db_submit(change->session->mailboxes->db, &change->plan, applied, change);
}

/* On the store's thread: building again reads nothing. */
static void applied(struct ph_plan *plan, int result, void *ctx)
{
    struct change *change = ctx;
    if (result == PH_OK) {
        note_applied(change);
    } else if (is_quicker(change, result)) {
        result = build(change);
        if (result == PH_OK && change->plan.count > 0) {
            submit(change);
            return;
        }
    } else {
        change->write->error = plan->error;
        if (result == PH_ECONFLICT) {
            result = ph_fail(&change->write->error, PH_EBUSY, "messages that others change all the time");
        }
    }
    end(change, result);
}

static void run(struct change *change)
{
    struct ph_mailboxes *mailboxes = change->session->mailboxes;
    struct ph_error *err = &change->write->error;
    int result = PH_OK;
    while (result == PH_OK && change->at < change->uid_count) {
        result = build(change);
        bool is_last = change->at + change->planned >= change->uid_count;
        if (result != PH_OK || change->plan.count == 0) {
            break;
        }
        if (is_last && !mailboxes->has_nodes) {
            submit(change);
            return;
        }
        result = ph_db_apply(mailboxes->db, &change->plan, err);
        if (result == PH_OK) {
            note_applied(change);
        } else if (is_quicker(change, result)) {
            result = mailboxes->has_nodes ? ph_views_refresh(mailboxes, change->session->view, true, 0, err)
                                          : PH_OK;
        } else if (result == PH_ECONFLICT) {
            result = ph_fail(err, PH_EBUSY, "messages that others change all the time");
        }
    }
    end(change, result);
}

static struct change *change_new(struct ph_view_session *session, struct ph_view_write *write)
{
    struct change *change = ph_zalloc(sizeof *change);
    change->session = session;
    change->write = write;
    ph_arena_init(&change->arena, 16U << 10);
    ph_plan_init(&change->plan, &change->arena);
    write->own = change;
    return change;
}

static void keep_uid(struct change *change, uint32_t uid)
{
    if ((change->uid_count & (change->uid_count - 1)) == 0) {
        size_t capacity = change->uid_count == 0 ? 1 : change->uid_count * 2;
        change->uids = ph_realloc(change->uids, capacity * sizeof change->uids[0]);
    }
    change->uids[change->uid_count++] = uid;
}

/* ---- STORE ---- */

static void add_modified(struct ph_view_write *write, uint32_t uid)
{
    struct ph_uid_range *list = (struct ph_uid_range *)(uintptr_t)write->modified;
    size_t count = write->modified_count;
    if (count > 0 && list[count - 1].last == uid - 1) {
        list[count - 1].last = uid;
        return;
    }
    if ((count & (count - 1)) == 0) {
        struct ph_uid_range *more = ph_arena_alloc(write->arena, (count == 0 ? 1 : count * 2) * sizeof *more);
        if (count > 0) {
            memcpy(more, list, count * sizeof *more);
        }
        list = more;
        write->modified = list;
    }
    list[count] = (struct ph_uid_range){uid, uid};
    write->modified_count = count + 1;
}

static int pick_for_store(const struct ph_view_message *seen, const struct ph_view_message *now, void *ctx)
{
    struct change *change = ctx;
    if (now == NULL) {
        return PH_OK;
    }
    if (change->flags.has_unchanged_since && now->modseq > change->flags.unchanged_since) {
        add_modified(change->write, seen->uid);
    } else {
        keep_uid(change, seen->uid);
    }
    return PH_OK;
}

/* Of one message: what it has, and what it is to have. False: the same. */
static bool find_change(struct change *change, const struct ph_view_message *now, struct ph_bytes had,
                        struct ph_flag_change *out_change, struct ph_news_item *out_item)
{
    const struct ph_view_flag_change *flags = &change->flags;
    ph_flag_change_find(&change->arena, flags->how, flags->flags, flags->keywords, now->flags, had,
                        out_change);
    *out_item = (struct ph_news_item){
        .id = now->id,
        .uid = now->uid,
        .flags = (now->flags & ~out_change->cleared) | out_change->set,
        .keywords = out_change->keywords,
    };
    return out_change->set != 0 || out_change->cleared != 0 || out_change->added_keywords.len > 0 ||
           out_change->removed_keywords.len > 0;
}

/* The view's list as it is, and a way to its keywords. */
static struct ph_view_list *list_now(struct ph_view *view)
{
    pthread_mutex_lock(&view->lock);
    struct ph_view_list *list = ph_view_list_ref(view->list);
    pthread_mutex_unlock(&view->lock);
    return list;
}

static bool build_store(struct change *change, struct ph_error *err, int *out_result)
{
    struct ph_mailboxes *mailboxes = change->session->mailboxes;
    struct ph_view *view = change->session->view;
    struct ph_arena *arena = &change->arena;
    struct ph_view_list *list = list_now(view);
    struct ph_news_item *items = ph_arena_alloc(arena, change->planned * sizeof *items);
    struct ph_number_slots *slots = ph_arena_alloc(arena, 2 * change->planned * sizeof *slots);
    size_t count = 0;
    for (size_t i = 0; i < change->planned; i++) {
        const struct ph_view_message *now = ph_view_list_get(list, change->uids[change->at + i]);
        struct ph_flag_change flags;
        if (now == NULL) {
            continue;
        }
        /* Changed by somebody since it was picked: in a second attempt. */
        if (change->tries > 0 && change->flags.has_unchanged_since &&
            now->modseq > change->flags.unchanged_since) {
            add_modified(change->write, now->uid);
            continue;
        }
        struct ph_bytes had = ph_view_keywords(change->session, now);
        if (!find_change(change, now, had, &flags, &items[count])) {
            continue;
        }
        const struct ph_message_state seen = {
            .exists = true,
            .row = {.message_id = now->id,
                    .mailbox_id = view->mailbox,
                    .uid = now->uid,
                    .has_uid = true,
                    .modseq = now->modseq},
            .has_modseq = true,
        };
        ph_store_message_state_set_flags(&change->plan, &seen, &flags, ph_real_us(mailboxes->clock),
                                         slots + 2 * count);
        count++;
    }
    if (count > 0) {
        *out_result = mailboxes->uids->number(mailboxes->uids, &change->plan, &view->mailbox, NULL, slots,
                                              2 * (unsigned)count, err);
        ph_news_flagged(mailboxes, &change->plan, &view->mailbox, items, count, slots[0].modseq);
        change->modseq = slots[0].modseq;
        change->in_plan = count;
    }
    ph_view_list_unref(&list);
    return count > 0;
}

void ph_view_store(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                   const struct ph_view_flag_change *flags, struct ph_view_write *write)
{
    begin(write);
    int result = check(session, PH_RIGHT_FLAGS, &write->error);
    if (result != PH_OK) {
        refuse(write, result);
        return;
    }
    struct change *change = change_new(session, write);
    change->flags = *flags;
    change->flags.flags &= ~(unsigned)PH_FLAG_RECENT;
    change->memory = ph_bytes_dup(flags->keywords);
    change->flags.keywords = ph_bytes_of(change->memory, flags->keywords.len);
    change->build = build_store;
    (void)ph_view_pick(session, uids, count, pick_for_store, change);
    run(change);
}

/* ---- EXPUNGE ---- */

static int pick_for_expunge(const struct ph_view_message *seen, const struct ph_view_message *now, void *ctx)
{
    struct change *change = ctx;
    if (now != NULL && (!change->only_deleted || (now->flags & PH_FLAG_DELETED) != 0)) {
        keep_uid(change, seen->uid);
    }
    return PH_OK;
}

static bool build_expunge(struct change *change, struct ph_error *err, int *out_result)
{
    struct ph_mailboxes *mailboxes = change->session->mailboxes;
    struct ph_view *view = change->session->view;
    struct ph_view_list *list = list_now(view);
    struct ph_news_item *items = ph_arena_zalloc(&change->arena, change->planned * sizeof *items);
    struct ph_uuid *ids = ph_arena_alloc(&change->arena, change->planned * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; i < change->planned; i++) {
        const struct ph_view_message *now = ph_view_list_get(list, change->uids[change->at + i]);
        if (now != NULL && (!change->only_deleted || (now->flags & PH_FLAG_DELETED) != 0)) {
            items[count] = (struct ph_news_item){.id = now->id, .uid = now->uid};
            ids[count++] = now->id;
        }
    }
    ph_view_list_unref(&list);
    size_t found = count;
    if (count > 0 && mailboxes->has_nodes) {
        *out_result = ph_expunge(mailboxes, &view->mailbox, ids, count, true, &change->plan, &found, err);
    } else if (count > 0) {
        *out_result = ph_expunge_known(mailboxes, &view->mailbox, items, count, change->only_deleted,
                                       &change->plan, &change->modseq, err);
    }
    change->in_plan = found;
    return count > 0;
}

void ph_view_expunge(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                     bool only_deleted, struct ph_view_write *write)
{
    begin(write);
    int result = check(session, PH_RIGHT_EXPUNGE, &write->error);
    if (result != PH_OK) {
        refuse(write, result);
        return;
    }
    struct change *change = change_new(session, write);
    change->only_deleted = only_deleted;
    change->build = build_expunge;
    (void)ph_view_pick(session, uids, count, pick_for_expunge, change);
    run(change);
}

/* ---- COPY and MOVE ---- */

struct picking {
    struct ph_view_message *list; /* of what is there */
    size_t count;
};

static int pick_for_copy(const struct ph_view_message *seen, const struct ph_view_message *now, void *ctx)
{
    (void)seen;
    struct picking *picking = ctx;
    if (now != NULL) {
        if ((picking->count & (picking->count - 1)) == 0) {
            size_t capacity = picking->count == 0 ? 1 : picking->count * 2;
            picking->list = ph_realloc(picking->list, capacity * sizeof picking->list[0]);
        }
        picking->list[picking->count++] = *now;
    }
    return PH_OK;
}

void ph_view_copy(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                  const struct ph_mailbox *to, bool is_move, struct ph_view_write *write)
{
    begin(write);
    int result = is_move
                     ? check(session, PH_RIGHT_EXPUNGE, &write->error)
                     : ph_rights_check(&session->access, session->mailbox.user, PH_RIGHT_READ, &write->error);
    if (result == PH_OK) {
        result = ph_rights_check(&session->access, to->user, PH_RIGHT_INSERT, &write->error);
    }
    if (result != PH_OK) {
        refuse(write, result);
        return;
    }
    struct picking picking = {NULL, 0};
    (void)ph_view_pick(session, uids, count, pick_for_copy, &picking);
    struct ph_uuid *ids = ph_alloc((picking.count + 1) * sizeof *ids);
    struct ph_numbers *numbers = ph_zalloc((picking.count + 1) * sizeof *numbers);
    for (size_t i = 0; i < picking.count; i++) {
        ids[i] = picking.list[i].id;
    }
    result = ph_message_transfer(session->mailboxes, &session->mailbox, ids, picking.count, to, is_move,
                                 numbers, &write->count, &write->error);
    struct ph_view_pair *pairs = ph_arena_alloc(write->arena, (picking.count + 1) * sizeof *pairs);
    for (size_t i = 0; i < picking.count; i++) {
        if (numbers[i].uid != 0 && numbers[i].uid <= UINT32_MAX) {
            pairs[write->pair_count++] = (struct ph_view_pair){picking.list[i].uid, (uint32_t)numbers[i].uid};
        }
    }
    write->pairs = pairs;
    free(numbers);
    free(ids);
    free(picking.list);
    write->error.code = result;
    write->done(write, result);
}
