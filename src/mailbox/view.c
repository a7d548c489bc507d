/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session and what its client has been told.
 *
 * The snapshot is the view's own list as it was at the last sync, which costs a pointer; the view copies what it changes.
 * Only where messages are gone that may not be reported yet, or came below one that is known, the session has a list of its
 * own: what it counts, with the flags that are now.
 */
#include "mailbox/view.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/rights.h"
#include "mailbox/view_session.h"

enum { INTERVAL_MS = 10000 };

/* ---- Opening ---- */

int ph_view_check_store(const struct ph_mailboxes *mailboxes, struct ph_error *err)
{
    return mailboxes->uids->has_imap_numbers
               ? PH_OK
               : ph_fail(err, PH_EINVALID,
                         "IMAP needs UIDs that ascend, and this store gives random ones "
                         "(cassandra.profile lwt-free); it serves POP3");
}

static char *copy_text(char **at, struct ph_bytes *text)
{
    char *start = *at;
    memcpy(start, text->ptr == NULL ? (const uint8_t *)"" : text->ptr, text->len);
    *text = ph_bytes_of(start, text->len);
    *at += text->len;
    return start;
}

static struct ph_view_session *session_new(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                                           const struct ph_mailbox *mailbox, bool is_read_only)
{
    struct ph_view_session *session = ph_zalloc(sizeof *session);
    session->mailboxes = mailboxes;
    session->mailbox = *mailbox;
    session->access = *access;
    session->is_read_only = is_read_only;
    session->memory = ph_alloc(mailbox->user.len + mailbox->name.len + access->user.len + 1);
    char *at = session->memory;
    copy_text(&at, &session->mailbox.user);
    copy_text(&at, &session->mailbox.name);
    copy_text(&at, &session->access.user);
    return session;
}

static void add_recent(struct ph_view_session *session, uint32_t first, uint32_t last)
{
    unsigned count = session->recent_count;
    if (count > 0 && session->recent[count - 1].last == first - 1) {
        session->recent[count - 1].last = last;
        return;
    }
    session->recent = ph_realloc(session->recent, (count + 1) * sizeof session->recent[0]);
    session->recent[session->recent_count++] = (struct ph_view_recent){first, last};
}

/* With the view's lock: what is recent to nobody yet is so to this session. */
static void take_recent(struct ph_view_session *session)
{
    struct ph_view *view = session->view;
    uint32_t known = session->recent_count == 0 ? 0 : session->recent[session->recent_count - 1].last;
    uint32_t from = known > view->recent_uid ? known : view->recent_uid;
    if (view->uid_next - 1 <= from) {
        return;
    }
    add_recent(session, from + 1, view->uid_next - 1);
    if (!session->is_read_only) {
        view->recent_uid = view->uid_next - 1;
    }
}

static bool is_recent(const struct ph_view_session *session, uint32_t uid)
{
    for (unsigned i = session->recent_count; i > 0; i--) {
        if (uid >= session->recent[i - 1].first) {
            return uid <= session->recent[i - 1].last;
        }
    }
    return false;
}

static uint32_t count_recent(const struct ph_view_session *session)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < session->recent_count; i++) {
        uint32_t first = ph_view_list_find(session->seen, session->recent[i].first);
        uint32_t behind = session->recent[i].last == UINT32_MAX
                              ? ph_view_list_count(session->seen)
                              : ph_view_list_find(session->seen, session->recent[i].last + 1);
        count += behind - first;
    }
    return count;
}

