/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maildrops of a store that several nodes share: the lock across nodes, the floor, and what a session costs in
 * statements and rounds. A node is a struct ph_mailboxes of its own on the store. An embedded store has one process and
 * writes nothing of this.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "mailbox/copy.h"
#include "mailbox/test_mail.h"
#include "store/maildrop_node.h"
#include "store/pop3_floor.h"
#include "store/pop3_metadata.h"

#define ALICE "alice@example.org"
#define HEADER "Subject: tea\r\n\r\n"

enum { NODES = 4 };

static const uint64_t HOUR_US = UINT64_C(3600000000);

static const struct ph_test_engine *engine;

struct node {
    struct ph_clock_manual manual;
    struct ph_clock clock;
    struct ph_uuid_gen ids;
    struct ph_mailboxes *mailboxes;
};

struct fixture {
    struct ph_test_mail mail;
    struct ph_mailbox inbox;
    struct ph_error err;
    bool keeps_floors;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ph_test_mail_init(&f->mail, engine);
    const struct ph_db_traits *traits = ph_db_traits(f->mail.store.db);
    f->keeps_floors = !traits->is_local && !traits->is_shared;
    ph_test_mail_open(&f->mail, ALICE, "INBOX", &f->inbox);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ph_test_mail_fini(&f->mail);
    free(f);
    return 0;
}

/* A node whose clock is off by SKEW_US; its floors follow deletions at once. */
static struct node *start_node(struct fixture *f, int64_t skew_us)
{
    struct node *node = calloc(1, sizeof *node);
    const struct ph_db_traits *traits = ph_db_traits(f->mail.store.db);
    node->manual.real_us = (uint64_t)((int64_t)ph_real_us(&ph_clock_system) + skew_us);
    node->manual.mono_us = ph_mono_us(&ph_clock_system);
    node->clock = ph_clock_from_manual(&node->manual);
    ph_uuid_gen_init(&node->ids, &node->clock, &ph_rand_system);
    const struct ph_mailboxes_options options = {
        .db = f->mail.store.db,
        .blobs = f->mail.blobs,
        .ids = &node->ids,
        .clock = &node->clock,
        .log = &f->mail.store.log,
        .uids = traits->has_conditions ? PH_UIDS_LWT : PH_UIDS_RANDOM,
        .keeps_floors = f->keeps_floors,
        .floor_age_ms = 1,
        .floor_deletions = 1,
    };
    assert_int_equal(ph_mailboxes_new(&options, &node->mailboxes, &f->err), PH_OK);
    return node;
}

static void stop_node(struct node *node)
{
    ph_mailboxes_free(&node->mailboxes);
    ph_uuid_gen_fini(&node->ids);
    free(node);
}

static int open_on(struct ph_mailboxes *mailboxes, struct ph_maildrop **out_drop)
{
    struct ph_error err = {0};
    struct ph_access alice = ph_test_mail_access(ALICE);
    *out_drop = NULL;
    int result = ph_maildrop_open(mailboxes, &alice, out_drop, &err);
    if (result != PH_OK && result != PH_EBUSY) {
        print_error("%s\n", err.text);
    }
    return result;
}

/* ---- The end of a session ---- */

struct ending {
    pthread_mutex_t lock;
    pthread_cond_t is_over;
    bool is_done;
    int result;
};

static void ended(void *ctx, int result)
{
    struct ending *ending = ctx;
    pthread_mutex_lock(&ending->lock);
    ending->is_done = true;
    ending->result = result;
    pthread_cond_signal(&ending->is_over);
    pthread_mutex_unlock(&ending->lock);
}

static void quit(struct ph_maildrop *drop, const bool *is_deleted)
{
    struct ending ending = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, PH_OK};
    ph_maildrop_delete(drop, is_deleted, ended, &ending);
    pthread_mutex_lock(&ending.lock);
    while (!ending.is_done) {
        pthread_cond_wait(&ending.is_over, &ending.lock);
    }
    pthread_mutex_unlock(&ending.lock);
    assert_int_equal(ending.result, PH_OK);
    ph_maildrop_close(&drop);
}

