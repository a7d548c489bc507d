/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELECT, EXAMINE, CLOSE, UNSELECT and STATUS: RFC 9051 section 6.3, RFC 7162 section 3.2 (QRESYNC), RFC 8474.
 */
#include "base/mutf7.h"
#include "imap/format.h"
#include "imap/news.h"
#include "imap/parse.h"
#include "mailbox/manage.h"
#include "mailbox/name.h"

void ph_imap_put_mailbox(struct ph_buf *out, const struct ph_imap_session *session, struct ph_bytes name)
{
    if (ph_imap_is_enabled(session, PH_IMAP_ENABLED_UTF8) ||
        ph_imap_is_enabled(session, PH_IMAP_ENABLED_REV2)) {
        ph_imap_put_astring(out, name);
        return;
    }
    struct ph_buf coded = PH_BUF((size_t)8 * PH_MAILBOX_NAME_MAX);
    ph_mutf7_encode(name, &coded);
    ph_imap_put_astring(out, ph_buf_view(&coded));
    ph_buf_fini(&coded);
}

static void put_id(struct ph_buf *out, const struct ph_uuid *id)
{
    char text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(id, text);
    ph_buf_printf(out, "MAILBOXID (%s)", text);
}

/* ---- SELECT ---- */

void ph_imap_unselect(struct ph_imap_session *session)
{
    ph_view_close(&session->view);
    session->mailbox = (struct ph_mailbox){0};
    session->is_read_only = false;
    ph_imap_forget_saved(session);
    if (session->state == PH_IMAP_SELECTED) {
        session->state = PH_IMAP_AUTHENTICATED;
    }
}

static void put_state(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_buf *out = ph_conn_out(conn);
    struct ph_view_status status;
    bool is_rev2 = ph_imap_is_enabled(session, PH_IMAP_ENABLED_REV2);
    ph_view_status(session->view, &status);
    ph_imap_put_flag_lines(conn, session);
    ph_buf_printf(out, "* %u EXISTS\r\n", status.messages);
    if (!is_rev2) {
        ph_buf_printf(out, "* %u RECENT\r\n", status.recent);
        if (status.first_unseen > 0) {
            ph_buf_printf(out, "* OK [UNSEEN %u] The first of them\r\n", status.first_unseen);
        }
    }
    ph_buf_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", status.uid_validity);
    ph_buf_printf(out, "* OK [UIDNEXT %u] The next UID\r\n", status.uid_next);
    ph_buf_printf(out, "* OK [HIGHESTMODSEQ %llu] The highest\r\n",
                  (unsigned long long)status.highest_modseq);
    ph_buf_str(out, "* OK [");
    put_id(out, &session->mailbox.id);
    ph_buf_str(out, "] Its id\r\n");
    if (is_rev2) {
        ph_buf_printf(out, "* LIST () \"%c\" ", PH_MAILBOX_DELIMITER);
        ph_imap_put_mailbox(out, session, session->mailbox.name);
        ph_buf_str(out, "\r\n");
    }
}

struct resync {
    struct ph_uid_range *gone;
    size_t gone_count;
    size_t gone_next;
    uint64_t modseq;
    uint32_t number; /* the next to look at */
};

static enum ph_step end_select(struct ph_conn *conn, struct ph_imap_session *session)
{
    return ph_imap_ok(conn, session,
                      session->is_read_only ? "[READ-ONLY] Selected" : "[READ-WRITE] Selected");
}

/* "* VANISHED (EARLIER) 41,43:116", as many of them as a line should hold. */
static void put_gone(struct ph_buf *out, struct resync *resync)
{
    enum { RANGES_A_LINE = 2000 };
    const char *separator = "* VANISHED (EARLIER) ";
    for (size_t i = 0; i < RANGES_A_LINE && resync->gone_next < resync->gone_count; i++) {
        const struct ph_uid_range *range = &resync->gone[resync->gone_next++];
        ph_buf_str(out, separator);
        ph_buf_u64(out, range->first);
        if (range->last > range->first) {
            ph_buf_byte(out, ':');
            ph_buf_u64(out, range->last);
        }
        separator = ",";
    }
    ph_buf_str(out, "\r\n");
}

