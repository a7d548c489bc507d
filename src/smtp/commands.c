/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command: who has it, when it may come, how long its line may be, and whether its reply must be awaited.
 *
 * RFC 2920 section 3.1 lets DATA, EHLO, VRFY, NOOP and QUIT only end a group of pipelined commands. Behind QUIT
 * nothing is read, and behind STARTTLS the net layer drops it; for the others a client that does not wait is one that
 * does not listen, or one that speaks through somebody else's message.
 */
#include "smtp/session.h"

enum {
    ALL = PH_SMTP_SMTP | PH_SMTP_SUBMISSION | PH_SMTP_LMTP,
    MAIL = PH_SMTP_SMTP | PH_SMTP_SUBMISSION,
    ANY = PH_SMTP_START | PH_SMTP_READY | PH_SMTP_MAIL | PH_SMTP_RCPT | PH_SMTP_CHUNKS | PH_SMTP_FAILED,
    IDLE = PH_SMTP_START | PH_SMTP_READY,
    LINE = PH_SMTP_LINE_MAX,
};

static const struct ph_smtp_row rows[] = {
    /* name, handler, protocols, states, longest line, ends a group, has an argument, syntax */
    {"EHLO", ph_smtp_ehlo, MAIL, ANY, LINE, true, true, "EHLO hostname"},
    {"HELO", ph_smtp_helo, MAIL, ANY, LINE, true, true, "HELO hostname"},
    {"LHLO", ph_smtp_ehlo, PH_SMTP_LMTP, ANY, LINE, true, true, "LHLO hostname"},
    {"MAIL", ph_smtp_mail, ALL, PH_SMTP_READY, PH_SMTP_LINE_MAX_MAIL, false, true,
     "MAIL FROM:<address> [parameters]"},
    {"RCPT", ph_smtp_rcpt, ALL, PH_SMTP_MAIL | PH_SMTP_RCPT, PH_SMTP_LINE_MAX_RCPT, false, true,
     "RCPT TO:<address> [parameters]"},
    {"DATA", ph_smtp_data, ALL, PH_SMTP_RCPT, LINE, true, false, "DATA"},
    /* Its octets follow whatever the state is: the handler has to take them off. */
    {"BDAT", ph_smtp_bdat, ALL, ANY, LINE, false, true, "BDAT size [LAST]"},
    {"RSET", ph_smtp_rset, ALL, ANY, LINE, false, false, "RSET"},
    {"NOOP", ph_smtp_noop, ALL, ANY, LINE, true, true, "NOOP"},
    {"VRFY", ph_smtp_vrfy, ALL, ANY, LINE, true, true, "VRFY name"},
    {"HELP", ph_smtp_help, ALL, ANY, LINE, false, true, "HELP"},
    {"QUIT", ph_smtp_quit, ALL, ANY, LINE, false, false, "QUIT"},
    {"STARTTLS", ph_smtp_starttls, ALL, IDLE, LINE, false, false, "STARTTLS"},
    {"AUTH", ph_smtp_auth, PH_SMTP_SUBMISSION, PH_SMTP_READY, PH_SMTP_LINE_MAX_AUTH, false, true,
     "AUTH mechanism [initial-response]"},
    {"EXPN", NULL, ALL, ANY, LINE, true, true, "EXPN"},
    {"ETRN", NULL, ALL, ANY, LINE, true, true, "ETRN"},
    {"TURN", NULL, ALL, ANY, LINE, true, true, "TURN"},
    {"SEND", NULL, ALL, ANY, LINE, false, true, "SEND"},
    {"SOML", NULL, ALL, ANY, LINE, false, true, "SOML"},
    {"SAML", NULL, ALL, ANY, LINE, false, true, "SAML"},
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

const struct ph_smtp_row *ph_smtp_row_find(struct ph_bytes verb)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (ph_bytes_ieq(verb, ph_bytes_str(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}

void ph_smtp_put_names(struct ph_buf *out, enum ph_smtp_protocol protocol)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (rows[i].run != NULL && (rows[i].protocols & protocol) != 0) {
            ph_buf_printf(out, " %s", rows[i].name);
        }
    }
}
