/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The not authenticated state: LOGIN, AUTHENTICATE (RFC 9051 section 6.2.2, RFC 4959), STARTTLS.
 *
 * A login parks the session: passwords are hashed elsewhere. Whoever has shown the right password to a server that cannot
 * give him IMAP (context->refusal) is told so; nobody else learns of it.
 */
#include "imap/login.h"

#include <stdlib.h>

enum { AUTOLOGOUT_MS = 30 * 60 * 1000 };

static const char needs_tls_text[] = "[PRIVACYREQUIRED] Passwords are taken over TLS only";

unsigned ph_imap_timeout_ms(const struct ph_imap_context *context)
{
    return context->timeout_ms > 0 ? context->timeout_ms : AUTOLOGOUT_MS;
}

bool ph_imap_may_plaintext(struct ph_conn *conn)
{
    const struct ph_imap_context *context = ph_imap_context_of(conn);
    const struct ph_address *peer = ph_conn_peer(conn);
    return ph_conn_is_tls(conn) || peer->family == PH_ADDRESS_UNIX ||
           ph_networks_have(context->plaintext_networks, context->plaintext_network_count, peer);
}

void ph_imap_forget_login(struct ph_imap_session *session)
{
    ph_login_free(&session->login);
    session->mode = PH_IMAP_MODE_COMMAND;
}

static void log_login(struct ph_conn *conn, const struct ph_imap_session *session, const char *result)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "login");
    ph_log_bytes(&line, "user", ph_login_user(session->login));
    ph_log_str(&line, "result", result);
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->command_us);
    ph_log_end(&line);
}

/* ---- What follows a login's end ---- */

/* RFC 5530. What is of the server's making does not count towards the session's end. */
static enum ph_step refuse_login(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_error err = *ph_login_error(session->login);
    log_login(conn, session, ph_error_name(err.code));
    ph_imap_log_trouble(conn, &err);
    ph_imap_forget_login(session);
    switch (err.code) {
    case PH_EDENIED:
        return ph_imap_refuse(conn, session, "[AUTHENTICATIONFAILED] Wrong user name or password");
    case PH_ELIMIT:
        return ph_imap_refuse(conn, session, "[UNAVAILABLE] Too many failed logins, try again later");
    case PH_ENOTFOUND: return ph_imap_refuse(conn, session, "Unknown authentication mechanism");
    case PH_EINVALID: return ph_imap_bad(conn, session, "Malformed authentication exchange");
    default: return ph_imap_no(conn, session, "[UNAVAILABLE] Cannot check passwords now, try again later");
    }
}

static enum ph_step enter(struct ph_conn *conn, struct ph_imap_session *session)
{
    const struct ph_imap_context *context = ph_imap_context_of(conn);
    if (context->refusal != NULL) {
        log_login(conn, session, "no IMAP here");
        ph_imap_forget_login(session);
        return ph_imap_no(conn, session, ph_arena_printf(&session->arena, "[CANNOT] %s", context->refusal));
    }
    log_login(conn, session, "ok");
    session->user = ph_bytes_dup(ph_login_user(session->login));
    ph_imap_forget_login(session);
    session->state = PH_IMAP_AUTHENTICATED;
    ph_conn_set_timeout(conn, ph_imap_timeout_ms(context));

    /* Behind the tag stands what the client would ask for next. */
    struct ph_buf *out = ph_conn_out(conn);
    size_t start = out->len;
    ph_buf_byte(out, '[');
    ph_imap_put_capabilities(conn, session);
    ph_buf_str(out, "] Logged in");
    char *text = ph_arena_strdup(&session->arena, ph_bytes_of(out->ptr + start, out->len - start));
    out->len = start;
    return ph_imap_ok(conn, session, text);
}

static enum ph_step challenge(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "+ ");
    ph_base64_encode(ph_login_challenge(session->login), out);
    ph_buf_str(out, "\r\n");
    session->mode = PH_IMAP_MODE_SASL;
    return PH_STEP_AGAIN;
}

