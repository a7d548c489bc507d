/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: the contract of auth/auth.h, on the real engine, with the real hashes at a low cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "auth/accounts-private.h"
#include "auth/james_password.h"
#include "auth/scram.h"
#include "auth/test_logins.h"

static struct ph_test_logins t;

static int set_up(void **state)
{
    (void)state;
    ph_test_logins_open(&t);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_test_logins_close(&t);
    return 0;
}

/* ---- Passwords ---- */

static void right_and_wrong_passwords(void **state)
{
    (void)state;
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    assert_int_equal(ph_test_log_in(&t, 1, "Alice@EXAMPLE.org", "secret"), PH_OK);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "Secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", ""), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "sec\x01ret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "bob@example.org", "secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.com", "secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "alice", "secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "", "secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "a\xFF", "secret"), PH_EDENIED);
    /* Names and passwords in another form of Unicode. */
    assert_int_equal(ph_test_log_in(&t, 1, "ju\u0308rgen@example.org", "schlu\u0308ssel"), PH_OK);
    assert_int_equal(ph_test_log_in(&t, 1, "j\u00FCrgen@example.org", "schlussel"), PH_EDENIED);
}

static void the_user_is_canonical(void **state)
{
    (void)state;
    struct ph_test_login session;
    ph_test_login_open(&t, &session, 1);
    ph_login_password(session.login, PH_BYTES("\"ALICE\"@Example.org"), PH_BYTES("secret"),
                      ph_test_login_done, &session);
    assert_int_equal(ph_test_login_outcome(&session), PH_OK);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("alice@example.org")));
    ph_test_login_close(&session);

    ph_test_login_open(&t, &session, 1);
    ph_login_password(session.login, PH_BYTES("who is this"), PH_BYTES("secret"), ph_test_login_done,
                      &session);
    assert_int_equal(ph_test_login_outcome(&session), PH_EDENIED);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("who is this")));
    ph_test_login_close(&session);
}

static void a_verified_login_is_remembered(void **state)
{
    (void)state;
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    uint64_t statements = ph_store_fixture_statements(&t.store);
    struct ph_test_login session;
    ph_test_login_open(&t, &session, 1);
    ph_login_password(session.login, PH_BYTES("alice@example.org"), PH_BYTES("secret"), ph_test_login_done,
                      &session);
    /* Before the call returned. */
    assert_int_equal(atomic_load(&session.done_count), 1);
    assert_int_equal(ph_test_login_outcome(&session), PH_OK);
    ph_test_login_close(&session);
    assert_int_equal(ph_store_fixture_statements(&t.store), statements);

    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "other"), PH_EDENIED);
    t.time_now.mono_us += 300000000;
    statements = ph_store_fixture_statements(&t.store);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    assert_int_equal(ph_store_fixture_statements(&t.store), statements + 1);
}

static void a_new_password_ends_the_old_one(void **state)
{
    (void)state;
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    assert_int_equal(
        ph_user_set_password(t.accounts, PH_BYTES("alice@example.org"), PH_BYTES("new"), &t.store.err),
        PH_OK);
    ph_auth_forget(t.auth, PH_BYTES("Alice@example.org"));
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "new"), PH_OK);
    assert_int_equal(ph_user_remove(t.accounts, PH_BYTES("alice@example.org"), &t.store.err), PH_OK);
    ph_auth_forget(t.auth, PH_BYTES("alice@example.org"));
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "new"), PH_EDENIED);
}

static void store_password(const char *alg, const char *password)
{
    struct ph_plan plan;
    struct ph_user_row row = {
        .name = PH_BYTES("alice@example.org"), .password = ph_bytes_str(password), .alg = ph_bytes_str(alg)};
    ph_plan_init(&plan, &t.store.arena);
    ph_store_user_set_password(&plan, &row);
    assert_int_equal(ph_db_apply(t.store.db, &plan, &t.store.err), PH_OK);
}

static void a_password_that_cannot_be_verified_is_refused(void **state)
{
    (void)state;
    store_password("SHA-512", "secret");
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_EDENIED);
    store_password("argon2id", "secret");
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_EDENIED);
}

/* ---- Passwords of James ---- */

