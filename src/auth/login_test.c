/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of auth/auth.h, on the real engine, with the real hashes at a low cost. */
#include <openssl/evp.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/accounts-private.h"
#include "auth/auth.h"
#include "auth/james_password.h"
#include "auth/scram.h"
#include "store/store_fixture.h"

static struct ph_store_fixture f;
static struct ph_accounts *accounts;
static struct ph_auth *auth;
static struct ph_clock_manual time_now;
static struct ph_clock clock_now;

static void start(unsigned hash_threads, unsigned queue, unsigned before_delay, unsigned delay_ms)
{
    struct ph_auth_options options = {.accounts = accounts,
                                      .db = f.db,
                                      .clock = &clock_now,
                                      .rand = &ph_rand_system,
                                      .log = &f.log,
                                      .hash_threads = hash_threads,
                                      .hash_queue_max = queue,
                                      .cache_seconds = 300,
                                      .cache_entries_max = 1000,
                                      .failures_before_delay = before_delay,
                                      .failure_delay_ms_max = delay_ms,
                                      .failures_max = 20,
                                      .failure_window_seconds = 600};
    ph_auth_free(&auth);
    assert_int_equal(ph_auth_new(&options, &auth, &f.err), PH_OK);
}

static int set_up(void **state)
{
    (void)state;
    ph_store_fixture_open(&f);
    time_now = (struct ph_clock_manual){.mono_us = 1000000};
    clock_now = ph_clock_from_manual(&time_now);
    struct ph_accounts_options options = {.db = f.db,
                                          .clock = &clock_now,
                                          .rand = &ph_rand_system,
                                          .argon2_memory_kib = 64,
                                          .argon2_passes = 1};
    assert_int_equal(ph_accounts_new(&options, &accounts, &f.err), PH_OK);
    assert_int_equal(ph_domain_add(accounts, PH_BYTES("example.org"), &f.err), PH_OK);
    assert_int_equal(ph_user_add(accounts, PH_BYTES("alice@example.org"), PH_BYTES("secret"), &f.err), PH_OK);
    assert_int_equal(
        ph_user_add(accounts, PH_BYTES("j\u00FCrgen@example.org"), PH_BYTES("schl\u00FCssel"), &f.err),
        PH_OK);
    start(2, 100, 1000, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_auth_free(&auth);
    ph_accounts_free(&accounts);
    ph_store_fixture_close(&f);
    return 0;
}

/* ---- A session that waits for DONE ---- */

struct session {
    struct ph_login *login;
    sem_t done;
    atomic_uint done_count;
};

static void on_done(void *ctx)
{
    struct session *session = ctx;
    atomic_fetch_add(&session->done_count, 1);
    sem_post(&session->done);
}

static struct ph_address peer_of(unsigned number)
{
    struct ph_address peer = {.family = PH_ADDRESS_IP};
    static const uint8_t documentation[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0};
    memcpy(peer.ip, documentation, sizeof documentation);
    peer.ip[14] = (uint8_t)(number >> 8);
    peer.ip[15] = (uint8_t)number;
    return peer;
}

static void open_from(struct session *session, unsigned address)
{
    struct ph_address peer = peer_of(address);
    sem_init(&session->done, 0, 0);
    atomic_init(&session->done_count, 0);
    session->login = ph_login_new(auth, &peer, "test");
}

static void close_session(struct session *session)
{
    ph_login_free(&session->login);
    sem_destroy(&session->done);
}

/* The state after the step that was begun; with its error class where it failed. */
static int outcome(struct session *session)
{
    sem_wait(&session->done);
    switch (ph_login_state(session->login)) {
    case PH_LOGIN_OK: return PH_OK;
    case PH_LOGIN_CONTINUE: return 1;
    case PH_LOGIN_FAILED: break;
    }
    assert_int_not_equal(ph_login_error(session->login)->code, PH_OK);
    assert_string_not_equal(ph_login_error(session->login)->text, "");
    return ph_login_error(session->login)->code;
}

static int log_in_from(unsigned address, const char *user, const char *password)
{
    struct session session;
    open_from(&session, address);
    ph_login_password(session.login, ph_bytes_str(user), ph_bytes_str(password), on_done, &session);
    int result = outcome(&session);
    assert_int_equal(atomic_load(&session.done_count), 1);
    close_session(&session);
    return result;
}

static int log_in(const char *user, const char *password)
{
    return log_in_from(1, user, password);
}

/* ---- Passwords ---- */

static void right_and_wrong_passwords(void **state)
{
    (void)state;
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    assert_int_equal(log_in("Alice@EXAMPLE.org", "secret"), PH_OK);
    assert_int_equal(log_in("alice@example.org", "Secret"), PH_EDENIED);
    assert_int_equal(log_in("alice@example.org", ""), PH_EDENIED);
    assert_int_equal(log_in("alice@example.org", "sec\x01ret"), PH_EDENIED);
    assert_int_equal(log_in("bob@example.org", "secret"), PH_EDENIED);
    assert_int_equal(log_in("alice@example.com", "secret"), PH_EDENIED);
    assert_int_equal(log_in("alice", "secret"), PH_EDENIED);
    assert_int_equal(log_in("", "secret"), PH_EDENIED);
    assert_int_equal(log_in("a\xFF", "secret"), PH_EDENIED);
    /* Names and passwords in another form of Unicode. */
    assert_int_equal(log_in("ju\u0308rgen@example.org", "schlu\u0308ssel"), PH_OK);
    assert_int_equal(log_in("j\u00FCrgen@example.org", "schlussel"), PH_EDENIED);
}

static void the_user_is_canonical(void **state)
{
    (void)state;
    struct session session;
    open_from(&session, 1);
    ph_login_password(session.login, PH_BYTES("\"ALICE\"@Example.org"), PH_BYTES("secret"), on_done,
                      &session);
    assert_int_equal(outcome(&session), PH_OK);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("alice@example.org")));
    close_session(&session);

    open_from(&session, 1);
    ph_login_password(session.login, PH_BYTES("who is this"), PH_BYTES("secret"), on_done, &session);
    assert_int_equal(outcome(&session), PH_EDENIED);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("who is this")));
    close_session(&session);
}

