/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TRANSACTION state: STAT LIST UIDL DELE NOOP RSET (RFC 1939 sections 5 and 7).
 *
 * Everything is answered from the listing that the login read. Messages marked by DELE are left out of STAT, LIST
 * and UIDL; the others keep their numbers. A listing
 * of any length is made piece by piece, as the connection drains.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "pop3/session.h"

bool ph_pop3_is_live(const struct ph_pop3_session *session, size_t at)
{
    return session->is_deleted == NULL || !session->is_deleted[at];
}

const char *ph_pop3_find_message(const struct ph_pop3_session *session, struct ph_bytes word, size_t *out_at)
{
    uint64_t number = 0;
    if (!ph_bytes_to_u64(word, &number)) {
        return "-ERR Not a message number";
    }
    if (number == 0 || number > session->drop->count) {
        return "-ERR No such message";
    }
    if (!ph_pop3_is_live(session, (size_t)number - 1)) {
        return "-ERR Message is deleted";
    }
    *out_at = (size_t)number - 1;
    return NULL;
}

enum ph_step ph_pop3_stat(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)command;
    size_t live = session->drop->count - session->deleted;
    ph_buf_printf(ph_conn_out(conn), "+OK %zu %llu\r\n", live, (unsigned long long)session->live_bytes);
    return PH_STEP_AGAIN;
}

enum ph_step ph_pop3_noop(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)session;
    (void)command;
    return ph_pop3_reply(conn, "+OK");
}

/* ---- LIST and UIDL ---- */

typedef void append_line(struct ph_buf *out, const struct ph_maildrop *drop, size_t at);

/* "1 120" */
static void append_size(struct ph_buf *out, const struct ph_maildrop *drop, size_t at)
{
    ph_buf_u64(out, at + 1);
    ph_buf_byte(out, ' ');
    ph_buf_u64(out, drop->entries[at].size);
    ph_buf_append(out, "\r\n", 2);
}

/* "1 8f2c2e10-1dd2-11b2-8080-808080808080" */
static void append_uid(struct ph_buf *out, const struct ph_maildrop *drop, size_t at)
{
    char space[PH_UUID_TEXT_LEN + 1];
    ph_buf_u64(out, at + 1);
    ph_buf_byte(out, ' ');
    ph_buf_bytes(out, ph_maildrop_uidl(drop, at, space));
    ph_buf_append(out, "\r\n", 2);
}

/* As many lines as the connection takes now; the rest when it has drained. */
static enum ph_step list_some(struct ph_conn *conn, struct ph_pop3_session *session, append_line *append)
{
    struct ph_buf *out = ph_conn_out(conn);
    const struct ph_maildrop *drop = session->drop;
    while (session->list_next < drop->count) {
        if (ph_conn_out_is_full(conn)) {
            return PH_STEP_MORE;
        }
        if (ph_pop3_is_live(session, session->list_next)) {
            append(out, drop, session->list_next);
        }
        session->list_next++;
    }
    ph_buf_str(out, ".\r\n");
    return PH_STEP_AGAIN;
}

static enum ph_step list_sizes(struct ph_conn *conn, struct ph_pop3_session *session)
{
    return list_some(conn, session, append_size);
}

static enum ph_step list_uids(struct ph_conn *conn, struct ph_pop3_session *session)
{
    return list_some(conn, session, append_uid);
}

static enum ph_step list(struct ph_conn *conn, struct ph_pop3_session *session,
                         const struct ph_pop3_command *command, append_line *append, ph_pop3_continue *all)
{
    struct ph_buf *out = ph_conn_out(conn);
    if (command->word_count > 0) {
        size_t at = 0;
        const char *complaint = ph_pop3_find_message(session, command->words[0], &at);
        if (complaint != NULL) {
            return ph_pop3_reply(conn, complaint);
        }
        ph_buf_str(out, "+OK ");
        append(out, session->drop, at);
        return PH_STEP_AGAIN;
    }
    ph_buf_printf(out, "+OK %zu messages (%llu octets)\r\n", session->drop->count - session->deleted,
                  (unsigned long long)session->live_bytes);
    session->list_next = 0;
    session->produce = all;
    return all(conn, session);
}

enum ph_step ph_pop3_list(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    return list(conn, session, command, append_size, list_sizes);
}

enum ph_step ph_pop3_uidl(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    return list(conn, session, command, append_uid, list_uids);
}

/* ---- DELE and RSET ---- */

enum ph_step ph_pop3_dele(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    size_t at = 0;
    const char *complaint = ph_pop3_find_message(session, command->words[0], &at);
    if (complaint != NULL) {
        return ph_pop3_reply(conn, complaint);
    }
    if (session->is_deleted == NULL) {
        session->is_deleted = ph_zalloc(session->drop->count * sizeof *session->is_deleted);
    }
    session->is_deleted[at] = true;
    session->deleted++;
    session->live_bytes -= session->drop->entries[at].size;
    return ph_pop3_reply(conn, "+OK Message deleted");
}

enum ph_step ph_pop3_rset(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)command;
    for (size_t at = 0; at < session->drop->count; at++) {
        if (!ph_pop3_is_live(session, at)) {
            session->live_bytes += session->drop->entries[at].size;
        }
    }
    free(session->is_deleted);
    session->is_deleted = NULL;
    session->deleted = 0;
    return ph_pop3_reply(conn, "+OK Nothing is deleted");
}
