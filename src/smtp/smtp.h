/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail coming in: SMTP as on port 25, submission with login, and LMTP. One set of commands; a table says which of
 * the three has which (smtp/commands.h).
 *
 * A 250 behind the end of a message means: on disk, in every recipient's mailbox. Recipients are local; for other
 * domains the answer is a refusal. LMTP answers once for each recipient.
 *
 * Each service takes a struct ph_smtp_context, which stays unchanged while it serves; one may serve all three. All
 * pointers are borrowed.
 */
#ifndef PH_SMTP_SMTP_H
#define PH_SMTP_SMTP_H

#include "auth/auth.h"
#include "delivery/delivery.h"
#include "net/conn.h"

extern const struct ph_service ph_smtp_service;
extern const struct ph_service ph_submission_service;
extern const struct ph_service ph_lmtp_service;

/* A CR or LF that is not part of a CRLF. It never ends a line, whatever is chosen here. */
enum ph_smtp_bare_newline {
    PH_SMTP_BARE_NEWLINE_REJECT, /* refuse the message (550 5.6.11) */
    PH_SMTP_BARE_NEWLINE_ACCEPT, /* store it as it came */
};

struct ph_smtp_context {
    struct ph_deliveries *deliveries;
    struct ph_accounts *accounts;
    struct ph_auth *auth; /* for submission; the others do without */
    const char *hostname;
    uint64_t message_max_bytes; /* announced as SIZE */
    unsigned recipients_max;    /* of one message; RFC 5321 section 4.5.3.1.8 asks for 100 at least */
    unsigned errors_max;        /* refused commands since the last message stored; then 421 */
    unsigned unknown_max;       /* unknown commands of a session; then 421 */
    unsigned useless_max; /* commands since the last message stored that lead nowhere; then they are errors */
    /* For a command, from its first octet on; RFC 5321 section 4.5.3.2.7 wants 5 minutes. */
    unsigned command_timeout_ms;
    /* For each piece of a message; section 4.5.3.2.5 wants 3 minutes. */
    unsigned data_timeout_ms;
    unsigned message_timeout_ms; /* for a transaction as a whole, from MAIL on */
    /* Submission without TLS is for these alone. */
    const struct ph_network *plaintext_networks;
    size_t plaintext_network_count;
    enum ph_smtp_bare_newline bare_newline;
    bool may_talk_early; /* false: input behind a command that must end a pipelined group ends the session */
    bool may_send_as_others;   /* submission: any sender address, not the user's own alone */
    char subaddress_separator; /* as in struct ph_deliveries_options */
};

#endif
