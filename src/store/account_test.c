/* SPDX-License-Identifier: Apache-2.0 */
/* The contract of the tables of accounts: domains, users, mappings, secrets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/buf.h"
#include "store/domain.h"
#include "store/mapping.h"
#include "store/secret.h"
#include "store/store_fixture.h"
#include "store/user.h"

static struct ph_store_fixture f;
static struct ph_plan plan;

static int set_up(void **state)
{
    (void)state;
    ph_store_fixture_open(&f);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ph_store_fixture_close(&f);
    return 0;
}

static struct ph_plan *begin(void)
{
    ph_plan_init(&plan, &f.arena);
    return &plan;
}

static int apply(void)
{
    return ph_db_apply(f.db, &plan, &f.err);
}

static int add_domain(const char *domain)
{
    ph_store_domain_add(begin(), ph_bytes_str(domain));
    return apply();
}

static int remove_domain(const char *domain)
{
    ph_store_domain_remove(begin(), ph_bytes_str(domain));
    return apply();
}

static struct ph_user_row user_row(const char *name)
{
    return (struct ph_user_row){.name = ph_bytes_str(name),
                                .password = PH_BYTES("hash"),
                                .alg = PH_BYTES("argon2id"),
                                .scram_salt = PH_BYTES("salt\0salt"),
                                .scram_iterations = 4096,
                                .scram_stored_key = PH_BYTES("stored"),
                                .scram_server_key = PH_BYTES("server"),
                                .has_scram = true};
}

static int add_user(const char *name, const char *domain)
{
    struct ph_user_row row = user_row(name);
    ph_store_user_add(begin(), &row, ph_bytes_str(domain));
    return apply();
}

static void assert_bytes(struct ph_bytes got, struct ph_bytes want)
{
    assert_true(ph_bytes_eq(got, want));
}

static void a_domain_is_added_once(void **state)
{
    (void)state;
    assert_int_equal(ph_store_domain_check(f.db, PH_BYTES("example.org"), &f.err), PH_ENOTFOUND);
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_domain("example.org"), PH_ECONFLICT);
    assert_int_equal(ph_store_domain_check(f.db, PH_BYTES("example.org"), &f.err), PH_OK);
    assert_int_equal(remove_domain("example.org"), PH_OK);
    assert_int_equal(ph_store_domain_check(f.db, PH_BYTES("example.org"), &f.err), PH_ENOTFOUND);
}

static void a_domain_with_users_stays(void **state)
{
    (void)state;
    assert_int_equal(add_user("a@example.org", "example.org"), PH_ECONFLICT);
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org", "example.org"), PH_OK);
    assert_int_equal(remove_domain("example.org"), PH_EBUSY);
    assert_int_equal(ph_store_domain_check(f.db, PH_BYTES("example.org"), &f.err), PH_OK);
    ph_store_user_remove(begin(), PH_BYTES("a@example.org"));
    assert_int_equal(apply(), PH_OK);
    assert_int_equal(remove_domain("example.org"), PH_OK);
}

static void a_user_row_comes_back_as_written(void **state)
{
    (void)state;
    struct ph_user_row row;
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(ph_store_user_get(f.db, PH_BYTES("a@example.org"), &f.arena, &row, &f.err),
                     PH_ENOTFOUND);
    assert_int_equal(add_user("a@example.org", "example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org", "example.org"), PH_ECONFLICT);
    assert_int_equal(ph_store_user_check(f.db, PH_BYTES("a@example.org"), &f.err), PH_OK);
    assert_int_equal(ph_store_user_get(f.db, PH_BYTES("a@example.org"), &f.arena, &row, &f.err), PH_OK);
    assert_bytes(row.name, PH_BYTES("a@example.org"));
    assert_bytes(row.password, PH_BYTES("hash"));
    assert_bytes(row.alg, PH_BYTES("argon2id"));
    assert_true(row.has_scram);
    assert_bytes(row.scram_salt, PH_BYTES("salt\0salt"));
    assert_int_equal(row.scram_iterations, 4096);
    assert_bytes(row.scram_stored_key, PH_BYTES("stored"));
    assert_bytes(row.scram_server_key, PH_BYTES("server"));
}

static void a_password_is_replaced_as_a_whole(void **state)
{
    (void)state;
    struct ph_user_row row = user_row("a@example.org");
    row.password = PH_BYTES("other");
    row.alg = PH_BYTES("SHA-512");
    row.has_scram = false;
    ph_store_user_set_password(begin(), &row);
    assert_int_equal(apply(), PH_ENOTFOUND);
    assert_int_equal(add_domain("example.org"), PH_OK);
    assert_int_equal(add_user("a@example.org", "example.org"), PH_OK);
    ph_store_user_set_password(begin(), &row);
    assert_int_equal(apply(), PH_OK);
    assert_int_equal(ph_store_user_get(f.db, PH_BYTES("a@example.org"), &f.arena, &row, &f.err), PH_OK);
    assert_bytes(row.password, PH_BYTES("other"));
    assert_bytes(row.alg, PH_BYTES("SHA-512"));
    assert_false(row.has_scram);
    assert_int_equal(row.scram_salt.len, 0);
    ph_store_user_remove(begin(), PH_BYTES("a@example.org"));
    assert_int_equal(apply(), PH_OK);
    ph_store_user_remove(begin(), PH_BYTES("a@example.org"));
    assert_int_equal(apply(), PH_ENOTFOUND);
}

/* More users than a page, in two domains, added backwards. */
static void users_are_listed_by_name_in_pages(void **state)
{
    (void)state;
    enum { COUNT = PH_STORE_PAGE_ROWS + 10 };
    assert_int_equal(add_domain("a.example"), PH_OK);
    assert_int_equal(add_domain("b.example"), PH_OK);
    begin();
    for (int i = COUNT; i-- > 0;) {
        const char *domain = i % 2 == 0 ? "a.example" : "b.example";
        struct ph_user_row row = user_row(ph_arena_printf(&f.arena, "u%04d@%s", i, domain));
        ph_store_user_add(&plan, &row, ph_bytes_str(domain));
    }
    assert_int_equal(apply(), PH_OK);

    struct ph_store_names names;
    struct ph_bytes none = {0};
    assert_int_equal(ph_store_user_page(f.db, none, none, &f.arena, &names, &f.err), PH_OK);
    assert_int_equal(names.count, PH_STORE_PAGE_ROWS);
    assert_bytes(names.list[0], PH_BYTES("u0000@a.example"));
    assert_bytes(names.list[1], PH_BYTES("u0001@b.example"));
    struct ph_bytes last = names.list[names.count - 1];
    assert_int_equal(ph_store_user_page(f.db, none, last, &f.arena, &names, &f.err), PH_OK);
    assert_int_equal(names.count, 10);
    assert_bytes(names.list[9], PH_BYTES("u0265@b.example"));

    assert_int_equal(ph_store_user_page(f.db, PH_BYTES("b.example"), none, &f.arena, &names, &f.err), PH_OK);
    assert_int_equal(names.count, COUNT / 2);
    assert_bytes(names.list[0], PH_BYTES("u0001@b.example"));
    assert_bytes(names.list[1], PH_BYTES("u0003@b.example"));

    assert_int_equal(ph_store_domain_page(f.db, none, &f.arena, &names, &f.err), PH_OK);
    assert_int_equal(names.count, 2);
    assert_bytes(names.list[1], PH_BYTES("b.example"));
}

