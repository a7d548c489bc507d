/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mailbox as IMAP sees it: messages by UID with flags and MODSEQs, the same for all sessions of this process that
 * have it selected, and for each of them what its client has been told.
 *
 * struct ph_view is the mailbox now: shared, kept while a session has it and for a while after. It is loaded by one
 * read and then kept true: where this process owns the store (SQLite), by every plan of the mailbox layer that is done,
 * whoever made it (delivery, POP3, IMAP, an import); where others have the store too, by the same and by reading it again
 * when the mailbox's MODSEQ has moved (see ph_view_sync).
 *
 * struct ph_view_session is one selected mailbox of one client. It holds a snapshot: the messages that the client has
 * been told of, under the sequence numbers that it knows (from 1). Nothing of it changes but by ph_view_sync, which says what to
 * report. So between two syncs a command sees one mailbox, and messages that others expunge keep their number; their rows are
 * gone (PH_VIEW_ROW_GONE).
 *
 * Order, promised: UIDs ascend with sequence numbers; a message never appears below one that a client has been told of.
 *
 * Threads: a session one at a time; different sessions at once. Blocking: as each function says. Memory: 48 octets a message
 * and mailbox, shared; a session has a pointer to it, and chunks of its own only while it lags behind.
 */
#ifndef PH_MAILBOX_VIEW_H
#define PH_MAILBOX_VIEW_H

#include "mailbox/copy.h"
#include "mailbox/mailbox.h"

struct ph_view_session;

/* ---- Opening ---- */

/* PH_EINVALID with a sentence for the user where the store has no UIDs that IMAP can use (profile lwt-free): at login,
 * and before a listener is opened. Never blocks. */
int ph_view_check_store(const struct ph_mailboxes *mailboxes, struct ph_error *err) PH_MUST_USE;

/* SELECT or, with IS_READ_ONLY, EXAMINE. Reads all of the mailbox where no session of this process had it lately.
 * MAILBOX is copied. PH_EDENIED. */
int ph_view_open(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                 const struct ph_mailbox *mailbox, bool is_read_only, struct ph_view_session **out_session,
                 struct ph_error *err) PH_MUST_USE;
/* NULL inside is allowed. No write of the session may be under way. Never blocks. */
void ph_view_close(struct ph_view_session **session);

bool ph_view_is_read_only(const struct ph_view_session *session);
const struct ph_mailbox *ph_view_mailbox(const struct ph_view_session *session);

/* ---- What the client has been told of ---- */

struct ph_view_message {
    struct ph_uuid id; /* EMAILID */
    uint64_t modseq;
    uint64_t size;            /* octets; PH_VIEW_UNKNOWN: ask its row */
    int64_t internal_date_ms; /* PH_VIEW_NO_DATE: ask its row */
    uint32_t uid;
    uint16_t flags;    /* of enum ph_flag without PH_FLAG_RECENT: ph_view_flags */
    uint16_t keywords; /* ph_view_keywords */
};

#define PH_VIEW_UNKNOWN UINT64_MAX
#define PH_VIEW_NO_DATE INT64_MIN

uint32_t ph_view_count(const struct ph_view_session *session);
/* NUMBER from 1 to the count. The pointer lives until the next sync, write or close of this session. */
const struct ph_view_message *ph_view_at(const struct ph_view_session *session, uint32_t number);
/* The number of the first message whose UID is at least UID; the count plus 1 where there is none. */
uint32_t ph_view_find(const struct ph_view_session *session, uint32_t uid);
/* The number of the message that has UID; 0: none. */
uint32_t ph_view_number(const struct ph_view_session *session, uint32_t uid);

/* With PH_FLAG_RECENT where this session is the one that it is recent to. */
unsigned ph_view_flags(const struct ph_view_session *session, const struct ph_view_message *message);
/* Separated by blanks, as they were first written; lives until the session is closed. */
struct ph_bytes ph_view_keywords(const struct ph_view_session *session,
                                 const struct ph_view_message *message);
/* All keywords that a message of this mailbox has had since it was loaded, for FLAGS and PERMANENTFLAGS: calls EACH. */
void ph_view_keywords_each(const struct ph_view_session *session,
                           void (*each)(struct ph_bytes keyword, void *ctx), void *ctx);

