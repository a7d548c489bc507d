/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AUTHORIZATION state: USER and PASS (RFC 1939 section 7), AUTH (RFC 5034), STLS (RFC 2595 section 4).
 *
 * A login parks the session: passwords are hashed elsewhere. It has three hurdles, in this order: the credentials,
 * LOGIN-DELAY, the maildrop's lock. So a client that is told [LOGIN-DELAY] or [IN-USE] knows its password is right, and
 * one with a wrong password learns nothing of either. USER says +OK to every name.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "pop3/session.h"

enum { AUTOLOGOUT_MS = 10 * 60 * 1000 };

static const char needs_tls_text[] = "-ERR Passwords are taken over TLS only";

unsigned ph_pop3_timeout_ms(const struct ph_pop3_context *context)
{
    return context->timeout_ms > 0 ? context->timeout_ms : AUTOLOGOUT_MS;
}

bool ph_pop3_may_plaintext(struct ph_conn *conn)
{
    const struct ph_pop3_context *context = ph_pop3_context_of(conn);
    const struct ph_address *peer = ph_conn_peer(conn);
    return ph_conn_is_tls(conn) || peer->family == PH_ADDRESS_UNIX ||
           ph_networks_have(context->plaintext_networks, context->plaintext_network_count, peer);
}

void ph_pop3_forget_login(struct ph_pop3_session *session)
{
    ph_login_free(&session->login);
    session->is_sasl_open = false;
    free(session->user);
    session->user = NULL;
}

static void log_login(struct ph_conn *conn, const struct ph_pop3_session *session, const char *result)
{
    struct ph_bytes user = ph_login_user(session->login);
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "login");
    ph_log_bytes(&line, "user", user.len > 0 ? user : ph_bytes_str(session->user));
    ph_log_str(&line, "result", result);
    if (session->drop != NULL) {
        ph_log_u64(&line, "messages", session->drop->count);
        ph_log_u64(&line, "octets", session->live_bytes);
    }
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - session->command_us);
    ph_log_end(&line);
}

/* ---- What follows a login's end ---- */

/* What is not counts towards the session's end. */
static bool is_of_the_servers_making(int class)
{
    return class != PH_EDENIED && class != PH_EINVALID && class != PH_ENOTFOUND && class != PH_ELIMIT;
}

static enum ph_step refuse_login(struct ph_conn *conn, struct ph_pop3_session *session)
{
    const struct ph_error *err = ph_login_error(session->login);
    log_login(conn, session, ph_error_name(err->code));
    ph_pop3_log_trouble(conn, err);
    const char *text = ph_pop3_text_of(PH_POP3_AT_LOGIN, err->code);
    bool is_ours = is_of_the_servers_making(err->code);
    ph_pop3_forget_login(session);
    return is_ours ? ph_pop3_reply(conn, text) : ph_pop3_refuse(conn, text);
}

static enum ph_step enter_transaction(struct ph_conn *conn, struct ph_pop3_session *session)
{
    const struct ph_pop3_context *context = ph_pop3_context_of(conn);
    struct ph_bytes user = ph_login_user(session->login);
    if (context->login_delays != NULL && !ph_login_delays_may_login(context->login_delays, user)) {
        log_login(conn, session, "login delay");
        ph_pop3_forget_login(session);
        return ph_pop3_refuse(conn, "-ERR [LOGIN-DELAY] Too soon after the last login");
    }
    struct ph_error err = {0};
    int failed =
        ph_maildrop_open(context->mailboxes, &(struct ph_access){.user = user}, &session->drop, &err);
    if (failed) {
        log_login(conn, session, ph_error_name(failed));
        ph_pop3_forget_login(session);
        return ph_pop3_fail(conn, PH_POP3_AT_MAILDROP, &err);
    }
    session->live_bytes = 0;
    for (size_t i = 0; i < session->drop->count; i++) {
        session->live_bytes += session->drop->entries[i].size;
    }
    log_login(conn, session, "ok");
    if (context->login_delays != NULL) {
        ph_login_delays_note(context->login_delays, user);
    }
    char *name = ph_bytes_dup(user);
    ph_pop3_forget_login(session);
    session->user = name;
    session->state = PH_POP3_TRANSACTION;
    ph_conn_set_timeout(conn, ph_pop3_timeout_ms(context));
    return ph_pop3_reply(conn, "+OK Logged in, the maildrop is yours");
}

static enum ph_step challenge(struct ph_conn *conn, struct ph_pop3_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "+ ");
    ph_base64_encode(ph_login_challenge(session->login), out);
    ph_buf_str(out, "\r\n");
    session->is_sasl_open = true;
    return PH_STEP_AGAIN;
}