int ph_view_open(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                 const struct ph_mailbox *mailbox, bool is_read_only, struct ph_view_session **out_session,
                 struct ph_error *err)
{
    struct ph_view *view = NULL;
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_READ, err);
    if (result == PH_OK) {
        result = ph_view_check_store(mailboxes, err);
    }
    if (result == PH_OK) {
        result = ph_views_get(mailboxes, &mailbox->id, &view, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_view_session *session = session_new(mailboxes, access, mailbox, is_read_only);
    session->view = view;
    pthread_mutex_lock(&view->lock);
    session->seen = ph_view_list_ref(view->list);
    session->seen_generation = view->generation;
    session->highest_modseq = view->highest_modseq;
    session->seen_words = view->keywords.word_count;
    session->uid_next = view->uid_next;
    take_recent(session);
    pthread_mutex_unlock(&view->lock);
    *out_session = session;
    return PH_OK;
}

void ph_view_close(struct ph_view_session **session)
{
    struct ph_view_session *one = *session;
    if (one == NULL) {
        return;
    }
    *session = NULL;
    ph_view_watch(one, NULL, NULL);
    ph_view_list_unref(&one->seen);
    ph_views_release(one->mailboxes->views, one->view);
    free(one->recent);
    free(one->memory);
    free(one);
}

bool ph_view_is_read_only(const struct ph_view_session *session)
{
    return session->is_read_only;
}

const struct ph_mailbox *ph_view_mailbox(const struct ph_view_session *session)
{
    return &session->mailbox;
}

/* ---- What the client has been told of ---- */

uint32_t ph_view_count(const struct ph_view_session *session)
{
    return ph_view_list_count(session->seen);
}

const struct ph_view_message *ph_view_at(const struct ph_view_session *session, uint32_t number)
{
    return ph_view_list_at(session->seen, number - 1);
}

uint32_t ph_view_find(const struct ph_view_session *session, uint32_t uid)
{
    return ph_view_list_find(session->seen, uid) + 1;
}

uint32_t ph_view_number(const struct ph_view_session *session, uint32_t uid)
{
    uint32_t index = ph_view_list_find(session->seen, uid);
    return index < ph_view_list_count(session->seen) && ph_view_list_at(session->seen, index)->uid == uid
               ? index + 1
               : 0;
}

unsigned ph_view_flags(const struct ph_view_session *session, const struct ph_view_message *message)
{
    return message->flags | (is_recent(session, message->uid) ? (unsigned)PH_FLAG_RECENT : 0U);
}

struct ph_bytes ph_view_keywords(const struct ph_view_session *session, const struct ph_view_message *message)
{
    if (message->keywords == 0) {
        return (struct ph_bytes){NULL, 0};
    }
    pthread_mutex_lock(&session->view->lock);
    struct ph_bytes words = ph_keywords_get(&session->view->keywords, message->keywords);
    pthread_mutex_unlock(&session->view->lock);
    return words;
}

void ph_view_keywords_each(const struct ph_view_session *session,
                           void (*each)(struct ph_bytes keyword, void *ctx), void *ctx)
{
    for (unsigned i = 0;; i++) {
        struct ph_bytes word = {NULL, 0};
        pthread_mutex_lock(&session->view->lock);
        if (i < session->view->keywords.word_count) {
            word = session->view->keywords.words[i];
        }
        pthread_mutex_unlock(&session->view->lock);
        if (word.ptr == NULL) {
            return;
        }
        each(word, ctx);
    }
}

void ph_view_status(const struct ph_view_session *session, struct ph_view_status *out_status)
{
    *out_status = (struct ph_view_status){
        .messages = ph_view_list_count(session->seen),
        .recent = count_recent(session),
        .uid_next = session->uid_next,
        .uid_validity = session->mailbox.uid_validity,
        .highest_modseq = session->highest_modseq,
    };
    uint32_t number = 0;
    for (struct ph_view_cursor at = ph_view_list_first(session->seen);; ph_view_cursor_next(&at)) {
        const struct ph_view_message *message = ph_view_cursor_get(&at);
        if (message == NULL) {
            return;
        }
        number++;
        if ((message->flags & PH_FLAG_SEEN) == 0) {
            out_status->first_unseen = out_status->unseen == 0 ? number : out_status->first_unseen;
            out_status->unseen++;
        }
        out_status->deleted += (message->flags & PH_FLAG_DELETED) != 0;
    }
}

/* ---- News ---- */

void ph_view_sessions_wake(struct ph_view *view)
{
    for (struct ph_view_session *session = view->sessions; session != NULL; session = session->next) {
        if (!session->was_woken) {
            session->was_woken = true;
            session->watch(session->watch_ctx);
        }
    }
}

static bool has_news(const struct ph_view_session *session)
{
    return session->seen_generation != session->view->generation || session->owes_expunges;
}

bool ph_view_has_news(const struct ph_view_session *session)
{
    pthread_mutex_lock(&session->view->lock);
    bool has = has_news(session);
    pthread_mutex_unlock(&session->view->lock);
    return has;
}

void ph_view_watch(struct ph_view_session *session, void (*watch)(void *ctx), void *ctx)
{
    struct ph_view *view = session->view;
    pthread_mutex_lock(&view->lock);
    if (session->place != NULL) {
        *session->place = session->next;
        if (session->next != NULL) {
            session->next->place = session->place;
        }
        session->place = NULL;
    }
    session->watch = watch;
    session->watch_ctx = ctx;
    if (watch != NULL) {
        session->next = view->sessions;
        if (session->next != NULL) {
            session->next->place = &session->next;
        }
        view->sessions = session;
        session->place = &view->sessions;
        session->was_woken = has_news(session);
        if (session->was_woken) {
            watch(ctx);
        }
    }
    pthread_mutex_unlock(&view->lock);
}

unsigned ph_view_interval_ms(const struct ph_view_session *session)
{
    return session->mailboxes->has_nodes ? INTERVAL_MS : 0;
}

/* The lists of ph_view_changes, while they grow. */
struct report {
    struct ph_view_session *session;
    struct ph_arena *arena;
    struct ph_view_expunged *expunged;
    struct ph_view_changed *changed;
    size_t expunged_count;
    size_t changed_count;
    uint32_t last_known; /* the highest UID that the client knows */
    bool has_low;        /* something came below it */
    bool has_new;
};

/* Room for one more in a list that doubles: its length is a power of two when it is full. */
static void *grown(struct ph_arena *arena, void *list, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0) {
        return list;
    }
    void *more = ph_arena_alloc(arena, (count == 0 ? 1 : count * 2) * size);
    if (count > 0) {
        memcpy(more, list, count * size);
    }
    return more;
}

