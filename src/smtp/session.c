/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session: greeting, one command after the other, the end. RFC 5321 sections 3.1, 3.8, 4.1.4.
 *
 * A session that breaks the framing is ended: behind a line feed alone, or a chunk whose size cannot be read, nothing
 * that follows can be told to be a command.
 */
#include "smtp/session.h"

#include <stdlib.h>

enum {
    TIMEOUT_MS = 300 * 1000,
    USELESS_TIMEOUTS = 3, /* as long a stranger's connection may last on which no message comes */
};

_Static_assert(sizeof(struct ph_smtp_session) <= 256, "thousands of sessions are idle at a time");

static enum ph_step open_session(struct ph_conn *conn, enum ph_smtp_protocol protocol)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    session->protocol = protocol;
    session->state = PH_SMTP_START;
    session->opened_us = ph_mono_us(ph_conn_clock(conn));
    session->useful_us = session->opened_us;
    ph_conn_set_timeout(conn, context->command_timeout_ms);
    ph_buf_printf(ph_conn_out(conn), "220 %s %s Posthouse\r\n", context->hostname,
                  protocol == PH_SMTP_LMTP ? "LMTP" : "ESMTP");
    return PH_STEP_AGAIN;
}

static enum ph_step open_smtp(struct ph_conn *conn)
{
    return open_session(conn, PH_SMTP_SMTP);
}

static enum ph_step open_submission(struct ph_conn *conn)
{
    return open_session(conn, PH_SMTP_SUBMISSION);
}

static enum ph_step open_lmtp(struct ph_conn *conn)
{
    return open_session(conn, PH_SMTP_LMTP);
}

/* ---- Commands ---- */

static void log_command(struct ph_conn *conn, const struct ph_smtp_session *session)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_DEBUG, "command");
    ph_log_str(&line, "command", session->row->name);
    ph_log_u64(&line, "reply", session->last_code);
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->command_us);
    ph_log_end(&line);
}

/* Called with what a handler, or its continuation, returned. */
static enum ph_step after(struct ph_conn *conn, struct ph_smtp_session *session, enum ph_step step)
{
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    bool goes_on = session->mode == PH_SMTP_IN_LOGIN || session->mode == PH_SMTP_IN_CHUNK;
    if (goes_on || step == PH_STEP_PARK) {
        return step;
    }
    if (session->row != NULL) {
        if (ph_log_is_on(ph_conn_logger(conn), PH_LOG_DEBUG)) {
            log_command(conn, session);
        }
        session->row = NULL;
    }
    bool is_enough =
        session->error_count >= context->errors_max || session->unknown_count >= context->unknown_max;
    if (is_enough && step == PH_STEP_AGAIN) {
        return ph_smtp_hang_up(conn, PH_SMTP_REPLY_TOO_MANY_ERRORS, "too many errors");
    }
    return step;
}

static enum ph_smtp_reply why_not_now(const struct ph_smtp_session *session, const struct ph_smtp_row *row)
{
    switch (session->state) {
    case PH_SMTP_START:
        return session->protocol == PH_SMTP_LMTP ? PH_SMTP_REPLY_LHLO_FIRST : PH_SMTP_REPLY_EHLO_FIRST;
    case PH_SMTP_READY: return PH_SMTP_REPLY_MAIL_FIRST;
    case PH_SMTP_MAIL:
        return (row->states & PH_SMTP_RCPT) != 0 ? PH_SMTP_REPLY_RCPT_FIRST : PH_SMTP_REPLY_IN_TRANSACTION;
    case PH_SMTP_RCPT: return PH_SMTP_REPLY_IN_TRANSACTION;
    case PH_SMTP_CHUNKS: return PH_SMTP_REPLY_IN_CHUNKS;
    case PH_SMTP_FAILED: return PH_SMTP_REPLY_RSET_FIRST;
    }
    return PH_SMTP_REPLY_RSET_FIRST;
}

