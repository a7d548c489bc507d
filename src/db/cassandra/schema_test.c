/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a keyspace is, and its tables: on the node that POSTHOUSE_TEST_CASSANDRA names. Without one, what needs none.
 */
#include "db/cassandra/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct ph_error err;

enum { RUN_RETRIES = 30 };

/* ---- Without a node ---- */

static void names_that_need_no_quotes(void **state)
{
    (void)state;
    char long_name[64] = "";
    memset(long_name, 'a', 49);
    assert_true(ph_cassandra_keyspace_name_is_valid("posthouse"));
    assert_true(ph_cassandra_keyspace_name_is_valid("a_1"));
    assert_true(ph_cassandra_keyspace_name_is_valid(long_name + 1));
    static const char *const wrong[] = {"", "1a", "_a", "Mail", "a-b", "a b", "a\"b", "a;b", "\u00E4"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(ph_cassandra_keyspace_name_is_valid(wrong[i]));
    }
    assert_false(ph_cassandra_keyspace_name_is_valid(long_name));
}

static void variants_do_not_meet(void **state)
{
    (void)state;
    unsigned seen = 0;
    for (unsigned i = 0; i < 4; i++) {
        const struct ph_cassandra_keyspace keyspace = {
            .profile = i % 2 == 0 ? PH_CASSANDRA_LWT : PH_CASSANDRA_LWT_FREE, .is_shared = i > 1};
        assert_int_equal(seen & ph_cassandra_variant(&keyspace), 0);
        seen |= ph_cassandra_variant(&keyspace);
    }
    assert_int_equal(seen, 15);
}

static int agree(struct ph_cassandra_remembered remembered, struct ph_cassandra_keyspace keyspace)
{
    keyspace.name = "mail";
    return ph_cassandra_remembered_agree(&remembered, &keyspace, &err);
}

static void a_node_agrees_with_its_keyspace(void **state)
{
    (void)state;
    const struct ph_cassandra_remembered free_own = {.is_there = true, .profile = PH_CASSANDRA_LWT_FREE};
    const struct ph_cassandra_remembered nothing = {0};
    assert_int_equal(agree(free_own, (struct ph_cassandra_keyspace){.profile = PH_CASSANDRA_LWT_FREE}),
                     PH_OK);
    assert_int_equal(agree(free_own, (struct ph_cassandra_keyspace){.profile = PH_CASSANDRA_LWT}),
                     PH_EINVALID);
    assert_non_null(strstr(err.text, "profile lwt-free, this node is configured for lwt:"));
    assert_int_equal(
        agree(free_own, (struct ph_cassandra_keyspace){.profile = PH_CASSANDRA_LWT_FREE, .is_shared = true}),
        PH_EINVALID);
    assert_non_null(strstr(err.text, "not shared with James"));
    assert_int_equal(agree(nothing, (struct ph_cassandra_keyspace){.profile = PH_CASSANDRA_LWT}),
                     PH_EINVALID);
    assert_non_null(strstr(err.text, "schema upgrade"));
}

/* ---- With one ---- */

static struct ph_cql_session *session;
static char keyspace_name[49];
static const struct ph_replication replication = {"dc1", 1};

static int connect_node(void **state)
{
    (void)state;
    const char *address = getenv("POSTHOUSE_TEST_CASSANDRA");
    char error[PH_CQL_ERROR_MAX];
    const struct ph_cql_options options = {
        .contact_points = &address,
        .contact_point_count = 1,
        .local_datacenter = "dc1",
        .request_timeout_ms = 60000,
        .connect_timeout_ms = 10000,
    };
    snprintf(keyspace_name, sizeof keyspace_name, "t_schema_%d", (int)getpid());
    if (ph_cql_connect(&options, &session, error) != PH_CQL_OK) {
        fail_msg("%s", error);
    }
    return 0;
}

/* BEFORE and BEHIND, with the keyspace's name between them. A node that is busy may leave open whether it was done: it is
 * done again then, and may have been done already. */
static void run(const char *before, const char *behind)
{
    char error[PH_CQL_ERROR_MAX];
    char statement[256];
    snprintf(statement, sizeof statement, "%s %s%s", before, keyspace_name, behind);
    for (unsigned i = 0; i < RUN_RETRIES; i++) {
        struct ph_cql_result *result = NULL;
        enum ph_cql_status status = ph_cql_run(session, statement, &result, error);
        if (status == PH_CQL_OK) {
            ph_cql_result_free(result);
            return;
        }
        if (status == PH_CQL_INVALID && i > 0) {
            return;
        }
        if (status == PH_CQL_INVALID || status == PH_CQL_DENIED) {
            break;
        }
        sleep(1);
    }
    fail_msg("%s: %s", statement, error);
}

static int disconnect_node(void **state)
{
    (void)state;
    ph_cql_close(session);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    run("DROP KEYSPACE IF EXISTS", "");
    return 0;
}

static struct ph_cassandra_keyspace keyspace_of(enum ph_cassandra_profile profile, bool is_shared)
{
    return (struct ph_cassandra_keyspace){.name = keyspace_name, .profile = profile, .is_shared = is_shared};
}

