/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a session: greeting, one command after the other, the end. RFC 9051 sections 3 and 7.1.
 *
 * Commands are answered one by one and in order, whatever a client sends ahead; so no two of them are ever in
 * progress, and none can be ambiguous with another (RFC 9051 section 5.5).
 */
#include "imap/session.h"

#include <stdlib.h>

#include "imap/append.h"
#include "imap/frame.h"
#include "imap/idle.h"
#include "imap/login.h"
#include "imap/parse.h"

enum {
    LOGIN_TIMEOUT_MS = 60 * 1000,
    LOGIN_TIMEOUTS = 3, /* as long a connection may last on which nobody logs in */
    LOGIN_COMMAND_MAX = 16 * 1024,
    ARENA_BYTES = 1024,
};

_Static_assert(sizeof(struct ph_imap_session) <= 1024, "thousands of sessions are idle at a time");

static unsigned login_timeout_ms(const struct ph_imap_context *context)
{
    return context->login_timeout_ms > 0 ? context->login_timeout_ms : LOGIN_TIMEOUT_MS;
}

static enum ph_step service_open(struct ph_conn *conn)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    const struct ph_imap_context *context = ph_imap_context_of(conn);
    session->state = PH_IMAP_NOT_AUTHENTICATED;
    session->mode = PH_IMAP_MODE_COMMAND;
    session->opened_us = ph_mono_us(ph_conn_clock(conn));
    ph_arena_init(&session->arena, ARENA_BYTES);
    ph_conn_set_timeout(conn, login_timeout_ms(context));
    ph_buf_str(ph_conn_out(conn), "* OK [");
    ph_imap_put_capabilities(conn, session);
    ph_buf_printf(ph_conn_out(conn), "] %s IMAP server ready\r\n", context->hostname);
    return PH_STEP_AGAIN;
}

/* ---- The end of a command ---- */

/* One line for each command, at debug level. */
static void log_command(struct ph_conn *conn, const struct ph_imap_session *session)
{
    const struct ph_imap_row *row = session->command == NULL ? NULL : session->command->row;
    if (row == NULL || !ph_log_is_on(ph_conn_logger(conn), PH_LOG_DEBUG)) {
        return;
    }
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_DEBUG, "command");
    ph_log_str(&line, "command", row->name);
    ph_log_str(&line, "result", session->has_failed ? "error" : "ok");
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->command_us);
    ph_log_end(&line);
}

static void forget_command(struct ph_imap_session *session)
{
    if (session->work_free != NULL) {
        session->work_free(session->work);
    }
    session->work = NULL;
    session->work_free = NULL;
    if (session->secret_len > 0) {
        explicit_bzero(session->secret, session->secret_len);
        session->secret_len = 0;
    }
    session->command = NULL;
    session->news = NULL;
    session->told = NULL;
    session->is_over = false;
    session->mode = PH_IMAP_MODE_COMMAND;
    ph_arena_fini(&session->arena);
    ph_arena_init(&session->arena, ARENA_BYTES);
}

/* Called with what a handler, or its continuation, returned. */
static enum ph_step after(struct ph_conn *conn, struct ph_imap_session *session, enum ph_step step)
{
    if (session->is_over) {
        log_command(conn, session);
        forget_command(session);
    }
    return step;
}

/* ---- A command's beginning ---- */

static const char *check_state(const struct ph_imap_session *session, const struct ph_imap_row *row)
{
    if ((row->states & session->state) != 0) {
        return NULL;
    }
    switch (session->state) {
    case PH_IMAP_NOT_AUTHENTICATED: return "Log in first";
    case PH_IMAP_AUTHENTICATED:
        return (row->states & PH_IMAP_SELECTED) != 0 ? "Select a mailbox first" : "Already logged in";
    default: return "Already logged in";
    }
}

static enum ph_step run_command(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes text)
{
    struct ph_imap_reader reader;
    struct ph_imap_command *command = ph_arena_zalloc(&session->arena, sizeof *command);
    text = ph_arena_bytes(&session->arena, text);
    bool is_utf8 = (session->enabled & (PH_IMAP_ENABLED_UTF8 | PH_IMAP_ENABLED_REV2)) != 0;
    ph_imap_reader_init(&reader, text, &session->arena, is_utf8);
    session->command = command;
    session->command_us = ph_mono_us(ph_conn_clock(conn));
    const char *complaint = ph_imap_parse(&reader, command);
    const struct ph_imap_row *row = command->row;
    if (row != NULL && (row->flags & PH_IMAP_ROW_SECRET) != 0) {
        session->secret = (void *)text.ptr;
        session->secret_len = text.len;
    }
    if (row != NULL && check_state(session, row) != NULL) {
        complaint = check_state(session, row);
    }
    if (complaint != NULL) {
        return ph_imap_bad(conn, session, complaint);
    }
    if ((row->flags & PH_IMAP_ROW_WRITES) != 0 && session->is_read_only) {
        return ph_imap_no(conn, session, "[READ-ONLY] The mailbox is open for reading only");
    }
    return row->run(conn, session, command);
}