static int collect(struct ph_bytes mapping, void *ctx)
{
    struct ph_buf *text = ctx;
    ph_buf_bytes(text, mapping);
    ph_buf_byte(text, ' ');
    return 0;
}

static int stop(struct ph_bytes mapping, void *ctx)
{
    (void)mapping;
    (*(unsigned *)ctx)++;
    return PH_ELIMIT;
}

static void assert_mappings(const char *user, const char *domain, const char *want)
{
    struct ph_buf text = PH_BUF(1024);
    assert_int_equal(
        ph_store_mapping_get(f.db, ph_bytes_str(user), ph_bytes_str(domain), collect, &text, &f.err), PH_OK);
    assert_string_equal(ph_buf_cstr(&text), want);
    ph_buf_fini(&text);
}

static struct ph_mapping_row mapping(const char *user, const char *domain, const char *text)
{
    return (struct ph_mapping_row){ph_bytes_str(user), ph_bytes_str(domain), ph_bytes_str(text)};
}

static void mappings_by_source(void **state)
{
    (void)state;
    const struct ph_mapping_row rows[] = {
        mapping("info", "a.example", "group:b@a.example"), mapping("info", "a.example", "group:a@a.example"),
        mapping("info", "b.example", "alias:c@a.example"), mapping("*", "a.example", "alias:d@a.example")};
    begin();
    for (size_t i = 0; i < 4; i++) {
        ph_store_mapping_add(&plan, &rows[i]);
    }
    assert_int_equal(apply(), PH_OK);
    ph_store_mapping_add(begin(), &rows[0]);
    assert_int_equal(apply(), PH_ECONFLICT);

    assert_mappings("info", "a.example", "group:a@a.example group:b@a.example ");
    assert_mappings("info", "b.example", "alias:c@a.example ");
    assert_mappings("nobody", "b.example", "");
    unsigned calls = 0;
    assert_int_equal(
        ph_store_mapping_get(f.db, PH_BYTES("info"), PH_BYTES("a.example"), stop, &calls, &f.err), PH_ELIMIT);
    assert_int_equal(calls, 1);

    struct ph_mapping_rows page;
    struct ph_mapping_row after = {0};
    assert_int_equal(ph_store_mapping_page(f.db, &after, &f.arena, &page, &f.err), PH_OK);
    assert_int_equal(page.count, 4);
    assert_bytes(page.list[0].user, PH_BYTES("*"));
    assert_bytes(page.list[3].domain, PH_BYTES("b.example"));
    assert_int_equal(ph_store_mapping_page(f.db, &page.list[2], &f.arena, &page, &f.err), PH_OK);
    assert_int_equal(page.count, 1);
    assert_bytes(page.list[0].mapping, PH_BYTES("alias:c@a.example"));

    ph_store_mapping_remove(begin(), &rows[0]);
    assert_int_equal(apply(), PH_OK);
    ph_store_mapping_remove(begin(), &rows[0]);
    assert_int_equal(apply(), PH_ENOTFOUND);
    assert_mappings("info", "a.example", "group:a@a.example ");
    ph_store_mapping_remove_source(begin(), PH_BYTES("info"), PH_BYTES("a.example"));
    assert_int_equal(apply(), PH_OK);
    assert_mappings("info", "a.example", "");
    ph_store_mapping_remove_domain(begin(), PH_BYTES("a.example"));
    assert_int_equal(apply(), PH_OK);
    assert_mappings("*", "a.example", "");
    assert_mappings("info", "b.example", "alias:c@a.example ");
}

static void a_secret_is_made_once(void **state)
{
    (void)state;
    uint8_t first[32];
    uint8_t second[32];
    uint8_t other[32];
    assert_int_equal(ph_store_secret_get(f.db, &ph_rand_system, "one", first, 32, &f.err), PH_OK);
    assert_int_equal(ph_store_secret_get(f.db, &ph_rand_system, "one", second, 32, &f.err), PH_OK);
    assert_int_equal(ph_store_secret_get(f.db, &ph_rand_system, "two", other, 32, &f.err), PH_OK);
    assert_memory_equal(first, second, 32);
    assert_memory_not_equal(first, other, 32);
    assert_int_equal(ph_store_secret_get(f.db, &ph_rand_system, "one", second, 16, &f.err), PH_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_domain_is_added_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_domain_with_users_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_user_row_comes_back_as_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_password_is_replaced_as_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(users_are_listed_by_name_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mappings_by_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_secret_is_made_once, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