static void a_verified_login_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    uint64_t statements = ph_store_fixture_statements(&f);
    struct session session;
    open_from(&session, 1);
    ph_login_password(session.login, PH_BYTES("alice@example.org"), PH_BYTES("secret"), on_done, &session);
    /* Before the call returned. */
    assert_int_equal(atomic_load(&session.done_count), 1);
    assert_int_equal(outcome(&session), PH_OK);
    close_session(&session);
    assert_int_equal(ph_store_fixture_statements(&f), statements);

    assert_int_equal(log_in("alice@example.org", "other"), PH_EDENIED);
    time_now.mono_us += 300000000;
    statements = ph_store_fixture_statements(&f);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    assert_int_equal(ph_store_fixture_statements(&f), statements + 1);
}

static void a_new_password_ends_the_old_one(void **state)
{
    (void)state;
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    assert_int_equal(ph_user_set_password(accounts, PH_BYTES("alice@example.org"), PH_BYTES("new"), &f.err),
                     PH_OK);
    ph_auth_forget(auth, PH_BYTES("Alice@example.org"));
    assert_int_equal(log_in("alice@example.org", "secret"), PH_EDENIED);
    assert_int_equal(log_in("alice@example.org", "new"), PH_OK);
    assert_int_equal(ph_user_remove(accounts, PH_BYTES("alice@example.org"), &f.err), PH_OK);
    ph_auth_forget(auth, PH_BYTES("alice@example.org"));
    assert_int_equal(log_in("alice@example.org", "new"), PH_EDENIED);
}

static void store_password(const char *alg, const char *password)
{
    struct ph_plan plan;
    struct ph_user_row row = {
        .name = PH_BYTES("alice@example.org"), .password = ph_bytes_str(password), .alg = ph_bytes_str(alg)};
    ph_plan_init(&plan, &f.arena);
    ph_store_user_set_password(&plan, &row);
    assert_int_equal(ph_db_apply(f.db, &plan, &f.err), PH_OK);
}

