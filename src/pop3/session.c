/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session: greeting, one command after the other, the end. RFC 1939 sections 3 and 4.
 *
 * Commands are answered in order, so a client may send as many at once as it likes (PIPELINING, RFC 2449
 * section 6.6). Only QUIT removes messages: neither a lost connection nor an autologout does, and an autologout says
 * nothing to the client (RFC 1939 section 3).
 */
#include <stdlib.h>

#include "pop3/session.h"

enum {
    LOGIN_TIMEOUT_MS = 60 * 1000,
    LOGIN_TIMEOUTS = 3, /* as long a connection may last on which nobody logs in */
};

_Static_assert(sizeof(struct ph_pop3_session) <= 512, "thousands of sessions are idle at a time");

static unsigned login_timeout_ms(const struct ph_pop3_context *context)
{
    return context->login_timeout_ms > 0 ? context->login_timeout_ms : LOGIN_TIMEOUT_MS;
}

static enum ph_step service_open(struct ph_conn *conn)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    const struct ph_pop3_context *context = ph_pop3_context_of(conn);
    session->state = PH_POP3_AUTHORIZATION;
    session->opened_us = ph_mono_us(ph_conn_clock(conn));
    ph_conn_set_timeout(conn, login_timeout_ms(context));
    ph_buf_printf(ph_conn_out(conn), "+OK %s POP3 server ready\r\n", context->hostname);
    return PH_STEP_AGAIN;
}

/* One line for each command, at debug level. */
static void log_command(struct ph_conn *conn, const struct ph_pop3_session *session)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_DEBUG, "command");
    ph_log_str(&line, "command", session->row->name);
    ph_log_str(&line, "result", session->has_failed ? "error" : "ok");
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->command_us);
    ph_log_end(&line);
}

/* Called with what a handler, or its continuation, returned. */
static enum ph_step after(struct ph_conn *conn, struct ph_pop3_session *session, enum ph_step step)
{
    bool goes_on = step == PH_STEP_PARK || step == PH_STEP_MORE || session->is_sasl_open;
    if (!goes_on && session->row != NULL) {
        if (ph_log_is_on(ph_conn_logger(conn), PH_LOG_DEBUG)) {
            log_command(conn, session);
        }
        session->row = NULL;
    }
    return step;
}

static enum ph_step run_command(struct ph_conn *conn, struct ph_pop3_session *session, struct ph_bytes line)
{
    struct ph_pop3_command command;
    ph_pop3_command_parse(line, &command);
    const struct ph_pop3_row *row = ph_pop3_row_find(command.keyword);
    if (row == NULL) {
        return ph_pop3_refuse(conn, "-ERR Unknown command");
    }
    if ((row->states & session->state) == 0) {
        return ph_pop3_refuse(conn, session->state == PH_POP3_AUTHORIZATION ? "-ERR Log in first"
                                                                            : "-ERR Already logged in");
    }
    if (command.word_count < row->words_min || command.word_count > row->words_max) {
        return ph_pop3_refuse(conn, row->usage);
    }
    if (session->drop != NULL) {
        ph_maildrop_renew(session->drop);
    }
    session->row = row;
    session->has_failed = false;
    session->command_us = ph_mono_us(ph_conn_clock(conn));
    return row->run(conn, session, &command);
}

/* Octet by octet, or by one harmless command after the other, a client holds off the connection's timeout. */
static bool is_too_slow(struct ph_conn *conn, const struct ph_pop3_session *session)
{
    const struct ph_pop3_context *context = ph_pop3_context_of(conn);
    uint64_t now_us = ph_mono_us(ph_conn_clock(conn));
    uint64_t line_ms = ph_pop3_timeout_ms(context);
    if (session->state == PH_POP3_AUTHORIZATION) {
        line_ms = login_timeout_ms(context);
        if (now_us - session->opened_us > LOGIN_TIMEOUTS * line_ms * 1000) {
            return true;
        }
    }
    return session->line_us != 0 && now_us - session->line_us > line_ms * 1000;
}

