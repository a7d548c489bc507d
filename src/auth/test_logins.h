/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of logins: accounts on the real engine, with the real hashes at a low cost, and sessions that wait for
 * their outcome. What goes wrong ends the test.
 */
#ifndef PH_AUTH_TEST_LOGINS_H
#define PH_AUTH_TEST_LOGINS_H

#include <semaphore.h>
#include <stdatomic.h>

#include "auth/auth.h"
#include "store/store_fixture.h"

struct ph_test_logins {
    struct ph_store_fixture store;
    struct ph_accounts *accounts; /* alice@example.org, juergen@example.org with an umlaut */
    struct ph_auth *auth;
    struct ph_clock_manual time_now;
    struct ph_clock clock_now;
};

void ph_test_logins_open(struct ph_test_logins *t);
void ph_test_logins_close(struct ph_test_logins *t);
/* Anew, with these options of struct ph_auth_options. */
void ph_test_logins_start(struct ph_test_logins *t, unsigned hash_threads, unsigned queue,
                          unsigned before_delay, unsigned delay_ms);

struct ph_test_login {
    struct ph_login *login;
    sem_t done;
    atomic_uint done_count;
};

/* 192.0.x.y of NUMBER. */
struct ph_address ph_test_peer(unsigned number);
void ph_test_login_open(struct ph_test_logins *t, struct ph_test_login *session, unsigned address);
void ph_test_login_close(struct ph_test_login *session);
/* What a step calls in the end; CTX: the session. */
void ph_test_login_done(void *ctx);
/* The state after the step that was begun: PH_OK, 1 where it goes on, the error's class where it failed. */
int ph_test_login_outcome(struct ph_test_login *session);
int ph_test_login_step(struct ph_test_login *session, struct ph_bytes response);

/* A whole login by password. */
int ph_test_log_in(struct ph_test_logins *t, unsigned address, const char *user, const char *password);

#define PH_TEST_SCRAM_CLIENT_FIRST "n=%s,r=clientnonce"
/* SCRAM up to the proof; the outcome of the proof. The verifier is checked. */
int ph_test_login_scram(struct ph_test_logins *t, struct ph_test_login *session, unsigned address,
                        const char *user, const char *password);
/* The value of attribute NAME of a SCRAM message. */
struct ph_bytes ph_test_scram_attribute(struct ph_bytes message, char name);

#endif