static void make(const struct ph_cassandra_keyspace *keyspace)
{
    struct ph_schema_findings done;
    assert_int_equal(ph_cassandra_schema_create(session, keyspace, &replication, 1, &done, &err), PH_OK);
    assert_true(done.count > 10);
    assert_int_equal(done.unmendable, 0);
    ph_schema_findings_free(&done);
}

static void what_is_made_is_complete(void **state)
{
    (void)state;
    struct ph_cassandra_keyspace keyspace = keyspace_of(PH_CASSANDRA_LWT, true);
    struct ph_schema_findings findings;
    assert_int_equal(ph_cassandra_schema_check(session, &keyspace, &findings, &err), PH_EINVALID);
    make(&keyspace);
    assert_int_equal(ph_cassandra_schema_check(session, &keyspace, &findings, &err), PH_OK);
    assert_int_equal(findings.count, 0);
    assert_int_equal(ph_cassandra_schema_verify(session, &keyspace, &findings, &err), PH_OK);
    /* Made again: nothing is done. */
    assert_int_equal(ph_cassandra_schema_create(session, &keyspace, &replication, 1, &findings, &err), PH_OK);
    assert_int_equal(findings.count, 0);

    struct ph_cassandra_remembered remembered;
    assert_int_equal(ph_cassandra_remembered_read(session, keyspace_name, &remembered, &err), PH_OK);
    assert_true(remembered.is_there && remembered.is_shared);
    assert_int_equal(remembered.profile, PH_CASSANDRA_LWT);
}

static void what_is_missing_is_added(void **state)
{
    (void)state;
    struct ph_cassandra_keyspace keyspace = keyspace_of(PH_CASSANDRA_LWT_FREE, false);
    struct ph_schema_findings findings;
    make(&keyspace);
    run("ALTER TABLE", ".messageIdTable DROP preview");
    run("DROP TABLE", ".imported");
    assert_int_equal(ph_cassandra_schema_verify(session, &keyspace, &findings, &err), PH_EINVALID);
    assert_int_equal(findings.count, 2);
    for (size_t i = 0; i < findings.count; i++) {
        assert_non_null(findings.list[i].statement);
    }
    ph_schema_findings_free(&findings);
    assert_int_equal(ph_cassandra_schema_upgrade(session, &keyspace, false, &findings, &err), PH_OK);
    assert_int_equal(findings.count, 2);
    ph_schema_findings_free(&findings);
    assert_int_equal(ph_cassandra_schema_verify(session, &keyspace, &findings, &err), PH_OK);
}

static void a_profile_changes_where_it_is_asked_for_and_can(void **state)
{
    (void)state;
    struct ph_cassandra_keyspace lwt = keyspace_of(PH_CASSANDRA_LWT, false);
    struct ph_cassandra_keyspace lwt_free = keyspace_of(PH_CASSANDRA_LWT_FREE, false);
    struct ph_schema_findings findings;
    make(&lwt);
    assert_int_equal(ph_cassandra_schema_verify(session, &lwt_free, &findings, &err), PH_EINVALID);
    assert_int_equal(ph_cassandra_schema_upgrade(session, &lwt_free, false, &findings, &err), PH_EINVALID);
    assert_int_equal(ph_cassandra_schema_verify(session, &lwt, &findings, &err), PH_OK);
    assert_int_equal(ph_cassandra_schema_upgrade(session, &lwt_free, true, &findings, &err), PH_OK);
    assert_int_equal(ph_cassandra_schema_verify(session, &lwt_free, &findings, &err), PH_OK);
    assert_int_equal(ph_cassandra_schema_upgrade(session, &lwt, true, &findings, &err), PH_EINVALID);
    struct ph_cassandra_keyspace shared = keyspace_of(PH_CASSANDRA_LWT_FREE, true);
    assert_int_equal(ph_cassandra_schema_upgrade(session, &shared, true, &findings, &err), PH_EINVALID);
    ph_schema_findings_free(&findings);
    assert_int_equal(ph_cassandra_schema_verify(session, &lwt_free, &findings, &err), PH_OK);
}

static void a_name_that_needs_quotes_is_refused(void **state)
{
    (void)state;
    struct ph_cassandra_keyspace keyspace = {.name = "a; DROP KEYSPACE b"};
    struct ph_schema_findings findings;
    assert_int_equal(ph_cassandra_schema_create(session, &keyspace, &replication, 1, &findings, &err),
                     PH_EINVALID);
}

int main(void)
{
    const struct CMUnitTest alone[] = {
        cmocka_unit_test(names_that_need_no_quotes),
        cmocka_unit_test(variants_do_not_meet),
        cmocka_unit_test(a_node_agrees_with_its_keyspace),
    };
    const struct CMUnitTest with_a_node[] = {
        cmocka_unit_test_teardown(what_is_made_is_complete, drop),
        cmocka_unit_test_teardown(what_is_missing_is_added, drop),
        cmocka_unit_test_teardown(a_profile_changes_where_it_is_asked_for_and_can, drop),
        cmocka_unit_test(a_name_that_needs_quotes_is_refused),
    };
    int failures = cmocka_run_group_tests(alone, NULL, NULL);
    if (getenv("POSTHOUSE_TEST_CASSANDRA") != NULL) {
        failures += cmocka_run_group_tests(with_a_node, connect_node, disconnect_node);
    }
    return failures;
}
