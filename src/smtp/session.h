/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One session of SMTP, submission or LMTP, for the files of this folder: its state, its commands, its replies.
 *
 * The state says which commands may come; the mode says what the next octets are. A handler returns the net layer's
 * next step; one that parks sets `resume` before. Replies count errors; whether there were too many is asked in one
 * place, behind each command (session.c).
 *
 * An idle session holds this struct, and a transaction only from MAIL to its end.
 */
#ifndef PH_SMTP_SESSION_H
#define PH_SMTP_SESSION_H

#include "smtp/data.h"
#include "smtp/line.h"
#include "smtp/reply.h"
#include "smtp/smtp.h"

struct ph_smtp_session;

typedef enum ph_step ph_smtp_handler(struct ph_conn *conn, struct ph_smtp_session *session,
                                     struct ph_bytes argument);
typedef enum ph_step ph_smtp_continue(struct ph_conn *conn, struct ph_smtp_session *session);

/* Bits: a command's row says which have it. */
enum ph_smtp_protocol { PH_SMTP_SMTP = 1, PH_SMTP_SUBMISSION = 2, PH_SMTP_LMTP = 4 };

/* Bits: a command's row says in which it may come. */
enum ph_smtp_state {
    PH_SMTP_START = 1,   /* no EHLO yet */
    PH_SMTP_READY = 2,   /* no transaction */
    PH_SMTP_MAIL = 4,    /* a sender, no recipient */
    PH_SMTP_RCPT = 8,    /* a recipient at least */
    PH_SMTP_CHUNKS = 16, /* BDAT has begun */
    PH_SMTP_FAILED = 32, /* a BDAT was refused: RFC 3030 section 2 wants RSET */
};

enum ph_smtp_mode {
    PH_SMTP_IN_COMMANDS,
    PH_SMTP_IN_LONG_LINE, /* what is left of a command that was too long */
    PH_SMTP_IN_LOGIN,     /* the client owes an answer to a challenge */
    PH_SMTP_IN_DATA,
    PH_SMTP_IN_CHUNK,
};

/* From MAIL to its end. */
struct ph_smtp_transaction {
    struct ph_delivery *delivery;
    char *sender; /* for the log */
    bool is_utf8;
    uint64_t begun_us;
    uint64_t size;                    /* octets of content, those that were refused too */
    struct ph_smtp_data reader;       /* of DATA */
    struct ph_smtp_newlines newlines; /* of BDAT */
    enum ph_smtp_reply
        refusal; /* why the content is not wanted, once that is known; the first reason counts */
    int result;  /* of the delivery */
};

struct ph_smtp_session {
    enum ph_smtp_protocol protocol;
    enum ph_smtp_state state;
    enum ph_smtp_mode mode;
    bool is_extended;       /* EHLO or LHLO, not HELO */
    bool is_last_chunk;     /* the BDAT under way */
    bool is_login_too_long; /* the line being passed over was an answer of AUTH */
    unsigned error_count;   /* since the last message stored */
    unsigned useless_count; /* the same */
    unsigned unknown_count;
    unsigned last_code;               /* of the last reply, for the log */
    unsigned messages;                /* stored */
    enum ph_smtp_reply chunk_refusal; /* why the chunk under way is discarded, whatever it holds */
    uint64_t chunk_left;              /* octets of it still to come */
    uint64_t opened_us;
    uint64_t useful_us;  /* when the last message was stored; before the first: opened_us */
    uint64_t command_us; /* when the command that runs began */
    uint64_t line_us;    /* when the first octets of a line came that is not complete; 0: there is none */
    const struct ph_smtp_row *row; /* the command that runs */
    ph_smtp_continue *resume;
    char *hello; /* what the client calls itself */
    char *user;  /* who is logged in; NULL for nobody */
    struct ph_login *login;
    struct ph_smtp_transaction *transaction;
    const char *end; /* why the session ended, where the net layer does not know better */
};

