/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views of a process: those that sessions have, and those that they had lately, kept until they take too much
 * memory. And one view: the mailbox as it is now.
 *
 * Locks: the registry's, for moments and never with a view's inside; a view's, for moments too: nobody reads the store
 * with one of them. Threads: any.
 */
#ifndef PH_MAILBOX_VIEWS_H
#define PH_MAILBOX_VIEWS_H

#include <pthread.h>

#include "mailbox/keywords.h"
#include "mailbox/mailbox-private.h"
#include "mailbox/news.h"
#include "mailbox/view_list.h"

struct ph_views;

struct ph_views *ph_views_new(void);
/* No session is open any more. */
void ph_views_free(struct ph_views **views);

enum ph_view_state {
    PH_VIEW_ABSENT,  /* nothing was read yet, or what was read is not true any more */
    PH_VIEW_LOADING, /* somebody reads; what happens meanwhile waits in `missed` */
    PH_VIEW_READY,
};

struct ph_view_missed;

struct ph_view {
    struct ph_view *next; /* in the registry's bucket; with the next four, under its lock */
    struct ph_view *older;
    struct ph_view *newer;
    unsigned users;
    size_t counted_bytes; /* while nobody uses it */
    struct ph_uuid mailbox;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t loaded;
    enum ph_view_state state;
    bool is_deleted;
    bool has_nodes;   /* other nodes have the store too */
    bool was_removed; /* from the registry: what comes to the mailbox does not come here */
    struct ph_view_list *list;
    struct ph_keywords keywords;
    uint64_t highest_modseq;
    uint64_t generation; /* one more with every change */
    uint32_t uid_next;
    uint32_t recent_uid; /* \Recent of messages up to it has been given to some session */
    uint32_t unseen;
    uint32_t deleted;
    struct ph_view_session *sessions; /* that wait for news */
    struct ph_view_missed *missed;
    struct ph_view_missed **last_missed;

    /* Of a store that other nodes have too. */
    uint64_t counter;   /* the mailbox's MODSEQ as it was last read */
    uint64_t moved_us;  /* when it was first seen so: what it counted may come for a while yet */
    uint64_t looked_us; /* when it was read; 0: look at once */
};

/* The view of MAILBOX, ready; to be released. Reads all of the mailbox where it has to. */
int ph_views_get(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, struct ph_view **out_view,
                 struct ph_error *err) PH_MUST_USE;
void ph_views_release(struct ph_views *views, struct ph_view *view);
/* Of a view that one has: reads it (again) where it is not ready. Blocking. */
int ph_views_load(struct ph_mailboxes *mailboxes, struct ph_view *view, struct ph_error *err) PH_MUST_USE;

/* Whether somebody has it open, or had it lately. */
bool ph_views_has(struct ph_views *views, const struct ph_uuid *mailbox);
/* Where other nodes have the store too: reads VIEW again if the mailbox's MODSEQ has moved; without IS_NOW not if it has
 * been looked at within INTERVAL_MS. Blocking. */
int ph_views_refresh(struct ph_mailboxes *mailboxes, struct ph_view *view, bool is_now, unsigned interval_ms,
                     struct ph_error *err) PH_MUST_USE;

/* ---- What happens to a mailbox; nothing where nobody has it ---- */

enum ph_view_event_kind { PH_VIEW_ADDED, PH_VIEW_FLAGGED, PH_VIEW_EXPUNGED, PH_VIEW_DELETED };

struct ph_view_event {
    enum ph_view_event_kind kind;
    uint64_t modseq;
    /* Of a message that was added. */
    struct ph_view_message message; /* keywords apart */
    struct ph_bytes keywords;
    /* Of the others. */
    const struct ph_news_item *items;
    size_t count;
};

void ph_views_tell(struct ph_views *views, const struct ph_uuid *mailbox, const struct ph_view_event *event);

#endif
