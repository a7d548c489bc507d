/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to the selected mailbox, told to the client: EXPUNGE or VANISHED, FLAGS, EXISTS and RECENT, FETCH of changed flags.
 * A step function: it stops when the output is full.
 */
#ifndef PH_IMAP_NEWS_H
#define PH_IMAP_NEWS_H

#include "imap/session.h"

/* As far as the command allows it, and then ph_imap_put_ending. */
enum ph_step ph_imap_news_before_ending(struct ph_conn *conn, struct ph_imap_session *session);
/* Then THEN, without any tagged line: in IDLE, and before answers of a command that wants them in front. */
enum ph_step ph_imap_news(struct ph_conn *conn, struct ph_imap_session *session, enum ph_view_news what,
                          bool allow_expunge, ph_imap_continue *then);

/* "* FLAGS (...)" and "* OK [PERMANENTFLAGS (...)]" */
void ph_imap_put_flag_lines(struct ph_conn *conn, const struct ph_imap_session *session);

#endif
