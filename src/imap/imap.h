/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IMAP server: IMAP4rev1 and IMAP4rev2 (RFC 3501, 9051). docs/imap.md says what is announced.
 *
 * A listener's context is one struct ph_imap_context, filled before the pool runs, unchanged and alive until the
 * pool is freed. All sessions share it.
 */
#ifndef PH_IMAP_IMAP_H
#define PH_IMAP_IMAP_H

#include "auth/auth.h"
#include "mailbox/mailbox.h"
#include "net/conn.h"

struct ph_imap_context {
    struct ph_mailboxes *mailboxes;
    struct ph_blob_store *blobs;
    struct ph_auth *auth;
    const char *hostname; /* in the greeting */
    /* Passwords in clear are accepted without TLS from here (and over unix sockets) only. */
    const struct ph_network *plaintext_networks;
    size_t plaintext_network_count;
    /* NULL, or why nobody can be served: said at every login. */
    const char *refusal;
    uint64_t append_max_bytes; /* of one message; announced as APPENDLIMIT */
    const char *spool_dir;     /* for messages being appended */
    unsigned errors_max;       /* refused commands, failed logins among them, until the session ends */
    unsigned timeout_ms; /* autologout; RFC 9051 section 5.4 wants thirty minutes at least; 0 for that */
    unsigned login_timeout_ms; /* the same while nobody is logged in; 0 for one minute */
};

extern const struct ph_service ph_imap_service;

#endif