static struct ph_uuid deliver(struct fixture *f)
{
    struct ph_uuid id;
    assert_int_equal(ph_test_mail_deliver(&f->mail, ALICE, "INBOX", HEADER, "Earl Grey\r\n", &id), PH_OK);
    return id;
}

static size_t listed(struct fixture *f)
{
    return ph_test_mail_list(&f->mail, ALICE, "INBOX", NULL, 0);
}

/* ---- The lock ---- */

static void one_process_writes_no_lock(void **state)
{
    struct fixture *f = *state;
    struct ph_maildrop *drop;
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    assert_false(ph_maildrop_has_end(drop));
    ph_maildrop_renew(drop);
    ph_maildrop_close(&drop);
    assert_int_equal(ph_test_cost(f->mail.store.db).writes, 0);
}

static void of_two_nodes_one_has_the_maildrop(void **state)
{
    struct fixture *f = *state;
    struct node *other = start_node(f, 0);
    struct ph_maildrop *drop;
    struct ph_maildrop *second;
    deliver(f);
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    assert_int_equal(open_on(other->mailboxes, &second), PH_EBUSY);
    assert_int_equal(open_on(other->mailboxes, &second), PH_EBUSY);
    quit(drop, NULL);
    assert_int_equal(open_on(other->mailboxes, &second), PH_OK);
    assert_int_equal(second->count, 1);
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_EBUSY);
    quit(second, NULL);
    stop_node(other);
}

/* The one that was there first stays, although the other's session has the older id. */
static void a_slow_clock_takes_no_maildrop_away(void **state)
{
    struct fixture *f = *state;
    struct node *slow = start_node(f, -(int64_t)HOUR_US);
    struct ph_maildrop *drop;
    struct ph_maildrop *second;
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    assert_int_equal(open_on(slow->mailboxes, &second), PH_EBUSY);
    quit(drop, NULL);
    stop_node(slow);
}

struct rival {
    struct fixture *f;
    struct node *node;
    pthread_t thread;
    atomic_int *holders;
    atomic_int *most;
    int opened;
};

static void *compete(void *ctx)
{
    struct rival *rival = ctx;
    for (int i = 0; i < 10; i++) {
        struct ph_maildrop *drop;
        int result = open_on(rival->node->mailboxes, &drop);
        if (result == PH_OK) {
            int now = atomic_fetch_add(rival->holders, 1) + 1;
            int most = atomic_load(rival->most);
            while (now > most && !atomic_compare_exchange_weak(rival->most, &most, now)) {
            }
            rival->opened++;
            usleep(2000);
            atomic_fetch_sub(rival->holders, 1);
            quit(drop, NULL);
        } else {
            assert_int_equal(result, PH_EBUSY);
        }
    }
    return NULL;
}

static void of_nodes_that_open_at_once_never_two_have_it(void **state)
{
    struct fixture *f = *state;
    static const int64_t skews[NODES] = {0, -5 * 1000 * 1000, 5 * 1000 * 1000, -3600 * INT64_C(1000000)};
    atomic_int holders = 0;
    atomic_int most = 0;
    struct rival rivals[NODES];
    int opened = 0;
    for (int i = 0; i < NODES; i++) {
        rivals[i] =
            (struct rival){.f = f, .node = start_node(f, skews[i]), .holders = &holders, .most = &most};
    }
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(pthread_create(&rivals[i].thread, NULL, compete, &rivals[i]), 0);
    }
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(pthread_join(rivals[i].thread, NULL), 0);
        opened += rivals[i].opened;
        stop_node(rivals[i].node);
    }
    assert_int_equal(most, 1);
    assert_true(opened >= 1);
}

static void a_node_that_died_gives_way(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid node = ph_uuid_gen_next(&f->mail.store.ids);
    struct ph_uuid session = ph_uuid_gen_next(&f->mail.store.ids);
    struct ph_plan plan;
    struct ph_maildrop *drop;
    ph_plan_init(&plan, &f->mail.arena);
    ph_plan_add(&plan, PH_STAGE_TRUTH, PH_STMT_MAILDROP_NODE_PUT, ph_uuid_value(&f->inbox.id),
                ph_uuid_value(&node), ph_uuid_value(&session), ph_i64((int64_t)ph_real_us(&ph_clock_system)),
                ph_i64(2));
    assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &f->err), PH_OK);
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_EBUSY);
    int result = PH_EBUSY;
    for (int i = 0; i < 300 && result == PH_EBUSY; i++) {
        usleep(100000);
        result = open_on(f->mail.mailboxes, &drop);
    }
    assert_int_equal(result, PH_OK);
    quit(drop, NULL);
}

