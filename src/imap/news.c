/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9051 sections 7.4.1, 7.5.1 and 7.5.2, RFC 7162 sections 3.2.10 (VANISHED) and 3.1.4.
 *
 * Order: new keywords, then what is gone (by numbers that hold at that moment), then how many there are, then changed flags
 * (by numbers that hold after that).
 */
#include "imap/news.h"

#include "imap/format.h"

struct ph_imap_news {
    struct ph_view_changes changes;
    ph_imap_continue *then;
    size_t expunged_next;
    size_t changed_next;
    bool has_count; /* EXISTS was written */
};

/* ---- Lines ---- */

static void put_keyword(struct ph_bytes keyword, void *ctx)
{
    struct ph_buf *out = ctx;
    ph_buf_byte(out, ' ');
    ph_buf_bytes(out, keyword);
}

static const char system_flags[] = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

void ph_imap_put_flag_lines(struct ph_conn *conn, const struct ph_imap_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_printf(out, "* FLAGS (%s", system_flags);
    ph_view_keywords_each(session->view, put_keyword, out);
    ph_buf_str(out, ")\r\n");
    if (session->is_read_only) {
        ph_buf_str(out, "* OK [PERMANENTFLAGS ()] No permanent flags\r\n");
        return;
    }
    ph_buf_printf(out, "* OK [PERMANENTFLAGS (%s", system_flags);
    ph_view_keywords_each(session->view, put_keyword, out);
    ph_buf_str(out, " \\*)] Flags that stay\r\n");
}

/* One line for all, up to what a line should hold. */
static void put_vanished(struct ph_conn *conn, struct ph_imap_news *news)
{
    enum { UIDS_A_LINE = 2000 };
    struct ph_buf *out = ph_conn_out(conn);
    const struct ph_view_changes *changes = &news->changes;
    ph_buf_str(out, "* VANISHED ");
    const char *separator = "";
    for (size_t told = 0; told < UIDS_A_LINE && news->expunged_next < changes->expunged_count; told++) {
        uint32_t first = changes->expunged[news->expunged_next++].uid;
        uint32_t last = first;
        while (news->expunged_next < changes->expunged_count &&
               changes->expunged[news->expunged_next].uid == last + 1) {
            last++;
            news->expunged_next++;
        }
        ph_buf_str(out, separator);
        ph_buf_u64(out, first);
        if (last > first) {
            ph_buf_byte(out, ':');
            ph_buf_u64(out, last);
        }
        separator = ",";
    }
    ph_buf_str(out, "\r\n");
}

static void put_count(struct ph_conn *conn, const struct ph_imap_session *session,
                      const struct ph_view_changes *changes)
{
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_printf(out, "* %u EXISTS\r\n", changes->exists);
    if (!ph_imap_is_enabled(session, PH_IMAP_ENABLED_REV2)) {
        ph_buf_printf(out, "* %u RECENT\r\n", changes->recent);
    }
}

static void put_changed(struct ph_conn *conn, const struct ph_imap_session *session,
                        const struct ph_view_changed *changed)
{
    const struct ph_imap_told *told = ph_imap_told_find(session, changed->uid, changed->modseq);
    if (told != NULL && !told->wants_modseq) {
        return;
    }
    struct ph_buf *out = ph_conn_out(conn);
    const struct ph_view_message *message = ph_view_at(session->view, changed->number);
    ph_buf_printf(out, "* %u FETCH (UID %u", changed->number, changed->uid);
    if (told == NULL) {
        ph_buf_str(out, " FLAGS (");
        ph_imap_put_flags(out, ph_view_flags(session->view, message),
                          ph_view_keywords(session->view, message));
        ph_buf_byte(out, ')');
    }
    if (ph_imap_is_enabled(session, PH_IMAP_ENABLED_CONDSTORE)) {
        ph_buf_printf(out, " MODSEQ (%llu)", (unsigned long long)message->modseq);
    }
    ph_buf_str(out, ")\r\n");
}

/* ---- The steps ---- */

/* Writes something; false where all is told. */
static bool put_next(struct ph_conn *conn, struct ph_imap_session *session, struct ph_imap_news *news)
{
    const struct ph_view_changes *changes = &news->changes;
    if (news->expunged_next < changes->expunged_count) {
        if (ph_imap_is_enabled(session, PH_IMAP_ENABLED_QRESYNC)) {
            put_vanished(conn, news);
        } else {
            ph_buf_printf(ph_conn_out(conn), "* %u EXPUNGE\r\n",
                          changes->expunged[news->expunged_next++].number);
        }
        return true;
    }
    if (!news->has_count) {
        news->has_count = true;
        if (changes->has_new) {
            put_count(conn, session, changes);
        }
        return true;
    }
    if (news->changed_next < changes->changed_count) {
        put_changed(conn, session, &changes->changed[news->changed_next++]);
        return true;
    }
    return false;
}

static enum ph_step put_some(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_news *news = session->news;
    while (!ph_conn_out_is_full(conn)) {
        if (!put_next(conn, session, news)) {
            session->news = NULL;
            return news->then(conn, session);
        }
    }
    session->produce = put_some;
    return PH_STEP_MORE;
}

enum ph_step ph_imap_news(struct ph_conn *conn, struct ph_imap_session *session, enum ph_view_news what,
                          bool allow_expunge, ph_imap_continue *then)
{
    struct ph_error err = {0};
    struct ph_imap_news *news = ph_arena_zalloc(&session->arena, sizeof *news);
    news->then = then;
    if (ph_view_sync(session->view, what, allow_expunge, &session->arena, &news->changes, &err) != PH_OK) {
        ph_imap_log_trouble(conn, &err); /* what this process knows is told the next time */
        return then(conn, session);
    }
    if (news->changes.is_deleted) {
        return ph_imap_hang_up(conn, "The selected mailbox was deleted", "mailbox deleted");
    }
    if (news->changes.has_keywords) {
        ph_imap_put_flag_lines(conn, session);
    }
    session->news = news;
    return put_some(conn, session);
}

enum ph_step ph_imap_news_before_ending(struct ph_conn *conn, struct ph_imap_session *session)
{
    const struct ph_imap_command *command = session->command;
    const struct ph_imap_row *row = command == NULL ? NULL : command->row;
    if (session->view == NULL || row == NULL || session->hangs_up || (row->flags & PH_IMAP_ROW_QUIET) != 0) {
        return ph_imap_put_ending(conn, session);
    }
    bool holds_expunge = (row->flags & PH_IMAP_ROW_HOLDS_EXPUNGE) != 0 && !command->is_uid;
    bool asks_for_news = (row->flags & PH_IMAP_ROW_ASKS_FOR_NEWS) != 0;
    enum ph_view_news what = asks_for_news ? PH_VIEW_NEWS_NOW : PH_VIEW_NEWS_RECENT;
    return ph_imap_news(conn, session, what, !holds_expunge, ph_imap_put_ending);
}
