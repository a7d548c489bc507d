/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDs by compare and set: whoever competes, no number is given twice and none is left out; each is counted as
 * conditional. Several policies on one store are what several servers are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "db/test_store.h"
#include "mailbox/uid_policy.h"
#include "store/counter.h"

enum { SERVERS = 4, EACH = 25 };

static const struct ph_test_engine *engine;

struct fixture {
    struct ph_test_store store;
    struct ph_uid_policy *uids;
    struct ph_uuid mailbox;
};

/* Whether the engine has compare and set at all; where not, it says so. */
static bool has_conditions(struct fixture *f)
{
    if (ph_db_traits(f->store.db)->has_conditions) {
        return true;
    }
    struct ph_error err = {0};
    struct ph_value values[2] = {ph_null(), ph_null()};
    const struct ph_number_slots slots[1] = {{&values[0], &values[1]}};
    assert_int_equal(f->uids->number(f->uids, NULL, &f->mailbox, NULL, slots, 1, &err), PH_EINVALID);
    return false;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_store_init(&f->store, engine);
    f->uids = ph_uid_lwt_new(f->store.db, &ph_rand_system);
    f->mailbox = ph_uuid_gen_next(&f->store.ids);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    f->uids->free(f->uids);
    ph_test_store_fini(&f->store);
    free(f);
    return 0;
}

static uint64_t take(struct fixture *f, struct ph_uid_policy *uids, const struct ph_uid_wish *wish,
                     uint64_t *out_modseq)
{
    struct ph_error err = {0};
    struct ph_value values[4] = {ph_null(), ph_null(), ph_null(), ph_null()};
    const struct ph_number_slots slots[2] = {{&values[0], &values[1]}, {&values[2], &values[3]}};
    assert_int_equal(uids->number(uids, NULL, &f->mailbox, wish, slots, 2, &err), PH_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(values[i].type, PH_VALUE_I64);
        assert_int_equal(values[i].i64, values[i + 2].i64);
    }
    *out_modseq = (uint64_t)values[1].i64;
    return (uint64_t)values[0].i64;
}

static void numbers_ascend_by_one_also_after_a_restart(void **state)
{
    struct fixture *f = *state;
    if (!has_conditions(f)) {
        return;
    }
    uint64_t modseq;
    struct ph_test_cost before = ph_test_cost(f->store.db);
    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(take(f, f->uids, NULL, &modseq), i);
        assert_int_equal(modseq, i);
    }
    struct ph_test_cost after = ph_test_cost(f->store.db);
    assert_int_equal(after.reads - before.reads, 10); /* each number: read, */
    assert_int_equal(after.writes - before.writes, 10);
    /* Then set; a read of what is set so is one of consensus too, elsewhere. */
    assert_int_equal(after.conditional - before.conditional, ph_db_traits(f->store.db)->is_local ? 10 : 20);

    f->uids->free(f->uids);
    ph_test_store_reopen(&f->store);
    f->uids = ph_uid_lwt_new(f->store.db, &ph_rand_system);
    assert_int_equal(take(f, f->uids, NULL, &modseq), 6);
}

struct server {
    struct fixture *f;
    pthread_t thread;
    uint64_t uids[EACH];
    uint64_t modseqs[EACH];
};

static void *serve(void *ctx)
{
    struct server *server = ctx;
    struct ph_uid_policy *uids = ph_uid_lwt_new(server->f->store.db, &ph_rand_system);
    for (unsigned i = 0; i < EACH; i++) {
        server->uids[i] = take(server->f, uids, NULL, &server->modseqs[i]);
    }
    uids->free(uids);
    return NULL;
}

static void servers_that_compete_get_each_number_once(void **state)
{
    struct fixture *f = *state;
    if (!has_conditions(f)) {
        return;
    }
    struct server servers[SERVERS];
    for (unsigned i = 0; i < SERVERS; i++) {
        servers[i].f = f;
        assert_int_equal(pthread_create(&servers[i].thread, NULL, serve, &servers[i]), 0);
    }
    bool uid_seen[SERVERS * EACH + 1] = {false};
    bool modseq_seen[SERVERS * EACH + 1] = {false};
    for (unsigned i = 0; i < SERVERS; i++) {
        assert_int_equal(pthread_join(servers[i].thread, NULL), 0);
        for (unsigned j = 0; j < EACH; j++) {
            assert_in_range(servers[i].uids[j], 1, SERVERS * EACH);
            assert_false(uid_seen[servers[i].uids[j]]);
            uid_seen[servers[i].uids[j]] = true;
            assert_in_range(servers[i].modseqs[j], 1, SERVERS * EACH);
            assert_false(modseq_seen[servers[i].modseqs[j]]);
            modseq_seen[servers[i].modseqs[j]] = true;
            assert_true(j == 0 || servers[i].uids[j] > servers[i].uids[j - 1]);
        }
    }
}

static void a_uid_from_another_server_is_given_where_it_is_free(void **state)
{
    struct fixture *f = *state;
    if (!has_conditions(f)) {
        return;
    }
    struct ph_error err = {0};
    struct ph_value limit = ph_i64(0);
    uint64_t modseq;
    assert_int_equal(f->uids->reserve(f->uids, NULL, &f->mailbox, 0, 100, &limit, &err), PH_OK);
    assert_int_equal(limit.i64, 100);
    assert_int_equal(take(f, f->uids, &(struct ph_uid_wish){42, 100}, &modseq), 42);
    assert_int_equal(modseq, 1);
    assert_int_equal(take(f, f->uids, NULL, &modseq), 101);
    assert_int_equal(take(f, f->uids, &(struct ph_uid_wish){200, 100}, &modseq), 200);
    assert_int_equal(take(f, f->uids, &(struct ph_uid_wish){150, 100}, &modseq), 201);
    /* What was given above the old limit stays where it is. */
    limit = ph_i64(100);
    assert_int_equal(f->uids->reserve(f->uids, NULL, &f->mailbox, 100, 300, &limit, &err), PH_OK);
    assert_int_equal(limit.i64, 100);
    assert_int_equal(take(f, f->uids, NULL, &modseq), 202);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_ascend_by_one_also_after_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(servers_that_compete_get_each_number_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_uid_from_another_server_is_given_where_it_is_free, setup, teardown),
    };
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        failed += cmocka_run_group_tests_name(engine->name, tests, NULL, NULL);
    }
    return failed;
}
