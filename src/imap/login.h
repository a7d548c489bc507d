/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What login.c gives the session.
 */
#ifndef PH_IMAP_LOGIN_H
#define PH_IMAP_LOGIN_H

#include "imap/session.h"

/* A client's answer in a SASL exchange, without its CRLF. */
enum ph_step ph_imap_sasl_line(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes line);
void ph_imap_forget_login(struct ph_imap_session *session);

enum { PH_IMAP_SASL_LINE_MAX = 12288 };

#endif
