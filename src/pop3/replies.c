/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 2449 section 8 (response codes), RFC 3206: [AUTH] where the user must give other credentials, [SYS/TEMP]
 * where it is worth to try again, [SYS/PERM] where somebody has to look into it.
 */
#include "pop3/session.h"

/* One row a class; NULL stands for the row of PH_OK, which holds what is said of every class without a text. */
static const struct {
    int class;
    const char *login;
    const char *maildrop;
    const char *message;
    const char *update;
} texts[] = {
    {
        .class = PH_OK,
        .login = "-ERR [SYS/TEMP] Cannot check passwords now, try again later",
        .maildrop = "-ERR [SYS/TEMP] Cannot open the maildrop now, try again later",
        .message = "-ERR [SYS/TEMP] Cannot read the message now, try again later",
        .update = "-ERR [SYS/TEMP] Some deleted messages not removed",
    },
    {
        .class = PH_ENOTFOUND,
        .login = "-ERR Unknown authentication mechanism",
        .message = "-ERR Message is no longer there",
    },
    {
        .class = PH_ELIMIT,
        .login = "-ERR [SYS/TEMP] Too many failed logins, try again later",
    },
    {
        .class = PH_EDENIED,
        .login = "-ERR [AUTH] Wrong user name or password",
        .maildrop = "-ERR [SYS/PERM] No access to this maildrop",
        .message = "-ERR [SYS/PERM] No access to this message",
    },
    {
        .class = PH_EINVALID,
        .login = "-ERR Malformed authentication exchange",
    },
    {
        .class = PH_EBUSY,
        .maildrop = "-ERR [IN-USE] Another session has this maildrop open",
    },
    {
        .class = PH_ECORRUPT,
        .login = "-ERR [SYS/PERM] The account is damaged",
        .maildrop = "-ERR [SYS/PERM] The maildrop is damaged",
        .message = "-ERR [SYS/PERM] The message is damaged",
        .update = "-ERR [SYS/PERM] Some deleted messages not removed",
    },
    {
        .class = PH_EBUG,
        .login = "-ERR [SYS/PERM] Internal error",
        .maildrop = "-ERR [SYS/PERM] Internal error",
        .message = "-ERR [SYS/PERM] Internal error",
        .update = "-ERR [SYS/PERM] Some deleted messages not removed",
    },
};

static const char *text_in_row(size_t row, enum ph_pop3_failure what)
{
    switch (what) {
    case PH_POP3_AT_LOGIN: return texts[row].login;
    case PH_POP3_AT_MAILDROP: return texts[row].maildrop;
    case PH_POP3_AT_MESSAGE: return texts[row].message;
    case PH_POP3_AT_UPDATE: return texts[row].update;
    }
    return NULL;
}

const char *ph_pop3_text_of(enum ph_pop3_failure what, int class)
{
    for (size_t row = 1; row < sizeof texts / sizeof texts[0]; row++) {
        if (texts[row].class == class) {
            const char *text = text_in_row(row, what);
            return text != NULL ? text : text_in_row(0, what);
        }
    }
    return text_in_row(0, what);
}

enum ph_step ph_pop3_reply(struct ph_conn *conn, const char *text)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, text);
    ph_buf_str(out, "\r\n");
    session->has_failed = text[0] == '-';
    return PH_STEP_AGAIN;
}

enum ph_step ph_pop3_hang_up(struct ph_conn *conn, const char *text, const char *end)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    ph_pop3_reply(conn, text);
    session->end = end;
    return PH_STEP_CLOSE;
}

enum ph_step ph_pop3_refuse(struct ph_conn *conn, const char *text)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    session->error_count++;
    if (session->error_count >= ph_pop3_context_of(conn)->errors_max) {
        return ph_pop3_hang_up(conn, "-ERR Too many errors, closing the connection", "too many errors");
    }
    return ph_pop3_reply(conn, text);
}

/* What an operator should know of; the rest is the client's doing, or somebody else's session. */
static bool is_trouble(int class)
{
    switch (class) {
    case PH_EUNAVAILABLE:
    case PH_EUNKNOWN_OUTCOME:
    case PH_ECORRUPT:
    case PH_EBUG: return true;
    default: return false;
    }
}

void ph_pop3_log_trouble(struct ph_conn *conn, const struct ph_error *err)
{
    if (!is_trouble(err->code)) {
        return;
    }
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_ERROR, "trouble");
    ph_log_error(&line, err);
    ph_log_end(&line);
}

enum ph_step ph_pop3_fail(struct ph_conn *conn, enum ph_pop3_failure what, const struct ph_error *err)
{
    ph_pop3_log_trouble(conn, err);
    return ph_pop3_reply(conn, ph_pop3_text_of(what, err->code));
}
