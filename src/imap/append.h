/* SPDX-License-Identifier: Apache-2.0 */
/*
 * APPEND, whose messages are streamed: RFC 9051 section 6.3.12, RFC 3502 (several at once), RFC 7889 (their size), RFC 4315
 * (their UIDs), RFC 6855 section 4 (UTF8).
 *
 * The framing hands each line here that begins with APPEND and ends in a literal. Where that literal is a message, it
 * is fed to a sink as it arrives and never held; what was refused is taken and dropped if the client sends it anyway.
 */
#ifndef PH_IMAP_APPEND_H
#define PH_IMAP_APPEND_H

#include "imap/frame.h"
#include "imap/session.h"

/* Whether HEAD, a command as far as it has come, is an APPEND whose next literal is a message (else the literal is its mailbox's name, or
 * the command is wrong; both are for the usual way). */
bool ph_imap_append_is_at_message(struct ph_bytes head, bool is_utf8, struct ph_arena *arena);

/* Begins with the first literal. HEAD is the command up to it, in the command's arena. */
enum ph_step ph_imap_append_begin(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes head,
                                  const struct ph_imap_literal *literal);
/* In PH_IMAP_MODE_APPEND. */
enum ph_step ph_imap_append_input(struct ph_conn *conn, struct ph_imap_session *session,
                                  struct ph_bytes input, size_t *out_consumed);
/* NULL inside is allowed. */
void ph_imap_forget_append(struct ph_imap_session *session);

#endif