/* ---- Framing ---- */

/* Octet by octet, or by one harmless command after the other, a client holds off the connection's timeout. */
static bool is_too_slow(struct ph_conn *conn, const struct ph_imap_session *session)
{
    const struct ph_imap_context *context = ph_imap_context_of(conn);
    uint64_t now_us = ph_mono_us(ph_conn_clock(conn));
    uint64_t line_ms = ph_imap_timeout_ms(context);
    if (session->state == PH_IMAP_NOT_AUTHENTICATED) {
        line_ms = login_timeout_ms(context);
        if (now_us - session->opened_us > LOGIN_TIMEOUTS * line_ms * 1000) {
            return true;
        }
    }
    return session->line_us != 0 && now_us - session->line_us > line_ms * 1000;
}

static enum ph_step wait_for_more(struct ph_conn *conn, struct ph_imap_session *session)
{
    if (session->line_us == 0) {
        session->line_us = ph_mono_us(ph_conn_clock(conn));
    }
    return PH_STEP_READ;
}

static void begin_next(struct ph_imap_session *session)
{
    session->line_us = 0;
    session->scanned = 0;
}

/* Refuses the command whose beginning HEAD is, for its literal. */
static enum ph_step refuse_literal(struct ph_conn *conn, struct ph_imap_session *session,
                                   struct ph_bytes head, const struct ph_imap_literal *literal)
{
    if (!literal->is_sync) {
        return ph_imap_hang_up(conn, "[TOOBIG] The literal is too large", "literal too large");
    }
    struct ph_imap_reader reader;
    session->command = ph_arena_zalloc(&session->arena, sizeof *session->command);
    ph_imap_reader_init(&reader, ph_arena_bytes(&session->arena, head), &session->arena, true);
    (void)ph_imap_parse(&reader, session->command); /* for the tag */
    session->command->row = NULL;
    begin_next(session);
    return ph_imap_bad(conn, session, "[TOOBIG] The literal is too large");
}

/* LITERAL ends the line that HEAD ends with. False: *OUT_STEP is to be returned, and HEAD is consumed. */
static bool take_literal(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes head,
                         size_t max, const struct ph_imap_literal *literal, enum ph_step *out_step)
{
    bool is_utf8 = (session->enabled & (PH_IMAP_ENABLED_UTF8 | PH_IMAP_ENABLED_REV2)) != 0;
    bool may_append = (session->state & (PH_IMAP_AUTHENTICATED | PH_IMAP_SELECTED)) != 0;
    if (may_append && ph_imap_append_is_at_message(head, is_utf8, ph_conn_arena(conn))) {
        begin_next(session);
        session->command_us = ph_mono_us(ph_conn_clock(conn));
        *out_step = ph_imap_append_begin(conn, session, ph_arena_bytes(&session->arena, head), literal);
        return false;
    }
    if (literal->len > max - literal->at) {
        *out_step = refuse_literal(conn, session, head, literal);
        return false;
    }
    if (literal->is_sync) {
        ph_buf_str(ph_conn_out(conn), "+ Go on\r\n");
    }
    session->scanned = literal->at + (size_t)literal->len;
    return true;
}

static enum ph_step command_input(struct ph_conn *conn, struct ph_imap_session *session,
                                  struct ph_bytes input, size_t *out_consumed)
{
    size_t max = session->state == PH_IMAP_NOT_AUTHENTICATED ? LOGIN_COMMAND_MAX : PH_IMAP_COMMAND_MAX;
    for (;;) {
        struct ph_imap_literal literal;
        size_t len = 0;
        enum ph_step step = PH_STEP_READ;
        switch (ph_imap_frame(input, max, &session->scanned, &literal, &len)) {
        case PH_IMAP_FRAME_NEEDS_MORE: return wait_for_more(conn, session);
        case PH_IMAP_FRAME_TOO_LONG:
            *out_consumed = input.len;
            return ph_imap_hang_up(conn, "[TOOBIG] The command is too long", "command too long");
        case PH_IMAP_FRAME_BAD_LINE:
            *out_consumed = len;
            begin_next(session);
            return ph_imap_bad(conn, session, "A line ends with CR and LF, and has no NUL");
        case PH_IMAP_FRAME_LITERAL:
            if (take_literal(conn, session, ph_bytes_first(input, len), max, &literal, &step)) {
                break;
            }
            *out_consumed = len;
            return step;
        case PH_IMAP_FRAME_READY:
            *out_consumed = len;
            begin_next(session);
            return run_command(conn, session, ph_bytes_first(input, len - 2));
        }
    }
}