static enum ph_step login_resumed(struct ph_conn *conn, struct ph_pop3_session *session)
{
    switch (ph_login_state(session->login)) {
    case PH_LOGIN_CONTINUE: return challenge(conn, session);
    case PH_LOGIN_OK: return enter_transaction(conn, session);
    case PH_LOGIN_FAILED: return refuse_login(conn, session);
    }
    return ph_pop3_fail(conn, PH_POP3_AT_LOGIN, &(struct ph_error){.code = PH_EBUG});
}

/* Called on any thread. */
static void login_done(void *conn)
{
    ph_conn_resume(conn);
}

static void new_login(struct ph_conn *conn, struct ph_pop3_session *session)
{
    session->login = ph_login_new(ph_pop3_context_of(conn)->auth, ph_conn_peer(conn), "pop3");
    session->resume = login_resumed;
}

/* ---- USER, PASS ---- */

enum ph_step ph_pop3_user(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    if (!ph_pop3_may_plaintext(conn)) {
        return ph_pop3_refuse(conn, needs_tls_text);
    }
    free(session->user);
    session->user = ph_bytes_dup(ph_bytes_trim(command->text));
    return ph_pop3_reply(conn, "+OK Send PASS");
}

enum ph_step ph_pop3_pass(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    if (session->user == NULL) {
        return ph_pop3_refuse(conn, "-ERR USER first");
    }
    if (command->text.len == 0) {
        return ph_pop3_refuse(conn, session->row->usage);
    }
    new_login(conn, session);
    ph_login_password(session->login, ph_bytes_str(session->user), command->text, login_done, conn);
    return PH_STEP_PARK;
}

/* ---- AUTH ---- */

/* Not in RFC 5034, but what some clients ask instead of CAPA. */
static enum ph_step list_mechanisms(struct ph_conn *conn)
{
    struct ph_buf *out = ph_conn_out(conn);
    struct ph_bytes rest =
        ph_bytes_str(ph_auth_mechanisms(ph_pop3_context_of(conn)->auth, ph_pop3_may_plaintext(conn)));
    ph_pop3_reply(conn, "+OK Mechanisms follow");
    for (;;) {
        struct ph_bytes name = ph_bytes_next_word(&rest);
        if (name.len == 0) {
            return ph_pop3_reply(conn, ".");
        }
        ph_buf_bytes(out, name);
        ph_buf_str(out, "\r\n");
    }
}

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
    const struct ph_auth *auth = ph_pop3_context_of(conn)->auth;
    return !ph_pop3_may_plaintext(conn) && has_word(ph_auth_mechanisms(auth, true), mechanism) &&
           !has_word(ph_auth_mechanisms(auth, false), mechanism);
}

enum ph_step ph_pop3_auth(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    if (command->word_count == 0) {
        return list_mechanisms(conn);
    }
    if (needs_tls(conn, command->words[0])) {
        return ph_pop3_refuse(conn, needs_tls_text);
    }
    /* RFC 5034 section 4: "=" is an initial response without octets. */
    bool has_initial = command->word_count > 1;
    struct ph_buf initial = PH_BUF(PH_POP3_COMMAND_MAX);
    if (has_initial && !ph_bytes_eq(command->words[1], PH_BYTES("=")) &&
        ph_base64_decode(command->words[1], &initial) != 0) {
        ph_buf_wipe(&initial);
        return ph_pop3_refuse(conn, "-ERR The initial response is not base64");
    }
    new_login(conn, session);
    ph_login_sasl(session->login, command->words[0], has_initial, ph_buf_view(&initial),
                  ph_pop3_may_plaintext(conn), login_done, conn);
    ph_buf_wipe(&initial);
    return PH_STEP_PARK;
}

enum ph_step ph_pop3_auth_line(struct ph_conn *conn, struct ph_pop3_session *session, struct ph_bytes line)
{
    session->is_sasl_open = false;
    if (ph_bytes_eq(line, PH_BYTES("*"))) {
        ph_pop3_forget_login(session);
        return ph_pop3_refuse(conn, "-ERR Authentication cancelled");
    }
    struct ph_buf response = PH_BUF(PH_POP3_SASL_LINE_MAX);
    if (ph_base64_decode(line, &response) != 0) {
        ph_buf_wipe(&response);
        ph_pop3_forget_login(session);
        return ph_pop3_refuse(conn, "-ERR The response is not base64");
    }
    session->resume = login_resumed;
    ph_login_sasl_step(session->login, ph_buf_view(&response), login_done, conn);
    ph_buf_wipe(&response);
    return PH_STEP_PARK;
}

/* ---- STLS ---- */

enum ph_step ph_pop3_stls(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)command;
    if (ph_conn_is_tls(conn)) {
        return ph_pop3_refuse(conn, "-ERR TLS is active already");
    }
    if (!ph_conn_can_start_tls(conn)) {
        return ph_pop3_refuse(conn, "-ERR TLS is not offered here");
    }
    if (session->is_utf8) {
        return ph_pop3_refuse(conn, "-ERR STLS comes before UTF8");
    }
    ph_pop3_reply(conn, "+OK Begin TLS");
    return PH_STEP_TLS;
}
