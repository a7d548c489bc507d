/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "pop3/login_delay.h"

static void a_user_waits_and_others_do_not(void **state)
{
    (void)state;
    struct ph_clock_manual now = {.mono_us = 5000000};
    struct ph_clock clock = ph_clock_from_manual(&now);
    struct ph_login_delays *delays = ph_login_delays_new(60, &clock);
    assert_int_equal(ph_login_delays_seconds(delays), 60);

    struct ph_bytes alice = PH_BYTES("alice@example.org");
    assert_true(ph_login_delays_may_login(delays, alice));
    ph_login_delays_note(delays, alice);
    assert_false(ph_login_delays_may_login(delays, alice));
    assert_true(ph_login_delays_may_login(delays, PH_BYTES("bob@example.org")));
    assert_true(ph_login_delays_may_login(delays, PH_BYTES("alice@example.or")));

    now.mono_us += 59999999;
    assert_false(ph_login_delays_may_login(delays, alice));
    now.mono_us += 1;
    assert_true(ph_login_delays_may_login(delays, alice));
    ph_login_delays_free(&delays);
    assert_null(delays);
}

static void a_second_login_counts_anew(void **state)
{
    (void)state;
    struct ph_clock_manual now = {0};
    struct ph_clock clock = ph_clock_from_manual(&now);
    struct ph_login_delays *delays = ph_login_delays_new(10, &clock);
    struct ph_bytes alice = PH_BYTES("alice@example.org");
    ph_login_delays_note(delays, alice);
    now.mono_us = 8000000;
    ph_login_delays_note(delays, alice);
    now.mono_us = 17000000;
    assert_false(ph_login_delays_may_login(delays, alice));
    now.mono_us = 18000000;
    assert_true(ph_login_delays_may_login(delays, alice));
    ph_login_delays_free(&delays);
}

static void many_users(void **state)
{
    (void)state;
    struct ph_clock_manual now = {0};
    struct ph_clock clock = ph_clock_from_manual(&now);
    struct ph_login_delays *delays = ph_login_delays_new(10, &clock);
    char name[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "user%d@example.org", i);
        assert_true(ph_login_delays_may_login(delays, ph_bytes_str(name)));
        ph_login_delays_note(delays, ph_bytes_str(name));
    }
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "user%d@example.org", i);
        assert_false(ph_login_delays_may_login(delays, ph_bytes_str(name)));
    }
    now.mono_us = 10000000;
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "user%d@example.org", i);
        assert_true(ph_login_delays_may_login(delays, ph_bytes_str(name)));
    }
    ph_login_delays_free(&delays);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_waits_and_others_do_not),
        cmocka_unit_test(a_second_login_counts_anew),
        cmocka_unit_test(many_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
