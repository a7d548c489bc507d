/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/test_logins.h"

#include <openssl/evp.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void ph_test_logins_start(struct ph_test_logins *t, unsigned hash_threads, unsigned queue,
                          unsigned before_delay, unsigned delay_ms)
{
    struct ph_auth_options options = {.accounts = t->accounts,
                                      .db = t->store.db,
                                      .clock = &t->clock_now,
                                      .rand = &ph_rand_system,
                                      .log = &t->store.log,
                                      .hash_threads = hash_threads,
                                      .hash_queue_max = queue,
                                      .cache_seconds = 300,
                                      .cache_entries_max = 1000,
                                      .failures_before_delay = before_delay,
                                      .failure_delay_ms_max = delay_ms,
                                      .failures_max = 20,
                                      .failure_window_seconds = 600};
    ph_auth_free(&t->auth);
    assert_int_equal(ph_auth_new(&options, &t->auth, &t->store.err), PH_OK);
}

void ph_test_logins_open(struct ph_test_logins *t)
{
    ph_store_fixture_open(&t->store);
    t->time_now = (struct ph_clock_manual){.mono_us = 1000000};
    t->clock_now = ph_clock_from_manual(&t->time_now);
    struct ph_accounts_options options = {.db = t->store.db,
                                          .clock = &t->clock_now,
                                          .rand = &ph_rand_system,
                                          .argon2_memory_kib = 64,
                                          .argon2_passes = 1};
    assert_int_equal(ph_accounts_new(&options, &t->accounts, &t->store.err), PH_OK);
    assert_int_equal(ph_domain_add(t->accounts, PH_BYTES("example.org"), &t->store.err), PH_OK);
    assert_int_equal(
        ph_user_add(t->accounts, PH_BYTES("alice@example.org"), PH_BYTES("secret"), &t->store.err), PH_OK);
    assert_int_equal(ph_user_add(t->accounts, PH_BYTES("j\u00FCrgen@example.org"), PH_BYTES("schl\u00FCssel"),
                                 &t->store.err),
                     PH_OK);
    ph_test_logins_start(t, 2, 100, 1000, 0);
}

void ph_test_logins_close(struct ph_test_logins *t)
{
    ph_auth_free(&t->auth);
    ph_accounts_free(&t->accounts);
    ph_store_fixture_close(&t->store);
}

/* ---- A session that waits for DONE ---- */

void ph_test_login_done(void *ctx)
{
    struct ph_test_login *session = ctx;
    atomic_fetch_add(&session->done_count, 1);
    sem_post(&session->done);
}

struct ph_address ph_test_peer(unsigned number)
{
    struct ph_address peer = {.family = PH_ADDRESS_IP};
    static const uint8_t documentation[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0};
    memcpy(peer.ip, documentation, sizeof documentation);
    peer.ip[14] = (uint8_t)(number >> 8);
    peer.ip[15] = (uint8_t)number;
    return peer;
}

void ph_test_login_open(struct ph_test_logins *t, struct ph_test_login *session, unsigned address)
{
    struct ph_address peer = ph_test_peer(address);
    sem_init(&session->done, 0, 0);
    atomic_init(&session->done_count, 0);
    session->login = ph_login_new(t->auth, &peer, "test");
}

void ph_test_login_close(struct ph_test_login *session)
{
    ph_login_free(&session->login);
    sem_destroy(&session->done);
}

/* The state after the step that was begun; with its error class where it failed. */
int ph_test_login_outcome(struct ph_test_login *session)
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

int ph_test_log_in(struct ph_test_logins *t, unsigned address, const char *user, const char *password)
{
    struct ph_test_login session;
    ph_test_login_open(t, &session, address);
    ph_login_password(session.login, ph_bytes_str(user), ph_bytes_str(password), ph_test_login_done,
                      &session);
    int result = ph_test_login_outcome(&session);
    assert_int_equal(atomic_load(&session.done_count), 1);
    ph_test_login_close(&session);
    return result;
}

int ph_test_login_step(struct ph_test_login *session, struct ph_bytes response)
{
    ph_login_sasl_step(session->login, response, ph_test_login_done, session);
    return ph_test_login_outcome(session);
}

/* ---- SCRAM ---- */

struct ph_bytes ph_test_scram_attribute(struct ph_bytes message, char name)
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
    assert_int_equal(ph_base64_decode(ph_test_scram_attribute(challenge, 's'), &salt), PH_OK);
    assert_true(ph_bytes_to_u64(ph_test_scram_attribute(challenge, 'i'), &iterations));
    assert_int_equal(PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt.ptr, (int)salt.len,
                                       (int)iterations, EVP_sha256(), 32, salted),
                     1);
    hmac(salted, PH_BYTES("Client Key"), client_key);
    crypto_hash_sha256(stored_key, client_key, 32);
    hmac(salted, PH_BYTES("Server Key"), server_key);

    ph_buf_str(out, "c=biws,r=");
    ph_buf_bytes(out, ph_test_scram_attribute(challenge, 'r'));
    ph_buf_printf(&message, PH_TEST_SCRAM_CLIENT_FIRST ",", user);
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

int ph_test_login_scram(struct ph_test_logins *t, struct ph_test_login *session, unsigned address,
                        const char *user, const char *password)
{
    struct ph_buf first = PH_BUF(1024);
    struct ph_buf final = PH_BUF(1024);
    struct ph_buf verifier = PH_BUF(1024);
    ph_buf_printf(&first, "n,," PH_TEST_SCRAM_CLIENT_FIRST, user);
    ph_test_login_open(t, session, address);
    ph_login_sasl(session->login, PH_BYTES("SCRAM-SHA-256"), true, ph_buf_view(&first), false,
                  ph_test_login_done, session);
    int result = ph_test_login_outcome(session);
    if (result == 1) {
        client_final(user, password, ph_login_challenge(session->login), &final, &verifier);
        result = ph_test_login_step(session, ph_buf_view(&final));
        if (result == 1) {
            assert_true(ph_bytes_eq(ph_login_challenge(session->login), ph_buf_view(&verifier)));
        }
    }
    ph_buf_fini(&first);
    ph_buf_fini(&final);
    ph_buf_fini(&verifier);
    return result;
}
