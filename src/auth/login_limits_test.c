/* SPDX-License-Identifier: Apache-2.0 */
/* What slows logins and refuses them without a look: failures, a full queue; and logins on many threads. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

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

/* ---- Limits ---- */

static void too_many_failures_are_refused_without_a_look(void **state)
{
    (void)state;
    struct ph_test_login session;
    assert_int_equal(ph_test_log_in(&t, 7, "j\u00FCrgen@example.org", "schl\u00FCssel"), PH_OK);
    for (int i = 0; i < 20; i++) {
        if (i % 2 == 0) {
            assert_int_equal(ph_test_log_in(&t, 7, "alice@example.org", "wrong"), PH_EDENIED);
        } else {
            assert_int_equal(ph_test_login_scram(&t, &session, 7, "alice@example.org", "wrong"), PH_EDENIED);
            ph_test_login_close(&session);
        }
    }
    uint64_t statements = ph_store_fixture_statements(&t.store);
    assert_int_equal(ph_test_log_in(&t, 7, "alice@example.org", "secret"), PH_ELIMIT);
    assert_int_equal(ph_test_log_in(&t, 7, "bob@example.org", "secret"), PH_ELIMIT);
    assert_int_equal(ph_test_log_in(&t, 8, "alice@example.org", "secret"), PH_ELIMIT);
    assert_int_equal(ph_test_login_scram(&t, &session, 7, "alice@example.org", "secret"), PH_ELIMIT);
    ph_test_login_close(&session);
    assert_int_equal(ph_store_fixture_statements(&t.store), statements);
    /* Known from here. */
    assert_int_equal(ph_test_log_in(&t, 7, "j\u00FCrgen@example.org", "schl\u00FCssel"), PH_OK);
    t.time_now.mono_us += 600000000;
    assert_int_equal(ph_test_log_in(&t, 7, "alice@example.org", "secret"), PH_OK);
}

static void late_answers_come(void **state)
{
    (void)state;
    struct ph_test_login session;
    ph_test_logins_start(&t, 1, 10, 0, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "wrong"), PH_EDENIED);
    }
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "alice@example.org", "wrong"), PH_EDENIED);
    ph_test_login_close(&session);
    assert_int_equal(ph_test_login_scram(&t, &session, 1, "alice@example.org", "secret"), 1);
    assert_int_equal(ph_test_login_step(&session, PH_BYTES("")), PH_OK);
    ph_test_login_close(&session);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_OK);
}

/* Each doubles the lateness of the next, which ends at hours, but not later than the end of all. */
static void the_end_completes_what_is_late(void **state)
{
    (void)state;
    enum { COUNT = 19 };
    struct ph_test_login sessions[COUNT];
    ph_test_logins_start(&t, 1, 100, 1, 24 * 3600 * 1000);
    for (unsigned i = 0; i < COUNT; i++) {
        bool is_right = i == COUNT - 1;
        ph_test_login_open(&t, &sessions[i], 10 + i);
        ph_login_password(sessions[i].login, PH_BYTES("alice@example.org"),
                          is_right ? PH_BYTES("secret") : PH_BYTES("wrong"), ph_test_login_done,
                          &sessions[i]);
    }
    ph_auth_free(&t.auth);
    for (unsigned i = 0; i < COUNT; i++) {
        assert_int_equal(atomic_load(&sessions[i].done_count), 1);
        assert_int_equal(ph_test_login_outcome(&sessions[i]), i == COUNT - 1 ? PH_OK : PH_EDENIED);
        ph_test_login_close(&sessions[i]);
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
    struct ph_test_login first;
    struct ph_test_login second;
    sem_init(&blocker.is_in, 0, 0);
    sem_init(&blocker.may_go, 0, 0);
    ph_test_logins_start(&t, 1, 1, 1000, 0);
    /* The one hash thread stands in DONE; the second login waits; for a third there is no room. */
    ph_test_login_open(&t, &first, 1);
    ph_login_password(first.login, PH_BYTES("alice@example.org"), PH_BYTES("wrong"), block, &blocker);
    sem_wait(&blocker.is_in);
    ph_test_login_open(&t, &second, 1);
    ph_login_password(second.login, PH_BYTES("alice@example.org"), PH_BYTES("secret"), ph_test_login_done,
                      &second);
    assert_int_equal(ph_test_log_in(&t, 1, "alice@example.org", "secret"), PH_EBUSY);
    sem_post(&blocker.may_go);
    assert_int_equal(ph_test_login_outcome(&second), PH_OK);
    ph_test_login_close(&second);
    ph_test_logins_start(&t, 1, 1, 1000, 0);
    assert_int_equal(ph_login_state(first.login), PH_LOGIN_FAILED);
    ph_test_login_close(&first);
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
        struct ph_address peer = ph_test_peer(1);
        struct short_life life = {ph_login_new(t.auth, &peer, "test"), &gone};
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
        struct ph_test_login session;
        switch ((i + number) % 4) {
        case 0:
            is_right = ph_test_log_in(&t, 100 + number, "alice@example.org", "secret") == PH_OK && is_right;
            break;
        case 1:
            is_right = ph_test_log_in(&t, 200 + i, "bob@example.org", "wrong") != PH_OK && is_right;
            break;
        case 2:
            is_right = ph_test_login_scram(&t, &session, 100 + number, "alice@example.org", "secret") == 1 &&
                       is_right;
            ph_test_login_close(&session);
            break;
        default: ph_auth_forget(t.auth, PH_BYTES("alice@example.org")); break;
        }
    }
    return is_right ? arg : NULL;
}

static void many_threads(void **state)
{
    (void)state;
    ph_test_logins_start(&t, 2, 100, 0, 1);
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
        cmocka_unit_test_setup_teardown(too_many_failures_are_refused_without_a_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_answers_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_completes_what_is_late, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_queue_is_busy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_login_may_be_freed_in_done, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
