/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt to log in, from what the peer said to the answer.
 *
 * Who owns a login when: its session, until it calls a step; then whoever works on it, until DONE is called; then
 * the session again. A step may be worked on by three, one after the other, and each hands on what it has written
 * by a lock:
 *
 *     the caller's thread     canonical name, throttle, cache of credentials; SCRAM from beginning to end
 *     a hash thread           the row of the user, the password's hash          (ph_jobs_submit)
 *     the thread for delays   nothing but waiting                               (ph_delays_add)
 *
 * To hand on, or to call DONE, is the last touch: the session may free the login before the call has returned. So
 * every way through this file ends in `complete`, `submit` or `finish`, and nothing stands behind them.
 *
 * The throttle is asked when the attempt begins, and again right before a password or a proof is verified, because
 * many may have waited in the queue together. What it says about lateness holds for good answers too.
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "auth/accounts-private.h"
#include "auth/address.h"
#include "auth/auth-private.h"
#include "auth/sasl.h"
#include "base/mem.h"

enum { CLAIMED_NAME_MAX = 1024, PREPARED_NAME_MAX = 4 * PH_ADDRESS_MAX };

struct ph_login {
    struct ph_job job;
    uint64_t submitted_us; /* monotonic */
    struct ph_delayed delayed;
    struct ph_auth *auth;
    struct ph_address peer;
    const char *protocol;
    enum ph_login_state state;
    bool is_pending; /* a step is being worked on */
    struct ph_error error;
    struct ph_arena arena;
    struct ph_bytes user;   /* canonical; what the peer claimed, where that cannot be a name */
    bool is_name;           /* it can be one */
    struct ph_buf password; /* prepared */
    bool is_password;       /* it can be one */
    struct ph_attempt attempt;
    struct ph_credential credential;
    unsigned delay_ms;
    struct ph_sasl sasl; /* without mechanism: none */
    ph_login_done *done;
    void *done_ctx;
};

struct ph_login *ph_login_new(struct ph_auth *auth, const struct ph_address *peer, const char *protocol)
{
    struct ph_login *login = ph_zalloc(sizeof *login);
    login->auth = auth;
    login->peer = *peer;
    login->protocol = protocol;
    login->state = PH_LOGIN_CONTINUE;
    login->password = PH_BUF(PH_PASSWORD_MAX);
    ph_arena_init(&login->arena, 1024);
    return login;
}

void ph_login_free(struct ph_login **login_ptr)
{
    struct ph_login *login = *login_ptr;
    if (login == NULL) {
        return;
    }
    assert(!login->is_pending);
    if (login->sasl.mechanism != NULL) {
        ph_sasl_fini(&login->sasl);
    }
    ph_buf_wipe(&login->password);
    ph_arena_fini(&login->arena);
    ph_wipe(login, sizeof *login);
    free(login);
    *login_ptr = NULL;
}

enum ph_login_state ph_login_state(const struct ph_login *login)
{
    return login->state;
}

struct ph_bytes ph_login_challenge(const struct ph_login *login)
{
    return login->sasl.challenge;
}

struct ph_bytes ph_login_user(const struct ph_login *login)
{
    return login->user;
}

const struct ph_error *ph_login_error(const struct ph_login *login)
{
    return &login->error;
}

/* ---- Endings: each is the last touch ---- */

static void complete(struct ph_login *login)
{
    ph_login_done *done = login->done;
    void *ctx = login->done_ctx;
    login->is_pending = false;
    done(ctx);
}

static void complete_delayed(struct ph_delayed *delayed)
{
    complete((struct ph_login *)((char *)delayed - offsetof(struct ph_login, delayed)));
}

/* With the state as it shall be, at once or late. */
static void finish(struct ph_login *login, enum ph_login_state state)
{
    login->state = state;
    if (login->delay_ms == 0) {
        complete(login);
        return;
    }
    login->delayed.run = complete_delayed;
    ph_delays_add(login->auth->delays, &login->delayed, login->delay_ms);
}

static void fail(struct ph_login *login, int code, const char *why)
{
    ph_fail(&login->error, code, "%s", why);
    finish(login, PH_LOGIN_FAILED);
}

