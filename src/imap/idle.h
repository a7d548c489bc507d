/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IDLE, RFC 2177: the server speaks when there is something to say. What idle.c gives the session.
 */
#ifndef PH_IMAP_IDLE_H
#define PH_IMAP_IDLE_H

#include "imap/session.h"

enum { PH_IMAP_IDLE_LINE_MAX = 256 };

enum ph_step ph_imap_idle_line(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes line);
/* The mailbox has news, or it is time to look for those of other nodes. */
enum ph_step ph_imap_idle_woken(struct ph_conn *conn, struct ph_imap_session *session);

#endif