static void a_password_that_cannot_be_verified_is_refused(void **state)
{
    (void)state;
    store_password("SHA-512", "secret");
    assert_int_equal(log_in("alice@example.org", "secret"), PH_EDENIED);
    store_password("argon2id", "secret");
    assert_int_equal(log_in("alice@example.org", "secret"), PH_EDENIED);
}

/* ---- Passwords of James ---- */

/* Made by Python's hashlib, for alice@example.org. */
static const char of_james[] =
    "crvqNzxVNT54CZbesboO5/G5tzkUHh6YqwL0xlmFFyBWLuxCZIwVUpfC8/XchXm6BO1YHbhOs+M8\r\n"
    "e7ddMwwiyg==\r\n";

static void stored_row(struct ph_user_row *out_row)
{
    assert_int_equal(ph_store_user_get(f.db, PH_BYTES("alice@example.org"), &f.arena, out_row, &f.err),
                     PH_OK);
}

static void a_password_of_james_is_renewed_at_login(void **state)
{
    (void)state;
    struct ph_user_row row;
    store_password("SHA-512/salted", of_james);
    assert_int_equal(log_in("alice@example.org", "wrong"), PH_EDENIED);
    stored_row(&row);
    assert_true(ph_bytes_eq(row.password, ph_bytes_str(of_james)));

    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    stored_row(&row);
    assert_true(ph_bytes_eq(row.alg, PH_BYTES("argon2id")));
    assert_true(row.has_scram);
    start(2, 100, 1000, 0);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    assert_int_equal(log_in("alice@example.org", "wrong"), PH_EDENIED);
    struct ph_user_row again;
    stored_row(&again);
    assert_true(ph_bytes_eq(again.password, row.password));
}

static void a_renewal_does_not_undo_a_new_password(void **state)
{
    (void)state;
    struct ph_user_row seen;
    struct ph_user_row row;
    store_password("SHA-512/salted", of_james);
    stored_row(&seen);
    assert_int_equal(ph_user_set_password(accounts, PH_BYTES("alice@example.org"), PH_BYTES("new"), &f.err),
                     PH_OK);
    assert_int_equal(ph_accounts_renew(accounts, &seen, 1, PH_BYTES("secret"), &f.err), PH_OK);
    stored_row(&row);
    assert_int_equal(ph_password_verify(row.alg, row.password, row.name, PH_BYTES("new"), &f.err), PH_OK);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_EDENIED);
}

static void nothing_is_renewed_where_james_reads_it_too(void **state)
{
    (void)state;
    struct ph_user_row row;
    struct ph_accounts_options options = {
        .db = f.db, .clock = &clock_now, .rand = &ph_rand_system, .is_shared_with_james = true};
    ph_auth_free(&auth);
    ph_accounts_free(&accounts);
    assert_int_equal(ph_accounts_new(&options, &accounts, &f.err), PH_OK);
    start(2, 100, 1000, 0);
    store_password("SHA-512/salted", of_james);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
    stored_row(&row);
    assert_true(ph_bytes_eq(row.alg, PH_BYTES("SHA-512/salted")));
    assert_true(ph_bytes_eq(row.password, ph_bytes_str(of_james)));

    /* What is set here James verifies. */
    assert_int_equal(ph_user_set_password(accounts, PH_BYTES("alice@example.org"), PH_BYTES("new"), &f.err),
                     PH_OK);
    ph_auth_forget(auth, PH_BYTES("alice@example.org"));
    stored_row(&row);
    assert_true(ph_bytes_eq(row.alg, ph_bytes_str(ph_james_password_algorithm)));
    assert_false(row.has_scram);
    assert_int_equal(log_in("alice@example.org", "new"), PH_OK);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_EDENIED);
    assert_int_equal(log_in("nobody@example.org", "secret"), PH_EDENIED);

    /* James keeps no keys of SCRAM. */
    assert_string_equal(ph_auth_mechanisms(auth, true), "PLAIN LOGIN");
    assert_string_equal(ph_auth_mechanisms(auth, false), "");
    struct session session;
    open_from(&session, 1);
    ph_login_sasl(session.login, PH_BYTES("SCRAM-SHA-256"), false, PH_BYTES(""), true, on_done, &session);
    assert_int_equal(outcome(&session), PH_ENOTFOUND);
    close_session(&session);
}

