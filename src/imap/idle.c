/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 2177, RFC 9051 section 6.3.13. While a session idles, of its command only the tag is kept, and no buffer.
 *
 * The view wakes the connection when it has something to tell; where other nodes have the store too, the connection also wakes
 * itself in the interval in which their changes shall be seen.
 */
#include "imap/idle.h"

#include <stdlib.h>

#include "imap/news.h"
#include "imap/parse.h"

static void on_news(void *waker)
{
    ph_conn_wake(waker);
}

static void give_arena_back(struct ph_imap_session *session)
{
    size_t chunk_bytes = session->arena.chunk_bytes;
    ph_arena_fini(&session->arena);
    ph_arena_init(&session->arena, chunk_bytes);
}

enum ph_step ph_imap_idle(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    ph_buf_str(ph_conn_out(conn), "+ Waiting for news\r\n");
    session->mode = PH_IMAP_MODE_IDLE;
    session->idle_tag = ph_bytes_dup(command->tag);
    session->command = NULL;
    give_arena_back(session);
    if (session->view != NULL) {
        session->waker = ph_conn_waker(conn);
        ph_conn_expect_wakes(conn, true, ph_view_interval_ms(session->view));
        ph_view_watch(session->view, on_news, session->waker);
    }
    return PH_STEP_AGAIN;
}

void ph_imap_forget_idle(struct ph_imap_session *session)
{
    if (session->waker != NULL) {
        ph_view_watch(session->view, NULL, NULL);
        ph_waker_unref(&session->waker);
    }
    free(session->idle_tag);
    session->idle_tag = NULL;
}

static enum ph_step idle_on(struct ph_conn *conn, struct ph_imap_session *session)
{
    (void)conn;
    give_arena_back(session);
    return PH_STEP_AGAIN;
}

enum ph_step ph_imap_idle_woken(struct ph_conn *conn, struct ph_imap_session *session)
{
    return ph_imap_news(conn, session, PH_VIEW_NEWS_RECENT, true, idle_on);
}

enum ph_step ph_imap_idle_line(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes line)
{
    struct ph_imap_command *command = ph_arena_zalloc(&session->arena, sizeof *command);
    command->tag = ph_arena_bytes(&session->arena, ph_bytes_str(session->idle_tag));
    command->row = ph_imap_row_find(PH_BYTES("IDLE"), false);
    session->command = command;
    session->mode = PH_IMAP_MODE_COMMAND;
    ph_conn_expect_wakes(conn, false, 0);
    ph_imap_forget_idle(session);
    return ph_bytes_ieq(line, PH_BYTES("DONE")) ? ph_imap_ok(conn, session, "Done")
                                                : ph_imap_bad(conn, session, "DONE ends IDLE");
}
