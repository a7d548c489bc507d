/* SPDX-License-Identifier: Apache-2.0 */
#include "db/cassandra/cell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct ph_arena arena;

static int setup(void **state)
{
    (void)state;
    ph_arena_init(&arena, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ph_arena_fini(&arena);
    return 0;
}

static struct ph_cassandra_cell cell_of(struct ph_value value, enum ph_cql_type type)
{
    struct ph_cql_value out;
    struct ph_error err = {0};
    /* What is encoded may point into the value. */
    struct ph_value *kept = ph_arena_alloc(&arena, sizeof *kept);
    *kept = value;
    assert_int_equal(ph_cassandra_encode(kept, type, &arena, &out, &err), PH_OK);
    return (struct ph_cassandra_cell){out.len < 0 ? NULL : out.ptr, out.len < 0 ? 0 : (size_t)out.len, type};
}

static int refuses(struct ph_value value, enum ph_cql_type type)
{
    struct ph_cql_value out;
    struct ph_error err = {0};
    return ph_cassandra_encode(&value, type, &arena, &out, &err);
}

static void numbers_come_back_as_they_went(void **state)
{
    (void)state;
    static const int64_t numbers[] = {0, 1, -1, 255, 65536, INT32_MAX, INT32_MIN};
    static const enum ph_cql_type types[] = {PH_CQL_TYPE_INT, PH_CQL_TYPE_BIGINT, PH_CQL_TYPE_COUNTER,
                                             PH_CQL_TYPE_TIMESTAMP};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        for (size_t j = 0; j < sizeof types / sizeof types[0]; j++) {
            int64_t number = 99;
            struct ph_cassandra_cell cell = cell_of(ph_i64(numbers[i]), types[j]);
            assert_int_equal(cell.len, types[j] == PH_CQL_TYPE_INT ? 4 : 8);
            assert_true(ph_cassandra_cell_i64(&cell, &number));
            assert_int_equal(number, numbers[i]);
        }
    }
    /* Big-endian, as the protocol has it. */
    struct ph_cassandra_cell cell = cell_of(ph_i64(0x0102), PH_CQL_TYPE_INT);
    assert_memory_equal(cell.ptr, "\0\0\1\2", 4);
    int64_t number;
    cell = cell_of(ph_bool(true), PH_CQL_TYPE_BOOLEAN);
    assert_int_equal(cell.len, 1);
    assert_true(ph_cassandra_cell_i64(&cell, &number));
    assert_int_equal(number, 1);
}

static void what_does_not_fit_is_our_bug(void **state)
{
    (void)state;
    assert_int_equal(refuses(ph_i64((int64_t)INT32_MAX + 1), PH_CQL_TYPE_INT), PH_EBUG);
    assert_int_equal(refuses(ph_i64(2), PH_CQL_TYPE_BOOLEAN), PH_EBUG);
    assert_int_equal(refuses(ph_text_str("1"), PH_CQL_TYPE_BIGINT), PH_EBUG);
    assert_int_equal(refuses(ph_i64(1), PH_CQL_TYPE_TEXT), PH_EBUG);
    assert_int_equal(refuses(ph_i64(1), PH_CQL_TYPE_MAP), PH_EBUG);
}

