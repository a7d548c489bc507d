/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A view is registered before it is read: what happens to the mailbox while it is read waits, and is then done to what was
 * read. Whether the read had it already does not matter, for each step can be taken twice: a message that is there is not
 * added again, older flags do not replace newer ones, what is gone is not removed.
 */
#include "mailbox/views.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/news.h"
#include "mailbox/view_session.h"
#include "net/pool.h"
#include "store/message_view.h"

enum { BUCKETS = 4096 };

/* After that long what a node was given a number for is there, or never will be. */
static const uint64_t SETTLED_US = 30ULL * 1000 * 1000;

/* Of views that nobody has open; the rest of a list is small beside its messages. */
static const size_t IDLE_BYTES_MAX = 32U << 20;

struct ph_views {
    pthread_mutex_t lock;
    struct ph_view *buckets[BUCKETS];
    struct ph_view *oldest; /* of those without a user */
    struct ph_view *newest;
    size_t idle_bytes;
};

/* An event that came while the view was read. */
struct ph_view_missed {
    struct ph_view_missed *next;
    struct ph_view_event event;
    struct ph_arena arena;
};

/* ---- The registry ---- */

struct ph_views *ph_views_new(void)
{
    struct ph_views *views = ph_zalloc(sizeof *views);
    pthread_mutex_init(&views->lock, NULL);
    return views;
}

static void forget_missed(struct ph_view *view)
{
    while (view->missed != NULL) {
        struct ph_view_missed *missed = view->missed;
        view->missed = missed->next;
        ph_arena_fini(&missed->arena);
        free(missed);
    }
    view->last_missed = &view->missed;
}

static void view_free(struct ph_view *view)
{
    forget_missed(view);
    ph_view_list_unref(&view->list);
    ph_keywords_fini(&view->keywords);
    pthread_cond_destroy(&view->loaded);
    pthread_mutex_destroy(&view->lock);
    free(view);
}

void ph_views_free(struct ph_views **views)
{
    if (*views == NULL) {
        return;
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        while ((*views)->buckets[i] != NULL) {
            struct ph_view *view = (*views)->buckets[i];
            (*views)->buckets[i] = view->next;
            view_free(view);
        }
    }
    pthread_mutex_destroy(&(*views)->lock);
    free(*views);
    *views = NULL;
}

static struct ph_view **bucket_of(struct ph_views *views, const struct ph_uuid *mailbox)
{
    uint64_t a;
    uint64_t b;
    memcpy(&a, mailbox->b, sizeof a);
    memcpy(&b, mailbox->b + sizeof a, sizeof b);
    uint64_t hash = (a ^ (b * 0x9E3779B97F4A7C15U)) * 0xD6E8FEB86659FD93U;
    return &views->buckets[(hash >> 32) % BUCKETS];
}

static struct ph_view **find(struct ph_views *views, const struct ph_uuid *mailbox)
{
    struct ph_view **place = bucket_of(views, mailbox);
    while (*place != NULL && !ph_uuid_eq(&(*place)->mailbox, mailbox)) {
        place = &(*place)->next;
    }
    return place;
}

/* Of the views without a user. */
static void unlink_idle(struct ph_views *views, struct ph_view *view)
{
    *(view->older != NULL ? &view->older->newer : &views->oldest) = view->newer;
    *(view->newer != NULL ? &view->newer->older : &views->newest) = view->older;
    view->older = NULL;
    view->newer = NULL;
    views->idle_bytes -= view->counted_bytes;
}

static void link_idle(struct ph_views *views, struct ph_view *view)
{
    view->older = views->newest;
    *(view->older != NULL ? &view->older->newer : &views->oldest) = view;
    views->newest = view;
    views->idle_bytes += view->counted_bytes;
}

static struct ph_view *take(struct ph_views *views, const struct ph_uuid *mailbox, bool can_make)
{
    pthread_mutex_lock(&views->lock);
    struct ph_view **place = find(views, mailbox);
    struct ph_view *view = *place;
    if (view != NULL && view->users == 0) {
        unlink_idle(views, view);
    } else if (view == NULL && can_make) {
        view = ph_zalloc(sizeof *view);
        view->mailbox = *mailbox;
        pthread_mutex_init(&view->lock, NULL);
        pthread_cond_init(&view->loaded, NULL);
        view->list = ph_view_list_new();
        view->last_missed = &view->missed;
        *place = view;
    }
    if (view != NULL) {
        view->users++;
    }
    pthread_mutex_unlock(&views->lock);
    return view;
}

