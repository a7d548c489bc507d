/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logging in: passwords and SASL, on behalf of any protocol.
 *
 * A check that needs hashing runs on a queue of its own; the session parks meanwhile. Verified credentials are
 * remembered for a short time as a keyed hash (never in clear), so that a POP3 client's next login costs
 * microseconds; a password change drops them at once. Failures are delayed and limited per address and per user.
 * An unknown user costs and says the same as a wrong password. A hash that James made is replaced by one of ours at the
 * first login that shows the password, unless the store is shared with James (accounts.h).
 *
 * A login is one attempt, used once: ph_login_password, or ph_login_sasl and steps. The result of each comes through DONE: at once (before the
 * call returns) or later on another thread, exactly once. Then the login is its session's again, which may free it even in DONE.
 * Threads: any; a login belongs to one session.
 *
 * SASL mechanisms: PLAIN (RFC 4616), LOGIN (draft-murchison-sasl-login), SCRAM-SHA-256 (RFC 5802, 7677).
 */
#ifndef PH_AUTH_AUTH_H
#define PH_AUTH_AUTH_H

#include "auth/accounts.h"
#include "base/jobs.h"
#include "net/address.h"

struct ph_auth;

struct ph_auth_options {
    struct ph_accounts *accounts;
    struct ph_db *db;
    const struct ph_clock *clock;
    const struct ph_rand *rand;
    const struct ph_log *log;
    unsigned hash_threads;
    unsigned hash_queue_max;
    unsigned cache_seconds;
    unsigned cache_entries_max;
    unsigned failures_before_delay; /* per address or user, within failure_window_seconds */
    unsigned failure_delay_ms_max;
    unsigned failures_max; /* then PH_ELIMIT without looking, until the window has passed */
    unsigned failure_window_seconds;
};

int ph_auth_new(const struct ph_auth_options *options, struct ph_auth **out_auth,
                struct ph_error *err) PH_MUST_USE;
void ph_auth_free(struct ph_auth **auth);
/* The server stops: what should be answered late is answered now, and a check that waits for a thread fails with
 * PH_EBUSY. Any thread. */
void ph_auth_hurry(struct ph_auth *auth);

/* One more read in the round of the user's row, for whoever serves the user next, so that a login on a store that is
 * elsewhere costs no round trip more. */
enum { PH_AUTH_BESIDE_PARAMS = 2 };
struct ph_auth_beside {
    void *ctx;
    /* What to read for USER (canonical), if anything; PARAMS is for its values. */
    bool (*read)(void *ctx, struct ph_bytes user, struct ph_value params[PH_AUTH_BESIDE_PARAMS],
                 struct ph_db_read *out_read, uint64_t *out_ticket);
    /* Not called if the read failed. */
    void (*take)(void *ctx, struct ph_bytes user, struct ph_rows *rows, uint64_t ticket);
};
/* Before the first login. */
void ph_auth_set_beside(struct ph_auth *auth, const struct ph_auth_beside *beside);

/* The mechanisms, separated by blanks, best first; without those that show the password when that may not be shown, and
 * without SCRAM where the store is shared with James, which keeps no keys for it. May be empty. */
const char *ph_auth_mechanisms(const struct ph_auth *auth, bool may_plaintext);

struct ph_login;
enum ph_login_state {
    PH_LOGIN_CONTINUE, /* send ph_login_challenge(), then ph_login_sasl_step with the answer */
    PH_LOGIN_OK,       /* ph_login_user() */
    PH_LOGIN_FAILED, /* ph_login_error(): PH_EDENIED wrong credentials; PH_ELIMIT too many failures; PH_EINVALID
                          the exchange is malformed; PH_EBUSY the queue is full; PH_EUNAVAILABLE the store; PH_ENOTFOUND unknown mechanism */
};
typedef void ph_login_done(void *ctx); /* a function type, not a struct */

struct ph_login *ph_login_new(struct ph_auth *auth, const struct ph_address *peer, const char *protocol);
/* USER PASS. */
void ph_login_password(struct ph_login *login, struct ph_bytes user, struct ph_bytes password,
                       ph_login_done *done, void *ctx);
/* INITIAL is decoded from base64 already; has_initial tells an empty one from none. */
void ph_login_sasl(struct ph_login *login, struct ph_bytes mechanism, bool has_initial,
                   struct ph_bytes initial, bool may_plaintext, ph_login_done *done, void *ctx);
void ph_login_sasl_step(struct ph_login *login, struct ph_bytes response, ph_login_done *done, void *ctx);
enum ph_login_state ph_login_state(const struct ph_login *login);
/* Not yet base64; the login's memory. After PH_LOGIN_FAILED it is what SCRAM has to say ("e=..."), or empty, for protocols that can carry it. */
struct ph_bytes ph_login_challenge(const struct ph_login *login);
/* Canonical. After a failure: whom the peer claimed to be, as far as it is known; for the log. */
struct ph_bytes ph_login_user(const struct ph_login *login);
const struct ph_error *ph_login_error(const struct ph_login *login);
/* Wipes and frees; only between a DONE and the next step. */
void ph_login_free(struct ph_login **login);

/* Base64 for SASL lines (RFC 4648 section 4, strict: no blanks, padding required). */
int ph_base64_decode(struct ph_bytes text, struct ph_buf *out) PH_MUST_USE;
void ph_base64_encode(struct ph_bytes bytes, struct ph_buf *out);

/* Called by whoever changes a password or removes a user. */
void ph_auth_forget(struct ph_auth *auth, struct ph_bytes user);
/* How many checks wait for the hash queue now. */
unsigned ph_auth_waiting(struct ph_auth *auth);

#endif
