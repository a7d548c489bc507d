/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of auth/accounts.h, on the real engine. */
#include "auth/accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "auth/password.h"
#include "auth/scram.h"
#include "store/store_fixture.h"
#include "store/user.h"

static struct ph_store_fixture f;
static struct ph_accounts *accounts;
static struct ph_clock_manual time_now;
static struct ph_clock clock_now;

static int set_up(void **state)
{
    (void)state;
    ph_store_fixture_open(&f);
    time_now = (struct ph_clock_manual){.real_us = 1, .mono_us = 1};
    clock_now = ph_clock_from_manual(&time_now);
    struct ph_accounts_options options = {.db = f.db,
                                          .clock = &clock_now,
                                          .rand = &ph_rand_system,
                                          .argon2_memory_kib = 64,
                                          .argon2_passes = 1};
    return ph_accounts_new(&options, &accounts, &f.err);
}

static int tear_down(void **state)
{
    (void)state;
    ph_accounts_free(&accounts);
    ph_store_fixture_close(&f);
    return 0;
}

static int add_domain(const char *domain)
{
    return ph_domain_add(accounts, ph_bytes_str(domain), &f.err);
}

static int add_user(const char *user)
{
    return ph_user_add(accounts, ph_bytes_str(user), PH_BYTES("secret"), &f.err);
}

static int check_user(const char *user)
{
    return ph_user_check(accounts, ph_bytes_str(user), &f.err);
}

static int add_mapping(enum ph_mapping_type type, const char *source, const char *target)
{
    struct ph_mapping mapping = {ph_bytes_str(source), ph_bytes_str(target), type};
    return ph_mapping_add(accounts, &mapping, &f.err);
}

static int remove_mapping(enum ph_mapping_type type, const char *source, const char *target)
{
    struct ph_mapping mapping = {ph_bytes_str(source), ph_bytes_str(target), type};
    return ph_mapping_remove(accounts, &mapping, &f.err);
}

static int put_name(struct ph_bytes name, void *ctx)
{
    ph_buf_bytes(ctx, name);
    ph_buf_byte(ctx, ' ');
    return 0;
}

static int put_mapping(const struct ph_mapping *mapping, void *ctx)
{
    static const char *const names[] = {"alias", "group", "forward"};
    ph_buf_printf(ctx, "%s %.*s %.*s; ", names[mapping->type], (int)mapping->source.len,
                  (const char *)mapping->source.ptr, (int)mapping->target.len,
                  (const char *)mapping->target.ptr);
    return 0;
}

static void assert_mappings(const char *source, const char *want)
{
    struct ph_buf text = PH_BUF(100000);
    assert_int_equal(ph_mapping_list(accounts, ph_bytes_str(source), put_mapping, &text, &f.err), PH_OK);
    assert_string_equal(ph_buf_cstr(&text), want);
    ph_buf_fini(&text);
}

static void assert_users(const char *domain, const char *want)
{
    struct ph_buf text = PH_BUF(1000);
    assert_int_equal(ph_user_list(accounts, ph_bytes_str(domain), put_name, &text, &f.err), PH_OK);
    assert_string_equal(ph_buf_cstr(&text), want);
    ph_buf_fini(&text);
}

static void domains(void **state)
{
    (void)state;
    struct ph_buf text = PH_BUF(1000);
    assert_int_equal(add_domain("Example.ORG"), PH_OK);
    assert_int_equal(add_domain("example.org"), PH_ECONFLICT);
    assert_int_equal(add_domain("xn--bcher-kva.example"), PH_OK);
    assert_int_equal(add_domain("b\u00FCcher.example"), PH_ECONFLICT);
    assert_int_equal(add_domain("example..org"), PH_EINVALID);
    assert_int_equal(add_domain("[192.0.2.1]"), PH_EINVALID);
    assert_int_equal(ph_domain_check(accounts, PH_BYTES("EXAMPLE.org"), &f.err), PH_OK);
    assert_int_equal(ph_domain_check(accounts, PH_BYTES("example.net"), &f.err), PH_ENOTFOUND);
    assert_int_equal(ph_domain_check(accounts, PH_BYTES("exa mple"), &f.err), PH_ENOTFOUND);
    assert_int_equal(ph_domain_list(accounts, put_name, &text, &f.err), PH_OK);
    assert_string_equal(ph_buf_cstr(&text), "b\u00FCcher.example example.org ");
    ph_buf_fini(&text);

    assert_int_equal(add_user("a@example.org"), PH_OK);
    assert_int_equal(ph_domain_remove(accounts, PH_BYTES("example.org"), &f.err), PH_EBUSY);
    assert_int_equal(ph_user_remove(accounts, PH_BYTES("a@example.org"), &f.err), PH_OK);
    assert_int_equal(ph_domain_remove(accounts, PH_BYTES("Example.org"), &f.err), PH_OK);
    assert_int_equal(ph_domain_remove(accounts, PH_BYTES("example.org"), &f.err), PH_ENOTFOUND);
    assert_int_equal(ph_domain_check(accounts, PH_BYTES("example.org"), &f.err), PH_ENOTFOUND);
}