static enum ph_step put_resync(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct resync *resync = session->work;
    struct ph_buf *out = ph_conn_out(conn);
    while (!ph_conn_out_is_full(conn)) {
        if (resync->gone_next < resync->gone_count) {
            put_gone(out, resync);
            continue;
        }
        if (resync->number > ph_view_count(session->view)) {
            session->work = NULL;
            return end_select(conn, session);
        }
        const struct ph_view_message *message = ph_view_at(session->view, resync->number);
        if (message->modseq > resync->modseq) {
            ph_buf_printf(out, "* %u FETCH (UID %u FLAGS (", resync->number, message->uid);
            ph_imap_put_flags(out, ph_view_flags(session->view, message),
                              ph_view_keywords(session->view, message));
            ph_buf_printf(out, ") MODSEQ (%llu))\r\n", (unsigned long long)message->modseq);
        }
        resync->number++;
    }
    session->produce = put_resync;
    return PH_STEP_MORE;
}

static enum ph_step begin_resync(struct ph_conn *conn, struct ph_imap_session *session,
                                 const struct ph_imap_select *select)
{
    struct resync *resync = ph_arena_zalloc(&session->arena, sizeof *resync);
    struct ph_imap_set known = select->known_uids;
    struct ph_error err = {0};
    *resync = (struct resync){.modseq = select->modseq, .number = 1};
    ph_imap_set_settle(&known, UINT32_MAX);
    int result = ph_view_vanished(session->view, select->modseq, select->has_known_uids ? known.ranges : NULL,
                                  select->has_known_uids ? known.count : 0, &session->arena, &resync->gone,
                                  &resync->gone_count, &err);
    if (result != PH_OK) {
        ph_imap_unselect(session);
        return ph_imap_fail(conn, session, &err);
    }
    session->work = resync; /* the arena's: nothing to release */
    return put_resync(conn, session);
}

enum ph_step ph_imap_select(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    const struct ph_imap_select *select = &command->select;
    struct ph_mailboxes *mailboxes = ph_imap_context_of(conn)->mailboxes;
    struct ph_access access = ph_imap_access(session);
    struct ph_mailbox mailbox;
    struct ph_error err = {0};
    bool is_examine = ph_bytes_ieq(ph_bytes_str(command->row->name), PH_BYTES("EXAMINE"));
    if (select->has_qresync && !ph_imap_is_enabled(session, PH_IMAP_ENABLED_QRESYNC)) {
        return ph_imap_bad(conn, session, "ENABLE QRESYNC comes first");
    }
    if (session->view != NULL) {
        ph_imap_unselect(session);
        ph_buf_str(ph_conn_out(conn), "* OK [CLOSED] The mailbox before is closed\r\n");
    }
    if (ph_mailbox_open_made(mailboxes, &access, access.user, select->mailbox, &session->arena, &mailbox,
                             &err) != PH_OK ||
        ph_view_open(mailboxes, &access, &mailbox, is_examine, &session->view, &err) != PH_OK) {
        return ph_imap_fail(conn, session, &err);
    }
    session->mailbox = *ph_view_mailbox(session->view);
    session->is_read_only = ph_view_is_read_only(session->view);
    session->state = PH_IMAP_SELECTED;
    if (select->has_condstore) {
        ph_imap_enable_condstore(session);
    }
    put_state(conn, session);
    bool is_known = select->has_qresync && select->uid_validity == mailbox.uid_validity;
    return is_known ? begin_resync(conn, session, select) : end_select(conn, session);
}

/* ---- CLOSE, UNSELECT ---- */

enum ph_step ph_imap_unselect_command(struct ph_conn *conn, struct ph_imap_session *session,
                                      const struct ph_imap_command *command)
{
    (void)command;
    ph_imap_unselect(session);
    return ph_imap_ok(conn, session, "Closed");
}