/* ---- SASL ---- */

static int sasl(struct session *session, const char *mechanism, bool has_initial, struct ph_bytes initial)
{
    open_from(session, 1);
    ph_login_sasl(session->login, ph_bytes_str(mechanism), has_initial, initial, true, on_done, session);
    return outcome(session);
}

static int step(struct session *session, struct ph_bytes response)
{
    ph_login_sasl_step(session->login, response, on_done, session);
    return outcome(session);
}

static void plain_and_login(void **state)
{
    (void)state;
    struct session session;
    assert_int_equal(sasl(&session, "PLAIN", true, PH_BYTES("\0alice@example.org\0secret")), PH_OK);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("alice@example.org")));
    close_session(&session);
    assert_int_equal(sasl(&session, "plain", false, PH_BYTES("")), 1);
    assert_int_equal(ph_login_challenge(session.login).len, 0);
    assert_int_equal(step(&session, PH_BYTES("\0alice@example.org\0wrong")), PH_EDENIED);
    /* It was one attempt. */
    assert_int_equal(step(&session, PH_BYTES("\0alice@example.org\0secret")), PH_EBUG);
    close_session(&session);
    assert_int_equal(sasl(&session, "PLAIN", true, PH_BYTES("alice@example.org\0bob@example.org\0x")),
                     PH_EDENIED);
    close_session(&session);
    assert_int_equal(sasl(&session, "PLAIN", true, PH_BYTES("nonsense")), PH_EINVALID);
    close_session(&session);

    assert_int_equal(sasl(&session, "LOGIN", false, PH_BYTES("")), 1);
    assert_true(ph_bytes_eq(ph_login_challenge(session.login), PH_BYTES("Username:")));
    assert_int_equal(step(&session, PH_BYTES("alice@example.org")), 1);
    assert_true(ph_bytes_eq(ph_login_challenge(session.login), PH_BYTES("Password:")));
    assert_int_equal(step(&session, PH_BYTES("secret")), PH_OK);
    close_session(&session);
}

static void mechanisms(void **state)
{
    (void)state;
    struct session session;
    assert_string_equal(ph_auth_mechanisms(auth, true), "SCRAM-SHA-256 PLAIN LOGIN");
    assert_string_equal(ph_auth_mechanisms(auth, false), "SCRAM-SHA-256");
    assert_int_equal(sasl(&session, "CRAM-MD5", false, PH_BYTES("")), PH_ENOTFOUND);
    close_session(&session);
    open_from(&session, 1);
    ph_login_sasl(session.login, PH_BYTES("PLAIN"), true, PH_BYTES("\0alice@example.org\0secret"), false,
                  on_done, &session);
    assert_int_equal(outcome(&session), PH_ENOTFOUND);
    close_session(&session);
}

#define CLIENT_FIRST_BARE "n=%s,r=clientnonce"

/* The value of attribute NAME of a SCRAM message. */
static struct ph_bytes attribute(struct ph_bytes message, char name)
{
    while (message.len > 0) {
        struct ph_bytes one = ph_bytes_first(message, ph_bytes_find(message, ','));
        if (one.len > 2 && one.ptr[0] == (uint8_t)name) {
            return ph_bytes_from(one, 2);
        }
        message = ph_bytes_from(message, one.len + 1);
    }
    fail_msg("no attribute %c", name);
    return message;
}

static void hmac(const uint8_t key[32], struct ph_bytes text, uint8_t out[32])
{
    crypto_auth_hmacsha256_state hash;
    crypto_auth_hmacsha256_init(&hash, key, 32);
    crypto_auth_hmacsha256_update(&hash, text.ptr, text.len);
    crypto_auth_hmacsha256_final(&hash, out);
}

