/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only permanent refusals count as errors: with 4xx it is not the client who is wrong, or it is right to go on (a
 * 452 to the recipients past the maximum).
 */
#include "smtp/session.h"

enum { PERMANENT = 500 };

enum ph_step ph_smtp_respond(struct ph_conn *conn, enum ph_smtp_reply reply)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    ph_smtp_reply_put(ph_conn_out(conn), reply);
    session->last_code = ph_smtp_reply_code(reply);
    return PH_STEP_AGAIN;
}

void ph_smtp_count_useless(struct ph_conn *conn)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    session->useless_count++;
    if (session->useless_count > ph_smtp_context_of(conn)->useless_max) {
        session->error_count++;
    }
}

enum ph_step ph_smtp_respond_useless(struct ph_conn *conn, enum ph_smtp_reply reply)
{
    ph_smtp_count_useless(conn);
    return ph_smtp_respond(conn, reply);
}

enum ph_step ph_smtp_refuse(struct ph_conn *conn, enum ph_smtp_reply reply)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    if (ph_smtp_reply_code(reply) >= PERMANENT || reply == PH_SMTP_REPLY_LOGIN_LIMIT) {
        session->error_count++;
    }
    return ph_smtp_respond(conn, reply);
}

enum ph_step ph_smtp_refuse_syntax(struct ph_conn *conn)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    session->error_count++;
    session->last_code = 501;
    ph_buf_printf(ph_conn_out(conn), "501 5.5.4 Syntax: %s\r\n", session->row->syntax);
    return PH_STEP_AGAIN;
}

/* What an operator should know of; the rest is the client's doing. */
static bool is_trouble(int class)
{
    return class == PH_EUNAVAILABLE || class == PH_EUNKNOWN_OUTCOME || class == PH_ECORRUPT ||
           class == PH_EBUG || class == PH_EBUSY;
}

void ph_smtp_log_trouble(struct ph_conn *conn, const struct ph_error *err)
{
    if (is_trouble(err->code)) {
        struct ph_log_line line;
        ph_conn_log(conn, &line, PH_LOG_ERROR, "trouble");
        ph_log_error(&line, err);
        ph_log_end(&line);
    }
}

enum ph_step ph_smtp_fail(struct ph_conn *conn, enum ph_smtp_step_of what, const struct ph_error *err)
{
    enum ph_smtp_reply reply = ph_smtp_reply_of(what, err->code);
    if (reply != PH_SMTP_REPLY_TOO_MANY_RECIPIENTS) {
        ph_smtp_log_trouble(conn, err);
    }
    return ph_smtp_refuse(conn, reply);
}

enum ph_step ph_smtp_hang_up(struct ph_conn *conn, enum ph_smtp_reply reply, const char *end)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    session->end = end;
    ph_smtp_respond(conn, reply);
    return PH_STEP_CLOSE;
}