static void users(void **state)
{
    (void)state;
    assert_int_equal(add_user("a@example.org"), PH_ENOTFOUND);
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_domain("example.net"), PH_OK);
    assert_int_equal(check_user("b@example.org"), PH_ENOTFOUND);
    assert_int_equal(add_user("B@Example.org"), PH_OK);
    assert_int_equal(check_user("b@example.org"), PH_OK);
    assert_int_equal(add_user("\"b\"@example.org"), PH_ECONFLICT);
    assert_int_equal(add_user("a@example.org"), PH_OK);
    assert_int_equal(add_user("c@example.net"), PH_OK);
    assert_users("", "a@example.org b@example.org c@example.net ");
    assert_users("EXAMPLE.org", "a@example.org b@example.org ");
    assert_users("example.com", "");

    assert_int_equal(add_user("a"), PH_EINVALID);
    assert_int_equal(add_user("*@example.org"), PH_EINVALID);
    /* SASLprep makes the ligature two letters: nobody could log in. */
    assert_int_equal(add_user("\uFB01@example.org"), PH_EINVALID);
    assert_int_equal(add_user("j\u00FCrgen@example.org"), PH_OK);
    assert_int_equal(ph_user_add(accounts, PH_BYTES("d@example.org"), PH_BYTES(""), &f.err), PH_EINVALID);
    assert_int_equal(ph_user_add(accounts, PH_BYTES("d@example.org"), PH_BYTES("a\nb"), &f.err), PH_EINVALID);
    assert_int_equal(check_user("d@example.org"), PH_ENOTFOUND);

    assert_int_equal(ph_user_remove(accounts, PH_BYTES("A@example.org"), &f.err), PH_OK);
    assert_int_equal(ph_user_remove(accounts, PH_BYTES("a@example.org"), &f.err), PH_ENOTFOUND);
    assert_int_equal(check_user("a@example.org"), PH_ENOTFOUND);
}

static void a_password_makes_a_hash_and_scram_keys(void **state)
{
    (void)state;
    struct ph_user_row row;
    struct ph_scram_keys keys;
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org"), PH_OK);
    assert_int_equal(
        ph_user_set_password(accounts, PH_BYTES("A@example.org"), PH_BYTES("pa\u0308ss"), &f.err), PH_OK);
    assert_int_equal(ph_user_set_password(accounts, PH_BYTES("b@example.org"), PH_BYTES("x"), &f.err),
                     PH_ENOTFOUND);
    assert_int_equal(ph_store_user_get(f.db, PH_BYTES("a@example.org"), &f.arena, &row, &f.err), PH_OK);
    assert_int_equal(ph_password_verify(row.alg, row.password, row.name, PH_BYTES("p\u00E4ss"), &f.err),
                     PH_OK);
    assert_int_equal(ph_password_verify(row.alg, row.password, row.name, PH_BYTES("secret"), &f.err),
                     PH_EDENIED);
    assert_true(row.has_scram);
    assert_true(row.scram_iterations >= PH_SCRAM_ITERATIONS_MIN);
    ph_scram_derive(PH_BYTES("p\u00E4ss"), row.scram_salt, row.scram_iterations, &keys);
    assert_true(ph_bytes_eq(row.scram_stored_key, ph_bytes_of(keys.stored_key, sizeof keys.stored_key)));
    assert_true(ph_bytes_eq(row.scram_server_key, ph_bytes_of(keys.server_key, sizeof keys.server_key)));
}

static void mappings(void **state)
{
    (void)state;
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org"), PH_OK);
    assert_int_equal(add_user("b@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "Info@Example.org", "A@Example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "info@example.org", "a@example.org"), PH_ECONFLICT);
    assert_int_equal(add_mapping(PH_MAPPING_GROUP, "all@example.org", "b@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_GROUP, "all@example.org", "a@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "@EXAMPLE.org", "a@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_FORWARD, "a@example.org", "b@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_FORWARD, "a@example.org", "a@example.org"), PH_OK);

    assert_mappings("INFO@example.org", "alias info@example.org a@example.org; ");
    assert_mappings("all@example.org",
                    "group all@example.org a@example.org; group all@example.org b@example.org; ");
    assert_mappings("@example.org", "alias @example.org a@example.org; ");
    assert_mappings("*@example.org", "");
    assert_mappings("", "alias @example.org a@example.org; "
                        "forward a@example.org a@example.org; forward a@example.org b@example.org; "
                        "group all@example.org a@example.org; group all@example.org b@example.org; "
                        "alias info@example.org a@example.org; ");

    assert_int_equal(remove_mapping(PH_MAPPING_GROUP, "all@example.org", "B@example.org"), PH_OK);
    assert_int_equal(remove_mapping(PH_MAPPING_GROUP, "all@example.org", "b@example.org"), PH_ENOTFOUND);
    assert_int_equal(remove_mapping(PH_MAPPING_ALIAS, "all@example.org", "a@example.org"), PH_ENOTFOUND);
    assert_mappings("all@example.org", "group all@example.org a@example.org; ");
    /* With a user go the mappings it is the source of, and no others. */
    assert_int_equal(ph_user_remove(accounts, PH_BYTES("a@example.org"), &f.err), PH_OK);
    assert_mappings("a@example.org", "");
    assert_mappings("info@example.org", "alias info@example.org a@example.org; ");
    /* With a domain go its mappings. */
    assert_int_equal(ph_user_remove(accounts, PH_BYTES("b@example.org"), &f.err), PH_OK);
    assert_int_equal(ph_domain_remove(accounts, PH_BYTES("example.org"), &f.err), PH_OK);
    assert_mappings("", "");
}

