/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY (RFC 9051 section 6.4.7), MOVE (RFC 6851, RFC 9051 section 6.4.8), and where the messages went: COPYUID (RFC 4315).
 *
 * A MOVE says COPYUID before the EXPUNGEs, which are news like any.
 */
#include "imap/change.h"
#include "imap/format.h"

/* "[COPYUID 38505 304,319:320 3956:3958]". */
static const char *copyuid(struct ph_imap_session *session, const struct ph_imap_change *change)
{
    const struct ph_view_write *write = &change->write;
    struct ph_buf from = PH_BUF(4 * 1024 * 1024);
    struct ph_buf to = PH_BUF(4 * 1024 * 1024);
    struct ph_imap_run from_run = {0};
    struct ph_imap_run to_run = {0};
    for (size_t i = 0; i < write->pair_count; i++) {
        ph_imap_put_run(&from, &from_run, write->pairs[i].from);
        ph_imap_put_run(&to, &to_run, write->pairs[i].to);
    }
    ph_imap_put_run_end(&from, &from_run);
    ph_imap_put_run_end(&to, &to_run);
    bool is_whole = write->pair_count > 0 && !from.has_overflowed && !to.has_overflowed;
    const char *text = !is_whole
                           ? ""
                           : ph_arena_printf(&session->arena, "[COPYUID %u %s %s] ", change->to.uid_validity,
                                             ph_buf_cstr(&from), ph_buf_cstr(&to));
    ph_buf_fini(&from);
    ph_buf_fini(&to);
    return text;
}

static enum ph_step copy_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_change *change = session->work;
    if (change->result != PH_OK) {
        return ph_imap_change_failed(conn, session, change);
    }
    return ph_imap_ok(conn, session,
                      ph_arena_printf(&session->arena, "%sCOPY completed", copyuid(session, change)));
}

static enum ph_step move_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_change *change = session->work;
    struct ph_buf *out = ph_conn_out(conn);
    /* What was moved before a plan failed is told, too. */
    const char *code = copyuid(session, change);
    if (code[0] != '\0') {
        ph_buf_str(out, "* OK ");
        ph_buf_str(out, code);
        ph_buf_str(out, "Moved\r\n");
    }
    if (change->result != PH_OK) {
        return ph_imap_change_failed(conn, session, change);
    }
    session->expunged += change->write.count;
    if (ph_imap_is_enabled(session, PH_IMAP_ENABLED_QRESYNC) && change->write.modseq != 0) {
        return ph_imap_ok(conn, session,
                          ph_arena_printf(&session->arena, "[HIGHESTMODSEQ %llu] MOVE completed",
                                          (unsigned long long)change->write.modseq));
    }
    return ph_imap_ok(conn, session, "MOVE completed");
}

static enum ph_step transfer(struct ph_conn *conn, struct ph_imap_session *session,
                             const struct ph_imap_command *command, bool is_move)
{
    const struct ph_imap_copy *copy = &command->copy;
    struct ph_imap_targets targets;
    const char *complaint = ph_imap_targets_find(session, &copy->set, command->is_uid, &targets);
    if (complaint != NULL) {
        return ph_imap_bad(conn, session, complaint);
    }
    struct ph_imap_change *change = ph_imap_change_new(conn, session, is_move ? move_resumed : copy_resumed);
    struct ph_error err = {0};
    struct ph_access access = ph_imap_access(session);
    int result = ph_mailbox_open(ph_imap_context_of(conn)->mailboxes, &access, access.user, copy->mailbox,
                                 &session->arena, &change->to, &err);
    if (result == PH_ENOTFOUND || result == PH_EINVALID) {
        return ph_imap_no(conn, session, "[TRYCREATE] No such mailbox");
    }
    if (result != PH_OK) {
        return ph_imap_fail(conn, session, &err);
    }
    if (targets.count == 0) {
        return ph_imap_ok(conn, session, is_move ? "MOVE completed" : "COPY completed");
    }
    change->targets = targets;
    ph_view_copy(session->view, targets.ranges, targets.count, &change->to, is_move, &change->write);
    return PH_STEP_PARK;
}

enum ph_step ph_imap_copy(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    return transfer(conn, session, command, false);
}

enum ph_step ph_imap_move(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    return transfer(conn, session, command, true);
}