static void report_expunged(struct report *report, uint32_t number, uint32_t uid)
{
    report->expunged =
        grown(report->arena, report->expunged, report->expunged_count, sizeof report->expunged[0]);
    report->expunged[report->expunged_count] =
        (struct ph_view_expunged){number - (uint32_t)report->expunged_count, uid};
    report->expunged_count++;
}

static void report_changed(struct report *report, uint32_t number, const struct ph_view_message *now)
{
    report->changed = grown(report->arena, report->changed, report->changed_count, sizeof report->changed[0]);
    report->changed[report->changed_count++] = (struct ph_view_changed){number, now->uid, now->modseq};
}

/* What the client would have to be told to come from what it knows to NOW. */
static void compare(struct report *report, const struct ph_view_list *now, bool allow_expunge)
{
    const struct ph_view_list *seen = report->session->seen;
    uint32_t count = ph_view_list_count(seen);
    report->last_known = count == 0 ? 0 : ph_view_list_at(seen, count - 1)->uid;
    struct ph_view_diff diff;
    struct ph_view_difference one;
    ph_view_diff_begin(&diff, seen, now);
    while (ph_view_diff_next(&diff, &one)) {
        if (one.before == NULL) {
            bool is_low = one.now->uid <= report->last_known;
            report->has_low = report->has_low || is_low;
            report->has_new = report->has_new || !is_low;
        } else if (one.now == NULL) {
            report_expunged(report, one.index + 1, one.before->uid);
        } else {
            uint32_t gone = allow_expunge ? (uint32_t)report->expunged_count : 0;
            report_changed(report, one.index + 1 - gone, one.now);
        }
    }
}

/* What the client counts, as it is now: with what may not be reported as gone, without what came too low. */
static struct ph_view_list *merge(const struct report *report, const struct ph_view_list *now,
                                  bool allow_expunge)
{
    struct ph_view_list *merged = ph_view_list_new();
    struct ph_view_cursor before = ph_view_list_first(report->session->seen);
    struct ph_view_cursor next = ph_view_list_first(now);
    for (;;) {
        const struct ph_view_message *old = ph_view_cursor_get(&before);
        const struct ph_view_message *new = ph_view_cursor_get(&next);
        if (old == NULL && new == NULL) {
            return merged;
        }
        bool has_old = old != NULL && (new == NULL || old->uid <= new->uid);
        bool has_new = new != NULL && (old == NULL || new->uid <= old->uid);
        if (has_new && (has_old || new->uid > report->last_known)) {
            ph_view_list_put(&merged, new);
        } else if (has_old && !has_new && !allow_expunge) {
            ph_view_list_put(&merged, old);
        }
        if (has_old) {
            ph_view_cursor_next(&before);
        }
        if (has_new) {
            ph_view_cursor_next(&next);
        }
    }
}