/* Made by Python's hashlib, for alice@example.org. */
static const char of_james[] =
    "crvqNzxVNT54CZbesboO5/G5tzkUHh6YqwL0xlmFFyBWLuxCZIwVUpfC8/XchXm6BO1YHbhOs+M8\r\n"
    "e7ddMwwiyg==\r\n";

static void stored_row(struct ph_user_row *out_row)
{
    assert_int_equal(
        ph_store_user_get(t.store.db, PH_BYTES("alice@example.org"), &t.store.arena, out_row, &t.store.err),
        PH_OK);
}

static void a_password_of_james_is_renewed_at_login(void **state)
{
    (void)state;
    struct ph_user_row row;
    store_password("SHA-512/salted", of_james);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "wrong"), PH_EDENIED);
    stored_row(&row);
    assert_true(ph_bytes_eq(row.password, ph_bytes_str(of_james)));

    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    stored_row(&row);
    assert_true(ph_bytes_eq(row.alg, PH_BYTES("argon2id")));
    assert_true(row.has_scram);
    ph_test_logins_start(&t, 2, 100, 1000, 0);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "wrong"), PH_EDENIED);
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
    assert_int_equal(
        ph_user_set_password(t.accounts, PH_BYTES("alice@example.org"), PH_BYTES("new"), &t.store.err),
        PH_OK);
    assert_int_equal(ph_accounts_renew(t.accounts, &seen, 1, PH_BYTES("secret"), &t.store.err), PH_OK);
    stored_row(&row);
    assert_int_equal(ph_password_verify(row.alg, row.password, row.name, PH_BYTES("new"), &t.store.err),
                     PH_OK);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_EDENIED);
}

static void nothing_is_renewed_where_james_reads_it_too(void **state)
{
    (void)state;
    struct ph_user_row row;
    struct ph_accounts_options options = {
        .db = t.store.db, .clock = &t.clock_now, .rand = &ph_rand_system, .is_shared_with_james = true};
    ph_auth_free(&t.auth);
    ph_accounts_free(&t.accounts);
    assert_int_equal(ph_accounts_new(&options, &t.accounts, &t.store.err), PH_OK);
    ph_test_logins_start(&t, 2, 100, 1000, 0);
    store_password("SHA-512/salted", of_james);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
    stored_row(&row);
    assert_true(ph_bytes_eq(row.alg, PH_BYTES("SHA-512/salted")));
    assert_true(ph_bytes_eq(row.password, ph_bytes_str(of_james)));

    /* What is set here James verifies. */
    assert_int_equal(
        ph_user_set_password(t.accounts, PH_BYTES("alice@example.org"), PH_BYTES("new"), &t.store.err),
        PH_OK);
    ph_auth_forget(t.auth, PH_BYTES("alice@example.org"));
    stored_row(&row);
    assert_true(ph_bytes_eq(row.alg, ph_bytes_str(ph_james_password_algorithm)));
    assert_false(row.has_scram);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "new"), PH_OK);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_EDENIED);
    assert_int_equal(ph_test_log_in(&t, 1, "nobody@example.org", "secret"), PH_EDENIED);

    /* James keeps no keys of SCRAM. */
    assert_string_equal(ph_auth_mechanisms(t.auth, true), "PLAIN LOGIN");
    assert_string_equal(ph_auth_mechanisms(t.auth, false), "");
    struct ph_test_login session;
    ph_test_login_open(&t, &session, 1);
    ph_login_sasl(session.login, PH_BYTES("SCRAM-SHA-256"), false, PH_BYTES(""), true, ph_test_login_done,
                  &session);
    assert_int_equal(ph_test_login_outcome(&session), PH_ENOTFOUND);
    ph_test_login_close(&session);
}

/* ---- SASL ---- */

static int sasl(struct ph_test_login *session, const char *mechanism, bool has_initial,
                struct ph_bytes initial)
{
    ph_test_login_open(&t, session, 1);
    ph_login_sasl(session->login, ph_bytes_str(mechanism), has_initial, initial, true, ph_test_login_done,
                  session);
    return ph_test_login_outcome(session);
}