/* A line that is no command: an answer in a SASL exchange, DONE. */
static enum ph_step line_input(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes input,
                               size_t *out_consumed)
{
    bool is_sasl = session->mode == PH_IMAP_MODE_SASL;
    size_t max = is_sasl ? PH_IMAP_SASL_LINE_MAX : PH_IMAP_IDLE_LINE_MAX;
    size_t end = ph_bytes_find(ph_bytes_first(input, max), '\n');
    if (end == ph_bytes_first(input, max).len) {
        if (input.len < max) {
            return wait_for_more(conn, session);
        }
        *out_consumed = input.len;
        return ph_imap_hang_up(conn, "[TOOBIG] The line is too long", "line too long");
    }
    *out_consumed = end + 1;
    begin_next(session);
    struct ph_bytes line = ph_bytes_first(input, end > 0 && input.ptr[end - 1] == '\r' ? end - 1 : end);
    return is_sasl ? ph_imap_sasl_line(conn, session, line) : ph_imap_idle_line(conn, session, line);
}

/* ---- What the net layer calls ---- */

static enum ph_step service_input(struct ph_conn *conn, struct ph_bytes input, size_t *out_consumed)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    if (is_too_slow(conn, session)) {
        session->end = "timeout";
        return PH_STEP_CLOSE;
    }
    switch (session->mode) {
    case PH_IMAP_MODE_COMMAND: return after(conn, session, command_input(conn, session, input, out_consumed));
    case PH_IMAP_MODE_SASL:
    case PH_IMAP_MODE_IDLE: return after(conn, session, line_input(conn, session, input, out_consumed));
    case PH_IMAP_MODE_APPEND:
        return after(conn, session, ph_imap_append_input(conn, session, input, out_consumed));
    }
    return PH_STEP_CLOSE;
}

static enum ph_step service_resume(struct ph_conn *conn)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    return after(conn, session, session->resume(conn, session));
}

static enum ph_step service_produce(struct ph_conn *conn)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    return after(conn, session, session->produce(conn, session));
}

static enum ph_step service_woken(struct ph_conn *conn)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    return session->mode == PH_IMAP_MODE_IDLE ? after(conn, session, ph_imap_idle_woken(conn, session))
                                              : PH_STEP_AGAIN;
}

static void service_goodbye(struct ph_conn *conn, enum ph_close_reason reason)
{
    struct ph_buf *out = ph_conn_out(conn);
    if (reason == PH_CLOSE_SHUTDOWN) {
        ph_buf_str(out, "* BYE [UNAVAILABLE] The server is shutting down\r\n");
    } else if (reason == PH_CLOSE_REFUSED) {
        ph_buf_str(out, "* BYE [LIMIT] Too many connections\r\n");
    } else if (reason == PH_CLOSE_TIMEOUT) {
        ph_buf_str(out, "* BYE Idle for too long\r\n");
    }
}

static void log_session(struct ph_conn *conn, const struct ph_imap_session *session,
                        enum ph_close_reason reason)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "session");
    ph_log_str(&line, "user", session->user == NULL ? "" : session->user);
    ph_log_str(&line, "tls", ph_conn_tls_version(conn));
    ph_log_u64(&line, "fetched", session->fetched);
    ph_log_u64(&line, "appended", session->appended);
    ph_log_u64(&line, "expunged", session->expunged);
    ph_log_u64(&line, "bytes_in", ph_conn_bytes_in(conn));
    ph_log_u64(&line, "bytes_out", ph_conn_bytes_out(conn));
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->opened_us);
    bool is_ours = reason == PH_CLOSE_SERVICE && session->end != NULL;
    ph_log_str(&line, "reason", is_ours ? session->end : ph_close_reason_name(reason));
    ph_log_end(&line);
}

static void service_closed(struct ph_conn *conn, enum ph_close_reason reason)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    log_session(conn, session, reason);
    ph_imap_forget_append(session);
    ph_imap_forget_idle(session);
    forget_command(session);
    ph_imap_forget_login(session);
    ph_imap_unselect(session);
    free(session->user);
}

const struct ph_service ph_imap_service = {
    .name = "imap",
    .session_bytes = sizeof(struct ph_imap_session),
    .timeout_ms = LOGIN_TIMEOUT_MS,
    .open = service_open,
    .input = service_input,
    .produce = service_produce,
    .resume = service_resume,
    .woken = service_woken,
    .goodbye = service_goodbye,
    .closed = service_closed,
};
