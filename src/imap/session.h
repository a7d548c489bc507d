/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One IMAP session, for the files of this folder: its state, the handlers of its commands, its replies.
 *
 * A command lives from its last octet to its tagged line. Its text and its parsed form stand in session->arena,
 * which is given back then; so views in struct ph_imap_command are good in every step of it. What a handler keeps
 * for its later steps goes there too; what has to be released hangs on session->work.
 *
 * What a handler returns is the net layer's next step. A handler that parks sets `resume` before; one whose answer
 * can be long sets `produce` and returns PH_STEP_MORE as soon as ph_conn_out_is_full(). The last step returns what
 * ph_imap_ok and its kin return: they write the news of the selected mailbox, as far as the command allows it, and
 * then the tagged line.
 *
 * An idle session holds this struct, its share of the view, and nothing else.
 */
#ifndef PH_IMAP_SESSION_H
#define PH_IMAP_SESSION_H

#include "imap/command.h"
#include "imap/imap.h"
#include "mailbox/view.h"

struct ph_imap_append;
struct ph_imap_news;
struct ph_imap_reader;
struct ph_imap_session;
struct ph_view_session;
struct ph_waker;

typedef enum ph_step ph_imap_continue(struct ph_conn *conn, struct ph_imap_session *session);
typedef enum ph_step ph_imap_handler(struct ph_conn *conn, struct ph_imap_session *session,
                                     const struct ph_imap_command *command);

enum ph_imap_state { /* RFC 9051 section 3 */
                     PH_IMAP_NOT_AUTHENTICATED = 1,
                     PH_IMAP_AUTHENTICATED = 2,
                     PH_IMAP_SELECTED = 4,
                     PH_IMAP_LOGOUT = 8,
};

/* Whom the next octets are for. */
enum ph_imap_mode {
    PH_IMAP_MODE_COMMAND,
    PH_IMAP_MODE_SASL,
    PH_IMAP_MODE_IDLE,
    PH_IMAP_MODE_APPEND, /* a message's octets, or what follows them */
};

enum ph_imap_enabled { /* by ENABLE, or by a command that implies it; by | */
                       PH_IMAP_ENABLED_REV2 = 1,
                       PH_IMAP_ENABLED_UTF8 = 2,
                       PH_IMAP_ENABLED_CONDSTORE = 4, /* FETCH answers carry MODSEQ */
                       PH_IMAP_ENABLED_QRESYNC = 8,   /* VANISHED instead of EXPUNGE */
};

/* Changes of flags that this command made and has told of in its own way, or was asked not to tell (.SILENT): those of the
 * messages in RANGES whose MODSEQ is from first_modseq to modseq. News say nothing of them, or their MODSEQ alone. */
struct ph_imap_told {
    const struct ph_uid_range *ranges;
    size_t count;
    uint64_t first_modseq;
    uint64_t modseq;
    bool
        wants_modseq; /* RFC 7162 section 3.1.3: .SILENT does not keep MODSEQ back once CONDSTORE is enabled */
    struct ph_imap_told *next;
};

struct ph_imap_session {
    enum ph_imap_state state;
    enum ph_imap_mode mode;
    unsigned enabled; /* of enum ph_imap_enabled */
    unsigned error_count;
    uint64_t opened_us;
    uint64_t line_us; /* when the first octets of a command came that is not complete; 0: there is none */

    char *user; /* canonical; NULL for nobody */
    struct ph_login *login;

    /* In state SELECTED. */
    struct ph_view_session *view;
    struct ph_mailbox mailbox; /* the view's */
    bool is_read_only;         /* EXAMINE, or no right to change anything */
    struct ph_imap_set saved;  /* the result that SEARCH saved, of UIDs; ranges by malloc */

    /* The framing of the command that is arriving. */
    size_t scanned; /* octets of it that hold no end */

    /* The command that runs. */
    struct ph_arena arena;
    struct ph_imap_command *command; /* NULL between commands */
    uint64_t command_us;
    ph_imap_continue *resume;
    ph_imap_continue *produce;
    void *work; /* released by work_free at the command's end, or the session's */
    void (*work_free)(void *work);
    const char *ending_status; /* " OK " */
    const char *ending;        /* the tagged line's text, while news are written */
    bool is_over;              /* the tagged line is written */
    bool has_failed;           /* the last tagged line was NO or BAD */
    bool hangs_up;             /* behind the tagged line */
    struct ph_imap_news *news;
    struct ph_imap_told *told; /* changes of this command that need no news */
    struct ph_imap_append *append;
    void *secret; /* the command's text, to be overwritten */
    size_t secret_len;

    /* In IDLE, where the command is given back but for its tag. */
    char *idle_tag;
    struct ph_waker *waker;

    uint64_t fetched; /* message bodies sent, for the log */
    uint64_t appended;
    uint64_t expunged;
    const char *end; /* why it ended, where the net layer does not know better */
};

/* ---- The table of commands (commands.c) ---- */

/* Takes the arguments off the reader, with the blank before the first; NULL, or what is wrong with them, for a BAD. See parse.h. */
typedef const char *ph_imap_parser(struct ph_imap_reader *reader, struct ph_imap_command *out_command);

/* By |. */
enum ph_imap_row_flag {
    PH_IMAP_ROW_UID = 1,            /* may stand behind UID */
    PH_IMAP_ROW_HOLDS_EXPUNGE = 4,  /* no EXPUNGE before its end, but behind UID (RFC 9051 section 7.5.1) */
    PH_IMAP_ROW_WRITES = 8,         /* refused on a mailbox that is selected read-only */
    PH_IMAP_ROW_SECRET = 16,        /* the arguments are never logged, and overwritten */
    PH_IMAP_ROW_QUIET = 32,         /* no news before its end */
    PH_IMAP_ROW_ASKS_FOR_NEWS = 64, /* other nodes' too */
};

