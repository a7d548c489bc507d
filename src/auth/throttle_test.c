/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/throttle.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { WINDOW_S = 600, MAX = 10 };

static struct ph_clock_manual time_now;
static struct ph_clock clock_now;
static struct ph_throttle *throttle;

static int set_up(void **state)
{
    (void)state;
    time_now = (struct ph_clock_manual){.mono_us = 1000000};
    clock_now = ph_clock_from_manual(&time_now);
    struct ph_throttle_options options = {.clock = &clock_now,
                                          .rand = &ph_rand_system,
                                          .failures_before_delay = 3,
                                          .delay_ms_max = 5000,
                                          .failures_max = MAX,
                                          .window_seconds = WINDOW_S,
                                          .entries_max = 1024};
    throttle = ph_throttle_new(&options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_throttle_free(&throttle);
    return 0;
}

static struct ph_attempt attempt(const char *address, const char *user)
{
    struct ph_attempt made;
    struct ph_address peer = {.family = PH_ADDRESS_UNIX};
    struct in_addr v4;
    if (inet_pton(AF_INET, address, &v4) == 1) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = v4};
        ph_address_from_sockaddr((struct sockaddr *)&sin, &peer);
    } else if (*address != '\0') {
        peer.family = PH_ADDRESS_IP;
        assert_int_equal(inet_pton(AF_INET6, address, peer.ip), 1);
    }
    ph_throttle_attempt(throttle, &peer, ph_bytes_str(user), &made);
    return made;
}

static void fails(const char *address, const char *user, int times)
{
    struct ph_attempt made = attempt(address, user);
    for (int i = 0; i < times; i++) {
        ph_throttle_failed(throttle, &made);
    }
}

static void succeeds(const char *address, const char *user)
{
    struct ph_attempt made = attempt(address, user);
    ph_throttle_succeeded(throttle, &made);
}

static int check(const char *address, const char *user)
{
    unsigned delay_ms;
    struct ph_attempt made = attempt(address, user);
    return ph_throttle_check(throttle, &made, &delay_ms);
}

static unsigned delay(const char *address, const char *user)
{
    unsigned delay_ms = 0;
    struct ph_attempt made = attempt(address, user);
    assert_int_equal(ph_throttle_check(throttle, &made, &delay_ms), PH_OK);
    return delay_ms;
}

static void answers_come_later_and_later(void **state)
{
    (void)state;
    static const unsigned want[MAX] = {0, 0, 0, 250, 500, 1000, 2000, 4000, 5000, 5000};
    for (int i = 0; i < MAX; i++) {
        assert_int_equal(delay("192.0.2.1", "alice"), want[i]);
        fails("192.0.2.1", "alice", 1);
    }
    assert_int_equal(check("192.0.2.1", "alice"), PH_ELIMIT);
}

static void an_address_is_limited_for_all_users_together(void **state)
{
    (void)state;
    char user[32];
    for (int i = 0; i < MAX; i++) {
        snprintf(user, sizeof user, "user-%d", i);
        fails("192.0.2.1", user, 1);
    }
    assert_int_equal(check("192.0.2.1", "alice"), PH_ELIMIT);
    assert_int_equal(check("192.0.2.2", "alice"), PH_OK);
    time_now.mono_us += (uint64_t)WINDOW_S * 1000000 - 1000;
    assert_int_equal(check("192.0.2.1", "alice"), PH_ELIMIT);
    time_now.mono_us += 1000;
    assert_int_equal(check("192.0.2.1", "alice"), PH_OK);
    assert_int_equal(delay("192.0.2.1", "alice"), 0);
}

static void a_user_is_limited_from_all_addresses_together(void **state)
{
    (void)state;
    char address[32];
    for (int i = 0; i < MAX; i++) {
        snprintf(address, sizeof address, "192.0.2.%d", i);
        fails(address, "alice", 1);
    }
    assert_int_equal(check("198.51.100.1", "alice"), PH_ELIMIT);
    assert_int_equal(check("198.51.100.1", "bob"), PH_OK);
}

static void an_ipv6_customer_is_one(void **state)
{
    (void)state;
    fails("2001:db8:1:2::1", "alice", MAX);
    assert_int_equal(check("2001:db8:1:2:ffff::2", "bob"), PH_ELIMIT);
    assert_int_equal(check("2001:db8:1:3::1", "bob"), PH_OK);
    fails("192.0.2.1", "carol", MAX);
    assert_int_equal(check("192.0.2.2", "bob"), PH_OK);
}

