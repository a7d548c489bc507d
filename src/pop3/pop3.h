/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The POP3 server: RFC 1939, with CAPA and response codes (2449, 3206), STLS (2595), SASL (5034), UTF8 and LANG
 * (6856).
 *
 * A listener's context is one struct ph_pop3_context, filled before the pool runs, unchanged and alive until the
 * pool is freed. All sessions share it.
 */
#ifndef PH_POP3_POP3_H
#define PH_POP3_POP3_H

#include "auth/auth.h"
#include "mailbox/mailbox.h"
#include "net/conn.h"
#include "pop3/login_delay.h"

struct ph_pop3_context {
    struct ph_mailboxes *mailboxes;
    struct ph_auth *auth;
    const char *hostname; /* in the greeting */
    /* Passwords in clear are accepted without TLS from here (and over unix sockets) only. */
    const struct ph_network *plaintext_networks;
    size_t plaintext_network_count;
    struct ph_login_delays *login_delays; /* NULL: no LOGIN-DELAY */
    unsigned expire_days;                 /* announced as EXPIRE; 0: NEVER */
    unsigned errors_max;       /* refused commands, failed logins among them, until the session ends */
    unsigned timeout_ms;       /* autologout; RFC 1939 section 3 wants ten minutes at least; 0 for that */
    unsigned login_timeout_ms; /* the same while nobody is logged in; 0 for one minute */
};

extern const struct ph_service ph_pop3_service;

#endif