static void plain_and_login(void **state)
{
    (void)state;
    struct ph_test_login session;
    assert_int_equal(sasl(&session, "PLAIN", true, PH_BYTES("\0alice@example.org\0secret")), PH_OK);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("alice@example.org")));
    ph_test_login_close(&session);
    assert_int_equal(sasl(&session, "plain", false, PH_BYTES("")), 1);
    assert_int_equal(ph_login_challenge(session.login).len, 0);
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("\0alice@example.org\0wrong")), PH_EDENIED);
    /* It was one attempt. */
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("\0alice@example.org\0secret")), PH_EBUG);
    ph_test_login_close(&session);
    assert_int_equal(sasl(&session, "PLAIN", true, PH_BYTES("alice@example.org\0bob@example.org\0x")),
                     PH_EDENIED);
    ph_test_login_close(&session);
    assert_int_equal(sasl(&session, "PLAIN", true, PH_BYTES("nonsense")), PH_EINVALID);
    ph_test_login_close(&session);

    assert_int_equal(sasl(&session, "LOGIN", false, PH_BYTES("")), 1);
    assert_true(ph_bytes_eq(ph_login_challenge(session.login), PH_BYTES("Username:")));
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("alice@example.org")), 1);
    assert_true(ph_bytes_eq(ph_login_challenge(session.login), PH_BYTES("Password:")));
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("secret")), PH_OK);
    ph_test_login_close(&session);
}

static void mechanisms(void **state)
{
    (void)state;
    struct ph_test_login session;
    assert_string_equal(ph_auth_mechanisms(t.auth, true), "SCRAM-SHA-256 PLAIN LOGIN");
    assert_string_equal(ph_auth_mechanisms(t.auth, false), "SCRAM-SHA-256");
    assert_int_equal(sasl(&session, "CRAM-MD5", false, PH_BYTES("")), PH_ENOTFOUND);
    ph_test_login_close(&session);
    ph_test_login_open(&t, &session, 1);
    ph_login_sasl(session.login, PH_BYTES("PLAIN"), true, PH_BYTES("\0alice@example.org\0secret"), false,
                  ph_test_login_done, &session);
    assert_int_equal(ph_test_login_outcome(&session), PH_ENOTFOUND);
    ph_test_login_close(&session);
}

static void scram_needs_no_hash_thread(void **state)
{
    (void)state;
    struct ph_test_login session;
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "Alice@example.org", "secret"), 1);
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("")), PH_OK);
    assert_true(ph_bytes_eq(ph_login_user(session.login), PH_BYTES("alice@example.org")));
    assert_int_equal(atomic_load(&session.done_count), 3);
    ph_test_login_close(&session);
    /* Our proof must be answered with nothing. */
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "alice@example.org", "secret"), 1);
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("x")), PH_EINVALID);
    ph_test_login_close(&session);
}

static void scram_with_a_wrong_password(void **state)
{
    (void)state;
    struct ph_test_login session;
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "alice@example.org", "wrong"), PH_EDENIED);
    assert_true(ph_bytes_eq(ph_login_challenge(session.login), PH_BYTES("e=invalid-proof")));
    ph_test_login_close(&session);
    store_password("argon2id", "no SCRAM keys");
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "alice@example.org", "secret"), PH_EDENIED);
    ph_test_login_close(&session);
}

static void first_challenge(const char *user, char *out_salt, uint64_t *out_iterations)
{
    struct ph_test_login session;
    struct ph_buf first = PH_BUF(1024);
    ph_buf_printf(&first, "n,," PH_TEST_SCRAM_CLIENT_FIRST, user);
    assert_int_equal(sasl(&session, "SCRAM-SHA-256", true, ph_buf_view(&first)), 1);
    struct ph_bytes challenge = ph_login_challenge(session.login);
    snprintf(out_salt, 64, "%.*s", (int)ph_test_scram_attribute(challenge, 's').len,
             (const char *)ph_test_scram_attribute(challenge, 's').ptr);
    assert_true(ph_bytes_to_u64(ph_test_scram_attribute(challenge, 'i'), out_iterations));
    ph_buf_fini(&first);
    ph_test_login_close(&session);
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
    ph_test_logins_start(&t, 1, 10, 1000, 0);
    first_challenge("bob@example.org", again, &iterations);
    assert_string_equal(bob, again);

    struct ph_test_login session;
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "bob@example.org", "secret"), PH_EDENIED);
    ph_test_login_close(&session);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