struct ph_imap_row {
    const char *name;
    ph_imap_parser *parse; /* NULL: takes no arguments */
    ph_imap_handler *run;
    unsigned states; /* of enum ph_imap_state, by | */
    unsigned flags;  /* of enum ph_imap_row_flag */
};

/* NULL: no such command. */
const struct ph_imap_row *ph_imap_row_find(struct ph_bytes name, bool is_uid);

/* ---- Replies (reply.c) ---- */

/* The command's last step: news, then "TAG OK TEXT". TEXT may begin with a response code in brackets; it is a constant
 * or the command arena's. */
enum ph_step ph_imap_ok(struct ph_conn *conn, struct ph_imap_session *session, const char *text);
enum ph_step ph_imap_no(struct ph_conn *conn, struct ph_imap_session *session, const char *text);
/* What a well-made client does not send; too many end the session. */
enum ph_step ph_imap_bad(struct ph_conn *conn, struct ph_imap_session *session, const char *text);
/* NO, counted in the same way: failed logins. */
enum ph_step ph_imap_refuse(struct ph_conn *conn, struct ph_imap_session *session, const char *text);
/* NO with the response code and text of the error's class; logs ERR if an operator should look into it. */
enum ph_step ph_imap_fail(struct ph_conn *conn, struct ph_imap_session *session, const struct ph_error *err);
/* "[UNAVAILABLE] ..." of an error class. Never NULL. */
const char *ph_imap_text_of(int class);
void ph_imap_log_trouble(struct ph_conn *conn, const struct ph_error *err);
/* The tagged line that was prepared; of ph_imap_ok and its kin. */
enum ph_step ph_imap_put_ending(struct ph_conn *conn, struct ph_imap_session *session);
void ph_imap_count_error(struct ph_conn *conn, struct ph_imap_session *session);
/* "* BYE TEXT" and the end. END says why, for the log. */
enum ph_step ph_imap_hang_up(struct ph_conn *conn, const char *text, const char *end);

/* ---- For handlers ---- */

static inline const struct ph_imap_context *ph_imap_context_of(struct ph_conn *conn)
{
    return ph_conn_context(conn);
}

static inline struct ph_access ph_imap_access(const struct ph_imap_session *session)
{
    return (struct ph_access){.user = ph_bytes_str(session->user)};
}

static inline bool ph_imap_is_enabled(const struct ph_imap_session *session, enum ph_imap_enabled what)
{
    return (session->enabled & what) != 0;
}

/* From now on FETCH answers carry MODSEQ. To be called by each command that RFC 7162 section 3.1 says enables it. */
void ph_imap_enable_condstore(struct ph_imap_session *session);

/* "CAPABILITY ...", as the session is now. */
void ph_imap_put_capabilities(struct ph_conn *conn, const struct ph_imap_session *session);
bool ph_imap_may_plaintext(struct ph_conn *conn);
/* Of a session with a user. */
unsigned ph_imap_timeout_ms(const struct ph_imap_context *context);

/* Closes the view; the session is in state AUTHENTICATED then. */
void ph_imap_unselect(struct ph_imap_session *session);
/* A mailbox's name as the client writes names: modified UTF-7 or UTF-8. */
void ph_imap_put_mailbox(struct ph_buf *out, const struct ph_imap_session *session, struct ph_bytes name);
/* "* STATUS name (...)" */
int ph_imap_put_status(struct ph_conn *conn, struct ph_imap_session *session,
                       const struct ph_mailbox *mailbox, unsigned items, struct ph_error *err) PH_MUST_USE;
/* "Drafts", of one of enum ph_imap_use; NULL for what is none. */
const char *ph_imap_use_name(unsigned use);
/* What mailboxes with this name are used for; 0: nothing special. */
unsigned ph_imap_use_of(struct ph_bytes name);

/* For the callback of a plan: resumes the connection CTX. */
void ph_imap_resume(void *conn);

/* Handlers, by file. */
/* any.c */
ph_imap_handler ph_imap_capability, ph_imap_noop, ph_imap_logout, ph_imap_id, ph_imap_enable,
    ph_imap_namespace;
/* login.c */
ph_imap_handler ph_imap_login, ph_imap_authenticate, ph_imap_starttls;
/* select.c */
ph_imap_handler ph_imap_select, ph_imap_close, ph_imap_unselect_command, ph_imap_status;
/* mailboxes.c */
ph_imap_handler ph_imap_create, ph_imap_delete, ph_imap_rename, ph_imap_subscribe, ph_imap_unsubscribe;
/* list.c */
ph_imap_handler ph_imap_list, ph_imap_lsub;
/* append.c */
ph_imap_handler ph_imap_append_refused;
/* idle.c */
ph_imap_handler ph_imap_idle;
void ph_imap_forget_idle(struct ph_imap_session *session);
/* fetch.c, store.c, copy.c, expunge.c, search.c */
ph_imap_handler ph_imap_fetch, ph_imap_store, ph_imap_copy, ph_imap_move, ph_imap_expunge, ph_imap_search,
    ph_imap_sort, ph_imap_thread;
/* "$" is nothing from now on. */
void ph_imap_forget_saved(struct ph_imap_session *session);
/* Whether news keep still of the change of UID's flags that MODSEQ is: the record that says so, or NULL. */
const struct ph_imap_told *ph_imap_told_find(const struct ph_imap_session *session, uint32_t uid,
                                             uint64_t modseq);

#endif
