/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a message: it is handed to the delivery, the session parks until it is on disk, and the client is told.
 * With the reply the transaction is over, whatever the reply is (RFC 5321 section 4.1.1.4). SMTP has one reply, LMTP
 * one for each recipient (RFC 2033 section 4.2).
 */
#include <stdlib.h>

#include "smtp/session.h"

/* RFC 3848, RFC 6531 section 4.3: (UTF8 | E) (SMTP | LMTP) [S] [A]. */
static const char *protocol_name(struct ph_conn *conn, const struct ph_smtp_session *session)
{
    const char *base = session->protocol == PH_SMTP_LMTP ? "LMTP" : "SMTP";
    if (!session->is_extended) {
        return base;
    }
    const char *prefix = session->transaction->is_utf8       ? "UTF8"
                         : session->protocol == PH_SMTP_LMTP ? ""
                                                             : "E";
    return ph_arena_printf(ph_conn_arena(conn), "%s%s%s%s", prefix, base, ph_conn_is_tls(conn) ? "S" : "",
                           session->user != NULL ? "A" : "");
}

/* Recipients whose copy was left out. */
static unsigned count_loops(const struct ph_delivery *delivery)
{
    unsigned loops = 0;
    for (unsigned i = 0; i < ph_delivery_recipient_count(delivery); i++) {
        loops += ph_delivery_recipient_result(delivery, i) == PH_OK ? 0 : 1;
    }
    return loops;
}

static void log_message(struct ph_conn *conn, const struct ph_smtp_session *session, const char *result)
{
    const struct ph_smtp_transaction *transaction = session->transaction;
    struct ph_log_line line;
    ph_conn_log(conn, &line, PH_LOG_INFO, "message");
    ph_log_str(&line, "id", ph_delivery_id(transaction->delivery));
    if (session->user != NULL) {
        ph_log_str(&line, "user", session->user);
    }
    ph_log_str(&line, "sender", transaction->sender);
    ph_log_u64(&line, "recipients", ph_delivery_recipient_count(transaction->delivery));
    unsigned loops = count_loops(transaction->delivery);
    if (loops > 0) {
        ph_log_u64(&line, "loops", loops);
    }
    ph_log_u64(&line, "size", transaction->size);
    ph_log_u64(&line, "reply", session->last_code);
    ph_log_str(&line, "result", result);
    ph_log_u64(&line, "duration_us", ph_mono_us(ph_conn_clock(conn)) - transaction->begun_us);
    ph_log_end(&line);
}

enum ph_step ph_smtp_refuse_message(struct ph_conn *conn, struct ph_smtp_session *session,
                                    enum ph_smtp_reply reply)
{
    if (session->protocol != PH_SMTP_LMTP) {
        return ph_smtp_refuse(conn, reply);
    }
    unsigned count = ph_delivery_recipient_count(session->transaction->delivery);
    for (unsigned i = 0; i < count; i++) {
        /* One message, one error. */
        (void)(i == 0 ? ph_smtp_refuse(conn, reply) : ph_smtp_respond(conn, reply));
    }
    return PH_STEP_AGAIN;
}

static void put_stored(struct ph_conn *conn, struct ph_smtp_session *session)
{
    ph_buf_printf(ph_conn_out(conn), "250 2.0.0 Stored as %s\r\n",
                  ph_delivery_id(session->transaction->delivery));
    session->last_code = 250;
}

static void respond_stored(struct ph_conn *conn, struct ph_smtp_session *session)
{
    const struct ph_delivery *delivery = session->transaction->delivery;
    if (session->protocol != PH_SMTP_LMTP) {
        put_stored(conn, session);
        return;
    }
    for (unsigned i = 0; i < ph_delivery_recipient_count(delivery); i++) {
        if (ph_delivery_recipient_result(delivery, i) == PH_OK) {
            put_stored(conn, session);
        } else {
            ph_smtp_respond(conn, PH_SMTP_REPLY_LOOP);
        }
    }
}

static enum ph_step refuse_and_end(struct ph_conn *conn, struct ph_smtp_session *session,
                                   enum ph_smtp_reply reply, const char *result)
{
    enum ph_step step = ph_smtp_refuse_message(conn, session, reply);
    log_message(conn, session, result);
    ph_smtp_end_transaction(session);
    return step;
}

static enum ph_step message_stored(struct ph_conn *conn, struct ph_smtp_session *session)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    int result = transaction->result;
    if (result != PH_OK) {
        ph_smtp_log_trouble(conn, ph_delivery_error(transaction->delivery));
        return refuse_and_end(conn, session, ph_smtp_reply_of(PH_SMTP_AT_MESSAGE, result),
                              ph_error_name(result));
    }
    session->messages++;
    session->error_count = 0;
    session->useless_count = 0;
    session->useful_us = ph_mono_us(ph_conn_clock(conn));
    respond_stored(conn, session);
    log_message(conn, session, "stored");
    ph_smtp_end_transaction(session);
    return PH_STEP_AGAIN;
}

/* On a thread of the store. */
static void stored(void *ctx, int result)
{
    struct ph_conn *conn = ctx;
    struct ph_smtp_session *session = ph_conn_session(conn);
    session->transaction->result = result;
    ph_conn_resume(conn);
}

enum ph_step ph_smtp_finish_message(struct ph_conn *conn, struct ph_smtp_session *session)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    if (transaction->refusal != PH_SMTP_NO_REPLY) {
        return refuse_and_end(conn, session, transaction->refusal, "refused");
    }
    const char *tls = "";
    if (ph_conn_is_tls(conn)) {
        tls = ph_arena_printf(ph_conn_arena(conn), "%s %s", ph_conn_tls_version(conn),
                              ph_conn_tls_cipher(conn));
    }
    struct ph_trace trace = {
        .protocol = protocol_name(conn, session),
        .helo = ph_bytes_str(session->hello),
        .peer = ph_conn_peer(conn),
        .tls = tls,
        .is_utf8 = transaction->is_utf8,
        .is_submission = session->protocol == PH_SMTP_SUBMISSION,
    };
    session->resume = message_stored;
    ph_delivery_submit(transaction->delivery, &trace, stored, conn);
    return PH_STEP_PARK;
}
