/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random UIDs: positive, never among those that IMAP and other servers know, not given twice, kept by a repeated plan.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "mailbox/uid_policy.h"

enum { MESSAGES = 100000 };

struct numbers {
    uint64_t uid;
    uint64_t modseq;
};

static struct numbers take(struct ph_uid_policy *uids, const struct ph_uid_wish *wish)
{
    struct ph_error err = {0};
    struct ph_value values[4] = {ph_null(), ph_null(), ph_null(), ph_null()};
    const struct ph_number_slots slots[2] = {{&values[0], &values[1]}, {&values[2], &values[3]}};
    const struct ph_uuid mailbox = {{1}};
    assert_int_equal(uids->number(uids, NULL, &mailbox, wish, slots, 2, &err), PH_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(values[i].type, PH_VALUE_I64);
        assert_true(values[i].i64 > 0);
        assert_int_equal(values[i].i64, values[i + 2].i64); /* truth and projection alike */
    }
    return (struct numbers){(uint64_t)values[0].i64, (uint64_t)values[1].i64};
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void no_number_is_given_twice_or_is_one_of_imap(void **state)
{
    (void)state;
    struct ph_uid_policy *uids = ph_uid_random_new(&ph_rand_system);
    uint64_t *seen = ph_alloc(2 * MESSAGES * sizeof *seen);
    for (size_t i = 0; i < MESSAGES; i++) {
        struct numbers numbers = take(uids, NULL);
        seen[2 * i] = numbers.uid;
        seen[2 * i + 1] = numbers.modseq;
    }
    qsort(seen, 2 * (size_t)MESSAGES, sizeof *seen, compare);
    assert_true(seen[0] > UINT32_MAX);
    assert_true(seen[2 * MESSAGES - 1] <= INT64_MAX);
    for (size_t i = 1; i < 2 * (size_t)MESSAGES; i++) {
        assert_true(seen[i] > seen[i - 1]);
    }
    free(seen);
    uids->free(uids);
}

struct script {
    const uint64_t *values;
    size_t next;
};

static void play(void *ctx, void *out, size_t len)
{
    struct script *script = ctx;
    assert_int_equal(len, sizeof(uint64_t));
    memcpy(out, &script->values[script->next++], len);
}

static void what_is_too_small_is_drawn_again_and_the_sign_is_dropped(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 32};
    struct script script = {.values = values};
    const struct ph_rand rand = {play, &script};
    struct ph_uid_policy *uids = ph_uid_random_new(&rand);
    struct numbers numbers = take(uids, NULL);
    assert_true(numbers.uid == INT64_MAX);
    assert_true(numbers.modseq == UINT64_C(1) << 32);
    assert_int_equal(script.next, 5);
    uids->free(uids);
}

static void a_uid_from_another_server_is_kept(void **state)
{
    (void)state;
    struct ph_error err = {0};
    struct ph_uid_policy *uids = ph_uid_random_new(&ph_rand_system);
    struct ph_value limit = ph_i64(0);
    const struct ph_uuid mailbox = {{1}};
    assert_int_equal(uids->reserve(uids, NULL, &mailbox, 0, 4711, &limit, &err), PH_OK);
    assert_int_equal(limit.i64, 4711);
    assert_int_equal(take(uids, &(struct ph_uid_wish){4711, 4711}).uid, 4711);
    assert_true(take(uids, &(struct ph_uid_wish){UINT64_C(1) << 40, 4711}).uid != UINT64_C(1) << 40);
    uids->free(uids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_number_is_given_twice_or_is_one_of_imap),
        cmocka_unit_test(what_is_too_small_is_drawn_again_and_the_sign_is_dropped),
        cmocka_unit_test(a_uid_from_another_server_is_kept),
    };
    return cmocka_run_group_tests_name("mailbox/uid_random", tests, NULL, NULL);
}
