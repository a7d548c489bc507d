/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXPUNGE (RFC 9051 section 6.4.3) and UID EXPUNGE (RFC 4315). The EXPUNGE lines are news, written before the tagged line.
 */
#include "imap/change.h"

static enum ph_step expunge_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_change *change = session->work;
    if (change->result != PH_OK) {
        return ph_imap_change_failed(conn, session, change);
    }
    session->expunged += change->write.count;
    /* RFC 7162 section 3.2.7. */
    if (ph_imap_is_enabled(session, PH_IMAP_ENABLED_QRESYNC) && change->write.modseq != 0) {
        return ph_imap_ok(conn, session,
                          ph_arena_printf(&session->arena, "[HIGHESTMODSEQ %llu] EXPUNGE completed",
                                          (unsigned long long)change->write.modseq));
    }
    return ph_imap_ok(conn, session, "EXPUNGE completed");
}

enum ph_step ph_imap_expunge(struct ph_conn *conn, struct ph_imap_session *session,
                             const struct ph_imap_command *command)
{
    const struct ph_imap_expunge *expunge = &command->expunge;
    struct ph_imap_targets targets = {NULL, 0};
    if (expunge->has_set) {
        const char *complaint = ph_imap_targets_find(session, &expunge->set, true, &targets);
        if (complaint != NULL) {
            return ph_imap_bad(conn, session, complaint);
        }
        if (targets.count == 0) {
            return ph_imap_ok(conn, session, "EXPUNGE completed");
        }
    }
    struct ph_imap_change *change = ph_imap_change_new(conn, session, expunge_resumed);
    ph_view_expunge(session->view, expunge->has_set ? targets.ranges : NULL, targets.count, true,
                    &change->write);
    return PH_STEP_PARK;
}