struct ph_view_status {
    uint32_t messages;
    uint32_t recent;
    uint32_t unseen;
    uint32_t deleted;
    uint32_t first_unseen; /* sequence number; 0: none */
    uint32_t uid_next;
    uint32_t uid_validity;
    uint64_t highest_modseq; /* of what has been told; never 0 */
    uint64_t size;           /* of all, octets; only of ph_mailbox_status */
};
/* As the client knows it. */
void ph_view_status(const struct ph_view_session *session, struct ph_view_status *out_status);
/* STATUS: as it is now, of any mailbox, without a session. first_unseen is not filled in. Blocking. */
int ph_mailbox_status(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                      const struct ph_mailbox *mailbox, struct ph_view_status *out_status,
                      struct ph_error *err) PH_MUST_USE;

/* ---- News ---- */

struct ph_view_expunged {
    uint32_t number; /* as EXPUNGE says it: those before it in the list are gone already */
    uint32_t uid;
};

struct ph_view_changed {
    uint32_t number; /* after the expunges */
    uint32_t uid;
    uint64_t modseq; /* that of a write of this session (ph_view_write) says whose change it is */
};

struct ph_view_changes {
    const struct ph_view_expunged *expunged; /* by UID; report these first */
    size_t expunged_count;
    const struct ph_view_changed *changed; /* flags of messages known before, by number */
    size_t changed_count;
    bool has_new;      /* EXISTS is to be told */
    uint32_t exists;   /* now */
    uint32_t recent;   /* to this session, now */
    bool has_keywords; /* there are new ones: FLAGS is to be told, before the changes */
    bool is_deleted;   /* the mailbox is; what is left of it are numbers */
};

enum ph_view_news {
    PH_VIEW_NEWS_KNOWN, /* what this process knows; never blocks */
    PH_VIEW_NEWS_RECENT, /* from other nodes too, if the last look is older than the interval (IDLE, any command) */
    PH_VIEW_NEWS_NOW, /* from other nodes too (NOOP, CHECK) */
};

/* Moves the session to now; the lists are ARENA's. Without ALLOW_EXPUNGE (RFC 9051 section 7.5.1: while FETCH,
 * STORE or SEARCH run, other than their UID forms) messages that are gone keep their numbers, and are reported by a later
 * sync. Blocking where other nodes have the store too and WHAT asks for their news. */
int ph_view_sync(struct ph_view_session *session, enum ph_view_news what, bool allow_expunge,
                 struct ph_arena *arena, struct ph_view_changes *out_changes,
                 struct ph_error *err) PH_MUST_USE;
/* Whether this process knows of something that ph_view_sync would report. Never blocks. */
bool ph_view_has_news(const struct ph_view_session *session);

/* Calls WATCH once when there is something to report, on any thread, then not again before the next ph_view_sync (so
 * nothing is missed: where there is something already, it is called before this returns). It must be short and call
 * nothing of this file: it wakes the connection. NULL ends it; once this has returned it is not being called. */
void ph_view_watch(struct ph_view_session *session, void (*watch)(void *ctx), void *ctx);
/* How long other nodes' changes may take to be seen in IDLE: the session's owner calls ph_view_sync so often. 0: nobody
 * else has the store. */
unsigned ph_view_interval_ms(const struct ph_view_session *session);

/* What is gone of the UIDs in KNOWN (NULL: of all) since MODSEQ (QRESYNC, UID FETCH with VANISHED), as the client's
 * snapshot has it: ranges in order, ARENA's. More than what went since, where the log does not reach back so far. Blocking. */
struct ph_uid_range {
    uint32_t first;
    uint32_t last; /* not below first; UINT32_MAX for no end */
};
int ph_view_vanished(struct ph_view_session *session, uint64_t modseq, const struct ph_uid_range *known,
                     size_t known_count, struct ph_arena *arena, struct ph_uid_range **out_ranges,
                     size_t *out_count, struct ph_error *err) PH_MUST_USE;

/* ---- Rows: what is not in memory ---- */

/* What is wanted beyond what struct ph_view_message has. The more, the more is read. */
enum ph_view_want {
    PH_VIEW_WANT_PLACES = 0,   /* sizes, dates, blob ids: always */
    PH_VIEW_WANT_ENVELOPE = 1, /* the listed header fields: mime/summary.h */
    PH_VIEW_WANT_STRUCTURE = 2,
    PH_VIEW_WANT_PREVIEW = 4,
};