static enum ph_step run_command(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes line,
                                bool is_last_input)
{
    struct ph_bytes verb;
    struct ph_bytes argument;
    if (!ph_smtp_line_split(line, &verb, &argument)) {
        session->unknown_count++;
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_NO_COMMAND);
    }
    const struct ph_smtp_row *row = ph_smtp_row_find(verb);
    if (row == NULL || (row->protocols & session->protocol) == 0) {
        session->unknown_count++;
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_UNKNOWN_COMMAND);
    }
    session->row = row;
    session->command_us = ph_mono_us(ph_conn_clock(conn));
    if (row->run == NULL) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_NOT_OFFERED);
    }
    if (row->ends_group && !is_last_input && !ph_smtp_context_of(conn)->may_talk_early) {
        return ph_smtp_hang_up(conn, PH_SMTP_REPLY_TALKS_EARLY, "talks early");
    }
    if ((row->states & session->state) == 0) {
        return ph_smtp_refuse(conn, why_not_now(session, row));
    }
    if (argument.len > 0 && !row->has_argument) {
        return ph_smtp_refuse_syntax(conn);
    }
    return row->run(conn, session, argument);
}

/* ---- Input ---- */

/* One harmless command after the other holds off the connection's timeout, not this one. A transaction has its own
 * time, and who has logged in is no stranger. */
static bool is_useless(struct ph_conn *conn, const struct ph_smtp_session *session)
{
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    uint64_t now_us = ph_mono_us(ph_conn_clock(conn));
    uint64_t max_us = (uint64_t)USELESS_TIMEOUTS * context->command_timeout_ms * 1000;
    if (session->user != NULL || now_us - session->useful_us <= max_us) {
        return false;
    }
    const struct ph_smtp_transaction *transaction = session->transaction;
    return transaction == NULL ||
           now_us - transaction->begun_us > (uint64_t)context->message_timeout_ms * 1000;
}

/* A line that comes octet by octet holds off the connection's timeout, not this one. */
static enum ph_step wait_for_line(struct ph_conn *conn, struct ph_smtp_session *session)
{
    uint64_t now_us = ph_mono_us(ph_conn_clock(conn));
    if (session->line_us == 0) {
        session->line_us = now_us;
    }
    if (now_us - session->line_us > (uint64_t)ph_smtp_context_of(conn)->command_timeout_ms * 1000) {
        return ph_smtp_hang_up(conn, PH_SMTP_REPLY_TIMEOUT, "timeout");
    }
    return PH_STEP_READ;
}

static enum ph_step bare_lf(struct ph_conn *conn)
{
    return ph_smtp_hang_up(conn, PH_SMTP_REPLY_BARE_LF, "bare line feed");
}

static enum ph_step skip_input(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes input,
                               size_t *out_consumed)
{
    switch (ph_smtp_line_skip(input, out_consumed)) {
    case PH_SMTP_LINE_OK: break;
    case PH_SMTP_LINE_BARE_LF: return bare_lf(conn);
    default: return wait_for_line(conn, session);
    }
    session->line_us = 0;
    session->mode = PH_SMTP_IN_COMMANDS;
    enum ph_smtp_reply reply =
        session->is_login_too_long ? PH_SMTP_REPLY_LOGIN_LINE_TOO_LONG : PH_SMTP_REPLY_LINE_TOO_LONG;
    return after(conn, session, ph_smtp_refuse(conn, reply));
}

static size_t line_max(const struct ph_smtp_session *session, struct ph_bytes input)
{
    size_t len = 0;
    if (session->mode == PH_SMTP_IN_LOGIN) {
        return PH_SMTP_LINE_MAX_AUTH;
    }
    while (len < input.len && ((input.ptr[len] | 0x20) >= 'a' && (input.ptr[len] | 0x20) <= 'z')) {
        len++;
    }
    const struct ph_smtp_row *row = ph_smtp_row_find(ph_bytes_first(input, len));
    return row != NULL && (row->protocols & session->protocol) != 0 ? row->line_max : PH_SMTP_LINE_MAX;
}

static enum ph_step line_input(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes input,
                               size_t *out_consumed)
{
    struct ph_bytes line;
    bool is_login = session->mode == PH_SMTP_IN_LOGIN;
    enum ph_smtp_line_status status = ph_smtp_line_next(input, line_max(session, input), &line, out_consumed);
    switch (status) {
    case PH_SMTP_LINE_MORE: return wait_for_line(conn, session);
    case PH_SMTP_LINE_BARE_LF: return bare_lf(conn);
    case PH_SMTP_LINE_TOO_LONG:
        session->mode = PH_SMTP_IN_LONG_LINE;
        session->is_login_too_long = is_login;
        ph_smtp_forget_login(session);
        return skip_input(conn, session, input, out_consumed);
    case PH_SMTP_LINE_BARE_CR:
    case PH_SMTP_LINE_OK: break;
    }
    session->line_us = 0;
    if (status == PH_SMTP_LINE_BARE_CR) {
        ph_smtp_forget_login(session);
        session->mode = PH_SMTP_IN_COMMANDS;
        return after(conn, session, ph_smtp_refuse(conn, PH_SMTP_REPLY_BARE_CR));
    }
    return after(conn, session,
                 is_login ? ph_smtp_login_line(conn, session, line)
                          : run_command(conn, session, line, *out_consumed == input.len));
}

