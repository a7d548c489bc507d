/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE: RFC 9051 sections 6.3.4 to 6.3.8.
 *
 * CREATE with USE (RFC 6154 section 3) is refused: what a mailbox is for is said by its name here (see list.c).
 */
#include "imap/session.h"
#include "mailbox/manage.h"
#include "mailbox/name.h"
#include "mailbox/subscriptions.h"

static struct ph_mailboxes *mailboxes_of(struct ph_conn *conn)
{
    return ph_imap_context_of(conn)->mailboxes;
}

static enum ph_step answer(struct ph_conn *conn, struct ph_imap_session *session, int result,
                           const struct ph_error *err, const char *text)
{
    return result == PH_OK ? ph_imap_ok(conn, session, text) : ph_imap_fail(conn, session, err);
}

enum ph_step ph_imap_create(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    struct ph_access access = ph_imap_access(session);
    struct ph_error err = {0};
    struct ph_mailbox mailbox;
    if (command->mailbox.has_use && command->mailbox.use != 0) {
        return ph_imap_no(conn, session, "[USEATTR] A mailbox's name says what it is for");
    }
    int result =
        ph_mailbox_name_is_inbox(command->mailbox.mailbox)
            ? ph_fail(&err, PH_ECONFLICT, "INBOX is always there")
            : ph_mailbox_create(mailboxes_of(conn), &access, access.user, command->mailbox.mailbox, &err);
    if (result == PH_OK) {
        result = ph_mailbox_open(mailboxes_of(conn), &access, access.user, command->mailbox.mailbox,
                                 &session->arena, &mailbox, &err);
    }
    if (result != PH_OK) {
        return ph_imap_fail(conn, session, &err);
    }
    char id[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&mailbox.id, id);
    return ph_imap_ok(conn, session, ph_arena_printf(&session->arena, "[MAILBOXID (%s)] Created", id));
}

enum ph_step ph_imap_delete(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    struct ph_access access = ph_imap_access(session);
    struct ph_error err = {0};
    struct ph_mailbox mailbox;
    int result = ph_mailbox_open(mailboxes_of(conn), &access, access.user, command->mailbox.mailbox,
                                 &session->arena, &mailbox, &err);
    bool is_selected =
        result == PH_OK && session->view != NULL && ph_uuid_eq(&mailbox.id, &session->mailbox.id);
    if (result == PH_OK) {
        result = ph_mailbox_delete(mailboxes_of(conn), &access, access.user, command->mailbox.mailbox, &err);
    }
    if (result == PH_OK && is_selected) {
        ph_imap_unselect(session);
        ph_buf_str(ph_conn_out(conn), "* OK [CLOSED] The selected mailbox is gone\r\n");
    }
    return answer(conn, session, result, &err, "Deleted");
}

enum ph_step ph_imap_rename(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    struct ph_access access = ph_imap_access(session);
    struct ph_error err = {0};
    int result = ph_mailbox_rename(mailboxes_of(conn), &access, access.user, command->mailbox.mailbox,
                                   command->mailbox.to, &err);
    return answer(conn, session, result, &err, "Renamed");
}

static enum ph_step set_subscription(struct ph_conn *conn, struct ph_imap_session *session,
                                     struct ph_bytes name, bool is_subscribed)
{
    struct ph_access access = ph_imap_access(session);
    struct ph_error err = {0};
    int result = ph_subscription_set(mailboxes_of(conn), &access, access.user, name, is_subscribed, &err);
    return answer(conn, session, result, &err, is_subscribed ? "Subscribed" : "Unsubscribed");
}

enum ph_step ph_imap_subscribe(struct ph_conn *conn, struct ph_imap_session *session,
                               const struct ph_imap_command *command)
{
    return set_subscription(conn, session, command->mailbox.mailbox, true);
}

enum ph_step ph_imap_unsubscribe(struct ph_conn *conn, struct ph_imap_session *session,
                                 const struct ph_imap_command *command)
{
    return set_subscription(conn, session, command->mailbox.mailbox, false);
}
