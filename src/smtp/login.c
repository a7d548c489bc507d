/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AUTH: RFC 4954. A login parks the session, for passwords are hashed elsewhere. Lines of the exchange are base64, or
 * "*" to give up.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "smtp/session.h"

bool ph_smtp_may_plaintext(struct ph_conn *conn)
{
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    const struct ph_address *peer = ph_conn_peer(conn);
    return ph_conn_is_tls(conn) || peer->family == PH_ADDRESS_UNIX ||
           ph_networks_have(context->plaintext_networks, context->plaintext_network_count, peer);
}

void ph_smtp_forget_login(struct ph_smtp_session *session)
{
    ph_login_free(&session->login);
}

static void log_login(struct ph_conn *conn, const struct ph_smtp_session *session, const char *result)
{
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "login");
    ph_log_bytes(&line, "user", ph_login_user(session->login));
    ph_log_str(&line, "result", result);
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->command_us);
    ph_log_end(&line);
}

static enum ph_step challenge(struct ph_conn *conn, struct ph_smtp_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "334 ");
    ph_base64_encode(ph_login_challenge(session->login), out);
    ph_buf_str(out, "\r\n");
    session->mode = PH_SMTP_IN_LOGIN;
    return PH_STEP_AGAIN;
}

static enum ph_step login_resumed(struct ph_conn *conn, struct ph_smtp_session *session)
{
    if (ph_login_state(session->login) == PH_LOGIN_CONTINUE) {
        return challenge(conn, session);
    }
    if (ph_login_state(session->login) == PH_LOGIN_OK) {
        log_login(conn, session, "ok");
        session->user = ph_bytes_dup(ph_login_user(session->login));
        ph_smtp_forget_login(session);
        return ph_smtp_respond(conn, PH_SMTP_REPLY_LOGGED_IN);
    }
    struct ph_error err = *ph_login_error(session->login);
    log_login(conn, session, ph_error_name(err.code));
    ph_smtp_forget_login(session);
    return ph_smtp_fail(conn, PH_SMTP_AT_LOGIN, &err);
}

/* Called on any thread. */
static void login_done(void *conn)
{
    ph_conn_resume(conn);
}

static bool has_word(const char *words, struct ph_bytes word)
{
    struct ph_bytes rest = ph_bytes_str(words);
    while (rest.len > 0) {
        if (ph_bytes_ieq(ph_bytes_next_word(&rest), word)) {
            return true;
        }
    }
    return false;
}

enum ph_step ph_smtp_auth(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    bool may_plaintext = ph_smtp_may_plaintext(conn);
    struct ph_bytes mechanism = ph_bytes_next_word(&argument);
    struct ph_bytes initial = ph_bytes_next_word(&argument);
    if (session->user != NULL) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_LOGGED_IN_ALREADY);
    }
    if (mechanism.len == 0 || argument.len > 0) {
        return ph_smtp_refuse_syntax(conn);
    }
    if (!has_word(ph_auth_mechanisms(context->auth, may_plaintext), mechanism)) {
        bool is_known = has_word(ph_auth_mechanisms(context->auth, true), mechanism);
        return ph_smtp_refuse(conn, is_known ? PH_SMTP_REPLY_TLS_REQUIRED : PH_SMTP_REPLY_UNKNOWN_MECHANISM);
    }
    /* Section 4: "=" is an initial response without octets. */
    struct ph_buf octets = PH_BUF(PH_SMTP_LINE_MAX_AUTH);
    if (initial.len > 0 && !ph_bytes_eq(initial, PH_BYTES("=")) &&
        ph_base64_decode(initial, &octets) != PH_OK) {
        ph_buf_wipe(&octets);
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_BAD_BASE64);
    }
    session->login = ph_login_new(context->auth, ph_conn_peer(conn), "submission");
    session->resume = login_resumed;
    ph_login_sasl(session->login, mechanism, initial.len > 0, ph_buf_view(&octets), may_plaintext, login_done,
                  conn);
    ph_buf_wipe(&octets);
    return PH_STEP_PARK;
}

enum ph_step ph_smtp_login_line(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes line)
{
    session->mode = PH_SMTP_IN_COMMANDS;
    if (ph_bytes_eq(line, PH_BYTES("*"))) {
        ph_smtp_forget_login(session);
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_LOGIN_CANCELLED);
    }
    struct ph_buf octets = PH_BUF(PH_SMTP_LINE_MAX_AUTH);
    if (ph_base64_decode(line, &octets) != PH_OK) {
        ph_buf_wipe(&octets);
        ph_smtp_forget_login(session);
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_BAD_BASE64);
    }
    session->resume = login_resumed;
    ph_login_sasl_step(session->login, ph_buf_view(&octets), login_done, conn);
    ph_buf_wipe(&octets);
    return PH_STEP_PARK;
}