static enum ph_step service_input(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    switch (session->mode) {
    case PH_SMTP_IN_COMMANDS:
    case PH_SMTP_IN_LOGIN:
        return is_useless(conn, session) ? ph_smtp_hang_up(conn, PH_SMTP_REPLY_TIMEOUT, "no message comes")
                                         : line_input(conn, session, input, out_consumed);
    case PH_SMTP_IN_LONG_LINE: return skip_input(conn, session, input, out_consumed);
    case PH_SMTP_IN_DATA: return after(conn, session, ph_smtp_data_input(conn, session, input, out_consumed));
    case PH_SMTP_IN_CHUNK:
        return after(conn, session, ph_smtp_chunk_input(conn, session, input, out_consumed));
    }
    return PH_STEP_CLOSE;
}

static enum ph_step service_resume(struct ph_conn *conn)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    return after(conn, session, session->resume(conn, session));
}

/* Nothing here has a long answer. */
static enum ph_step service_produce(struct ph_conn *conn)
{
    (void)conn;
    return PH_STEP_AGAIN;
}

/* RFC 3207 section 4.2: the session begins anew, without a greeting; what was learned in clear does not count. */
static void service_tls_started(struct ph_conn *conn)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    ph_smtp_forget_login(session);
    free(session->user);
    session->user = NULL;
    free(session->hello);
    session->hello = NULL;
    ph_smtp_end_transaction(session);
}

/* ---- The end ---- */

static void service_goodbye(struct ph_conn *conn, enum ph_close_reason reason)
{
    struct ph_buf *out = ph_conn_out(conn);
    switch (reason) {
    case PH_CLOSE_TIMEOUT: ph_smtp_reply_put(out, PH_SMTP_REPLY_TIMEOUT); break;
    case PH_CLOSE_SHUTDOWN: ph_smtp_reply_put(out, PH_SMTP_REPLY_SHUTTING_DOWN); break;
    case PH_CLOSE_REFUSED: ph_smtp_reply_put(out, PH_SMTP_REPLY_TOO_MANY_CONNECTIONS); break;
    default: break;
    }
}

static void log_session(struct ph_conn *conn, const struct ph_smtp_session *session,
                        enum ph_close_reason reason)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "session");
    ph_log_str(&line, "helo", session->hello == NULL ? "" : session->hello);
    if (session->protocol == PH_SMTP_SUBMISSION) {
        ph_log_str(&line, "user", session->user == NULL ? "" : session->user);
    }
    ph_log_str(&line, "tls", ph_conn_tls_version(conn));
    ph_log_u64(&line, "messages", session->messages);
    ph_log_u64(&line, "bytes_in", ph_conn_bytes_in(conn));
    ph_log_u64(&line, "bytes_out", ph_conn_bytes_out(conn));
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->opened_us);
    bool is_ours = reason == PH_CLOSE_SERVICE && session->end != NULL;
    ph_log_str(&line, "reason", is_ours ? session->end : ph_close_reason_name(reason));
    ph_log_end(&line);
}

static void service_closed(struct ph_conn *conn, enum ph_close_reason reason)
{
    struct ph_smtp_session *session = ph_conn_session(conn);
    log_session(conn, session, reason);
    ph_smtp_forget_login(session);
    ph_smtp_end_transaction(session);
    free(session->user);
    free(session->hello);
}

#define PH_SMTP_SERVICE(protocol_name, open_function)                                                       \
    {                                                                                                       \
        .name = (protocol_name), .session_bytes = sizeof(struct ph_smtp_session), .timeout_ms = TIMEOUT_MS, \
        .open = (open_function), .input = service_input, .produce = service_produce,                        \
        .resume = service_resume, .tls_started = service_tls_started, .goodbye = service_goodbye,           \
        .closed = service_closed,                                                                           \
    }

const struct ph_service ph_smtp_service = PH_SMTP_SERVICE("smtp", open_smtp);
const struct ph_service ph_submission_service = PH_SMTP_SERVICE("submission", open_submission);
const struct ph_service ph_lmtp_service = PH_SMTP_SERVICE("lmtp", open_lmtp);
