/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static bool is_aligned(const void *ptr)
{
    return (uintptr_t)ptr % _Alignof(max_align_t) == 0;
}

static void test_items_are_aligned_and_apart(void **state)
{
    (void)state;
    struct ph_arena arena;
    uint8_t *items[500];
    ph_arena_init(&arena, 256);
    assert_null(arena.chunks);
    for (size_t i = 0; i < 500; i++) {
        items[i] = ph_arena_alloc(&arena, i);
        assert_true(is_aligned(items[i]));
        memset(items[i], (int)(i & 0xFF), i);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_int_equal(items[i][k], i & 0xFF);
        }
    }
    ph_arena_fini(&arena);
    assert_null(arena.chunks);
}

static void test_reset_keeps_the_first_chunk_only(void **state)
{
    (void)state;
    struct ph_arena arena;
    ph_arena_init(&arena, 256);
    ph_arena_reset(&arena);
    void *first = ph_arena_alloc(&arena, 16);
    for (int i = 0; i < 100; i++) {
        assert_non_null(ph_arena_alloc(&arena, 200));
    }
    assert_non_null(ph_arena_alloc(&arena, 10000));
    ph_arena_reset(&arena);
    assert_ptr_equal(ph_arena_alloc(&arena, 16), first);
    ph_arena_fini(&arena);
}

/* Or one big answer would be held by each thread that once gave one. */
static void test_reset_gives_a_big_first_chunk_back(void **state)
{
    (void)state;
    struct ph_arena arena;
    ph_arena_init(&arena, 256);
    assert_non_null(ph_arena_alloc(&arena, 100000));
    ph_arena_reset(&arena);
    assert_null(arena.chunks);
    ph_arena_fini(&arena);
}

static void test_copies(void **state)
{
    (void)state;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    const uint8_t *zeros = ph_arena_zalloc(&arena, 100);
    for (size_t i = 0; i < 100; i++) {
        assert_int_equal(zeros[i], 0);
    }
    assert_string_equal(ph_arena_strdup(&arena, PH_BYTES("abc")), "abc");
    assert_string_equal(ph_arena_strdup(&arena, (struct ph_bytes){NULL, 0}), "");
    struct ph_bytes copy = ph_arena_bytes(&arena, PH_BYTES("a\0b"));
    assert_true(ph_bytes_eq(copy, PH_BYTES("a\0b")));
    assert_int_equal(ph_arena_bytes(&arena, (struct ph_bytes){NULL, 0}).len, 0);
    assert_string_equal(ph_arena_printf(&arena, "%s/%05d", "x", 42), "x/00042");
    assert_string_equal(ph_arena_printf(&arena, "%s", ""), "");
    ph_arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_items_are_aligned_and_apart),
        cmocka_unit_test(test_reset_keeps_the_first_chunk_only),
        cmocka_unit_test(test_reset_gives_a_big_first_chunk_back),
        cmocka_unit_test(test_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
