/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every fixed reply, once: RFC 5321 section 4.2, with the enhanced codes of RFC 3463 and the IANA registry. No reply
 * repeats what a client sent. And the one table from an error class to a reply.
 */
#ifndef PH_SMTP_REPLY_H
#define PH_SMTP_REPLY_H

#include "base/buf.h"

/* X(NAME, code, enhanced code or "", text) */
#define PH_SMTP_REPLIES(X)                                                                            \
    X(START_TLS, 220, "2.0.0", "Start TLS")                                                           \
    X(BYE, 221, "2.0.0", "Closing the connection")                                                    \
    X(LOGGED_IN, 235, "2.7.0", "Logged in")                                                           \
    X(OK, 250, "2.0.0", "OK")                                                                         \
    X(SENDER_OK, 250, "2.1.0", "Sender accepted")                                                     \
    X(RECIPIENT_OK, 250, "2.1.5", "Recipient accepted")                                               \
    X(CHUNK_OK, 250, "2.0.0", "Chunk received")                                                       \
    X(VRFY, 252, "2.0.0", "Cannot verify; send the message and see")                                  \
    X(SEND_DATA, 354, "", "Send the message, end with <CRLF>.<CRLF>")                                 \
    X(SHUTTING_DOWN, 421, "4.3.2", "The server is shutting down")                                     \
    X(TIMEOUT, 421, "4.4.2", "Too slow, closing the connection")                                      \
    X(TOO_MANY_CONNECTIONS, 421, "4.7.0", "Too many connections, try again later")                    \
    X(TOO_MANY_ERRORS, 421, "4.7.0", "Too many errors, closing the connection")                       \
    X(STORE_TROUBLE, 451, "4.3.0", "Cannot store mail now, try again later")                          \
    X(LOOKUP_TROUBLE, 451, "4.3.0", "Cannot look up addresses now, try again later")                  \
    X(STORE_FULL, 452, "4.3.1", "No room to store mail now, try again later")                         \
    X(TOO_MANY_RECIPIENTS, 452, "4.5.3", "Too many recipients, send the message again to the others") \
    X(LOGIN_TROUBLE, 454, "4.7.0", "Cannot check passwords now, try again later")                     \
    X(LOGIN_LIMIT, 454, "4.7.0", "Too many failed logins, try again later")                           \
    X(UNKNOWN_COMMAND, 500, "5.5.1", "Unknown command")                                               \
    X(NO_COMMAND, 500, "5.5.2", "This is no command")                                                 \
    X(BARE_CR, 500, "5.5.2", "A CR alone in a command")                                               \
    X(LINE_TOO_LONG, 500, "5.5.2", "Line too long")                                                   \
    X(LOGIN_LINE_TOO_LONG, 500, "5.5.6", "Authentication line too long")                              \
    X(BAD_SENDER, 501, "5.1.7", "Bad sender address")                                                 \
    X(BAD_RECIPIENT, 501, "5.1.3", "Bad recipient address")                                           \
    X(BAD_PARAMETER, 501, "5.5.4", "Bad or repeated parameter")                                       \
    X(BAD_BASE64, 501, "5.5.2", "This is not base64")                                                 \
    X(LOGIN_MALFORMED, 501, "5.5.2", "Malformed authentication exchange")                             \
    X(LOGIN_CANCELLED, 501, "5.7.0", "Authentication cancelled")                                      \
    X(BAD_CHUNK_SIZE, 501, "5.5.4", "Syntax: BDAT size [LAST]; closing the connection")               \
    X(NOT_OFFERED, 502, "5.5.1", "This command is not offered here")                                  \
    X(NO_TLS, 502, "5.5.1", "TLS is not offered here")                                                \
    X(TLS_ACTIVE, 503, "5.5.1", "TLS is active already")                                              \
    X(LOGGED_IN_ALREADY, 503, "5.5.1", "Logged in already")                                           \
    X(EHLO_FIRST, 503, "5.5.1", "Send EHLO first")                                                    \
    X(LHLO_FIRST, 503, "5.5.1", "Send LHLO first")                                                    \
    X(MAIL_FIRST, 503, "5.5.1", "Send MAIL first")                                                    \
    X(RCPT_FIRST, 503, "5.5.1", "No recipient yet: send RCPT first")                                  \
    X(IN_TRANSACTION, 503, "5.5.1", "Not while a message is under way")                               \
    X(IN_CHUNKS, 503, "5.5.1", "Only BDAT or RSET after BDAT")                                        \
    X(RSET_FIRST, 503, "5.5.1", "Send RSET first")                                                    \
    X(UNKNOWN_MECHANISM, 504, "5.5.4", "Unknown authentication mechanism")                            \
    X(BARE_LF, 521, "5.5.2", "A line ends in CRLF, not in LF; closing the connection")                \
    X(LOGIN_REQUIRED, 530, "5.7.0", "Log in first")                                                   \
    X(LOGIN_DENIED, 535, "5.7.8", "Wrong user name or password")                                      \
    X(TLS_REQUIRED, 538, "5.7.11", "This mechanism is for TLS only")                                  \
    X(NO_SUCH_USER, 550, "5.1.1", "No such user here")                                                \
    X(EXPANSION, 550, "5.2.4", "This address stands for too many others")                             \
    X(BARE_NEWLINE, 550, "5.6.11", "The message has a CR or LF alone; lines end in CRLF")             \
    X(UTF8_SENDER, 550, "5.6.7", "This sender address needs SMTPUTF8")                                \
    X(NOT_YOUR_ADDRESS, 550, "5.7.1", "This sender address is not yours")                             \
    X(RELAYING, 550, "5.7.1", "Relaying denied: mail is taken for local domains only")                \
    X(TOO_LARGE, 552, "5.3.4", "The message or its header is too large")                              \
    X(UTF8_RECIPIENT, 553, "5.6.7", "This recipient address needs SMTPUTF8")                          \
    X(LOOP, 554, "5.4.6", "Mail loop")                                                                \
    X(TALKS_EARLY, 554, "5.5.0", "Input before the reply to this command; closing the connection")    \
    X(UNKNOWN_PARAMETER, 555, "5.5.4", "Unknown parameter")

enum ph_smtp_reply {
    PH_SMTP_NO_REPLY,
#define PH_SMTP_REPLY_ENUM(name, code, enhanced, text) PH_SMTP_REPLY_##name,
    PH_SMTP_REPLIES(PH_SMTP_REPLY_ENUM)
#undef PH_SMTP_REPLY_ENUM
};

unsigned ph_smtp_reply_code(enum ph_smtp_reply reply);
/* Appends the line, with CRLF. */
void ph_smtp_reply_put(struct ph_buf *out, enum ph_smtp_reply reply);

/* What had the error. */
enum ph_smtp_step_of { PH_SMTP_AT_SENDER, PH_SMTP_AT_RECIPIENT, PH_SMTP_AT_MESSAGE, PH_SMTP_AT_LOGIN };
/* The one table from error class to reply. */
enum ph_smtp_reply ph_smtp_reply_of(enum ph_smtp_step_of what, int class);

#endif