void ph_views_release(struct ph_views *views, struct ph_view *view)
{
    struct ph_view *freed = NULL;
    pthread_mutex_lock(&views->lock);
    if (--view->users == 0) {
        /* Nobody else has it, so its lock is not needed. */
        bool is_kept = view->state == PH_VIEW_READY && !view->was_removed;
        view->counted_bytes = sizeof *view + ph_view_list_count(view->list) * sizeof(struct ph_view_message);
        link_idle(views, view);
        while (views->oldest != NULL && (views->idle_bytes > IDLE_BYTES_MAX || !is_kept)) {
            struct ph_view *victim = is_kept ? views->oldest : view;
            is_kept = true;
            unlink_idle(views, victim);
            if (!victim->was_removed) {
                *find(views, &victim->mailbox) = victim->next;
            }
            victim->next = freed;
            freed = victim;
        }
    }
    pthread_mutex_unlock(&views->lock);
    while (freed != NULL) {
        struct ph_view *victim = freed;
        freed = victim->next;
        view_free(victim);
    }
}

/* Whoever opens the mailbox from now on gets another one. */
static void remove_from_registry(struct ph_views *views, struct ph_view *view)
{
    pthread_mutex_lock(&views->lock);
    if (!view->was_removed) {
        *find(views, &view->mailbox) = view->next;
        view->next = NULL;
        view->was_removed = true;
    }
    pthread_mutex_unlock(&views->lock);
}

bool ph_views_has(struct ph_views *views, const struct ph_uuid *mailbox)
{
    pthread_mutex_lock(&views->lock);
    bool has = *find(views, mailbox) != NULL;
    pthread_mutex_unlock(&views->lock);
    return has;
}

/* ---- What happens, under the view's lock ---- */

static void count(struct ph_view *view, const struct ph_view_message *message, int by)
{
    if ((message->flags & PH_FLAG_SEEN) == 0) {
        view->unseen += (uint32_t)by;
    }
    if ((message->flags & PH_FLAG_DELETED) != 0) {
        view->deleted += (uint32_t)by;
    }
}

static void put(struct ph_view *view, const struct ph_view_message *message)
{
    count(view, message, 1);
    ph_view_list_put(&view->list, message);
}

static void add(struct ph_view *view, const struct ph_view_event *event)
{
    struct ph_view_message message = event->message;
    if (ph_view_list_get(view->list, message.uid) != NULL) {
        return;
    }
    if (view->has_nodes && message.uid != view->uid_next) {
        view->looked_us = 0; /* what another node was given between is to come first */
        return;
    }
    (void)ph_keywords_put(&view->keywords, event->keywords, &message.keywords);
    message.modseq = event->modseq;
    put(view, &message);
    view->uid_next = message.uid >= view->uid_next ? message.uid + 1 : view->uid_next;
}

static void set_flags(struct ph_view *view, const struct ph_news_item *item, uint64_t modseq)
{
    const struct ph_view_message *found =
        item->uid == 0 || item->uid > UINT32_MAX ? NULL : ph_view_list_get(view->list, (uint32_t)item->uid);
    if (found == NULL || !ph_uuid_eq(&found->id, &item->id) || found->modseq >= modseq) {
        return;
    }
    struct ph_view_message message = *found;
    count(view, &message, -1);
    message.flags = (uint16_t)(item->flags & ~(unsigned)PH_FLAG_RECENT);
    (void)ph_keywords_put(&view->keywords, item->keywords, &message.keywords);
    message.modseq = modseq;
    put(view, &message);
}

static int compare_ids(const void *a, const void *b)
{
    return memcmp(((const struct ph_uuid *)a)->b, ((const struct ph_uuid *)b)->b, PH_UUID_BYTES);
}