static void mappings_that_are_refused(void **state)
{
    (void)state;
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x@example.org", "a@example.com"), PH_EDENIED);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x@example.com", "a@example.org"), PH_ENOTFOUND);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x", "a@example.org"), PH_EINVALID);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x@example.org", "@example.org"), PH_EINVALID);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "*@example.org", "a@example.org"), PH_EINVALID);
    assert_int_equal(add_mapping(PH_MAPPING_GROUP, "@example.org", "a@example.org"), PH_EINVALID);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x@example.org", "x@example.org"), PH_EINVALID);
    assert_int_equal(add_mapping(PH_MAPPING_FORWARD, "a@example.org", "A@example.org"), PH_EINVALID);
    assert_int_equal(add_mapping(PH_MAPPING_FORWARD, "x@example.org", "a@example.org"), PH_ENOTFOUND);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "a@example.org", "x@example.org"), PH_ECONFLICT);
    assert_mappings("", "");
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x@example.org", "a@example.org"), PH_OK);
    assert_int_equal(add_user("x@example.org"), PH_ECONFLICT);
}

static int count_one(const struct ph_mapping *mapping, void *ctx)
{
    (void)mapping;
    (*(unsigned *)ctx)++;
    return 0;
}

static int stop_at_three(const struct ph_mapping *mapping, void *ctx)
{
    (void)mapping;
    return ++*(unsigned *)ctx == 3 ? PH_ELIMIT : 0;
}

static void lists_longer_than_a_page(void **state)
{
    (void)state;
    enum { COUNT = 2 * PH_STORE_PAGE_ROWS + 1 };
    assert_int_equal(add_domain("example.org"), PH_OK);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(add_mapping(PH_MAPPING_GROUP, "all@example.org",
                                     ph_arena_printf(&f.arena, "a-rather-long-name-%d@example.org", i)),
                         PH_OK);
    }
    unsigned count = 0;
    assert_int_equal(ph_mapping_list(accounts, (struct ph_bytes){0}, count_one, &count, &f.err), PH_OK);
    assert_int_equal(count, COUNT);
    count = 0;
    assert_int_equal(ph_mapping_list(accounts, PH_BYTES("all@example.org"), count_one, &count, &f.err),
                     PH_OK);
    assert_int_equal(count, COUNT);
    count = 0;
    assert_int_equal(ph_mapping_list(accounts, (struct ph_bytes){0}, stop_at_three, &count, &f.err),
                     PH_ELIMIT);
    assert_int_equal(count, 3);
}

static void look_up_all(int user, int nobody)
{
    unsigned count = 0;
    assert_int_equal(ph_domain_check(accounts, PH_BYTES("example.org"), &f.err), PH_OK);
    assert_int_equal(ph_domain_check(accounts, PH_BYTES("example.com"), &f.err), PH_ENOTFOUND);
    assert_int_equal(check_user("a@example.org"), user);
    assert_int_equal(check_user("nobody@example.org"), nobody);
    assert_int_equal(ph_mapping_list(accounts, PH_BYTES("a@example.org"), count_one, &count, &f.err), PH_OK);
    assert_int_equal(ph_mapping_list(accounts, PH_BYTES("x@example.org"), count_one, &count, &f.err), PH_OK);
    assert_int_equal(count, 1);
}

static void warm_lookups_cost_no_statement(void **state)
{
    (void)state;
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org"), PH_OK);
    assert_int_equal(add_mapping(PH_MAPPING_ALIAS, "x@example.org", "a@example.org"), PH_OK);
    look_up_all(PH_OK, PH_ENOTFOUND);
    uint64_t before = ph_store_fixture_statements(&f);
    look_up_all(PH_OK, PH_ENOTFOUND);
    assert_int_equal(ph_store_fixture_statements(&f), before);

    /* What changes is asked for anew, also what was not there. */
    assert_int_equal(add_user("nobody@example.org"), PH_OK);
    assert_int_equal(ph_user_remove(accounts, PH_BYTES("a@example.org"), &f.err), PH_OK);
    look_up_all(PH_ENOTFOUND, PH_OK);

    /* And everything after a while. */
    before = ph_store_fixture_statements(&f);
    time_now.mono_us += 31000000;
    look_up_all(PH_ENOTFOUND, PH_OK);
    assert_int_equal(ph_store_fixture_statements(&f), before + 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(domains, set_up, tear_down),
        cmocka_unit_test_setup_teardown(users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_makes_a_hash_and_scram_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mappings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mappings_that_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_longer_than_a_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(warm_lookups_cost_no_statement, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
