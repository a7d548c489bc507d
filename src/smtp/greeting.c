/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EHLO, HELO and LHLO (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1), STARTTLS (RFC 3207), and the commands that
 * tell nothing: NOOP, VRFY, HELP, QUIT.
 */
#include <stdlib.h>

#include "smtp/session.h"

static void greet(struct ph_smtp_session *session, struct ph_bytes name, bool is_extended)
{
    ph_smtp_end_transaction(session);
    free(session->hello);
    session->hello = ph_bytes_dup(name);
    session->is_extended = is_extended;
    session->state = PH_SMTP_READY;
}

/* The extensions, in the order of the RFCs' numbers; HELP closes the list, as in RFC 5321's own examples. */
static void put_extensions(struct ph_conn *conn, const struct ph_smtp_session *session, struct ph_buf *out)
{
    ph_buf_printf(out, "250-SIZE %llu\r\n", (unsigned long long)ph_smtp_context_of(conn)->message_max_bytes);
    ph_buf_str(out, "250-ENHANCEDSTATUSCODES\r\n"
                    "250-PIPELINING\r\n"
                    "250-CHUNKING\r\n");
    if (ph_conn_can_start_tls(conn)) {
        ph_buf_str(out, "250-STARTTLS\r\n");
    }
    ph_buf_str(out, "250-DSN\r\n");
    const char *mechanisms = ph_auth_mechanisms(ph_smtp_context_of(conn)->auth, ph_smtp_may_plaintext(conn));
    if (session->protocol == PH_SMTP_SUBMISSION && mechanisms[0] != '\0') {
        ph_buf_printf(out, "250-AUTH %s\r\n", mechanisms);
    }
    ph_buf_str(out, "250-8BITMIME\r\n"
                    "250-SMTPUTF8\r\n"
                    "250 HELP\r\n");
}

enum ph_step ph_smtp_ehlo(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    if (!ph_smtp_is_hello_name(argument)) {
        return ph_smtp_refuse_syntax(conn);
    }
    greet(session, argument, true);
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_printf(out, "250-%s\r\n", ph_smtp_context_of(conn)->hostname);
    put_extensions(conn, session, out);
    session->last_code = 250;
    ph_smtp_count_useless(conn);
    return PH_STEP_AGAIN;
}

enum ph_step ph_smtp_helo(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    if (!ph_smtp_is_hello_name(argument)) {
        return ph_smtp_refuse_syntax(conn);
    }
    greet(session, argument, false);
    ph_buf_printf(ph_conn_out(conn), "250 %s\r\n", ph_smtp_context_of(conn)->hostname);
    session->last_code = 250;
    ph_smtp_count_useless(conn);
    return PH_STEP_AGAIN;
}

enum ph_step ph_smtp_starttls(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)session;
    (void)argument;
    if (ph_conn_is_tls(conn)) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_TLS_ACTIVE);
    }
    if (!ph_conn_can_start_tls(conn)) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_NO_TLS);
    }
    ph_smtp_respond(conn, PH_SMTP_REPLY_START_TLS);
    return PH_STEP_TLS;
}

enum ph_step ph_smtp_noop(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)session;
    (void)argument;
    return ph_smtp_respond_useless(conn, PH_SMTP_REPLY_OK);
}

/* RFC 5321 section 7.3: who asks learns nothing; RCPT says what has to be said. */
enum ph_step ph_smtp_vrfy(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)session;
    if (argument.len == 0) {
        return ph_smtp_refuse_syntax(conn);
    }
    return ph_smtp_respond_useless(conn, PH_SMTP_REPLY_VRFY);
}

enum ph_step ph_smtp_help(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)argument;
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "214 2.0.0 Commands:");
    ph_smtp_put_names(out, session->protocol);
    ph_buf_str(out, "\r\n");
    session->last_code = 214;
    ph_smtp_count_useless(conn);
    return PH_STEP_AGAIN;
}

enum ph_step ph_smtp_quit(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)session;
    (void)argument;
    return ph_smtp_hang_up(conn, PH_SMTP_REPLY_BYE, "quit");
}
