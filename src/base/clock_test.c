/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_system_clock(void **state)
{
    (void)state;
    uint64_t before = (uint64_t)time(NULL);
    uint64_t now = ph_real_us(&ph_clock_system) / 1000000U;
    uint64_t after = (uint64_t)time(NULL);
    /* time() may lag behind clock_gettime by one tick of the kernel. */
    assert_in_range(now, before, after + 1);
    uint64_t last = ph_mono_us(&ph_clock_system);
    for (int i = 0; i < 1000; i++) {
        uint64_t mono = ph_mono_us(&ph_clock_system);
        assert_true(mono >= last);
        last = mono;
    }
}

static void test_manual_clock_moves_only_by_hand(void **state)
{
    (void)state;
    struct ph_clock_manual manual = {.real_us = 1700000000123456U, .mono_us = 5000};
    struct ph_clock clock = ph_clock_from_manual(&manual);
    assert_int_equal(ph_real_us(&clock), 1700000000123456U);
    assert_int_equal(ph_mono_us(&clock), 5000);
    assert_int_equal(ph_mono_ms(&clock), 5);
    manual.mono_us += 2000000;
    manual.real_us -= 1;
    assert_int_equal(ph_mono_ms(&clock), 2005);
    assert_int_equal(ph_real_us(&clock), 1700000000123455U);
}

static void test_random_fills_all_and_only_what_it_shall(void **state)
{
    (void)state;
    uint8_t seen[512] = {0};
    uint8_t octets[514];
    for (int round = 0; round < 32; round++) {
        memset(octets, 0xA5, sizeof octets);
        ph_rand_fill(&ph_rand_system, octets + 1, 512);
        assert_int_equal(octets[0], 0xA5);
        assert_int_equal(octets[513], 0xA5);
        for (size_t i = 0; i < 512; i++) {
            seen[i] = (uint8_t)(seen[i] | (octets[i + 1] ^ 0xA5U));
        }
    }
    /* An octet that none of 32 rounds changed would be a chance of 256 to the power of -32. */
    for (size_t i = 0; i < 512; i++) {
        assert_int_not_equal(seen[i], 0);
    }
    ph_rand_fill(&ph_rand_system, octets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_system_clock),
        cmocka_unit_test(test_manual_clock_moves_only_by_hand),
        cmocka_unit_test(test_random_fills_all_and_only_what_it_shall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
