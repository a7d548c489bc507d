/* SPDX-License-Identifier: Apache-2.0 */
#include "task/import_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "task/digest_count.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static int parse(const char *line, struct ph_import_record *out)
{
    return ph_import_record_parse(ph_bytes_str(line), out, NULL);
}

static void test_a_line_says_all(void **state)
{
    (void)state;
    struct ph_import_record record;
    assert_int_equal(parse(HEX " " HEX " 12 7 -5 1700000000000 34 =abc work $Forwarded", &record), PH_OK);
    assert_int_equal(record.key[31], 31);
    assert_int_equal(record.digest[16], 16);
    assert_int_equal(record.octets, 12);
    assert_int_equal(record.uid, 7);
    assert_int_equal(record.internal_date_ms, -5);
    assert_int_equal(record.save_date_ms, 1700000000000);
    assert_int_equal(record.kept.flags, 34);
    assert_true(ph_bytes_eq(record.kept.uidl, PH_BYTES("abc")));
    assert_true(ph_bytes_eq(record.kept.keywords, PH_BYTES("work $Forwarded")));
    assert_int_equal(parse(HEX " " HEX " 0 0 0 0 0 -", &record), PH_OK);
    assert_int_equal(record.kept.uidl.len, 0);
    assert_int_equal(record.kept.keywords.len, 0);
    assert_int_equal(parse(HEX " " HEX " 0 0 0 0 0 =-", &record), PH_OK);
    assert_true(ph_bytes_eq(record.kept.uidl, PH_BYTES("-")));
}

static void test_what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        HEX,
        "00 " HEX " 0 0 0 0 0 -",
        HEX "00 " HEX " 0 0 0 0 0 -",
        HEX " " HEX " x 0 0 0 0 -",
        HEX " " HEX " -1 0 0 0 0 -",
        HEX " " HEX " 0 4294967296 0 0 0 -",
        HEX " " HEX " 0 0 - 0 0 -",
        HEX " " HEX " 0 0 0 0 64 -",
        HEX " " HEX " 0 0 0 0 0 abc",
        HEX " " HEX " 0 0 0 0 0 =",
        HEX " " HEX " 0 0 0 0 0",
        HEX " " HEX " 0 0 0 0 0 - (bad",
        HEX " " HEX " 0 0 0 9223372036854775808 0 -",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct ph_import_record record;
        assert_int_equal(parse(lines[i], &record), PH_EINVALID);
    }
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    struct ph_source_message message = {
        .key = {1, 2, 255},
        .digest = {9},
        .kept = {.flags = 5, .keywords = PH_BYTES("a b"), .uidl = PH_BYTES("x=y")},
        .uid = 4294967295,
        .internal_date_ms = 1,
    };
    struct ph_buf line = PH_BUF(PH_IMPORT_LINE_MAX);
    struct ph_import_record record;
    ph_import_record_put(&line, &message, 77);
    assert_int_equal(line.ptr[line.len - 1], '\n');
    assert_int_equal(ph_import_record_parse(ph_bytes_first(ph_buf_view(&line), line.len - 1), &record, NULL),
                     PH_OK);
    assert_memory_equal(record.key, message.key, sizeof record.key);
    assert_memory_equal(record.digest, message.digest, sizeof record.digest);
    assert_int_equal(record.octets, 77);
    assert_int_equal(record.uid, message.uid);
    assert_true(ph_bytes_eq(record.kept.keywords, message.kept.keywords));
    assert_true(ph_bytes_eq(record.kept.uidl, message.kept.uidl));
    ph_buf_fini(&line);
}

/* ---- Keys ---- */

static void test_a_key_names_format_name_and_octets(void **state)
{
    (void)state;
    uint8_t keys[5][PH_DIGEST_BYTES];
    const uint8_t digest[PH_DIGEST_BYTES] = {1};
    const uint8_t other[PH_DIGEST_BYTES] = {2};
    ph_import_key("mbox", PH_BYTES("a"), digest, keys[0]);
    ph_import_key("eml", PH_BYTES("a"), digest, keys[1]);
    ph_import_key("mbox", PH_BYTES("b"), digest, keys[2]);
    ph_import_key("mbox", PH_BYTES("a"), other, keys[3]);
    ph_import_key("mbox", PH_BYTES("a"), digest, keys[4]);
    assert_memory_equal(keys[0], keys[4], PH_DIGEST_BYTES);
    for (int i = 1; i < 4; i++) {
        assert_memory_not_equal(keys[0], keys[i], PH_DIGEST_BYTES);
    }
}

static void test_digests_are_counted(void **state)
{
    (void)state;
    struct ph_digest_count counts = {0};
    enum { MANY = 5000 };
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            uint8_t digest[PH_DIGEST_BYTES] = {(uint8_t)i, (uint8_t)(i >> 8)};
            assert_int_equal(ph_digest_count_add(&counts, digest), round);
        }
    }
    ph_digest_count_fini(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_says_all),
        cmocka_unit_test(test_what_makes_no_sense_is_refused),
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_a_key_names_format_name_and_octets),
        cmocka_unit_test(test_digests_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