/* The client of RFC 5802 section 3: its final message, and the server's signature that it expects. */
static void client_final(const char *user, const char *password, struct ph_bytes challenge,
                         struct ph_buf *out, struct ph_buf *out_verifier)
{
    uint8_t salted[32];
    uint8_t client_key[32];
    uint8_t stored_key[32];
    uint8_t server_key[32];
    uint8_t signature[32];
    uint64_t iterations;
    struct ph_buf salt = PH_BUF(64);
    struct ph_buf message = PH_BUF(4096);
    assert_int_equal(ph_base64_decode(attribute(challenge, 's'), &salt), PH_OK);
    assert_true(ph_bytes_to_u64(attribute(challenge, 'i'), &iterations));
    assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt.ptr, (int)salt.len,
                                       (int)iterations, EVP_sha256(), 32, salted),
                     1);
    hmac(salted, PH_BYTES("Client Key"), client_key);
    crypto_hash_sha256(stored_key, client_key, 32);
    hmac(salted, PH_BYTES("Server Key"), server_key);

    ph_buf_str(out, "c=biws,r=");
    ph_buf_bytes(out, attribute(challenge, 'r'));
    ph_buf_printf(&message, CLIENT_FIRST_BARE ",", user);
    ph_buf_bytes(&message, challenge);
    ph_buf_byte(&message, ',');
    ph_buf_bytes(&message, ph_buf_view(out));
    hmac(stored_key, ph_buf_view(&message), signature);
    for (size_t i = 0; i < 32; i++) {
        client_key[i] ^= signature[i];
    }
    ph_buf_str(out, ",p=");
    ph_base64_encode(ph_bytes_of(client_key, 32), out);
    hmac(server_key, ph_buf_view(&message), signature);
    ph_buf_str(out_verifier, "v=");
    ph_base64_encode(ph_bytes_of(signature, 32), out_verifier);
    ph_buf_fini(&salt);
    ph_buf_fini(&message);
}

/* The exchange up to the proof; the outcome of the proof. The verifier is checked. */
static int scram(struct session *session, unsigned address, const char *user, const char *password)
{
    struct ph_buf first = PH_BUF(1024);
    struct ph_buf final = PH_BUF(1024);
    struct ph_buf verifier = PH_BUF(1024);
    ph_buf_printf(&first, "n,," CLIENT_FIRST_BARE, user);
    open_from(session, address);
    ph_login_sasl(session->login, PH_BYTES("SCRAM-SHA-256"), true, ph_buf_view(&first), false, on_done,
                  session);
    int result = outcome(session);
    if (result == 1) {
        client_final(user, password, ph_login_challenge(session->login), &final, &verifier);
        result = step(session, ph_buf_view(&final));
        if (result == 1) {
            assert_true(ph_bytes_eq(ph_login_challenge(session->login), ph_buf_view(&verifier)));
        }
    }
    ph_buf_fini(&first);
    ph_buf_fini(&final);
    ph_buf_fini(&verifier);
    return result;
}

static void scram_needs_no_hash_thread(void **state)
{
    (void)state;
    struct session session;
    assert_int_equal(scram(&session, 1, "Alice@example.org", "secret"), 1);
    assert_int_equal(step(&session, PH_BYTES("")), PH_OK);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("alice@example.org")));
    assert_int_equal(atomic_load(&session.done_count), 3);
    close_session(&session);
    /* Our proof must be answered with nothing. */
    assert_int_equal(scram(&session, 1, "alice@example.org", "secret"), 1);
    assert_int_equal(step(&session, PH_BYTES("x")), PH_EINVALID);
    close_session(&session);
}

static void scram_with_a_wrong_password(void **state)
{
    (void)state;
    struct session session;
    assert_int_equal(scram(&session, 1, "alice@example.org", "wrong"), PH_EDENIED);
    assert_true(ph_bytes_eq(ph_login_challenge(session.login), PH_BYTES("e=invalid-proof")));
    close_session(&session);
    store_password("argon2id", "no SCRAM keys");
    assert_int_equal(scram(&session, 1, "alice@example.org", "secret"), PH_EDENIED);
    close_session(&session);
}