static inline const struct ph_smtp_context *ph_smtp_context_of(struct ph_conn *conn)
{
    return ph_conn_context(conn);
}

/* ---- Replies and the log (respond.c) ---- */

/* Each returns PH_STEP_AGAIN. */
enum ph_step ph_smtp_respond(struct ph_conn *conn, enum ph_smtp_reply reply);
/* A command that leads to no message: after too many of them each is an error. */
void ph_smtp_count_useless(struct ph_conn *conn);
enum ph_step ph_smtp_respond_useless(struct ph_conn *conn, enum ph_smtp_reply reply);
/* A refusal: it counts. */
enum ph_step ph_smtp_refuse(struct ph_conn *conn, enum ph_smtp_reply reply);
/* 501 with the syntax of the command that runs. */
enum ph_step ph_smtp_refuse_syntax(struct ph_conn *conn);
/* A refusal because of ERR, logged where somebody should look into it. */
enum ph_step ph_smtp_fail(struct ph_conn *conn, enum ph_smtp_step_of what, const struct ph_error *err);
/* Returns PH_STEP_CLOSE. END says why, for the log. */
enum ph_step ph_smtp_hang_up(struct ph_conn *conn, enum ph_smtp_reply reply, const char *end);
void ph_smtp_log_trouble(struct ph_conn *conn, const struct ph_error *err);

/* ---- The table of commands (commands.c) ---- */

struct ph_smtp_row {
    const char *name;
    ph_smtp_handler *run; /* NULL: known, and not offered by anybody here */
    unsigned protocols;   /* of enum ph_smtp_protocol, by | */
    unsigned states;      /* of enum ph_smtp_state, by | */
    size_t line_max;
    bool ends_group;   /* the client must wait for its reply: RFC 2920 section 3.1, RFC 5321 section 4.1.4 */
    bool has_argument; /* false: none may stand behind it; the handler checks the others */
    const char *syntax;
};

/* NULL: no such command. */
const struct ph_smtp_row *ph_smtp_row_find(struct ph_bytes verb);
/* The names of those that PROTOCOL has, each behind a blank. */
void ph_smtp_put_names(struct ph_buf *out, enum ph_smtp_protocol protocol);

/* greeting.c */
ph_smtp_handler ph_smtp_ehlo, ph_smtp_helo, ph_smtp_starttls, ph_smtp_noop, ph_smtp_vrfy, ph_smtp_help,
    ph_smtp_quit;
/* login.c */
ph_smtp_handler ph_smtp_auth;
void ph_smtp_forget_login(struct ph_smtp_session *session);
enum ph_step ph_smtp_login_line(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes line);
bool ph_smtp_may_plaintext(struct ph_conn *conn);
/* envelope.c */
ph_smtp_handler ph_smtp_mail, ph_smtp_rcpt, ph_smtp_rset;
/* Forgets it, if there is one: the state is READY, or START where nobody greeted. */
void ph_smtp_end_transaction(struct ph_smtp_session *session);
/* sender.c: PH_OK, PH_EDENIED: the address is not USER's. Blocks in the store. */
int ph_smtp_check_sender(const struct ph_smtp_context *context, struct ph_bytes user, struct ph_bytes sender,
                         struct ph_arena *arena, struct ph_error *err) PH_MUST_USE;
/* content.c */
ph_smtp_handler ph_smtp_data, ph_smtp_bdat;
enum ph_step ph_smtp_data_input(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes input,
                                size_t *out_consumed);
enum ph_step ph_smtp_chunk_input(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes input,
                                 size_t *out_consumed);
/* message.c */
/* The content is complete: stores the message, or says why not. */
enum ph_step ph_smtp_finish_message(struct ph_conn *conn, struct ph_smtp_session *session);
/* Answers the end of a message with a refusal: once, or in LMTP for each recipient (RFC 2033 section 4.2). */
enum ph_step ph_smtp_refuse_message(struct ph_conn *conn, struct ph_smtp_session *session,
                                    enum ph_smtp_reply reply);

#endif