static enum ph_step login_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    switch (ph_login_state(session->login)) {
    case PH_LOGIN_CONTINUE: return challenge(conn, session);
    case PH_LOGIN_OK: return enter(conn, session);
    case PH_LOGIN_FAILED: return refuse_login(conn, session);
    }
    return ph_imap_fail(conn, session, &(struct ph_error){.code = PH_EBUG});
}

static void new_login(struct ph_conn *conn, struct ph_imap_session *session)
{
    session->login = ph_login_new(ph_imap_context_of(conn)->auth, ph_conn_peer(conn), "imap");
    session->resume = login_resumed;
}

/* ---- LOGIN ---- */

enum ph_step ph_imap_login(struct ph_conn *conn, struct ph_imap_session *session,
                           const struct ph_imap_command *command)
{
    if (!ph_imap_may_plaintext(conn)) {
        return ph_imap_refuse(conn, session, needs_tls_text);
    }
    new_login(conn, session);
    ph_login_password(session->login, command->login.user, command->login.password, ph_imap_resume, conn);
    return PH_STEP_PARK;
}

/* ---- AUTHENTICATE ---- */

static bool has_word(const char *words, struct ph_bytes word)
{
    struct ph_bytes rest = ph_bytes_str(words);
    for (;;) {
        struct ph_bytes next = ph_bytes_next_word(&rest);
        if (next.len == 0 || ph_bytes_ieq(next, word)) {
            return next.len > 0;
        }
    }
}

/* A mechanism that shows the password to whoever listens, where somebody may. */
static bool needs_tls(struct ph_conn *conn, struct ph_bytes mechanism)
{
    const struct ph_auth *auth = ph_imap_context_of(conn)->auth;
    return !ph_imap_may_plaintext(conn) && has_word(ph_auth_mechanisms(auth, true), mechanism) &&
           !has_word(ph_auth_mechanisms(auth, false), mechanism);
}

enum ph_step ph_imap_authenticate(struct ph_conn *conn, struct ph_imap_session *session,
                                  const struct ph_imap_command *command)
{
    const struct ph_imap_authenticate *args = &command->authenticate;
    if (needs_tls(conn, args->mechanism)) {
        return ph_imap_refuse(conn, session, needs_tls_text);
    }
    struct ph_buf initial = PH_BUF(PH_IMAP_SASL_LINE_MAX);
    if (args->has_initial && !ph_bytes_eq(args->initial, PH_BYTES("=")) &&
        ph_base64_decode(args->initial, &initial) != 0) {
        ph_buf_wipe(&initial);
        return ph_imap_bad(conn, session, "The initial response is not base64");
    }
    new_login(conn, session);
    ph_login_sasl(session->login, args->mechanism, args->has_initial, ph_buf_view(&initial),
                  ph_imap_may_plaintext(conn), ph_imap_resume, conn);
    ph_buf_wipe(&initial);
    return PH_STEP_PARK;
}

enum ph_step ph_imap_sasl_line(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes line)
{
    session->mode = PH_IMAP_MODE_COMMAND;
    if (ph_bytes_eq(line, PH_BYTES("*"))) {
        ph_imap_forget_login(session);
        return ph_imap_bad(conn, session, "Authentication cancelled");
    }
    struct ph_buf response = PH_BUF(PH_IMAP_SASL_LINE_MAX);
    if (ph_base64_decode(line, &response) != 0) {
        ph_buf_wipe(&response);
        ph_imap_forget_login(session);
        return ph_imap_bad(conn, session, "The response is not base64");
    }
    session->resume = login_resumed;
    ph_login_sasl_step(session->login, ph_buf_view(&response), ph_imap_resume, conn);
    ph_buf_wipe(&response);
    return PH_STEP_PARK;
}

/* ---- STARTTLS ---- */

enum ph_step ph_imap_starttls(struct ph_conn *conn, struct ph_imap_session *session,
                              const struct ph_imap_command *command)
{
    (void)command;
    if (ph_conn_is_tls(conn)) {
        return ph_imap_bad(conn, session, "TLS is active already");
    }
    if (!ph_conn_can_start_tls(conn)) {
        return ph_imap_bad(conn, session, "TLS is not offered here");
    }
    (void)ph_imap_ok(conn, session, "Begin TLS");
    return PH_STEP_TLS;
}