struct ph_view_row {
    uint32_t number;
    bool is_gone; /* expunged meanwhile; nothing below stands but id and uid */
    struct ph_message message;
    int64_t save_date_ms;
    bool has_save_date;
    /* Where they could be had: a header or a structure that is too large for a summary (mime/summary.h says what that is)
     * has none, and is to be read from the content. Views live until the next call with these rows. */
    bool has_envelope;
    bool has_structure;
    bool has_preview;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    struct ph_bytes preview;
};

struct ph_view_rows;

/* The rows of the messages in UIDS (in order, not overlapping) that the client knows, by number. What old rows lack is
 * found elsewhere: messageV3, or the content itself, which is parsed; it comes to the same. Rows are read a page at a time;
 * between calls nothing of the engine is held. */
int ph_view_rows_begin(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                       unsigned wants, struct ph_view_rows **out_rows, struct ph_error *err) PH_MUST_USE;
/* 1: *OUT_ROW stands; 0: no more; negative: failed. Blocking. */
int ph_view_rows_next(struct ph_view_rows *rows, struct ph_view_row *out_row,
                      struct ph_error *err) PH_MUST_USE;
/* NULL inside is allowed. Before the session is closed. */
void ph_view_rows_end(struct ph_view_rows **rows);

/* The content of a row: as ph_message_open (mailbox.h), without another statement for the row. PH_ENOTFOUND: it was
 * expunged meanwhile. */
int ph_view_content_open(struct ph_view_session *session, const struct ph_view_row *row,
                         enum ph_message_part part, struct ph_message_reader *out_reader,
                         struct ph_error *err) PH_MUST_USE;

/* ---- Changing ---- */

struct ph_view_pair {
    uint32_t from; /* UID in the source */
    uint32_t to;   /* UID in the target */
};

/* One change under way. The caller sets the first three, and leaves it alone until done() was called: once, on a thread
 * of the store, or before the function returns. done() must be short and not block: it resumes the session. RESULT
 * as in db/plan.h; the text is in ERROR. After it the change is in the view; the session has it from its next sync. */
struct ph_view_write {
    void (*done)(struct ph_view_write *write, int result);
    void *ctx;
    struct ph_arena *arena; /* for the results */

    struct ph_error error;
    uint64_t modseq;       /* of the change; 0: nothing was changed. Of several plans, the last */
    uint64_t first_modseq; /* the first: changes between the two are this one's */
    size_t count;          /* messages that were changed, expunged, copied */
    const struct ph_uid_range *modified; /* left alone: changed since UNCHANGEDSINCE */
    size_t modified_count;
    const struct ph_view_pair *pairs; /* of a copy or a move, by source UID */
    size_t pair_count;
    void *own; /* the function's */
};

struct ph_view_flag_change {
    enum ph_flags_how how;
    unsigned flags;           /* of enum ph_flag; PH_FLAG_RECENT is taken no notice of */
    struct ph_bytes keywords; /* separated by blanks */
    bool has_unchanged_since; /* RFC 7162 section 3.1.3 */
    uint64_t unchanged_since;
};

/* STORE: of the messages in UIDS (in order, not overlapping) that the client knows and that are still there, those that
 * have not got what is asked for. Thousands of messages are several plans, one behind the other: all but the last are
 * waited for here. PH_EDENIED (also of a session that is read-only), PH_EBUSY: others change them all the time;
 * PH_ELIMIT: too many different keywords. */
void ph_view_store(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                   const struct ph_view_flag_change *change, struct ph_view_write *write);

/* EXPUNGE, UID EXPUNGE, CLOSE: of UIDS (NULL: all) those that the client knows and, with ONLY_DELETED, that have
 * \Deleted now. Plans as above. */
void ph_view_expunge(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                     bool only_deleted, struct ph_view_write *write);

/* COPY, MOVE: the same messages in TO, under the UIDs in write->pairs. A message that is in TO already is left there
 * and has its UID in the pairs. Plans as above. */
void ph_view_copy(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                  const struct ph_mailbox *to, bool is_move, struct ph_view_write *write);

/* APPEND needs no session: ph_mailbox_append (mailbox.h) says in ph_append.out_numbers which UID it was. */

#endif