static void first_challenge(const char *user, char *out_salt, uint64_t *out_iterations)
{
    struct session session;
    struct ph_buf first = PH_BUF(1024);
    ph_buf_printf(&first, "n,," CLIENT_FIRST_BARE, user);
    assert_int_equal(sasl(&session, "SCRAM-SHA-256", true, ph_buf_view(&first)), 1);
    struct ph_bytes challenge = ph_login_challenge(session.login);
    snprintf(out_salt, 64, "%.*s", (int)attribute(challenge, 's').len,
             (const char *)attribute(challenge, 's').ptr);
    assert_true(ph_bytes_to_u64(attribute(challenge, 'i'), out_iterations));
    ph_buf_fini(&first);
    close_session(&session);
}

static void scram_for_nobody_looks_like_scram_for_somebody(void **state)
{
    (void)state;
    char alice[64];
    char bob[64];
    char again[64];
    uint64_t iterations;
    uint64_t nobody_iterations;
    first_challenge("alice@example.org", alice, &iterations);
    first_challenge("bob@example.org", bob, &nobody_iterations);
    assert_int_equal(strlen(alice), strlen(bob));
    assert_int_equal(iterations, nobody_iterations);
    assert_true(iterations >= PH_SCRAM_ITERATIONS_MIN);
    first_challenge("BOB@example.org", again, &iterations);
    assert_string_equal(bob, again);
    first_challenge("carol@example.org", again, &iterations);
    assert_string_not_equal(bob, again);
    /* Also after the server was started anew. */
    start(1, 10, 1000, 0);
    first_challenge("bob@example.org", again, &iterations);
    assert_string_equal(bob, again);

    struct session session;
    assert_int_equal(scram(&session, 1, "bob@example.org", "secret"), PH_EDENIED);
    close_session(&session);
}

/* ---- Limits ---- */

static void too_many_failures_are_refused_without_a_look(void **state)
{
    (void)state;
    struct session session;
    assert_int_equal(log_in_from(7, "j\u00FCrgen@example.org", "schl\u00FCssel"), PH_OK);
    for (int i = 0; i < 20; i++) {
        if (i % 2 == 0) {
            assert_int_equal(log_in_from(7, "alice@example.org", "wrong"), PH_EDENIED);
        } else {
            assert_int_equal(scram(&session, 7, "alice@example.org", "wrong"), PH_EDENIED);
            close_session(&session);
        }
    }
    uint64_t statements = ph_store_fixture_statements(&f);
    assert_int_equal(log_in_from(7, "alice@example.org", "secret"), PH_ELIMIT);
    assert_int_equal(log_in_from(7, "bob@example.org", "secret"), PH_ELIMIT);
    assert_int_equal(log_in_from(8, "alice@example.org", "secret"), PH_ELIMIT);
    assert_int_equal(scram(&session, 7, "alice@example.org", "secret"), PH_ELIMIT);
    close_session(&session);
    assert_int_equal(ph_store_fixture_statements(&f), statements);
    /* Known from here. */
    assert_int_equal(log_in_from(7, "j\u00FCrgen@example.org", "schl\u00FCssel"), PH_OK);
    time_now.mono_us += 600000000;
    assert_int_equal(log_in_from(7, "alice@example.org", "secret"), PH_OK);
}

static void late_answers_come(void **state)
{
    (void)state;
    struct session session;
    start(1, 10, 0, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(log_in("alice@example.org", "wrong"), PH_EDENIED);
    }
    assert_int_equal(scram(&session, 1, "alice@example.org", "wrong"), PH_EDENIED);
    close_session(&session);
    assert_int_equal(scram(&session, 1, "alice@example.org", "secret"), 1);
    assert_int_equal(step(&session, PH_BYTES("")), PH_OK);
    close_session(&session);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_OK);
}

/* Each doubles the lateness of the next, which ends at hours, but not later than the end of all. */
static void the_end_completes_what_is_late(void **state)
{
    (void)state;
    enum { COUNT = 19 };
    struct session sessions[COUNT];
    start(1, 100, 1, 24 * 3600 * 1000);
    for (unsigned i = 0; i < COUNT; i++) {
        bool is_right = i == COUNT - 1;
        open_from(&sessions[i], 10 + i);
        ph_login_password(sessions[i].login, PH_BYTES("alice@example.org"),
                          is_right ? PH_BYTES("secret") : PH_BYTES("wrong"), on_done, &sessions[i]);
    }
    ph_auth_free(&auth);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(atomic_load(&sessions[i].done_count), 1);
        assert_int_equal(outcome(&sessions[i]), i == COUNT - 1 ? PH_OK : PH_EDENIED);
        close_session(&sessions[i]);
    }
}