/* ---- Parts ---- */

static void begin_step(struct ph_login *login, ph_login_done *done, void *ctx)
{
    assert(!login->is_pending);
    login->is_pending = true;
    login->delay_ms = 0;
    login->done = done;
    login->done_ctx = ctx;
}

/* RFC 4616 section 2 and RFC 5802 section 5.1 want names prepared by SASLprep; then they are addresses. */
static void take_name(struct ph_login *login, struct ph_bytes name)
{
    struct ph_buf prepared = PH_BUF(PREPARED_NAME_MAX);
    struct ph_bytes canonical;
    login->is_name = ph_unicode_saslprep(name, PH_SASLPREP_QUERY, &prepared, NULL) == PH_OK &&
                     ph_address_canonical(ph_buf_view(&prepared), &login->arena, &canonical, NULL) == PH_OK;
    login->user =
        login->is_name ? canonical : ph_arena_bytes(&login->arena, ph_bytes_first(name, CLAIMED_NAME_MAX));
    ph_buf_fini(&prepared);
    ph_throttle_attempt(login->auth->throttle, &login->peer, login->user, &login->attempt);
}

static int ask_throttle(struct ph_login *login)
{
    int result = ph_throttle_check(login->auth->throttle, &login->attempt, &login->delay_ms);
    if (result != PH_OK) {
        ph_fail(&login->error, result, "too many failed logins");
    }
    return result;
}

/* ---- Passwords ---- */

static void succeed(struct ph_login *login)
{
    ph_throttle_succeeded(login->auth->throttle, &login->attempt);
    finish(login, PH_LOGIN_OK);
}

/* A store that does not answer holds each hash thread for as long as it may. Whoever waited behind that is told at
 * once, instead of waiting for it again in turn. */
static bool has_waited_in_vain(const struct ph_login *login)
{
    return login->submitted_us < atomic_load(&login->auth->unavailable_us);
}

/* On a hash thread. */
static void hash(struct ph_job *job)
{
    struct ph_login *login = (struct ph_login *)((char *)job - offsetof(struct ph_login, job));
    struct ph_auth *auth = login->auth;
    if (atomic_load(&auth->is_hurried)) {
        fail(login, PH_EBUSY, "the server stops");
        return;
    }
    if (ask_throttle(login) != PH_OK) {
        finish(login, PH_LOGIN_FAILED);
        return;
    }
    if (has_waited_in_vain(login)) {
        login->delay_ms = 0;
        fail(login, PH_EUNAVAILABLE, "the store did not answer who came before");
        return;
    }
    uint64_t mark = ph_credential_cache_mark(auth->credentials);
    bool can_be_right = login->is_name && login->is_password;
    struct ph_bytes nobody = {0};
    int result = ph_auth_verify(auth, login->protocol, can_be_right ? login->user : nobody,
                                ph_buf_view(&login->password), &login->error);
    if (result == PH_OK) {
        ph_credential_cache_put(auth->credentials, mark, &login->credential);
        succeed(login);
        return;
    }
    if (result == PH_EDENIED) {
        if (!login->is_password) {
            ph_fail(&login->error, result, "SASLprep refuses the password");
        }
        ph_throttle_failed(auth->throttle, &login->attempt);
    } else if (result == PH_EUNAVAILABLE || result == PH_EBUSY) {
        atomic_store(&auth->unavailable_us, ph_mono_us(auth->options.clock));
    }
    finish(login, PH_LOGIN_FAILED);
}

static void submit(struct ph_login *login)
{
    login->job.run = hash;
    login->submitted_us = ph_mono_us(login->auth->options.clock);
    if (ph_jobs_submit(login->auth->jobs, &login->job) != PH_OK) {
        login->delay_ms = 0;
        fail(login, PH_EBUSY, "too many logins at once");
    }
}