static void move(struct ph_view_session *session, const struct report *report, struct ph_view_list *now,
                 bool allow_expunge)
{
    bool keeps_some = !allow_expunge && report->expunged_count > 0;
    struct ph_view_list *next =
        keeps_some || report->has_low ? merge(report, now, allow_expunge) : ph_view_list_ref(now);
    ph_view_list_unref(&session->seen);
    session->seen = next;
    session->owes_expunges = keeps_some;
}

/* Other nodes' changes. */
static int look_elsewhere(struct ph_view_session *session, enum ph_view_news what, struct ph_error *err)
{
    return session->mailboxes->has_nodes && what != PH_VIEW_NEWS_KNOWN
               ? ph_views_refresh(session->mailboxes, session->view, what == PH_VIEW_NEWS_NOW, INTERVAL_MS,
                                  err)
               : PH_OK;
}

int ph_view_sync(struct ph_view_session *session, enum ph_view_news what, bool allow_expunge,
                 struct ph_arena *arena, struct ph_view_changes *out_changes, struct ph_error *err)
{
    struct ph_view *view = session->view;
    struct report report = {.session = session, .arena = arena};
    int result = look_elsewhere(session, what, err);
    pthread_mutex_lock(&view->lock);
    session->was_woken = false;
    bool is_same = session->seen_generation == view->generation && !(session->owes_expunges && allow_expunge);
    *out_changes = (struct ph_view_changes){.is_deleted = view->is_deleted};
    struct ph_view_list *now = NULL;
    uint64_t highest_modseq = session->highest_modseq;
    if (!is_same) {
        now = ph_view_list_ref(view->list);
        session->seen_generation = view->generation;
        highest_modseq = view->highest_modseq;
        session->uid_next = view->uid_next;
        out_changes->has_keywords = session->seen_words != view->keywords.word_count;
        session->seen_words = view->keywords.word_count;
        take_recent(session);
    }
    pthread_mutex_unlock(&view->lock);
    if (now != NULL) {
        compare(&report, now, allow_expunge);
        move(session, &report, now, allow_expunge);
        ph_view_list_unref(&now);
        /* Whoever asks later what went since is to be told of these too. */
        session->highest_modseq = session->owes_expunges ? session->highest_modseq : highest_modseq;
    }
    out_changes->expunged = report.expunged;
    out_changes->expunged_count = allow_expunge ? report.expunged_count : 0;
    out_changes->changed = report.changed;
    out_changes->changed_count = report.changed_count;
    out_changes->has_new = report.has_new;
    out_changes->exists = ph_view_list_count(session->seen);
    out_changes->recent = count_recent(session);
    return result;
}

/* ---- For writes ---- */

int ph_view_pick(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                 ph_view_pick_each *each, void *ctx)
{
    static const struct ph_uid_range all = {1, UINT32_MAX};
    struct ph_view *view = session->view;
    pthread_mutex_lock(&view->lock);
    struct ph_view_list *now = ph_view_list_ref(view->list);
    pthread_mutex_unlock(&view->lock);
    if (uids == NULL) {
        uids = &all;
        count = 1;
    }
    int result = PH_OK;
    uint32_t end = ph_view_list_count(session->seen);
    for (size_t i = 0; result == PH_OK && i < count; i++) {
        for (uint32_t at = ph_view_list_find(session->seen, uids[i].first); result == PH_OK && at < end;
             at++) {
            const struct ph_view_message *seen = ph_view_list_at(session->seen, at);
            if (seen->uid > uids[i].last) {
                break;
            }
            result = each(seen, ph_view_list_get(now, seen->uid), ctx);
        }
    }
    ph_view_list_unref(&now);
    return result;
}
