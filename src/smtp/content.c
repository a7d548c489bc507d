/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DATA (RFC 5321 section 4.1.1.4) and BDAT (RFC 3030 section 2). Content goes to the delivery as it arrives. Once it
 * is not wanted any more, the rest of it is read and forgotten, so that the next command is found where it is.
 */
#include "smtp/session.h"

/* The first reason stays. */
static void refuse_content(struct ph_smtp_transaction *transaction, enum ph_smtp_reply reply)
{
    if (transaction->refusal == PH_SMTP_NO_REPLY) {
        transaction->refusal = reply;
    }
}

static void keep(void *ctx, struct ph_bytes content)
{
    struct ph_conn *conn = ctx;
    struct ph_smtp_session *session = ph_conn_session(conn);
    struct ph_smtp_transaction *transaction = session->transaction;
    struct ph_error err = {0};
    transaction->size += content.len;
    if (transaction->refusal == PH_SMTP_NO_REPLY) {
        int rc = ph_delivery_write(transaction->delivery, content, &err);
        if (rc != PH_OK) {
            ph_smtp_log_trouble(conn, &err);
            refuse_content(transaction, ph_smtp_reply_of(PH_SMTP_AT_MESSAGE, rc));
        }
    }
}

static void check_newlines(struct ph_conn *conn, struct ph_smtp_transaction *transaction,
                           bool has_bare_newline)
{
    if (has_bare_newline && ph_smtp_context_of(conn)->bare_newline == PH_SMTP_BARE_NEWLINE_REJECT) {
        refuse_content(transaction, PH_SMTP_REPLY_BARE_NEWLINE);
    }
}

/* Octet by octet a message could come for ever, and so could a chunk that belongs to none. */
static bool is_too_slow(struct ph_conn *conn, const struct ph_smtp_session *session)
{
    uint64_t max_us = (uint64_t)ph_smtp_context_of(conn)->message_timeout_ms * 1000;
    uint64_t begun_us = session->transaction != NULL ? session->transaction->begun_us : session->command_us;
    return ph_mono_us(ph_conn_clock(conn)) - begun_us > max_us;
}

static void enter(struct ph_conn *conn, struct ph_smtp_session *session, enum ph_smtp_mode mode)
{
    const struct ph_smtp_context *context = ph_smtp_context_of(conn);
    session->mode = mode;
    ph_conn_set_timeout(conn,
                        mode == PH_SMTP_IN_COMMANDS ? context->command_timeout_ms : context->data_timeout_ms);
}

/* ---- DATA ---- */

enum ph_step ph_smtp_data(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    (void)argument;
    enter(conn, session, PH_SMTP_IN_DATA);
    return ph_smtp_respond(conn, PH_SMTP_REPLY_SEND_DATA);
}

enum ph_step ph_smtp_data_input(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes input,
                                size_t *out_consumed)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    *out_consumed = ph_smtp_data_feed(&transaction->reader, input, keep, conn);
    check_newlines(conn, transaction, transaction->reader.has_bare_newline);
    if (ph_smtp_data_is_done(&transaction->reader)) {
        enter(conn, session, PH_SMTP_IN_COMMANDS);
        return ph_smtp_finish_message(conn, session);
    }
    if (is_too_slow(conn, session)) {
        return ph_smtp_hang_up(conn, PH_SMTP_REPLY_TIMEOUT, "message takes too long");
    }
    return PH_STEP_READ;
}

/* ---- BDAT ---- */

static enum ph_step finish_refused_chunk(struct ph_conn *conn, struct ph_smtp_session *session)
{
    enum ph_smtp_reply reply = session->chunk_refusal;
    if (session->protocol != PH_SMTP_LMTP || !session->is_last_chunk || session->transaction == NULL) {
        return ph_smtp_refuse(conn, reply);
    }
    /* RFC 2033 section 4.3: as many replies as recipients, even none; so pipelined replies stay in step. */
    enum ph_step step = ph_smtp_refuse_message(conn, session, reply);
    if (session->state == PH_SMTP_MAIL) {
        ph_smtp_end_transaction(session);
    }
    return step;
}

static enum ph_step finish_chunk(struct ph_conn *conn, struct ph_smtp_session *session)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    enter(conn, session, PH_SMTP_IN_COMMANDS);
    if (session->chunk_refusal != PH_SMTP_NO_REPLY) {
        return finish_refused_chunk(conn, session);
    }
    if (session->is_last_chunk) {
        ph_smtp_newlines_finish(&transaction->newlines);
        check_newlines(conn, transaction, transaction->newlines.has_bare_newline);
        return ph_smtp_finish_message(conn, session);
    }
    if (transaction->refusal != PH_SMTP_NO_REPLY) {
        session->state = PH_SMTP_FAILED;
        return ph_smtp_refuse(conn, transaction->refusal);
    }
    return ph_smtp_respond(conn, PH_SMTP_REPLY_CHUNK_OK);
}

/* Why a chunk may not come now; its octets come all the same. */
static enum ph_smtp_reply why_no_chunk(const struct ph_smtp_session *session)
{
    switch (session->state) {
    case PH_SMTP_START:
        return session->protocol == PH_SMTP_LMTP ? PH_SMTP_REPLY_LHLO_FIRST : PH_SMTP_REPLY_EHLO_FIRST;
    case PH_SMTP_READY: return PH_SMTP_REPLY_MAIL_FIRST;
    case PH_SMTP_MAIL: return PH_SMTP_REPLY_RCPT_FIRST;
    case PH_SMTP_FAILED: return PH_SMTP_REPLY_RSET_FIRST;
    case PH_SMTP_RCPT:
    case PH_SMTP_CHUNKS: break;
    }
    return PH_SMTP_NO_REPLY;
}

enum ph_step ph_smtp_bdat(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes argument)
{
    if (ph_smtp_parse_chunk(argument, &session->chunk_left, &session->is_last_chunk) != PH_OK) {
        return ph_smtp_hang_up(conn, PH_SMTP_REPLY_BAD_CHUNK_SIZE, "bad chunk size");
    }
    session->chunk_refusal = why_no_chunk(session);
    if (session->chunk_refusal == PH_SMTP_NO_REPLY) {
        session->state = PH_SMTP_CHUNKS;
    }
    if (session->chunk_left == 0) {
        if (!session->is_last_chunk) {
            ph_smtp_count_useless(conn);
        }
        return finish_chunk(conn, session);
    }
    enter(conn, session, PH_SMTP_IN_CHUNK);
    return PH_STEP_AGAIN;
}

enum ph_step ph_smtp_chunk_input(struct ph_conn *conn, struct ph_smtp_session *session, struct ph_bytes input,
                                 size_t *out_consumed)
{
    struct ph_smtp_transaction *transaction = session->transaction;
    size_t len = session->chunk_left < input.len ? (size_t)session->chunk_left : input.len;
    struct ph_bytes content = ph_bytes_first(input, len);
    if (session->chunk_refusal == PH_SMTP_NO_REPLY) {
        ph_smtp_newlines_feed(&transaction->newlines, content);
        check_newlines(conn, transaction, transaction->newlines.has_bare_newline);
        keep(conn, content);
    }
    *out_consumed = len;
    session->chunk_left -= len;
    if (session->chunk_left == 0) {
        return finish_chunk(conn, session);
    }
    if (is_too_slow(conn, session)) {
        return ph_smtp_hang_up(conn, PH_SMTP_REPLY_TIMEOUT, "message takes too long");
    }
    return PH_STEP_READ;
}
