/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A change to the selected mailbox under way, for STORE, COPY, MOVE and EXPUNGE: the session is parked while it lasts.
 */
#ifndef PH_IMAP_CHANGE_H
#define PH_IMAP_CHANGE_H

#include "imap/targets.h"

struct ph_imap_change {
    struct ph_view_write write;
    struct ph_imap_targets targets;
    int result;
    struct ph_mailbox to;
    struct ph_view_flag_change flags;
};

/* Hangs a change on SESSION, whose command goes on with RESUME once the function of mailbox/view.h that is called next with
 * &change->write is done; the handler then returns PH_STEP_PARK. */
struct ph_imap_change *ph_imap_change_new(struct ph_conn *conn, struct ph_imap_session *session,
                                          ph_imap_continue *resume);
/* Of a change that failed. */
enum ph_step ph_imap_change_failed(struct ph_conn *conn, struct ph_imap_session *session,
                                   struct ph_imap_change *change);

#endif
