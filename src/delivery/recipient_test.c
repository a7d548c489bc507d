/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/recipient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/mapping.h"
#include "store/store_fixture.h"
#include "store/user.h"

static struct ph_store_fixture f;
static struct ph_accounts *accounts;

static void add_domain(const char *domain)
{
    assert_int_equal(ph_domain_add(accounts, ph_bytes_str(domain), &f.err), PH_OK);
}

static void add_user(const char *user)
{
    assert_int_equal(ph_user_add(accounts, ph_bytes_str(user), PH_BYTES("secret"), &f.err), PH_OK);
}

static void add(enum ph_mapping_type type, const char *source, const char *target)
{
    struct ph_mapping mapping = {ph_bytes_str(source), ph_bytes_str(target), type};
    if (ph_mapping_add(accounts, &mapping, &f.err) != PH_OK) {
        fail_msg("%s to %s: %s", source, target, f.err.text);
    }
}

static int set_up(void **state)
{
    (void)state;
    ph_store_fixture_open(&f);
    struct ph_accounts_options options = {.db = f.db,
                                          .clock = &ph_clock_system,
                                          .rand = &ph_rand_system,
                                          .argon2_memory_kib = 64,
                                          .argon2_passes = 1};
    assert_int_equal(ph_accounts_new(&options, &accounts, &f.err), PH_OK);
    add_domain("example.org");
    add_user("alice@example.org");
    add_user("bob@example.org");
    add_user("carol@example.org");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_accounts_free(&accounts);
    ph_store_fixture_close(&f);
    return 0;
}

