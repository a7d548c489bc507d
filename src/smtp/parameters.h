/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parameters behind the paths of MAIL and RCPT, each with the syntax of the RFC that defines it. One that is
 * given twice, or has a value where none belongs, is as wrong as one with a bad value.
 *
 * The values that a local delivery has no use for (ENVID, RET, NOTIFY, ORCPT, AUTH) are checked and let go: a
 * server that announces DSN takes them, and this one makes no notifications (RFC 3461 section 5.1).
 */
#ifndef PH_SMTP_PARAMETERS_H
#define PH_SMTP_PARAMETERS_H

#include "base/bytes.h"
#include "base/error.h"

enum ph_smtp_body { PH_SMTP_BODY_UNSAID, PH_SMTP_BODY_7BIT, PH_SMTP_BODY_8BITMIME };

struct ph_smtp_mail_parameters {
    uint64_t size; /* RFC 1870; 0 where it is unknown */
    enum ph_smtp_body body;
    bool is_utf8; /* SMTPUTF8 */
};

/* PH_EINVALID: a syntax that no parameter has, or a bad value. PH_ENOTFOUND: a parameter that is not known, or AUTH
 * where HAS_AUTH says that it was not announced. */
int ph_smtp_parse_mail_parameters(struct ph_bytes rest, bool has_auth,
                                  struct ph_smtp_mail_parameters *out_parameters) PH_MUST_USE;
int ph_smtp_parse_rcpt_parameters(struct ph_bytes rest, bool is_utf8) PH_MUST_USE;

#endif
