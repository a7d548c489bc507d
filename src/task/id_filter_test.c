/* SPDX-License-Identifier: Apache-2.0 */
#include "task/id_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { MEMBERS = 10000, BYTES = 16384 }; /* 13 bits each */

static void what_was_added_is_always_found_and_little_else(void **state)
{
    (void)state;
    static struct ph_uuid ids[2 * MEMBERS];
    struct ph_uuid_gen gen;
    struct ph_id_filter filter;
    ph_uuid_gen_init(&gen, &ph_clock_system, &ph_rand_system);
    ph_id_filter_init(&filter, BYTES);
    for (unsigned i = 0; i < 2 * MEMBERS; i++) {
        ids[i] = ph_uuid_gen_next(&gen);
        if (i % 2 == 0) {
            ph_id_filter_add(&filter, &ids[i]);
        }
    }
    unsigned taken = 0;
    for (unsigned i = 0; i < 2 * MEMBERS; i++) {
        bool may = ph_id_filter_may_have(&filter, &ids[i]);
        assert_true(i % 2 == 1 || may);
        taken += i % 2 == 1 && may ? 1 : 0;
    }
    assert_true(taken < MEMBERS / 50);
    ph_id_filter_clear(&filter);
    assert_false(ph_id_filter_may_have(&filter, &ids[0]));
    ph_id_filter_fini(&filter);
    ph_uuid_gen_fini(&gen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_added_is_always_found_and_little_else)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