static void a_lock_is_renewed_by_commands_after_a_while(void **state)
{
    struct fixture *f = *state;
    struct node *node = start_node(f, 0);
    struct ph_maildrop *drop;
    assert_int_equal(open_on(node->mailboxes, &drop), PH_OK);
    uint64_t before = ph_test_count(f->mail.store.db, PH_STMT_MAILDROP_NODE_PUT);
    node->manual.mono_us += 29 * 1000 * 1000;
    ph_maildrop_renew(drop);
    node->manual.mono_us += 1000 * 1000;
    ph_maildrop_renew(drop);
    ph_maildrop_renew(drop);
    quit(drop, NULL);
    /* It is counted when it is answered, and nobody waits for that. */
    for (int i = 0; i < 5000 && ph_test_count(f->mail.store.db, PH_STMT_MAILDROP_NODE_PUT) == before; i++) {
        usleep(1000);
    }
    assert_int_equal(ph_test_count(f->mail.store.db, PH_STMT_MAILDROP_NODE_PUT) - before, 1);
    stop_node(node);
}

/* ---- The floor ---- */

static struct ph_pop3_floor floor_of(struct fixture *f)
{
    struct ph_pop3_floor floor;
    assert_int_equal(ph_store_pop3_floor_get(f->mail.store.db, &f->inbox.id, &floor, &f->err), PH_OK);
    return floor;
}

static void delete_on(struct node *node, const bool *is_deleted)
{
    struct ph_maildrop *drop;
    node->manual.real_us = ph_real_us(&ph_clock_system) + 10000;
    assert_int_equal(open_on(node->mailboxes, &drop), PH_OK);
    quit(drop, is_deleted);
    ph_mailboxes_settle(node->mailboxes);
}

static void the_floor_follows_deletions_up_to_what_is_left(void **state)
{
    struct fixture *f = *state;
    struct node *node = start_node(f, 0);
    struct ph_uuid ids[6];
    for (int i = 0; i < 5; i++) {
        ids[i] = deliver(f);
    }
    struct ph_uuid before = floor_of(f).floor;
    assert_true(ph_uuid_compare(&before, &ids[0]) < 0);
    delete_on(node, (const bool[]){true, true, false, true, true});
    struct ph_uuid floor = floor_of(f).floor;
    assert_true(ph_uuid_compare(&floor, &ids[1]) >= 0);
    assert_true(ph_uuid_compare(&floor, &ids[2]) < 0);
    assert_int_equal(listed(f), 1);
    delete_on(node, (const bool[]){true});
    ids[5] = deliver(f);
    delete_on(node, (const bool[]){false});
    assert_int_equal(listed(f), 1);
    floor = floor_of(f).floor;
    assert_true(ph_uuid_compare(&floor, &ids[2]) >= 0);
    assert_true(ph_uuid_compare(&floor, &ids[5]) < 0);
    stop_node(node);
}

static void raise_to(struct fixture *f, const struct ph_uuid *floor)
{
    struct ph_plan plan;
    ph_plan_init(&plan, &f->mail.arena);
    ph_store_pop3_floor_raise(&plan, &f->inbox.id, floor);
    assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &f->err), PH_OK);
}

static void a_floor_never_goes_down(void **state)
{
    struct fixture *f = *state;
    struct ph_uuid high = ph_uuid_first_of_us(1700000000000000);
    struct ph_uuid low = ph_uuid_first_of_us(1600000000000000);
    raise_to(f, &high);
    raise_to(f, &low);
    struct ph_uuid floor = floor_of(f).floor;
    assert_true(ph_uuid_eq(&floor, &high));
}

