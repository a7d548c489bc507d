/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's share of a view, for the files that make up mailbox/view.h.
 */
#ifndef PH_MAILBOX_VIEW_SESSION_H
#define PH_MAILBOX_VIEW_SESSION_H

#include "mailbox/views.h"

/* UIDs that are recent to a session. */
struct ph_view_recent {
    uint32_t first;
    uint32_t last;
};

struct ph_view_session {
    struct ph_view *view;
    struct ph_mailboxes *mailboxes;
    struct ph_mailbox mailbox; /* its texts, and the user's, are memory's */
    struct ph_access access;
    char *memory;
    struct ph_view_list *seen;
    uint64_t seen_generation; /* of the view, when it was last looked at */
    uint64_t highest_modseq;  /* told */
    unsigned seen_words;
    bool is_read_only;
    bool owes_expunges; /* messages are gone that the client counts still */
    bool knows_deleted;
    uint32_t uid_next;
    struct ph_view_recent *recent;
    unsigned recent_count;

    /* Under the view's lock. */
    struct ph_view_session *next;
    struct ph_view_session **place; /* NULL: it does not wait */
    void (*watch)(void *ctx);
    void *watch_ctx;
    bool was_woken;
};

/* With the view's lock: tells those who wait. */
void ph_view_sessions_wake(struct ph_view *view);

/* The messages of the session's client that are in UIDS (NULL: all): calls EACH with what the client knows and what is
 * now (NULL: gone), by UID, with a list that stays as it is. What it returns that is not PH_OK ends it. */
typedef int ph_view_pick_each(const struct ph_view_message *seen, const struct ph_view_message *now,
                              void *ctx);
int ph_view_pick(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                 ph_view_pick_each *each, void *ctx);

#endif