static int compare_uids(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* The UIDs of messages that are known by their ids alone: all of the mailbox is looked at, once. */
static size_t find_uids(const struct ph_view *view, struct ph_uuid *ids, size_t id_count, uint32_t *out_uids)
{
    size_t found = 0;
    qsort(ids, id_count, sizeof ids[0], compare_ids);
    for (struct ph_view_cursor at = ph_view_list_first(view->list); found < id_count;
         ph_view_cursor_next(&at)) {
        const struct ph_view_message *message = ph_view_cursor_get(&at);
        if (message == NULL) {
            break;
        }
        if (bsearch(&message->id, ids, id_count, sizeof ids[0], compare_ids) != NULL) {
            out_uids[found++] = message->uid;
        }
    }
    return found;
}

static void expunge(struct ph_view *view, const struct ph_view_event *event)
{
    uint32_t *uids = ph_alloc(event->count * sizeof *uids);
    struct ph_uuid *ids = ph_alloc(event->count * sizeof *ids);
    size_t uid_count = 0;
    size_t id_count = 0;
    for (size_t i = 0; i < event->count; i++) {
        const struct ph_news_item *item = &event->items[i];
        const struct ph_view_message *found = item->uid == 0 || item->uid > UINT32_MAX
                                                  ? NULL
                                                  : ph_view_list_get(view->list, (uint32_t)item->uid);
        if (found != NULL && ph_uuid_eq(&found->id, &item->id)) {
            uids[uid_count++] = found->uid;
        } else if (item->uid == 0) {
            ids[id_count++] = item->id;
        }
    }
    if (id_count > 0) {
        uid_count += find_uids(view, ids, id_count, uids + uid_count);
    }
    qsort(uids, uid_count, sizeof uids[0], compare_uids);
    for (size_t i = 0; i < uid_count; i++) {
        if (i == 0 || uids[i] != uids[i - 1]) {
            count(view, ph_view_list_get(view->list, uids[i]), -1);
        }
    }
    ph_view_list_remove(&view->list, uids, uid_count);
    free(ids);
    free(uids);
}

static void apply(struct ph_view *view, const struct ph_view_event *event)
{
    switch (event->kind) {
    case PH_VIEW_ADDED: add(view, event); break;
    case PH_VIEW_FLAGGED:
        for (size_t i = 0; i < event->count; i++) {
            set_flags(view, &event->items[i], event->modseq);
        }
        break;
    case PH_VIEW_EXPUNGED: expunge(view, event); break;
    case PH_VIEW_DELETED:
        ph_view_list_unref(&view->list);
        view->list = ph_view_list_new();
        view->unseen = 0;
        view->deleted = 0;
        view->is_deleted = true;
        break;
    }
    view->highest_modseq = event->modseq > view->highest_modseq ? event->modseq : view->highest_modseq;
    view->generation++;
}

static void keep(struct ph_view *view, const struct ph_view_event *event)
{
    struct ph_view_missed *missed = ph_zalloc(sizeof *missed);
    ph_arena_init(&missed->arena, 512);
    missed->event = *event;
    missed->event.keywords = ph_arena_bytes(&missed->arena, event->keywords);
    if (event->count > 0) {
        struct ph_news_item *items =
            ph_arena_copy(&missed->arena, event->items, event->count * sizeof *items);
        for (size_t i = 0; i < event->count; i++) {
            items[i].keywords = ph_arena_bytes(&missed->arena, items[i].keywords);
        }
        missed->event.items = items;
    }
    *view->last_missed = missed;
    view->last_missed = &missed->next;
}

void ph_views_tell(struct ph_views *views, const struct ph_uuid *mailbox, const struct ph_view_event *event)
{
    struct ph_view *view = take(views, mailbox, false);
    if (view == NULL) {
        return;
    }
    pthread_mutex_lock(&view->lock);
    if (view->state == PH_VIEW_READY) {
        apply(view, event);
        ph_view_sessions_wake(view);
    } else if (view->state == PH_VIEW_LOADING) {
        keep(view, event);
    }
    pthread_mutex_unlock(&view->lock);
    if (event->kind == PH_VIEW_DELETED) {
        remove_from_registry(views, view);
    }
    ph_views_release(views, view);
}

/* ---- Loading ---- */

struct loading {
    struct ph_mailboxes *mailboxes;
    struct ph_view *view;
    struct ph_view_list *list;
    uint32_t unseen;
    uint32_t deleted;
    uint32_t last_uid;
    uint32_t known_uid; /* up to it nothing comes any more; 0: all is taken as it is */
    bool is_holding;    /* the rest waits for what may come before it */
    uint64_t highest_modseq;
};

/* A node that was given a UID may write its row behind another's who came later. What is behind a gap in what is new
 * waits until the gap is closed or old. */
static bool must_wait(struct loading *loading, const struct ph_message_viewed *viewed)
{
    uint32_t last = loading->last_uid > loading->known_uid ? loading->last_uid : loading->known_uid;
    if (loading->known_uid == 0 || viewed->uid <= loading->known_uid) {
        return false;
    }
    uint64_t now_us = ph_real_us(loading->mailboxes->clock);
    bool is_behind_gap = viewed->uid != (uint64_t)last + 1;
    bool is_young = now_us < ph_uuid_unix_us(&viewed->message_id) + SETTLED_US;
    loading->is_holding = loading->is_holding || (is_behind_gap && is_young);
    return loading->is_holding;
}

static int load_one(const struct ph_message_viewed *viewed, void *ctx, struct ph_error *err)
{
    (void)err;
    struct loading *loading = ctx;
    if (viewed->uid == 0 || viewed->uid >= UINT32_MAX || must_wait(loading, viewed)) {
        return PH_OK; /* not one that IMAP can show, or not yet */
    }
    struct ph_view_message message = {
        .id = viewed->message_id,
        .modseq = viewed->modseq == 0 ? 1 : viewed->modseq,
        .size = viewed->size,
        .internal_date_ms = viewed->internal_date_ms,
        .uid = (uint32_t)viewed->uid,
        .flags = (uint16_t)(viewed->flags & ~(unsigned)PH_FLAG_RECENT),
    };
    if (viewed->keywords.len > 0) {
        /* Sessions of an earlier load may ask for theirs. */
        pthread_mutex_lock(&loading->view->lock);
        (void)ph_keywords_put(&loading->view->keywords, viewed->keywords, &message.keywords);
        pthread_mutex_unlock(&loading->view->lock);
    }
    loading->unseen += (message.flags & PH_FLAG_SEEN) == 0;
    loading->deleted += (message.flags & PH_FLAG_DELETED) != 0;
    loading->last_uid = message.uid;
    loading->highest_modseq =
        message.modseq > loading->highest_modseq ? message.modseq : loading->highest_modseq;
    ph_view_list_put(&loading->list, &message);
    return PH_OK;
}

/* What came while it was read, and is in it or not. */
static void take_missed(struct ph_view *view)
{
    for (const struct ph_view_missed *missed = view->missed; missed != NULL; missed = missed->next) {
        apply(view, &missed->event);
    }
    forget_missed(view);
}

static void take_loaded(struct ph_view *view, struct loading *loaded, uint64_t uid, uint64_t modseq)
{
    ph_view_list_unref(&view->list);
    view->list = loaded->list;
    loaded->list = NULL;
    view->unseen = loaded->unseen;
    view->deleted = loaded->deleted;
    /* Of numbers that others have been given it is not known whether they will come. */
    bool has_others = view->has_nodes && loaded->known_uid != 0;
    uid = loaded->last_uid > uid || has_others ? loaded->last_uid : uid;
    uint32_t next = uid >= UINT32_MAX ? UINT32_MAX : (uint32_t)uid + 1;
    view->uid_next = next > view->uid_next ? next : view->uid_next;
    uint64_t highest = loaded->highest_modseq > modseq ? loaded->highest_modseq : modseq;
    highest = highest == 0 ? 1 : highest;
    view->highest_modseq = highest > view->highest_modseq ? highest : view->highest_modseq;
    view->generation++;
}

/* With the view's lock, which is given up meanwhile. UID and MODSEQ: as the policy said before. */
static int load(struct ph_mailboxes *mailboxes, struct ph_view *view, uint64_t uid, uint64_t modseq,
                struct ph_error *err)
{
    struct loading loaded = {.mailboxes = mailboxes, .view = view, .list = ph_view_list_new()};
    bool was_ready = view->state == PH_VIEW_READY;
    loaded.known_uid = was_ready && mailboxes->has_nodes ? view->uid_next - 1 : 0;
    view->state = PH_VIEW_LOADING;
    view->has_nodes = mailboxes->has_nodes;
    pthread_mutex_unlock(&view->lock);
    int result = PH_OK;
    if (!was_ready) {
        result = mailboxes->uids->look(mailboxes->uids, &view->mailbox, &uid, &modseq, err);
    }
    if (result == PH_OK) {
        result = ph_store_message_view(mailboxes->db, &view->mailbox, 0, load_one, &loaded, err);
    }
    pthread_mutex_lock(&view->lock);
    if (result == PH_OK) {
        take_loaded(view, &loaded, uid, modseq);
    }
    view->state = result == PH_OK || was_ready ? PH_VIEW_READY : PH_VIEW_ABSENT;
    if (view->state == PH_VIEW_READY) {
        take_missed(view);
    }
    if (result == PH_OK && !was_ready) {
        view->counter = modseq;
        view->looked_us = ph_mono_us(mailboxes->clock);
        view->moved_us = view->looked_us;
    }
    ph_view_list_unref(&loaded.list);
    forget_missed(view);
    pthread_cond_broadcast(&view->loaded);
    ph_view_sessions_wake(view);
    return result;
}

/* With the view's lock. */
static void wait_loaded(struct ph_view *view)
{
    while (view->state == PH_VIEW_LOADING) {
        ph_pool_blocking_begin();
        pthread_cond_wait(&view->loaded, &view->lock);
        ph_pool_blocking_end();
    }
}

int ph_views_load(struct ph_mailboxes *mailboxes, struct ph_view *view, struct ph_error *err)
{
    int result = PH_OK;
    pthread_mutex_lock(&view->lock);
    wait_loaded(view);
    if (view->state == PH_VIEW_ABSENT) {
        result = load(mailboxes, view, 0, 0, err);
    }
    pthread_mutex_unlock(&view->lock);
    return result;
}

int ph_views_get(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, struct ph_view **out_view,
                 struct ph_error *err)
{
    struct ph_view *view = take(mailboxes->views, mailbox, true);
    int result = ph_views_load(mailboxes, view, err);
    if (result == PH_OK && mailboxes->has_nodes) {
        result = ph_views_refresh(mailboxes, view, true, 0, err);
    }
    if (result != PH_OK) {
        ph_views_release(mailboxes->views, view);
        view = NULL;
    }
    *out_view = view;
    return result;
}

/* ---- Other nodes ---- */

/* A number is given before its rows are written: after the counter has moved, what it counted may come for a while. */
int ph_views_refresh(struct ph_mailboxes *mailboxes, struct ph_view *view, bool is_now, unsigned interval_ms,
                     struct ph_error *err)
{
    uint64_t now_us = ph_mono_us(mailboxes->clock);
    pthread_mutex_lock(&view->lock);
    wait_loaded(view);
    bool is_fresh = view->is_deleted ||
                    (!is_now && view->looked_us != 0 && now_us < view->looked_us + interval_ms * 1000ULL);
    uint64_t looked_us = view->looked_us;
    if (!is_fresh) {
        view->looked_us = now_us;
    }
    pthread_mutex_unlock(&view->lock);
    if (is_fresh) {
        return PH_OK;
    }
    uint64_t uid = 0;
    uint64_t modseq = 0;
    int result = mailboxes->uids->look(mailboxes->uids, &view->mailbox, &uid, &modseq, err);
    pthread_mutex_lock(&view->lock);
    wait_loaded(view);
    if (result == PH_OK && view->counter != modseq) {
        view->counter = modseq;
        view->moved_us = now_us;
    }
    bool is_settled = result == PH_OK && looked_us != 0 && looked_us > view->moved_us + SETTLED_US;
    if (result == PH_OK && !is_settled && view->state == PH_VIEW_READY) {
        result = load(mailboxes, view, uid, modseq, err);
    }
    pthread_mutex_unlock(&view->lock);
    return result;
}