static int by_user(const void *a, const void *b)
{
    struct ph_bytes x = ((const struct ph_target *)a)->user;
    struct ph_bytes y = ((const struct ph_target *)b)->user;
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static int expand(const char *address, struct ph_targets *out_targets)
{
    return ph_recipient_expand(accounts, '+', ph_bytes_str(address), &f.arena, out_targets, &f.err);
}

/* WANT: the users' local parts, in order, a blank behind each. */
static void assert_users(const char *address, const char *want)
{
    struct ph_targets targets;
    if (expand(address, &targets) != PH_OK) {
        fail_msg("%s: %s", address, f.err.text);
    }
    qsort(targets.list, targets.count, sizeof targets.list[0], by_user);
    struct ph_buf text = PH_BUF(10000);
    for (unsigned i = 0; i < targets.count; i++) {
        ph_buf_bytes(&text, ph_bytes_first(targets.list[i].user, ph_bytes_find(targets.list[i].user, '@')));
        ph_buf_byte(&text, ' ');
        assert_true(ph_bytes_eq(targets.list[i].mailbox, PH_BYTES("INBOX")));
    }
    assert_string_equal(ph_buf_cstr(&text), want);
    ph_buf_fini(&text);
}

static void assert_fails(const char *address, int want)
{
    struct ph_targets targets;
    int result = expand(address, &targets);
    if (result != want) {
        fail_msg("%s: %s instead of %s", address, ph_error_name(result), ph_error_name(want));
    }
}

static void users_and_nobody(void **state)
{
    (void)state;
    assert_users("alice@example.org", "alice ");
    assert_users("\"ALICE\"@Example.ORG", "alice ");
    assert_fails("nobody@example.org", PH_ENOTFOUND);
    assert_fails("alice@example.com", PH_EDENIED);
    assert_fails("alice@[192.0.2.1]", PH_EDENIED);
    assert_fails("alice", PH_EINVALID);
    assert_fails("a b@example.org", PH_EINVALID);
    assert_fails("", PH_EINVALID);
}

static void aliases_groups_and_what_they_name(void **state)
{
    (void)state;
    add(PH_MAPPING_ALIAS, "info@example.org", "alice@example.org");
    add(PH_MAPPING_GROUP, "all@example.org", "info@example.org");
    add(PH_MAPPING_GROUP, "all@example.org", "bob@example.org");
    add(PH_MAPPING_GROUP, "all@example.org", "alice@example.org");
    add(PH_MAPPING_GROUP, "all@example.org", "nobody@example.org");
    assert_users("info@example.org", "alice ");
    assert_users("all@example.org", "alice bob ");
    add(PH_MAPPING_ALIAS, "dead@example.org", "nobody@example.org");
    assert_fails("dead@example.org", PH_ENOTFOUND);
}

static void a_forward_takes_the_place_of_the_copy(void **state)
{
    (void)state;
    add(PH_MAPPING_FORWARD, "alice@example.org", "bob@example.org");
    assert_users("alice@example.org", "bob ");
    add(PH_MAPPING_FORWARD, "alice@example.org", "alice@example.org");
    assert_users("alice@example.org", "alice bob ");
    add(PH_MAPPING_FORWARD, "bob@example.org", "carol@example.org");
    assert_users("alice@example.org", "alice carol ");
}

static void subaddresses(void **state)
{
    (void)state;
    assert_users("alice+lists@example.org", "alice ");
    assert_users("Alice+a+b@example.org", "alice ");
    assert_users("alice+@example.org", "alice ");
    assert_fails("+alice@example.org", PH_ENOTFOUND);
    assert_fails("nobody+alice@example.org", PH_ENOTFOUND);
    assert_fails("\"alice+a b\"@example.org", PH_ENOTFOUND);
    add(PH_MAPPING_ALIAS, "info@example.org", "bob@example.org");
    add(PH_MAPPING_FORWARD, "alice@example.org", "carol@example.org");
    assert_users("info+x@example.org", "bob ");
    assert_users("alice+x@example.org", "carol ");
    /* The exact address comes first. */
    add(PH_MAPPING_ALIAS, "alice+lists@example.org", "bob@example.org");
    assert_users("alice+lists@example.org", "bob ");

    struct ph_targets targets;
    assert_int_equal(
        ph_recipient_expand(accounts, '\0', PH_BYTES("alice+x@example.org"), &f.arena, &targets, &f.err),
        PH_ENOTFOUND);
    assert_int_equal(
        ph_recipient_expand(accounts, '-', PH_BYTES("alice-x@example.org"), &f.arena, &targets, &f.err),
        PH_OK);
}

static void the_catch_all_comes_last(void **state)
{
    (void)state;
    add(PH_MAPPING_ALIAS, "@example.org", "bob@example.org");
    assert_users("nobody@example.org", "bob ");
    assert_users("*@example.org", "bob ");
    assert_users("alice@example.org", "alice ");
    assert_users("alice+x@example.org", "alice ");
    add(PH_MAPPING_ALIAS, "info@example.org", "alice@example.org");
    assert_users("info@example.org", "alice ");
    assert_fails("nobody@example.com", PH_EDENIED);
    /* One that leads to nobody does not catch itself for ever. */
    add_domain("example.net");
    add(PH_MAPPING_ALIAS, "@example.net", "nobody@example.net");
    assert_fails("somebody@example.net", PH_ENOTFOUND);
}

static void loops_are_passed_over(void **state)
{
    (void)state;
    add(PH_MAPPING_ALIAS, "a@example.org", "b@example.org");
    add(PH_MAPPING_ALIAS, "b@example.org", "c@example.org");
    add(PH_MAPPING_ALIAS, "c@example.org", "a@example.org");
    assert_fails("a@example.org", PH_ENOTFOUND);
    add(PH_MAPPING_ALIAS, "b@example.org", "bob@example.org");
    assert_users("a@example.org", "bob ");
    assert_users("c@example.org", "bob ");
    add(PH_MAPPING_FORWARD, "alice@example.org", "carol@example.org");
    add(PH_MAPPING_FORWARD, "carol@example.org", "alice+x@example.org");
    assert_fails("alice@example.org", PH_ENOTFOUND);
}

static void targets_whose_domain_went_are_passed_over(void **state)
{
    (void)state;
    add_domain("example.net");
    add(PH_MAPPING_GROUP, "all@example.org", "x@example.net");
    add(PH_MAPPING_GROUP, "all@example.org", "bob@example.org");
    add(PH_MAPPING_GROUP, "away@example.org", "x@example.net");
    assert_int_equal(ph_domain_remove(accounts, PH_BYTES("example.net"), &f.err), PH_OK);
    assert_users("all@example.org", "bob ");
    assert_fails("away@example.org", PH_ENOTFOUND);
}

static void depth_has_a_limit(void **state)
{
    (void)state;
    char source[64];
    char target[64];
    for (int i = 1; i <= PH_EXPANSION_DEPTH_MAX; i++) {
        snprintf(source, sizeof source, "a%d@example.org", i);
        snprintf(target, sizeof target, "a%d@example.org", i + 1);
        add(PH_MAPPING_ALIAS, source, i == PH_EXPANSION_DEPTH_MAX ? "bob@example.org" : target);
    }
    assert_users("a1@example.org", "bob ");
    add(PH_MAPPING_ALIAS, "a0@example.org", "a1@example.org");
    assert_fails("a0@example.org", PH_ELIMIT);
}

static void width_has_a_limit(void **state)
{
    (void)state;
    struct ph_targets targets;
    struct ph_plan plan;
    ph_plan_init(&plan, &f.arena);
    for (int i = 0; i < PH_EXPANSION_TARGETS_MAX; i++) {
        struct ph_user_row user = {.name = ph_bytes_str(ph_arena_printf(&f.arena, "user%d@example.org", i))};
        struct ph_mapping_row mapping = {
            PH_BYTES("all"), PH_BYTES("example.org"),
            ph_bytes_str(ph_arena_printf(&f.arena, "group:user%d@example.org", i))};
        ph_store_user_add(&plan, &user, PH_BYTES("example.org"));
        ph_store_mapping_add(&plan, &mapping);
    }
    assert_int_equal(ph_db_apply(f.db, &plan, &f.err), PH_OK);
    assert_int_equal(expand("all@example.org", &targets), PH_OK);
    assert_int_equal(targets.count, PH_EXPANSION_TARGETS_MAX);
    add(PH_MAPPING_GROUP, "all@example.org", "bob@example.org");
    assert_fails("all@example.org", PH_ELIMIT);
}

static void postmaster_needs_no_domain(void **state)
{
    (void)state;
    assert_fails("postmaster", PH_ENOTFOUND);
    add_domain("example.net");
    add(PH_MAPPING_ALIAS, "postmaster@example.org", "alice@example.org");
    assert_users("postmaster", "alice ");
    assert_users("PostMaster", "alice ");
    assert_fails("abuse", PH_EINVALID);
    /* The first domain by name that has one. */
    add_user("postmaster@example.net");
    assert_users("POSTMASTER", "postmaster ");
}

static void warm_expansion_costs_no_statement(void **state)
{
    (void)state;
    add(PH_MAPPING_GROUP, "all@example.org", "alice@example.org");
    add(PH_MAPPING_GROUP, "all@example.org", "bob@example.org");
    add(PH_MAPPING_ALIAS, "@example.org", "carol@example.org");
    static const char *const addresses[] = {"alice@example.org", "all@example.org", "bob+x@example.org",
                                            "nobody@example.org", "alice@example.com"};
    uint64_t statements = 0;
    for (int round = 0; round < 2; round++) {
        statements = ph_store_fixture_statements(&f);
        for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
            struct ph_targets targets;
            (void)!expand(addresses[i], &targets);
        }
    }
    assert_int_equal(ph_store_fixture_statements(&f), statements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(users_and_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(aliases_groups_and_what_they_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forward_takes_the_place_of_the_copy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(subaddresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_catch_all_comes_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loops_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(targets_whose_domain_went_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(depth_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(width_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(postmaster_needs_no_domain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(warm_expansion_costs_no_statement, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