/* ---- Threads ---- */

struct blocker {
    sem_t is_in;
    sem_t may_go;
};

static void block(void *ctx)
{
    struct blocker *blocker = ctx;
    sem_post(&blocker->is_in);
    sem_wait(&blocker->may_go);
}

static void a_full_queue_is_busy(void **state)
{
    (void)state;
    struct blocker blocker;
    struct session first;
    struct session second;
    sem_init(&blocker.is_in, 0, 0);
    sem_init(&blocker.may_go, 0, 0);
    start(1, 1, 1000, 0);
    /* The one hash thread stands in DONE; the second login waits; for a third there is no room. */
    open_from(&first, 1);
    ph_login_password(first.login, PH_BYTES("alice@example.org"), PH_BYTES("wrong"), block, &blocker);
    sem_wait(&blocker.is_in);
    open_from(&second, 1);
    ph_login_password(second.login, PH_BYTES("alice@example.org"), PH_BYTES("secret"), on_done, &second);
    assert_int_equal(log_in("alice@example.org", "secret"), PH_EBUSY);
    sem_post(&blocker.may_go);
    assert_int_equal(outcome(&second), PH_OK);
    close_session(&second);
    start(1, 1, 1000, 0);
    assert_int_equal(ph_login_state(first.login), PH_LOGIN_FAILED);
    close_session(&first);
    sem_destroy(&blocker.is_in);
    sem_destroy(&blocker.may_go);
}

struct short_life {
    struct ph_login *login;
    sem_t *gone;
};

static void free_in_done(void *ctx)
{
    struct short_life *life = ctx;
    ph_login_free(&life->login);
    sem_post(life->gone);
}

static void a_login_may_be_freed_in_done(void **state)
{
    (void)state;
    sem_t gone;
    sem_init(&gone, 0, 0);
    static const char *const passwords[] = {"wrong", "secret", "secret"};
    for (size_t i = 0; i < 3; i++) {
        struct ph_address peer = peer_of(1);
        struct short_life life = {ph_login_new(auth, &peer, "test"), &gone};
        ph_login_password(life.login, PH_BYTES("alice@example.org"), ph_bytes_str(passwords[i]), free_in_done,
                          &life);
        sem_wait(&gone);
    }
    sem_destroy(&gone);
}

static void *log_in_often(void *arg)
{
    unsigned number = *(unsigned *)arg;
    bool is_right = true;
    for (unsigned i = 0; i < 40; i++) {
        struct session session;
        switch ((i + number) % 4) {
        case 0:
            is_right = log_in_from(100 + number, "alice@example.org", "secret") == PH_OK && is_right;
            break;
        case 1: is_right = log_in_from(200 + i, "bob@example.org", "wrong") != PH_OK && is_right; break;
        case 2:
            is_right = scram(&session, 100 + number, "alice@example.org", "secret") == 1 && is_right;
            close_session(&session);
            break;
        default: ph_auth_forget(auth, PH_BYTES("alice@example.org")); break;
        }
    }
    return is_right ? arg : NULL;
}

static void many_threads(void **state)
{
    (void)state;
    start(2, 100, 0, 1);
    pthread_t threads[4];
    unsigned numbers[4] = {0, 1, 2, 3};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, log_in_often, &numbers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        assert_non_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(right_and_wrong_passwords, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_user_is_canonical, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_verified_login_is_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_password_ends_the_old_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_that_cannot_be_verified_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_of_james_is_renewed_at_login, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_renewal_does_not_undo_a_new_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_renewed_where_james_reads_it_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_and_login, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mechanisms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scram_needs_no_hash_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scram_with_a_wrong_password, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scram_for_nobody_looks_like_scram_for_somebody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_failures_are_refused_without_a_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_answers_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_completes_what_is_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_is_busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_login_may_be_freed_in_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