static enum ph_step wait_for_line(struct ph_conn *conn, struct ph_pop3_session *session)
{
    if (session->line_us == 0) {
        session->line_us = ph_mono_us(ph_conn_clock(conn));
    }
    return PH_STEP_READ;
}

static enum ph_step service_input(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    size_t max = session->is_sasl_open ? PH_POP3_SASL_LINE_MAX : PH_POP3_COMMAND_MAX;
    struct ph_bytes line;
    if (is_too_slow(conn, session)) {
        session->end = "timeout";
        return PH_STEP_CLOSE;
    }
    switch (ph_pop3_line_take(input, max, &line, out_consumed)) {
    case PH_POP3_LINE_NEEDS_MORE: return wait_for_line(conn, session);
    case PH_POP3_LINE_TOO_LONG:
        return ph_pop3_hang_up(conn, "-ERR Line too long, closing the connection", "line too long");
    case PH_POP3_LINE_HAS_NUL:
        return ph_pop3_hang_up(conn, "-ERR NUL in a line, closing the connection", "NUL in a line");
    case PH_POP3_LINE_READY: break;
    }
    session->line_us = 0;
    enum ph_step step =
        session->is_sasl_open ? ph_pop3_auth_line(conn, session, line) : run_command(conn, session, line);
    return after(conn, session, step);
}

static enum ph_step service_resume(struct ph_conn *conn)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    return after(conn, session, session->resume(conn, session));
}

static enum ph_step service_produce(struct ph_conn *conn)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    if (session->drop != NULL) {
        ph_maildrop_renew(session->drop);
    }
    return after(conn, session, session->produce(conn, session));
}

/* RFC 2595 section 4: what was learned in clear does not count. */
static void service_tls_started(struct ph_conn *conn)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    ph_pop3_forget_login(session);
}

static void service_goodbye(struct ph_conn *conn, enum ph_close_reason reason)
{
    if (reason == PH_CLOSE_SHUTDOWN) {
        ph_pop3_reply(conn, "-ERR [SYS/TEMP] The server is shutting down");
    } else if (reason == PH_CLOSE_REFUSED) {
        ph_pop3_reply(conn, "-ERR [SYS/TEMP] Too many connections");
    }
}

static void log_session(struct ph_conn *conn, const struct ph_pop3_session *session,
                        enum ph_close_reason reason)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "session");
    ph_log_str(&line, "user", session->state == PH_POP3_AUTHORIZATION ? "" : session->user);
    ph_log_str(&line, "tls", ph_conn_tls_version(conn));
    ph_log_u64(&line, "retrieved", session->retrieved);
    ph_log_u64(&line, "retrieved_bytes", session->retrieved_bytes);
    ph_log_u64(&line, "deleted", session->removed);
    ph_log_u64(&line, "bytes_in", ph_conn_bytes_in(conn));
    ph_log_u64(&line, "bytes_out", ph_conn_bytes_out(conn));
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->opened_us);
    bool is_ours = reason == PH_CLOSE_SERVICE && session->end != NULL;
    ph_log_str(&line, "reason", is_ours ? session->end : ph_close_reason_name(reason));
    ph_log_end(&line);
}

static void service_closed(struct ph_conn *conn, enum ph_close_reason reason)
{
    struct ph_pop3_session *session = ph_conn_session(conn);
    log_session(conn, session, reason);
    ph_pop3_forget_login(session);
    ph_pop3_forget_retrieval(session);
    ph_maildrop_close(&session->drop);
    free(session->is_deleted);
}

const struct ph_service ph_pop3_service = {
    .name = "pop3",
    .session_bytes = sizeof(struct ph_pop3_session),
    .timeout_ms = LOGIN_TIMEOUT_MS,
    .open = service_open,
    .input = service_input,
    .produce = service_produce,
    .resume = service_resume,
    .tls_started = service_tls_started,
    .goodbye = service_goodbye,
    .closed = service_closed,
};
