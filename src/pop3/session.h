/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One POP3 session, for the files of this folder: its state, the handlers of its commands, its replies.
 *
 * AUTHORIZATION (nobody is logged in) and TRANSACTION (drop is open) as in RFC 1939; UPDATE lasts from QUIT to the
 * end. While `is_sasl_open` is set, lines are a client's answers in a SASL exchange, not commands.
 *
 * What a handler returns is the net layer's next step. A handler that parks sets `resume` before; one whose answer
 * can be long sets `produce`. Both are called until they return another step.
 *
 * An idle session holds this struct, the maildrop's listing, and one octet a message once something was deleted.
 */
#ifndef PH_POP3_SESSION_H
#define PH_POP3_SESSION_H

#include "mailbox/maildrop.h"
#include "pop3/command.h"
#include "pop3/pop3.h"

struct ph_pop3_retrieval;
struct ph_pop3_session;

typedef enum ph_step ph_pop3_continue(struct ph_conn *conn, struct ph_pop3_session *session);
typedef enum ph_step ph_pop3_handler(struct ph_conn *conn, struct ph_pop3_session *session,
                                     const struct ph_pop3_command *command);

enum ph_pop3_state {
    PH_POP3_AUTHORIZATION = 1,
    PH_POP3_TRANSACTION = 2,
    PH_POP3_UPDATE = 4,
};

struct ph_pop3_session {
    enum ph_pop3_state state;
    unsigned error_count;
    bool is_utf8;      /* UTF8 was given */
    bool is_sasl_open; /* the client owes an answer to a challenge */
    bool has_failed;   /* the last reply was -ERR */
    const struct ph_pop3_row *row;
    uint64_t command_us; /* when the command that runs began */
    uint64_t opened_us;
    uint64_t line_us; /* when the first octets of a line came that is not complete; 0: there is none */

    char *user;             /* what USER said; then the canonical name of who is logged in; NULL for nobody */
    struct ph_login *login; /* while one runs */

    struct ph_maildrop *drop;
    bool *is_deleted;    /* one for each entry of the drop; NULL while nothing is marked */
    size_t deleted;      /* how many are marked */
    uint64_t live_bytes; /* of those that are not */

    ph_pop3_continue *resume;
    ph_pop3_continue *produce;
    size_t list_next;                    /* the entry at which LIST or UIDL goes on */
    struct ph_pop3_retrieval *retrieval; /* while RETR or TOP runs */
    int delete_result;

    uint64_t retrieved;       /* messages that RETR sent to the end */
    uint64_t retrieved_bytes; /* by RETR and TOP, before dot-stuffing */
    size_t removed;           /* messages that QUIT took away */
    const char *end;          /* why it ended, where the net layer does not know better */
};

/* Of a session with a maildrop. */
unsigned ph_pop3_timeout_ms(const struct ph_pop3_context *context);

/* ---- Replies (replies.c): fixed texts, without CRLF and with nothing of the client's in them ---- */

/* "+OK ..." or "-ERR ...". Returns PH_STEP_AGAIN: the command is answered. */
enum ph_step ph_pop3_reply(struct ph_conn *conn, const char *text);
/* "-ERR ..." to what a well-made client does not send, and to failed logins; too many end the session. */
enum ph_step ph_pop3_refuse(struct ph_conn *conn, const char *text);
/* "-ERR ..." and the end. END says why, for the log. */
enum ph_step ph_pop3_hang_up(struct ph_conn *conn, const char *text, const char *end);

enum ph_pop3_failure { PH_POP3_AT_LOGIN, PH_POP3_AT_MAILDROP, PH_POP3_AT_MESSAGE, PH_POP3_AT_UPDATE };
/* The one table from error class to reply. Never NULL. */
const char *ph_pop3_text_of(enum ph_pop3_failure what, int class);
/* Logs ERR if an operator should look into it. */
void ph_pop3_log_trouble(struct ph_conn *conn, const struct ph_error *err);
/* The same, and replies as the table says. */
enum ph_step ph_pop3_fail(struct ph_conn *conn, enum ph_pop3_failure what, const struct ph_error *err);

/* ---- The table of commands (commands.c) ---- */

enum { PH_POP3_WORDS_ANY = 99 };

struct ph_pop3_row {
    const char *name;
    ph_pop3_handler *run;
    unsigned states; /* of enum ph_pop3_state, by | */
    unsigned words_min;
    unsigned words_max;
    bool is_secret; /* the arguments are never logged */
    const char *usage;
};

/* NULL: no such command. */
const struct ph_pop3_row *ph_pop3_row_find(struct ph_bytes keyword);

/* authorization.c */
ph_pop3_handler ph_pop3_user, ph_pop3_pass, ph_pop3_auth, ph_pop3_stls;
enum ph_step ph_pop3_auth_line(struct ph_conn *conn, struct ph_pop3_session *session, struct ph_bytes line);
void ph_pop3_forget_login(struct ph_pop3_session *session);
bool ph_pop3_may_plaintext(struct ph_conn *conn);
/* capability.c */
ph_pop3_handler ph_pop3_capa, ph_pop3_utf8, ph_pop3_lang;
/* transaction.c */
ph_pop3_handler ph_pop3_stat, ph_pop3_list, ph_pop3_uidl, ph_pop3_dele, ph_pop3_noop, ph_pop3_rset;
/* NULL and *OUT_AT, if WORD is the number of a message that is not marked; else the reply that says why not. */
const char *ph_pop3_find_message(const struct ph_pop3_session *session, struct ph_bytes word, size_t *out_at);
bool ph_pop3_is_live(const struct ph_pop3_session *session, size_t at);
/* retrieve.c */
ph_pop3_handler ph_pop3_retr, ph_pop3_top;
void ph_pop3_forget_retrieval(struct ph_pop3_session *session);
/* update.c */
ph_pop3_handler ph_pop3_quit;

static inline const struct ph_pop3_context *ph_pop3_context_of(struct ph_conn *conn)
{
    return ph_conn_context(conn);
}

#endif