static void check_password(struct ph_login *login, struct ph_bytes user, struct ph_bytes password)
{
    take_name(login, user);
    if (ask_throttle(login) != PH_OK) {
        finish(login, PH_LOGIN_FAILED);
        return;
    }
    login->is_password = ph_password_prepare(password, PH_SASLPREP_QUERY, &login->password, NULL) == PH_OK;
    if (login->is_name && login->is_password) {
        ph_credential_hash(login->auth->credentials, login->user, ph_buf_view(&login->password),
                           &login->credential);
        if (ph_credential_cache_has(login->auth->credentials, &login->credential)) {
            succeed(login);
            return;
        }
    }
    submit(login);
}

void ph_login_password(struct ph_login *login, struct ph_bytes user, struct ph_bytes password,
                       ph_login_done *done, void *ctx)
{
    begin_step(login, done, ctx);
    check_password(login, user, password);
}

/* ---- SASL ---- */

static void give_keys(struct ph_login *login)
{
    struct ph_scram_keys keys;
    bool is_known = false;
    uint8_t random[PH_SCRAM_NONCE_BYTES];
    struct ph_buf nonce = PH_BUF(64);
    take_name(login, login->sasl.user);
    if (ask_throttle(login) != PH_OK ||
        ph_auth_scram_keys(login->auth, login->protocol, login->is_name ? login->user : (struct ph_bytes){0},
                           &keys, &is_known, &login->error) != PH_OK) {
        finish(login, PH_LOGIN_FAILED);
        return;
    }
    ph_rand_fill(login->auth->options.rand, random, sizeof random);
    ph_base64_encode(ph_bytes_of(random, sizeof random), &nonce);
    (void)ph_sasl_keys(&login->sasl, &keys, is_known, ph_buf_view(&nonce));
    ph_wipe(&keys, sizeof keys);
    ph_buf_fini(&nonce);
    /* It is the outcome that comes late. */
    login->delay_ms = 0;
    finish(login, PH_LOGIN_CONTINUE);
}

/* What the mechanism said, RESULT, decides. */
static void proceed(struct ph_login *login, int result)
{
    switch (result) {
    case PH_SASL_CHALLENGE: finish(login, PH_LOGIN_CONTINUE); return;
    case PH_SASL_PASSWORD: check_password(login, login->sasl.user, login->sasl.password); return;
    case PH_SASL_KEYS: give_keys(login); return;
    case PH_SASL_PROVEN:
        ph_throttle_succeeded(login->auth->throttle, &login->attempt);
        finish(login, PH_LOGIN_CONTINUE);
        return;
    case PH_SASL_DONE: finish(login, PH_LOGIN_OK); return;
    default: finish(login, PH_LOGIN_FAILED); return;
    }
}

void ph_login_sasl(struct ph_login *login, struct ph_bytes mechanism, bool has_initial,
                   struct ph_bytes initial, bool may_plaintext, ph_login_done *done, void *ctx)
{
    begin_step(login, done, ctx);
    const struct ph_sasl_mechanism *found = ph_sasl_find(mechanism);
    bool is_offered = found != NULL &&
                      (ph_sasl_shows_password(found) || !login->auth->options.accounts->is_shared_with_james);
    if (!is_offered || login->sasl.mechanism != NULL) {
        fail(login, PH_ENOTFOUND, "unknown mechanism");
        return;
    }
    if (ph_sasl_shows_password(found) && !may_plaintext) {
        fail(login, PH_ENOTFOUND, "the mechanism shows the password and needs TLS");
        return;
    }
    ph_sasl_init(&login->sasl, found);
    proceed(login, ph_sasl_start(&login->sasl, has_initial, initial, &login->error));
}

void ph_login_sasl_step(struct ph_login *login, struct ph_bytes response, ph_login_done *done, void *ctx)
{
    begin_step(login, done, ctx);
    if (login->sasl.mechanism == NULL || login->state != PH_LOGIN_CONTINUE) {
        fail(login, PH_EBUG, "no exchange is open");
        return;
    }
    bool is_proof = ph_sasl_awaits_proof(&login->sasl);
    if (is_proof && ask_throttle(login) != PH_OK) {
        finish(login, PH_LOGIN_FAILED);
        return;
    }
    int result = ph_sasl_step(&login->sasl, response, &login->error);
    if (is_proof && result == PH_EDENIED) {
        ph_throttle_failed(login->auth->throttle, &login->attempt);
    }
    proceed(login, result);
}
