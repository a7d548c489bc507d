/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAIL, RCPT and RSET: RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.1.5; SIZE by RFC 1870, SMTPUTF8 by RFC 6531
 * section 3.5, the sender of a submission by RFC 6409 section 6.1.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "smtp/parameters.h"
#include "smtp/path.h"
#include "smtp/session.h"

void ph_smtp_end_transaction(struct ph_smtp_session *session)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    session->transaction = NULL;
    session->state = session->hello != NULL ? PH_SMTP_READY : PH_SMTP_START;
    if (transaction != NULL) {
        ph_delivery_free(&transaction->delivery);
        free(transaction->sender);
        free(transaction);
    }
}

static enum ph_smtp_reply reply_to_bad_parameter(int rc)
{
    return rc == PH_ENOTFOUND ? PH_SMTP_REPLY_UNKNOWN_PARAMETER : PH_SMTP_REPLY_BAD_PARAMETER;
}

static void begin_transaction(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes sender,
                              bool is_utf8)
{
    struct ph_smtp_transaction *transaction = ph_zalloc(sizeof *transaction);
    transaction->delivery = ph_delivery_new(ph_smtp_context_of(conn)->deliveries, sender);
    transaction->sender = ph_bytes_dup(sender);
    transaction->is_utf8 = is_utf8;
    transaction->begun_us = ph_mono_us(ph_conn_clock(conn));
    session->transaction = transaction;
    session->state = PH_SMTP_MAIL;
}

/* The null sender is everybody's: notifications have it. */
static bool needs_own_address(struct ph_conn *conn, const struct ph_smtp_session *session,
                              const struct ph_smtp_path *path)
{
    return session->protocol == PH_SMTP_SUBMISSION && path->len > 0 &&
           !ph_smtp_context_of(conn)->may_send_as_others;
}

enum ph_step ph_smtp_mail(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    struct ph_smtp_path path;
    struct ph_smtp_mail_parameters parameters;
    struct ph_error err = {0};
    if (session->protocol == PH_SMTP_SUBMISSION && session->user == NULL) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_LOGIN_REQUIRED);
    }
    if (!ph_smtp_take_keyword(&argument, PH_BYTES("FROM:"))) {
        return ph_smtp_refuse_syntax(conn);
    }
    if (ph_smtp_parse_reverse_path(&argument, &path) != PH_OK) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_BAD_SENDER);
    }
    int rc = ph_smtp_parse_mail_parameters(argument, session->protocol == PH_SMTP_SUBMISSION, &parameters);
    if (rc != PH_OK) {
        return ph_smtp_refuse(conn, reply_to_bad_parameter(rc));
    }
    if (path.is_utf8 && !parameters.is_utf8) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_UTF8_SENDER);
    }
    if (parameters.size > context->message_max_bytes) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_TOO_LARGE);
    }
    if (needs_own_address(conn, session, &path) &&
        ph_smtp_check_sender(context, ph_bytes_str(session->user), ph_smtp_path_address(&path),
                             ph_conn_arena(conn), &err) != PH_OK) {
        return ph_smtp_fail(conn, PH_SMTP_AT_SENDER, &err);
    }
    begin_transaction(conn, session, ph_smtp_path_address(&path), parameters.is_utf8);
    return ph_smtp_respond(conn, PH_SMTP_REPLY_SENDER_OK);
}

enum ph_step ph_smtp_rcpt(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    struct ph_smtp_path path;
    struct ph_error err = {0};
    unsigned index;
    if (!ph_smtp_take_keyword(&argument, PH_BYTES("TO:"))) {
        return ph_smtp_refuse_syntax(conn);
    }
    if (ph_smtp_parse_forward_path(&argument, &path) != PH_OK) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_BAD_RECIPIENT);
    }
    int rc = ph_smtp_parse_rcpt_parameters(argument, transaction->is_utf8);
    if (rc != PH_OK) {
        return ph_smtp_refuse(conn, reply_to_bad_parameter(rc));
    }
    if (path.is_utf8 && !transaction->is_utf8) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_UTF8_RECIPIENT);
    }
    if (ph_delivery_recipient_count(transaction->delivery) >= ph_smtp_context_of(conn)->recipients_max) {
        return ph_smtp_refuse(conn, PH_SMTP_REPLY_TOO_MANY_RECIPIENTS);
    }
    rc = ph_delivery_add_recipient(transaction->delivery, ph_smtp_path_address(&path), &index, &err);
    if (rc != PH_OK && session->protocol == PH_SMTP_LMTP) {
        /* The client is our own mail server in front: nobody guesses names here. */
        ph_smtp_log_trouble(conn, &err);
        return ph_smtp_respond(conn, ph_smtp_reply_of(PH_SMTP_AT_RECIPIENT, rc));
    }
    if (rc != PH_OK) {
        return ph_smtp_fail(conn, PH_SMTP_AT_RECIPIENT, &err);
    }
    session->state = PH_SMTP_RCPT;
    return ph_smtp_respond(conn, PH_SMTP_REPLY_RECIPIENT_OK);
}

enum ph_step ph_smtp_rset(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)argument;
    ph_smtp_end_transaction(session);
    return ph_smtp_respond_useless(conn, PH_SMTP_REPLY_OK);
}