static void a_unix_socket_has_no_address(void **state)
{
    (void)state;
    fails("", "alice", MAX);
    assert_int_equal(check("", "alice"), PH_ELIMIT);
    assert_int_equal(check("", "bob"), PH_OK);
}

static void nobody_is_locked_out_where_he_is_known(void **state)
{
    (void)state;
    succeeds("192.0.2.1", "alice");
    char address[32];
    for (int i = 0; i < 3 * MAX; i++) {
        snprintf(address, sizeof address, "198.51.100.%d", i);
        fails(address, "alice", 1);
    }
    assert_int_equal(delay("192.0.2.1", "alice"), 0);
    assert_int_equal(check("203.0.113.1", "alice"), PH_ELIMIT);

    /* Nor by a neighbour behind the same address. */
    fails("192.0.2.1", "bob", MAX);
    assert_int_equal(check("192.0.2.1", "bob"), PH_ELIMIT);
    assert_int_equal(check("192.0.2.1", "carol"), PH_ELIMIT);
    assert_int_equal(delay("192.0.2.1", "alice"), 0);

    /* For a week. */
    time_now.mono_us += 7ULL * 24 * 3600 * 1000000;
    fails("198.51.100.1", "alice", MAX);
    assert_int_equal(check("192.0.2.1", "alice"), PH_ELIMIT);
}

static void a_known_pair_has_its_own_limit(void **state)
{
    (void)state;
    succeeds("192.0.2.1", "alice");
    fails("192.0.2.1", "alice", MAX - 1);
    assert_int_equal(delay("192.0.2.1", "alice"), 5000);
    /* A client with an old password at home does not lock its user out elsewhere. */
    assert_int_equal(delay("198.51.100.1", "alice"), 0);
    fails("192.0.2.1", "alice", 1);
    assert_int_equal(check("192.0.2.1", "alice"), PH_ELIMIT);
    time_now.mono_us += (uint64_t)WINDOW_S * 1000000;
    assert_int_equal(delay("192.0.2.1", "alice"), 0);
    fails("192.0.2.1", "alice", 5);
    succeeds("192.0.2.1", "alice");
    assert_int_equal(delay("192.0.2.1", "alice"), 0);
}

static void success_of_an_own_account_buys_no_guesses(void **state)
{
    (void)state;
    for (int i = 0; i < MAX; i++) {
        fails("192.0.2.1", "alice", 1);
        succeeds("192.0.2.1", "mallory");
    }
    assert_int_equal(check("192.0.2.1", "alice"), PH_ELIMIT);
    assert_int_equal(check("192.0.2.1", "bob"), PH_ELIMIT);
}

static void a_flood_does_not_clear_the_offender(void **state)
{
    (void)state;
    char address[32];
    char user[32];
    fails("192.0.2.1", "alice", MAX);
    succeeds("203.0.113.1", "carol");
    for (int i = 0; i < 50000; i++) {
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
        snprintf(user, sizeof user, "user-%d", i);
        fails(address, user, 1);
    }
    assert_int_equal(check("192.0.2.1", "bob"), PH_ELIMIT);
    assert_int_equal(check("198.51.100.1", "alice"), PH_ELIMIT);
    fails("198.51.100.1", "carol", MAX);
    assert_int_equal(delay("203.0.113.1", "carol"), 0);
}

static void *hammer(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 2000; i++) {
        char address[32];
        snprintf(address, sizeof address, "192.0.2.%u", i % 100);
        struct ph_address peer = {.family = PH_ADDRESS_IP};
        peer.ip[5] = (uint8_t)i;
        struct ph_attempt made;
        unsigned delay_ms;
        ph_throttle_attempt(throttle, &peer, ph_bytes_str(address), &made);
        if (ph_throttle_check(throttle, &made, &delay_ms) == PH_OK && i % 3 != 0) {
            ph_throttle_failed(throttle, &made);
        } else {
            ph_throttle_succeeded(throttle, &made);
        }
    }
    return NULL;
}

static void many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(delay("203.0.113.1", "alice"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_come_later_and_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_address_is_limited_for_all_users_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_is_limited_from_all_addresses_together, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ipv6_customer_is_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_unix_socket_has_no_address, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_locked_out_where_he_is_known, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_known_pair_has_its_own_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(success_of_an_own_account_buys_no_guesses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_does_not_clear_the_offender, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
