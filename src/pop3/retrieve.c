/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RETR and TOP (RFC 1939 sections 5 and 7): a message on its way to the client.
 *
 * Content is read straight into the connection's output, a piece at a time until that is full, and dot-stuffed in
 * place: most mail is not copied and never held whole. TOP reads no further than it must, so TOP n 0, which is how
 * clients preview, reads the header's blob alone.
 *
 * Octets go out as they came in, to clients with UTF8 and without. RFC 6856 section 2.1 would have the server
 * refuse, or rewrite, a message with 8-bit header fields for a client that did not say UTF8. We do neither: clients that
 * meet -ERR at RETR tend to stop there for good, a rewritten message breaks signatures and differs from what other
 * protocols show, and raw 8-bit headers have come through POP3 for decades. See docs/pop3.md.
 *
 * What is larger than the output is looked at before "+OK" goes out, as far as that costs little: that it is all there, and
 * all its octets if somebody met damage in it before. Where reading fails afterwards the connection is closed without
 * the final dot: the client must not take what it has for the whole. When it comes again it gets -ERR.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "pop3/dots.h"
#include "pop3/session.h"

enum { READ_BYTES = 32 * 1024 };

struct ph_pop3_retrieval {
    struct ph_message_reader reader;
    struct ph_dots dots;
    uint64_t header_len; /* with the blank line */
    uint64_t read;       /* octets of the message so far */
    uint64_t lines_left; /* of the body */
    bool is_top;
};

void ph_pop3_forget_retrieval(struct ph_pop3_session *session)
{
    if (session->retrieval != NULL) {
        ph_message_close(&session->retrieval->reader);
        free(session->retrieval);
        session->retrieval = NULL;
    }
}

static size_t next_read(const struct ph_pop3_retrieval *retrieval)
{
    if (!retrieval->is_top || retrieval->read >= retrieval->header_len) {
        return READ_BYTES;
    }
    uint64_t header_left = retrieval->header_len - retrieval->read;
    return header_left < READ_BYTES ? (size_t)header_left : READ_BYTES;
}

/* Cuts off what is behind the last line wanted in OUT, where the body stands from FROM on. */
static void count_lines(struct ph_pop3_retrieval *retrieval, struct ph_buf *out, size_t from)
{
    while (from < out->len && retrieval->lines_left > 0) {
        size_t line_len = ph_bytes_find(ph_bytes_of(out->ptr + from, out->len - from), '\n');
        if (from + line_len == out->len) {
            return;
        }
        from += line_len + 1;
        retrieval->lines_left--;
    }
    out->len = from;
}

/* 1: a piece was appended; 0: the end; negative: failed. */
static int append_piece(struct ph_pop3_session *session, struct ph_buf *out, struct ph_error *err)
{
    struct ph_pop3_retrieval *retrieval = session->retrieval;
    bool is_in_body = retrieval->read >= retrieval->header_len;
    if (retrieval->is_top && is_in_body && retrieval->lines_left == 0) {
        return 0;
    }
    size_t from = out->len;
    int failed =
        ph_message_read(session->drop->mailboxes, &retrieval->reader, next_read(retrieval), out, err);
    if (failed) {
        return failed;
    }
    size_t len = out->len - from;
    if (len == 0) {
        return 0;
    }
    if (retrieval->is_top && retrieval->read + len > retrieval->header_len) {
        uint64_t header_left = is_in_body ? 0 : retrieval->header_len - retrieval->read;
        count_lines(retrieval, out, from + (size_t)header_left);
    }
    retrieval->read += len;
    session->retrieved_bytes += out->len - from;
    ph_dots_stuff(&retrieval->dots, out, from);
    return 1;
}

static enum ph_step end_message(struct ph_conn *conn, struct ph_pop3_session *session)
{
    ph_dots_end(&session->retrieval->dots, ph_conn_out(conn));
    session->retrieved += session->retrieval->is_top ? 0 : 1;
    ph_pop3_forget_retrieval(session);
    return PH_STEP_AGAIN;
}

static enum ph_step send_some(struct ph_conn *conn, struct ph_pop3_session *session)
{
    while (!ph_conn_out_is_full(conn)) {
        struct ph_error err = {0};
        int more = append_piece(session, ph_conn_out(conn), &err);
        if (more == 0) {
            return end_message(conn, session);
        }
        if (more < 0) {
            ph_pop3_log_trouble(conn, &err);
            ph_pop3_forget_retrieval(session);
            session->end = "message not readable";
            return PH_STEP_CLOSE;
        }
    }
    return PH_STEP_MORE;
}

/* HOW: is_top and lines_left. */
static enum ph_step send_message(struct ph_conn *conn, struct ph_pop3_session *session, size_t at,
                                 const struct ph_pop3_retrieval *how)
{
    struct ph_error err = {0};
    struct ph_pop3_retrieval *retrieval = ph_alloc(sizeof *retrieval);
    *retrieval = *how;
    session->retrieval = retrieval;
    bool is_preview = how->is_top && how->lines_left == 0;
    int failed = ph_maildrop_read(session->drop, at, is_preview ? PH_MESSAGE_HEADER : PH_MESSAGE_WHOLE,
                                  &retrieval->reader, &err);
    if (!failed && !how->is_top) {
        failed = ph_message_look(session->drop->mailboxes, &retrieval->reader, &err);
    }
    if (failed) {
        ph_pop3_forget_retrieval(session);
        return ph_pop3_fail(conn, PH_POP3_AT_MESSAGE, &err);
    }
    retrieval->header_len = retrieval->reader.header.size;

    /* Until the output is full "+OK" can be taken back: a damaged message of usual size costs no connection. */
    struct ph_buf *out = ph_conn_out(conn);
    size_t start = out->len;
    ph_buf_printf(out, "+OK %llu octets\r\n", (unsigned long long)session->drop->entries[at].size);
    int more = 1;
    do {
        more = append_piece(session, out, &err);
    } while (more > 0 && !ph_conn_out_is_full(conn));
    if (more < 0) {
        out->len = start;
        ph_pop3_forget_retrieval(session);
        return ph_pop3_fail(conn, PH_POP3_AT_MESSAGE, &err);
    }
    session->produce = send_some;
    return more == 0 ? end_message(conn, session) : PH_STEP_MORE;
}

enum ph_step ph_pop3_retr(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    size_t at = 0;
    const char *complaint = ph_pop3_find_message(session, command->words[0], &at);
    if (complaint != NULL) {
        return ph_pop3_reply(conn, complaint);
    }
    return send_message(conn, session, at, &(struct ph_pop3_retrieval){.is_top = false});
}

enum ph_step ph_pop3_top(struct ph_conn *conn, struct ph_pop3_session *session,
                         const struct ph_pop3_command *command)
{
    size_t at = 0;
    const char *complaint = ph_pop3_find_message(session, command->words[0], &at);
    if (complaint != NULL) {
        return ph_pop3_reply(conn, complaint);
    }
    uint64_t lines = 0;
    if (!ph_bytes_to_u64(command->words[1], &lines)) {
        return ph_pop3_reply(conn, "-ERR Not a number of lines");
    }
    return send_message(conn, session, at, &(struct ph_pop3_retrieval){.is_top = true, .lines_left = lines});
}