/* Content and rows as ph_test_mail_append makes them, under an id of AGE_US ago. */
static struct ph_uuid deliver_old(struct fixture *f, uint64_t age_us, bool is_expired, int *out_result)
{
    struct ph_plan plan;
    struct ph_append message = {0};
    struct ph_append old;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    assert_int_equal(ph_test_mail_append(&f->mail, "nobody@example.org", "INBOX", HEADER, "Earl Grey\r\n",
                                         &message, &plan, &f->err),
                     PH_OK);
    old = message;
    old.message_id = ph_uuid_first_of_us(ph_real_us(&ph_clock_system) - age_us);
    assert_int_equal(ph_mailbox_append(f->mail.mailboxes, &ph_test_mail_administrator, PH_BYTES(ALICE),
                                       PH_BYTES("INBOX"), &old, &plan, &f->err),
                     PH_OK);
    if (is_expired) {
        ph_plan_expire(&plan, ph_real_us(&ph_clock_system) - 1);
    }
    *out_result = ph_db_apply(f->mail.store.db, &plan, &f->err);
    ph_arena_fini(&arena);
    return old.message_id;
}

static void what_comes_with_an_old_id_is_listed_below_the_floor(void **state)
{
    struct fixture *f = *state;
    struct ph_maildrop *drop;
    struct ph_uuid floor = ph_uuid_first_of_us(ph_real_us(&ph_clock_system) - 600 * 1000000U);
    int result;
    raise_to(f, &floor);
    struct ph_uuid young = deliver(f);
    struct ph_uuid old = deliver_old(f, HOUR_US, false, &result);
    assert_int_equal(result, PH_OK);
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    assert_int_equal(drop->count, 2);
    assert_true(ph_uuid_eq(&drop->entries[0].id, &old));
    assert_true(ph_uuid_eq(&drop->entries[1].id, &young));
    quit(drop, (const bool[]){true, false});
    assert_int_equal(listed(f), 1);
}

struct coming {
    struct fixture *fixture;
    struct ph_plan *plan;
    uint64_t reads;
    int result;
};

/* Once somebody looked for it in vain. */
static void *comes_a_moment_later(void *ctx)
{
    struct coming *coming = ctx;
    struct ph_error err = {0};
    while (ph_test_count(coming->fixture->mail.store.db, PH_STMT_IMAP_UID_GET) == coming->reads) {
        sched_yield();
    }
    coming->result = ph_db_apply(coming->fixture->mail.store.db, coming->plan, &err);
    return NULL;
}

static void what_is_listed_while_it_is_written_is_waited_for(void **state)
{
    struct fixture *f = *state;
    struct ph_db *db = f->mail.store.db;
    struct ph_arena arena;
    struct ph_plan listed_first;
    struct ph_plan rest;
    struct ph_append message = {0};
    ph_arena_init(&arena, 0);
    ph_plan_init(&rest, &arena);
    assert_int_equal(
        ph_test_mail_append(&f->mail, ALICE, "INBOX", HEADER, "Earl Grey\r\n", &message, &rest, &f->err),
        PH_OK);
    ph_plan_init(&listed_first, &arena);
    ph_store_pop3_metadata_add(&listed_first, &f->inbox.id, &message.message_id, message.total_bytes);
    assert_int_equal(ph_db_apply(db, &listed_first, &f->err), PH_OK);
    struct ph_maildrop *drop;
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    assert_int_equal(drop->count, 1);
    struct coming coming = {f, &rest, ph_test_count(db, PH_STMT_IMAP_UID_GET), PH_EBUG};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, comes_a_moment_later, &coming), 0);
    struct ph_message_reader reader;
    int result = ph_maildrop_read(drop, 0, PH_MESSAGE_WHOLE, &reader, &f->err);
    pthread_join(thread, NULL);
    assert_int_equal(coming.result, PH_OK);
    /* Where plans are all or nothing, a listing shows no part of one: that row was a stale one. */
    assert_int_equal(result, ph_db_traits(db)->is_all_or_nothing ? PH_ENOTFOUND : PH_OK);
    if (result == PH_OK) {
        assert_int_equal(reader.size, message.total_bytes);
        ph_message_close(&reader);
    }
    ph_maildrop_close(&drop);
    ph_arena_fini(&arena);
}