static void null_is_neither_zero_nor_empty(void **state)
{
    (void)state;
    int64_t number = 99;
    struct ph_uuid uuid;
    struct ph_bytes bytes = PH_BYTES("untouched");
    static const enum ph_cql_type types[] = {PH_CQL_TYPE_INT,  PH_CQL_TYPE_BIGINT,   PH_CQL_TYPE_BOOLEAN,
                                             PH_CQL_TYPE_TEXT, PH_CQL_TYPE_TIMEUUID, PH_CQL_TYPE_SET};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct ph_cassandra_cell cell = cell_of(ph_null(), types[i]);
        assert_null(cell.ptr);
        assert_false(ph_cassandra_cell_i64(&cell, &number));
        assert_false(ph_cassandra_cell_uuid(&cell, &uuid));
        assert_false(ph_cassandra_cell_bytes(&cell, &arena, &bytes));
        assert_int_equal(ph_cassandra_cell_value(&cell, &arena).type, PH_VALUE_NULL);
    }
    assert_int_equal(number, 99);
    assert_int_equal(bytes.len, 9);
    struct ph_cassandra_cell empty = cell_of(ph_text_str(""), PH_CQL_TYPE_TEXT);
    assert_non_null(empty.ptr);
    assert_true(ph_cassandra_cell_bytes(&empty, &arena, &bytes));
    assert_int_equal(bytes.len, 0);
    /* A number of no octets is no number. */
    struct ph_cassandra_cell cell = {(const uint8_t *)"", 0, PH_CQL_TYPE_BIGINT};
    assert_false(ph_cassandra_cell_i64(&cell, &number));
}

static void a_uuid_may_stand_in_text(void **state)
{
    (void)state;
    struct ph_uuid uuid;
    struct ph_uuid back;
    assert_int_equal(ph_uuid_parse(PH_BYTES("5f3759df-1b2c-11ef-8a3b-0242ac120002"), &uuid), PH_OK);
    static const enum ph_cql_type types[] = {PH_CQL_TYPE_UUID, PH_CQL_TYPE_TIMEUUID, PH_CQL_TYPE_TEXT};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct ph_cassandra_cell cell = cell_of(ph_uuid_value(&uuid), types[i]);
        assert_int_equal(cell.len, types[i] == PH_CQL_TYPE_TEXT ? 36 : 16);
        assert_true(ph_cassandra_cell_uuid(&cell, &back));
        assert_true(ph_uuid_eq(&back, &uuid));
    }
    struct ph_cassandra_cell text = cell_of(ph_text_str("not an id"), PH_CQL_TYPE_TEXT);
    assert_false(ph_cassandra_cell_uuid(&text, &back));
}

static void words_are_a_set(void **state)
{
    (void)state;
    struct ph_bytes words;
    struct ph_cassandra_cell cell = cell_of(ph_text_str("  $Forwarded work "), PH_CQL_TYPE_SET);
    assert_memory_equal(cell.ptr, "\0\0\0\2\0\0\0\12$Forwarded\0\0\0\4work", 26);
    assert_true(ph_cassandra_cell_bytes(&cell, &arena, &words));
    assert_true(ph_bytes_eq(words, PH_BYTES("$Forwarded work")));
    cell = cell_of(ph_text_str(""), PH_CQL_TYPE_SET);
    assert_true(ph_cassandra_cell_bytes(&cell, &arena, &words));
    assert_int_equal(words.len, 0);
}

static void a_broken_set_reads_as_null(void **state)
{
    (void)state;
    static const struct ph_bytes broken[] = {
        {(const uint8_t *)"", 0},
        {(const uint8_t *)"\0\0\0", 3},
        {(const uint8_t *)"\0\0\0\1", 4},                          /* the element is missing */
        {(const uint8_t *)"\0\0\0\1\0\0\0\5abcd", 12},             /* too short */
        {(const uint8_t *)"\0\0\0\1\377\377\377\377abcd", 12},     /* a null element */
        {(const uint8_t *)"\0\0\0\1\0\0\0\1ab", 10},               /* octets behind it */
        {(const uint8_t *)"\377\377\377\377\0\0\0\0\0\0\0\0", 12}, /* too many */
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct ph_bytes words = PH_BYTES("untouched");
        struct ph_cassandra_cell cell = {broken[i].ptr, broken[i].len, PH_CQL_TYPE_SET};
        assert_false(ph_cassandra_cell_bytes(&cell, &arena, &words));
        assert_int_equal(words.len, 9);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_come_back_as_they_went, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_our_bug, setup, teardown),
        cmocka_unit_test_setup_teardown(null_is_neither_zero_nor_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(a_uuid_may_stand_in_text, setup, teardown),
        cmocka_unit_test_setup_teardown(words_are_a_set, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_set_reads_as_null, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