struct closing {
    struct ph_view_write write;
    int result;
};

static void close_done(struct ph_view_write *write, int result)
{
    struct closing *closing = (struct closing *)(void *)write;
    closing->result = result;
    ph_conn_resume(write->ctx);
}

static enum ph_step close_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct closing *closing = session->work;
    session->work = NULL;
    session->expunged += closing->write.count;
    if (closing->result != PH_OK) {
        return ph_imap_fail(conn, session, &closing->write.error);
    }
    ph_imap_unselect(session);
    return ph_imap_ok(conn, session, "Closed");
}

enum ph_step ph_imap_close(struct ph_conn *conn, struct ph_imap_session *session,
                           const struct ph_imap_command *command)
{
    if (session->is_read_only) {
        return ph_imap_unselect_command(conn, session, command);
    }
    struct closing *closing = ph_arena_zalloc(&session->arena, sizeof *closing);
    closing->write.done = close_done;
    closing->write.ctx = conn;
    closing->write.arena = &session->arena;
    session->work = closing; /* the arena's */
    session->resume = close_resumed;
    ph_view_expunge(session->view, NULL, 0, true, &closing->write);
    return PH_STEP_PARK;
}

/* ---- STATUS ---- */

int ph_imap_put_status(struct ph_conn *conn, struct ph_imap_session *session,
                       const struct ph_mailbox *mailbox, unsigned items, struct ph_error *err)
{
    struct ph_access access = ph_imap_access(session);
    struct ph_view_status status;
    int result = ph_mailbox_status(ph_imap_context_of(conn)->mailboxes, &access, mailbox, &status, err);
    if (result != PH_OK) {
        return result;
    }
    const struct {
        unsigned item;
        const char *name;
        uint64_t value;
    } all[] = {
        {PH_IMAP_STATUS_MESSAGES, "MESSAGES", status.messages},
        {PH_IMAP_STATUS_RECENT, "RECENT", status.recent},
        {PH_IMAP_STATUS_UIDNEXT, "UIDNEXT", status.uid_next},
        {PH_IMAP_STATUS_UIDVALIDITY, "UIDVALIDITY", status.uid_validity},
        {PH_IMAP_STATUS_UNSEEN, "UNSEEN", status.unseen},
        {PH_IMAP_STATUS_DELETED, "DELETED", status.deleted},
        {PH_IMAP_STATUS_SIZE, "SIZE", status.size},
        {PH_IMAP_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", status.highest_modseq},
        {PH_IMAP_STATUS_APPENDLIMIT, "APPENDLIMIT", ph_imap_context_of(conn)->append_max_bytes},
    };
    struct ph_buf *out = ph_conn_out(conn);
    ph_buf_str(out, "* STATUS ");
    ph_imap_put_mailbox(out, session, mailbox->name);
    const char *separator = " (";
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if ((items & all[i].item) != 0) {
            ph_buf_printf(out, "%s%s %llu", separator, all[i].name, (unsigned long long)all[i].value);
            separator = " ";
        }
    }
    if ((items & PH_IMAP_STATUS_MAILBOXID) != 0) {
        ph_buf_str(out, separator);
        put_id(out, &mailbox->id);
    }
    ph_buf_str(out, ")\r\n");
    return PH_OK;
}

enum ph_step ph_imap_status(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    struct ph_access access = ph_imap_access(session);
    struct ph_mailbox mailbox;
    struct ph_error err = {0};
    if ((command->status.items & PH_IMAP_STATUS_HIGHESTMODSEQ) != 0) {
        ph_imap_enable_condstore(session);
    }
    if (ph_mailbox_open_made(ph_imap_context_of(conn)->mailboxes, &access, access.user,
                             command->status.mailbox, &session->arena, &mailbox, &err) != PH_OK ||
        ph_imap_put_status(conn, session, &mailbox, command->status.items, &err) != PH_OK) {
        return ph_imap_fail(conn, session, &err);
    }
    return ph_imap_ok(conn, session, "Done");
}
