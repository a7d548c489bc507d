/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QUIT and the UPDATE state (RFC 1939 section 6): the one place where messages are removed.
 *
 * All that DELE marked goes in one plan up to a thousand messages, and in one more for each thousand beyond: what
 * breaks in between has removed some, which RFC 1939 allows. The reply comes after the last plan is done and after the
 * maildrop's lock is released, so that a client that logs in again upon "+OK" never meets itself.
 */
#include "pop3/session.h"

static enum ph_step bye(struct ph_conn *conn, struct ph_pop3_session *session)
{
    ph_maildrop_close(&session->drop);
    ph_pop3_reply(conn, "+OK Bye");
    session->end = "quit";
    return PH_STEP_CLOSE;
}

static enum ph_step delete_resumed(struct ph_conn *conn, struct ph_pop3_session *session)
{
    if (session->delete_result == PH_OK || session->deleted == 0) {
        session->removed = session->deleted;
        return bye(conn, session);
    }
    ph_maildrop_close(&session->drop);
    struct ph_error err = {0};
    ph_fail(&err, session->delete_result, "QUIT could not remove %zu messages", session->deleted);
    ph_pop3_fail(conn, PH_POP3_AT_UPDATE, &err);
    session->end = "messages not removed";
    return PH_STEP_CLOSE;
}

/* Called on any thread; the session is parked. */
static void delete_done(void *ctx, int result)
{
    struct ph_conn *conn = ctx;
    struct ph_pop3_session *session = ph_conn_session(conn);
    session->delete_result = result;
    ph_conn_resume(conn);
}

enum ph_step ph_pop3_quit(struct ph_conn *conn, struct ph_pop3_session *session,
                          const struct ph_pop3_command *command)
{
    (void)command;
    /* There is none before the login. */
    bool has_end = session->drop != NULL && (session->deleted > 0 || ph_maildrop_has_end(session->drop));
    if (!has_end) {
        return bye(conn, session);
    }
    session->state = PH_POP3_UPDATE;
    session->resume = delete_resumed;
    ph_maildrop_delete(session->drop, session->is_deleted, delete_done, conn);
    return PH_STEP_PARK;
}