static void a_plan_that_is_too_late_leaves_nothing_to_be_seen(void **state)
{
    struct fixture *f = *state;
    int result;
    deliver_old(f, 1000, true, &result);
    assert_int_equal(result, PH_EUNAVAILABLE);
    assert_int_equal(listed(f), 0);
}

/* ---- What a session costs, where no consensus is asked for ---- */

static void assert_no_conditions(struct fixture *f)
{
    if (!ph_db_traits(f->mail.store.db)->has_conditions) {
        assert_int_equal(ph_test_cost(f->mail.store.db).conditional, 0);
    }
}

static void done(void *ctx)
{
    struct ending *ending = ctx;
    ended(ending, PH_OK);
}

static void login_to_stat_takes_three_rounds(void **state)
{
    struct fixture *f = *state;
    struct ph_db *db = f->mail.store.db;
    struct ph_accounts *accounts;
    struct ph_auth *auth;
    const struct ph_accounts_options account_options = {.db = db,
                                                        .clock = &ph_clock_system,
                                                        .rand = &ph_rand_system,
                                                        .argon2_memory_kib = 64,
                                                        .argon2_passes = 1};
    assert_int_equal(ph_accounts_new(&account_options, &accounts, &f->err), PH_OK);
    assert_int_equal(ph_domain_add(accounts, PH_BYTES("example.org"), &f->err), PH_OK);
    assert_int_equal(ph_user_add(accounts, PH_BYTES(ALICE), PH_BYTES("secret"), &f->err), PH_OK);
    deliver(f);
    const struct ph_auth_options auth_options = {.accounts = accounts,
                                                 .db = db,
                                                 .clock = &ph_clock_system,
                                                 .rand = &ph_rand_system,
                                                 .log = &f->mail.store.log,
                                                 .hash_threads = 1,
                                                 .failures_before_delay = 3,
                                                 .failures_max = 30,
                                                 .failure_window_seconds = 60};
    assert_int_equal(ph_auth_new(&auth_options, &auth, &f->err), PH_OK);
    /* A node that knows nothing yet. */
    struct node *node = start_node(f, 0);
    ph_mailboxes_attend_logins(node->mailboxes, auth);

    struct ph_test_cost before = ph_test_cost(db);
    uint64_t rounds = ph_db_rounds(db);
    struct ending ending = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, PH_OK};
    struct ph_address peer = {.family = PH_ADDRESS_UNIX};
    struct ph_login *login = ph_login_new(auth, &peer, "pop3");
    ph_login_password(login, PH_BYTES(ALICE), PH_BYTES("secret"), done, &ending);
    pthread_mutex_lock(&ending.lock);
    while (!ending.is_done) {
        pthread_cond_wait(&ending.is_over, &ending.lock);
    }
    pthread_mutex_unlock(&ending.lock);
    assert_int_equal(ph_login_state(login), PH_LOGIN_OK);
    ph_login_free(&login);
    struct ph_maildrop *drop;
    assert_int_equal(open_on(node->mailboxes, &drop), PH_OK);
    assert_int_equal(drop->count, 1);
    rounds = ph_db_rounds(db) - rounds;
    struct ph_test_cost after = ph_test_cost(db);
    assert_int_equal(rounds, 3);
    assert_int_equal(after.reads - before.reads, f->keeps_floors ? 5 : 4);
    assert_int_equal(after.writes - before.writes, 1);
    assert_no_conditions(f);
    quit(drop, NULL);
    stop_node(node);
    ph_auth_free(&auth);
    ph_accounts_free(&accounts);
}

