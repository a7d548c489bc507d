/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/targets.h"

static unsigned add(struct ph_target_set *set, const char *user, const char *mailbox)
{
    struct ph_target target = {ph_bytes_str(user), ph_bytes_str(mailbox)};
    return ph_target_set_add(set, &target);
}

static void test_each_mailbox_once(void **state)
{
    (void)state;
    struct ph_target_set set = {0};
    assert_int_equal(add(&set, "alice@example.org", "INBOX"), 0);
    assert_int_equal(add(&set, "bob@example.org", "INBOX"), 1);
    assert_int_equal(add(&set, "alice@example.org", "INBOX"), 0);
    assert_int_equal(add(&set, "alice@example.org", "lists"), 2);
    assert_int_equal(set.count, 3);
    ph_target_set_clear(&set);
    assert_int_equal(set.count, 0);
    assert_int_equal(add(&set, "bob@example.org", "INBOX"), 0);
    ph_target_set_fini(&set);
}

static void test_many(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static char names[MANY][24];
    struct ph_target_set set = {0};
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(names[i], sizeof names[i], "user%u@example.org", i);
        assert_int_equal(add(&set, names[i], "INBOX"), i);
    }
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(add(&set, names[i], "INBOX"), i);
    }
    assert_int_equal(set.count, MANY);
    ph_target_set_clear(&set);
    assert_null(set.list);
    ph_target_set_fini(&set);
}

static void test_loops_are_marked_by_user(void **state)
{
    (void)state;
    struct ph_target_set set = {0};
    ph_target_set_mark_loop(&set, PH_BYTES("alice@example.org"));
    add(&set, "alice@example.org", "INBOX");
    add(&set, "bob@example.org", "INBOX");
    add(&set, "alice@example.org", "lists");
    ph_target_set_mark_loop(&set, PH_BYTES("alice@example.org"));
    ph_target_set_mark_loop(&set, PH_BYTES("carol@example.org"));
    ph_target_set_mark_loop(&set, PH_BYTES(""));
    assert_true(set.list[0].is_loop);
    assert_false(set.list[1].is_loop);
    assert_true(set.list[2].is_loop);
    ph_target_set_fini(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_mailbox_once),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_loops_are_marked_by_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
