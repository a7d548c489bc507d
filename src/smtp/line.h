/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines, and the words in them. Pure functions over octets.
 *
 * A line ends in CRLF and in nothing else. A line feed alone is told apart and never taken for an end: whoever
 * sends one means something else by a line than we do, and what follows cannot be trusted to be a command
 * (RFC 5321 section 2.3.8). Views point into the input.
 */
#ifndef PH_SMTP_LINE_H
#define PH_SMTP_LINE_H

#include "base/bytes.h"
#include "base/error.h"

enum {
    /* With CRLF. RFC 5321 section 4.5.3.1.4. */
    PH_SMTP_LINE_MAX = 512,
    /* MAIL: and the path itself of 256, SIZE 26 (RFC 1870), BODY 17 (RFC 6152), SMTPUTF8 10 (RFC 6531), RET and ENVID
     * 117 (RFC 3461), AUTH 500 (RFC 4954). */
    PH_SMTP_LINE_MAX_MAIL = 512 + 26 + 17 + 10 + 117 + 500,
    /* RCPT: RFC 3461 section 5.4 asks for 1036; NOTIFY 28, ORCPT 500, with their names. */
    PH_SMTP_LINE_MAX_RCPT = 512 + 36 + 507,
    /* AUTH and its answers: RFC 4954 section 4. */
    PH_SMTP_LINE_MAX_AUTH = 12288 + 2,
};

enum ph_smtp_line_status {
    PH_SMTP_LINE_MORE,     /* no end yet, and no more than the maximum */
    PH_SMTP_LINE_OK,       /* *OUT_LINE, without CRLF */
    PH_SMTP_LINE_TOO_LONG, /* it goes on: call ph_smtp_line_skip until that says OK */
    PH_SMTP_LINE_BARE_CR,  /* a whole line with a CR in it */
    PH_SMTP_LINE_BARE_LF,  /* an LF without CR */
};

/* *OUT_CONSUMED: what the caller may drop; 0 for MORE and TOO_LONG. */
enum ph_smtp_line_status ph_smtp_line_next(struct ph_bytes input, size_t max, struct ph_bytes *out_line,
                                           size_t *out_consumed);
/* Passes over the rest of a line: OK behind its end, else MORE or BARE_LF. */
enum ph_smtp_line_status ph_smtp_line_skip(struct ph_bytes input, size_t *out_consumed);

/* Verb and argument of a line; blanks at the end are dropped, as section 4.1.1 says. False for a line with control
 * characters, or without a verb of letters. */
bool ph_smtp_line_split(struct ph_bytes line, struct ph_bytes *out_verb, struct ph_bytes *out_argument);

/* "FROM:" and "TO:": takes KEYWORD off *ARGUMENT, and the blanks that many clients put behind it. */
bool ph_smtp_take_keyword(struct ph_bytes *argument, struct ph_bytes keyword);

/* The argument of BDAT: RFC 3030 section 2. A size beyond what an octet count can hold is cut to UINT64_MAX. */
int ph_smtp_parse_chunk(struct ph_bytes argument, uint64_t *out_size, bool *out_is_last) PH_MUST_USE;

/* The argument of EHLO, HELO, LHLO: a domain or an address literal. Underscores are let pass, which many hosts
 * have in their names; octets that would mean something inside a Received field are not. */
bool ph_smtp_is_hello_name(struct ph_bytes argument);

#endif