static void retr_takes_three_statements_in_two_rounds(void **state)
{
    struct fixture *f = *state;
    struct ph_db *db = f->mail.store.db;
    struct ph_maildrop *drop;
    struct ph_message_reader reader;
    struct ph_buf whole = PH_BUF(65536);
    deliver(f);
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    struct ph_test_cost before = ph_test_cost(db);
    uint64_t rounds = ph_db_rounds(db);
    assert_int_equal(ph_maildrop_read(drop, 0, PH_MESSAGE_WHOLE, &reader, &f->err), PH_OK);
    size_t len;
    do {
        len = whole.len;
        assert_int_equal(ph_message_read(f->mail.mailboxes, &reader, 32768, &whole, &f->err), PH_OK);
    } while (whole.len > len);
    ph_message_close(&reader);
    assert_true(ph_bytes_eq(ph_buf_view(&whole), PH_BYTES(HEADER "Earl Grey\r\n")));
    assert_int_equal(ph_db_rounds(db) - rounds, 2);
    assert_int_equal(ph_test_cost(db).reads - before.reads, 3);
    assert_int_equal(ph_test_count(db, PH_STMT_MESSAGE_GET), 0);
    assert_no_conditions(f);
    quit(drop, NULL);
    ph_buf_fini(&whole);
}

/* Rounds of a QUIT that deletes COUNT messages. */
static uint64_t rounds_of(struct fixture *f, size_t count)
{
    struct ph_append message = {0};
    struct ph_arena arena;
    struct ph_maildrop *drop;
    ph_arena_init(&arena, 64U << 10);
    for (size_t i = 0; i < count; i++) {
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        message = (struct ph_append){0};
        assert_int_equal(ph_test_mail_append(&f->mail, ALICE, "INBOX", HEADER, "1", &message, &plan, &f->err),
                         PH_OK);
        assert_int_equal(ph_db_apply(f->mail.store.db, &plan, &f->err), PH_OK);
        ph_arena_reset(&arena);
    }
    ph_arena_fini(&arena);
    assert_int_equal(open_on(f->mail.mailboxes, &drop), PH_OK);
    assert_int_equal(drop->count, count);
    bool *is_deleted = calloc(count, sizeof *is_deleted);
    memset(is_deleted, 1, count);
    uint64_t before = ph_db_rounds(f->mail.store.db);
    quit(drop, is_deleted);
    uint64_t rounds = ph_db_rounds(f->mail.store.db) - before;
    free(is_deleted);
    assert_int_equal(listed(f), 0);
    return rounds;
}

static void quit_takes_as_many_rounds_for_many_messages_as_for_one(void **state)
{
    struct fixture *f = *state;
    uint64_t rounds = rounds_of(f, 1);
    print_message("%u rounds\n", (unsigned)rounds);
    assert_int_equal(rounds_of(f, 10), rounds);
    assert_int_equal(rounds_of(f, 200), rounds);
    assert_no_conditions(f);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest of_one[] = {TEST(one_process_writes_no_lock)};
    const struct CMUnitTest of_several[] = {
        TEST(of_two_nodes_one_has_the_maildrop),
        TEST(a_slow_clock_takes_no_maildrop_away),
        TEST(of_nodes_that_open_at_once_never_two_have_it),
        TEST(a_node_that_died_gives_way),
        TEST(a_lock_is_renewed_by_commands_after_a_while),
        TEST(login_to_stat_takes_three_rounds),
        TEST(quit_takes_as_many_rounds_for_many_messages_as_for_one),
    };
    const struct CMUnitTest of_ours[] = {
        TEST(the_floor_follows_deletions_up_to_what_is_left),
        TEST(a_floor_never_goes_down),
        TEST(what_comes_with_an_old_id_is_listed_below_the_floor),
        TEST(what_is_listed_while_it_is_written_is_waited_for),
        TEST(a_plan_that_is_too_late_leaves_nothing_to_be_seen),
        TEST(retr_takes_three_statements_in_two_rounds),
    };
#undef TEST
    int failed = 0;
    for (unsigned i = 0; i < ph_test_engine_count; i++) {
        engine = &ph_test_engines[i];
        struct ph_test_store store;
        ph_test_store_init(&store, engine);
        const struct ph_db_traits traits = *ph_db_traits(store.db);
        ph_test_store_fini(&store);
        if (traits.is_local) {
            failed += cmocka_run_group_tests_name(engine->name, of_one, NULL, NULL);
        } else {
            failed += cmocka_run_group_tests_name(engine->name, of_several, NULL, NULL);
        }
        if (!traits.is_local && !traits.is_shared) {
            failed += cmocka_run_group_tests_name(engine->name, of_ours, NULL, NULL);
        }
    }
    return failed;
}
