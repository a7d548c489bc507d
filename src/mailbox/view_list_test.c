/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of messages against an array, with other holders that must not notice.
 */
#include "mailbox/view_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { UIDS = 600, STEPS = 6000, HELD = 8 };

struct model {
    struct ph_view_list *list;
    uint64_t modseq[UIDS + 1]; /* 0: no message has this UID */
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void assert_same(const struct model *model)
{
    uint32_t count = 0;
    for (uint32_t uid = 1; uid <= UIDS; uid++) {
        const struct ph_view_message *found = ph_view_list_get(model->list, uid);
        assert_int_equal(ph_view_list_find(model->list, uid), count);
        if (model->modseq[uid] == 0) {
            assert_null(found);
            continue;
        }
        assert_non_null(found);
        assert_int_equal(found->modseq, model->modseq[uid]);
        assert_ptr_equal(ph_view_list_at(model->list, count), found);
        count++;
    }
    assert_int_equal(ph_view_list_count(model->list), count);
}

/* What a comparison says turns the one array into the other. */
static void assert_difference(const struct model *before, const struct model *now)
{
    struct ph_view_diff diff;
    struct ph_view_difference one;
    uint32_t last = 0;
    uint64_t modseq[UIDS + 1];
    memcpy(modseq, before->modseq, sizeof modseq);
    ph_view_diff_begin(&diff, before->list, now->list);
    while (ph_view_diff_next(&diff, &one)) {
        uint32_t uid = one.before != NULL ? one.before->uid : one.now->uid;
        assert_true(uid > last);
        last = uid;
        if (one.before != NULL) {
            assert_ptr_equal(ph_view_list_at(before->list, one.index), one.before);
        }
        modseq[uid] = one.now == NULL ? 0 : one.now->modseq;
    }
    assert_memory_equal(modseq, now->modseq, sizeof modseq);
}

static void change(struct model *model, uint32_t *state, uint64_t modseq)
{
    uint32_t uid = 1 + next_random(state) % UIDS;
    if (next_random(state) % 5 != 0) {
        const struct ph_view_message message = {.uid = uid, .modseq = modseq};
        ph_view_list_put(&model->list, &message);
        model->modseq[uid] = modseq;
        return;
    }
    uint32_t uids[40];
    size_t count = 0;
    uint32_t step = 1 + next_random(state) % 4;
    for (; count < 1 + next_random(state) % 40 && count < 40 && uid <= UIDS; uid += step) {
        uids[count++] = uid;
        model->modseq[uid] = 0;
    }
    ph_view_list_remove(&model->list, uids, count);
}

static void lists_are_as_the_model_says_and_holders_do_not_notice(void **context)
{
    (void)context;
    uint32_t state = 4711;
    struct model now = {.list = ph_view_list_new()};
    struct model *held = test_calloc(HELD, sizeof *held);
    for (unsigned i = 0; i < HELD; i++) {
        held[i].list = ph_view_list_new();
    }
    for (unsigned step = 1; step <= STEPS; step++) {
        change(&now, &state, step);
        if (step % 17 == 0) {
            struct model *one = &held[next_random(&state) % HELD];
            ph_view_list_unref(&one->list);
            *one = now;
            ph_view_list_ref(one->list);
        }
        if (step % 50 == 0) {
            assert_same(&now);
            for (unsigned i = 0; i < HELD; i++) {
                assert_same(&held[i]);
                assert_difference(&held[i], &now);
                assert_difference(&now, &held[i]);
            }
        }
    }
    for (unsigned i = 0; i < HELD; i++) {
        ph_view_list_unref(&held[i].list);
    }
    ph_view_list_unref(&now.list);
    test_free(held);
}

static void what_comes_last_goes_to_the_end(void **context)
{
    (void)context;
    struct ph_view_list *list = ph_view_list_new();
    for (uint32_t uid = 1; uid <= 1000; uid++) {
        const struct ph_view_message message = {.uid = uid * 3, .modseq = uid};
        ph_view_list_put(&list, &message);
        assert_int_equal(ph_view_list_count(list), uid);
        assert_int_equal(ph_view_list_at(list, uid - 1)->uid, uid * 3);
    }
    struct ph_view_cursor at = ph_view_list_first(list);
    for (uint32_t uid = 1; uid <= 1000; uid++, ph_view_cursor_next(&at)) {
        assert_int_equal(ph_view_cursor_get(&at)->uid, uid * 3);
    }
    assert_null(ph_view_cursor_get(&at));
    ph_view_list_unref(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_as_the_model_says_and_holders_do_not_notice),
        cmocka_unit_test(what_comes_last_goes_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
