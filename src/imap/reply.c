/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tagged lines, and the one table from error class to response code (RFC 5530).
 */
#include "imap/news.h"
#include "imap/session.h"

/* ---- What an error class says ---- */

const char *ph_imap_text_of(int class)
{
    switch (class) {
    case PH_ENOTFOUND: return "[NONEXISTENT] There is no such mailbox";
    case PH_ECONFLICT: return "[ALREADYEXISTS] The mailbox exists already";
    case PH_ELIMIT: return "[LIMIT] A limit of the server is reached";
    case PH_EDENIED: return "[NOPERM] No right to do this";
    case PH_EINVALID: return "[CANNOT] The server cannot do this";
    case PH_EBUSY: return "[INUSE] Somebody else is at it, try again";
    case PH_EUNAVAILABLE: return "[UNAVAILABLE] The store does not answer now, try again later";
    case PH_EUNKNOWN_OUTCOME: return "[UNAVAILABLE] Whether it was done is not known: look, and try again";
    case PH_ECORRUPT: return "[CORRUPTION] Stored data is damaged";
    default: return "[SERVERBUG] Internal error";
    }
}

/* What an operator should know of; the rest is the client's doing. */
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

void ph_imap_log_trouble(struct ph_conn *conn, const struct ph_error *err)
{
    if (!is_trouble(err->code)) {
        return;
    }
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_ERROR, "trouble");
    ph_log_error(&line, err);
    ph_log_end(&line);
}

/* ---- The end of a command ---- */

enum ph_step ph_imap_put_ending(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_bytes(out, session->command == NULL ? PH_BYTES("*") : session->command->tag);
    ph_buf_str(out, session->ending_status);
    ph_buf_str(out, session->ending);
    ph_buf_str(out, "\r\n");
    session->ending = NULL;
    session->is_over = true;
    return session->hangs_up ? PH_STEP_CLOSE : PH_STEP_AGAIN;
}

static enum ph_step end(struct ph_conn *conn, struct ph_imap_session *session, const char *status,
                        const char *text)
{
    session->ending_status = status;
    session->ending = text;
    session->has_failed = status[1] != 'O';
    return ph_imap_news_before_ending(conn, session);
}

enum ph_step ph_imap_ok(struct ph_conn *conn, struct ph_imap_session *session, const char *text)
{
    return end(conn, session, " OK ", text);
}

enum ph_step ph_imap_no(struct ph_conn *conn, struct ph_imap_session *session, const char *text)
{
    return end(conn, session, " NO ", text);
}

void ph_imap_count_error(struct ph_conn *conn, struct ph_imap_session *session)
{
    session->error_count++;
    if (session->error_count >= ph_imap_context_of(conn)->errors_max) {
        ph_buf_str(ph_conn_out(conn), "* BYE Too many errors, closing the connection\r\n");
        session->end = "too many errors";
        session->hangs_up = true;
    }
}

enum ph_step ph_imap_bad(struct ph_conn *conn, struct ph_imap_session *session, const char *text)
{
    ph_imap_count_error(conn, session);
    return end(conn, session, " BAD ", text);
}

enum ph_step ph_imap_refuse(struct ph_conn *conn, struct ph_imap_session *session, const char *text)
{
    ph_imap_count_error(conn, session);
    return end(conn, session, " NO ", text);
}

enum ph_step ph_imap_fail(struct ph_conn *conn, struct ph_imap_session *session, const struct ph_error *err)
{
    ph_imap_log_trouble(conn, err);
    return ph_imap_no(conn, session, ph_imap_text_of(err->code));
}

enum ph_step ph_imap_hang_up(struct ph_conn *conn, const char *text, const char *end_reason)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    ph_buf_printf(ph_conn_out(conn), "* BYE %s\r\n", text);
    session->end = end_reason;
    return PH_STEP_CLOSE;
}

void ph_imap_resume(void *conn)
{
    ph_conn_resume(conn);
}
