/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra/cql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LWT = PH_CASSANDRA_LWT_OWN | PH_CASSANDRA_LWT_JAMES, ALL = 15 };

static void parameters_become_marks_with_an_order(void **state)
{
    (void)state;
    struct ph_cql_ready ready;
    struct ph_error err = {0};
    assert_int_equal(ph_cql_make_ready("INSERT INTO rrt (a, b, c) VALUES (?12, ?1a, ?3p) USING TIMESTAMP ?0",
                                       "ks", &ready, &err),
                     PH_OK);
    assert_string_equal(ready.text, "INSERT INTO ks.rrt (a, b, c) VALUES (?, ?, ?) USING TIMESTAMP ?");
    assert_int_equal(ready.param_count, 4);
    assert_int_equal(ready.params[0].number, 12);
    assert_int_equal(ready.params[0].form, 0);
    assert_int_equal(ready.params[1].number, 1);
    assert_int_equal(ready.params[1].form, 'a');
    assert_int_equal(ready.params[2].form, 'p');
    assert_int_equal(ready.params[3].number, 0);
    free(ready.text);
}

static void tables_get_their_keyspace_and_nothing_else_does(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"SELECT a FROM t WHERE b = ?1", "SELECT a FROM ks.t WHERE b = ?"},
        {"DELETE FROM t USING TIMESTAMP ?2 WHERE a = ?1", "DELETE FROM ks.t USING TIMESTAMP ? WHERE a = ?"},
        {"UPDATE t SET updated = ?1", "UPDATE ks.t SET updated = ?"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ph_cql_ready ready;
        struct ph_error err = {0};
        assert_int_equal(ph_cql_make_ready(texts[i][0], "ks", &ready, &err), PH_OK);
        assert_string_equal(ready.text, texts[i][1]);
        free(ready.text);
    }
}

static void a_text_that_is_wrong_is_our_bug(void **state)
{
    (void)state;
    static const char *const texts[] = {"SELECT ?", "SELECT ?x", "SELECT ?1z", "SELECT ?99", "SELECT ?0p"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ph_cql_ready ready;
        struct ph_error err = {0};
        assert_int_equal(ph_cql_make_ready(texts[i], "ks", &ready, &err), PH_EBUG);
        assert_null(ready.text);
    }
}

/* The list itself. */
static void what_the_list_promises_of_profiles(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PH_CQL_ID_COUNT; i++) {
        const struct ph_cql_info *info = ph_cql_info((enum ph_cql_id)i);
        struct ph_cql_ready ready;
        struct ph_error err = {0};
        assert_int_equal(ph_cql_make_ready(info->text, "ks", &ready, &err), PH_OK);
        free(ready.text);
        /* Nothing that needs consensus in profile lwt-free, by its role or by its text. */
        bool is_conditional = info->role == PH_CQL_ROLE_CONDITIONAL;
        bool says_if = strstr(info->text, " IF ") != NULL;
        assert_int_equal(is_conditional, says_if);
        assert_true(!is_conditional || (info->where & ~(unsigned)LWT & ALL) == 0);
        /* Reads are of reads; what guards a write is of writes. */
        bool is_read = ph_stmt_info(info->stmt)->kind == PH_STMT_READ;
        bool has_read_role = info->role <= PH_CQL_ROLE_READ_DOMAIN || info->role == PH_CQL_ROLE_NOTHING;
        assert_true(!is_read || has_read_role);
        assert_true(is_read || info->role > PH_CQL_ROLE_READ_DOMAIN);
        assert_int_equal(info->role == PH_CQL_ROLE_NOTHING, info->text[0] == '\0');
    }
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(ph_cql_level_name(PH_CQL_LEVEL_SERIAL, PH_CASSANDRA_FREE_OWN), "LOCAL_QUORUM");
    assert_string_equal(ph_cql_level_name(PH_CQL_LEVEL_SERIAL, PH_CASSANDRA_LWT_OWN), "SERIAL");
    assert_string_equal(ph_cql_level_name(PH_CQL_LEVEL_REGULAR, PH_CASSANDRA_FREE_JAMES), "LOCAL_QUORUM");
    assert_string_equal(ph_cql_level_name(PH_CQL_LEVEL_REGULAR, PH_CASSANDRA_LWT_JAMES), "QUORUM");
    assert_string_equal(ph_cql_role_name(PH_CQL_ROLE_EACH_READ), "EACH_READ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_marks_with_an_order),
        cmocka_unit_test(tables_get_their_keyspace_and_nothing_else_does),
        cmocka_unit_test(a_text_that_is_wrong_is_our_bug),
        cmocka_unit_test(what_the_list_promises_of_profiles),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
