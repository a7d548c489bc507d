/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct ph_record sample(void)
{
    struct ph_record record = {.kind = 1, .raw_length = 70000, .stored_length = 5016, .dictionary = 1};
    for (unsigned i = 0; i < PH_UUID_BYTES; i++) {
        record.id.b[i] = (uint8_t)(i * 17);
    }
    record.check = UINT64_C(0x0123456789ABCDEF);
    return record;
}

static void a_record_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct ph_record record = sample();
    uint8_t octets[PH_RECORD_HEADER_BYTES];
    ph_record_encode(&record, octets);
    struct ph_record read;
    assert_int_equal(ph_record_decode(ph_bytes_of(octets, sizeof octets), &read), PH_OK);
    assert_true(ph_uuid_eq(&read.id, &record.id));
    assert_int_equal(read.kind, record.kind);
    assert_int_equal(read.raw_length, record.raw_length);
    assert_int_equal(read.stored_length, record.stored_length);
    assert_int_equal(read.dictionary, record.dictionary);
    assert_true(read.check == record.check);
}

/* Stored mail must stay readable: these are octets of the format, not of the code. */
static void the_layout_is_what_it_was(void **state)
{
    (void)state;
    struct ph_record record = sample();
    uint8_t octets[PH_RECORD_HEADER_BYTES];
    ph_record_encode(&record, octets);
    static const uint8_t expected[PH_RECORD_HEADER_BYTES] = {
        0x89, 'P',  'H',  'B',  1,    1,    0,    0,    0x66, 0x77, 0x44, 0x55, 0x00, 0x11,
        0x22, 0x33, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0x70, 0x11, 0x01, 0x00,
        0x98, 0x13, 0x00, 0x00, 1,    0,    0,    0,    0,    0,    0,    0,    0xEF, 0xCD,
        0xAB, 0x89, 0x67, 0x45, 0x23, 0x01, 0x69, 0xFC, 0xD6, 0x8F, 0x5C, 0x37, 0x7D, 0x2A,
    };
    assert_memory_equal(octets, expected, sizeof expected);
}

static void any_changed_bit_is_found(void **state)
{
    (void)state;
    struct ph_record record = sample();
    uint8_t octets[PH_RECORD_HEADER_BYTES];
    ph_record_encode(&record, octets);
    for (size_t bit = 0; bit < sizeof octets * 8; bit++) {
        octets[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        assert_int_equal(ph_record_decode(ph_bytes_of(octets, sizeof octets), &record), PH_ECORRUPT);
        octets[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    assert_int_equal(ph_record_decode(ph_bytes_of(octets, sizeof octets - 1), &record), PH_ECORRUPT);
    assert_int_equal(ph_record_decode((struct ph_bytes){NULL, 0}, &record), PH_ECORRUPT);
}

static int decode_lengths(uint32_t raw_length, uint32_t stored_length)
{
    struct ph_record record = sample();
    record.raw_length = raw_length;
    record.stored_length = stored_length;
    uint8_t octets[PH_RECORD_HEADER_BYTES];
    ph_record_encode(&record, octets);
    return ph_record_decode(ph_bytes_of(octets, sizeof octets), &record);
}

static void lengths_that_cannot_be_are_corrupt(void **state)
{
    (void)state;
    assert_int_equal(decode_lengths(0, 0), PH_OK);
    assert_int_equal(decode_lengths(0, 1), PH_ECORRUPT);
    assert_int_equal(decode_lengths(PH_FRAME_BYTES, PH_FRAME_BYTES), PH_OK);
    assert_int_equal(decode_lengths(PH_FRAME_BYTES, PH_FRAME_BYTES + 1), PH_ECORRUPT);
    assert_int_equal(decode_lengths(PH_FRAME_BYTES + 1, PH_FRAME_BYTES + 1 + 16), PH_OK);
    assert_int_equal(decode_lengths(PH_FRAME_BYTES + 1, PH_FRAME_BYTES + 1 + 17), PH_ECORRUPT);
    assert_int_equal(decode_lengths(PH_FRAME_BYTES + 1, 15), PH_ECORRUPT);
    assert_int_equal(decode_lengths(PH_RECORD_RAW_MAX, 1U << 20), PH_OK);
    assert_int_equal(decode_lengths(PH_RECORD_RAW_MAX + 1, 1U << 20), PH_ECORRUPT);
}

static void a_segment_names_its_number(void **state)
{
    (void)state;
    uint8_t octets[PH_SEGMENT_HEADER_BYTES];
    ph_segment_header_encode(7, 1234567, octets);
    struct ph_bytes bytes = ph_bytes_of(octets, sizeof octets);
    assert_int_equal(ph_segment_header_check(bytes, 7), PH_OK);
    assert_int_equal(ph_segment_header_check(bytes, 8), PH_ECORRUPT);
    octets[16] ^= 1;
    assert_int_equal(ph_segment_header_check(bytes, 7), PH_ECORRUPT);
}

static void frames_are_found_by_the_table(void **state)
{
    (void)state;
    uint8_t table[3 * PH_FRAME_ENTRY_BYTES];
    ph_frame_entry_encode(100, 0x1111111122222222, table);
    ph_frame_entry_encode(100 + PH_FRAME_BYTES, 0x3333333344444444, table + 8);
    ph_frame_entry_encode(100 + PH_FRAME_BYTES + 7, 0x5555555566666666, table + 16);
    struct ph_record record = {
        .raw_length = 2 * PH_FRAME_BYTES + 9,
        .stored_length = sizeof table + 100 + PH_FRAME_BYTES + 7,
        .check = ph_check(ph_bytes_of(table, sizeof table)),
    };
    struct ph_bytes bytes = ph_bytes_of(table, sizeof table);
    struct ph_frame frame;
    assert_int_equal(ph_frame_table_check(&record, bytes), PH_OK);
    assert_int_equal(ph_frame_find(&record, bytes, 0, &frame), PH_OK);
    assert_int_equal(frame.offset, sizeof table);
    assert_int_equal(frame.stored_length, 100);
    assert_int_equal(frame.raw_length, PH_FRAME_BYTES);
    assert_true(ph_frame_is_compressed(&frame));
    assert_int_equal(ph_frame_find(&record, bytes, 1, &frame), PH_OK);
    assert_false(ph_frame_is_compressed(&frame));
    assert_true(frame.check == 0x44444444);
    assert_int_equal(ph_frame_find(&record, bytes, 2, &frame), PH_OK);
    assert_int_equal(frame.raw_length, 9);
    assert_int_equal(frame.offset, sizeof table + 100 + PH_FRAME_BYTES);
    assert_int_equal(ph_frame_find(&record, bytes, 3, &frame), PH_ECORRUPT);
}

static void a_table_that_leads_outside_is_corrupt(void **state)
{
    (void)state;
    uint8_t table[2 * PH_FRAME_ENTRY_BYTES];
    struct ph_record record = {.raw_length = PH_FRAME_BYTES + 9, .stored_length = sizeof table + 109};
    struct ph_bytes bytes = ph_bytes_of(table, sizeof table);
    struct ph_frame frame;
    ph_frame_entry_encode(100, 0, table);
    ph_frame_entry_encode(110, 0, table + 8);
    assert_int_equal(ph_frame_find(&record, bytes, 1, &frame), PH_ECORRUPT); /* behind what is stored */
    ph_frame_entry_encode(99, 0, table + 8);
    assert_int_equal(ph_frame_find(&record, bytes, 1, &frame), PH_ECORRUPT); /* ends before it begins */
    ph_frame_entry_encode(99, 0, table);
    ph_frame_entry_encode(109, 0, table + 8);
    assert_int_equal(ph_frame_find(&record, bytes, 1, &frame), PH_ECORRUPT); /* longer than raw */
    assert_int_equal(ph_frame_table_check(&record, bytes), PH_ECORRUPT);
}

static void a_scan_goes_on_behind_a_hole(void **state)
{
    (void)state;
    static uint8_t window[4096];
    memset(window, 0x89, sizeof window);
    struct ph_record record = sample();
    struct ph_record found;
    size_t at = 0;
    assert_false(ph_record_find(ph_bytes_of(window, sizeof window), &at, &found));
    assert_true(at > sizeof window - PH_RECORD_HEADER_BYTES && at % PH_RECORD_ALIGN == 0);
    ph_record_encode(&record, window + 1600);
    assert_true(ph_record_find(ph_bytes_of(window, sizeof window), &at, &found));
    assert_int_equal(at, 1600);
    assert_true(ph_uuid_eq(&found.id, &record.id));
    /* Only where a record may stand. */
    memset(window, 0, sizeof window);
    ph_record_encode(&record, window + 1601);
    assert_false(ph_record_find(ph_bytes_of(window, sizeof window), &at, &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read_as_it_was_written),
        cmocka_unit_test(the_layout_is_what_it_was),
        cmocka_unit_test(any_changed_bit_is_found),
        cmocka_unit_test(lengths_that_cannot_be_are_corrupt),
        cmocka_unit_test(a_segment_names_its_number),
        cmocka_unit_test(frames_are_found_by_the_table),
        cmocka_unit_test(a_table_that_leads_outside_is_corrupt),
        cmocka_unit_test(a_scan_goes_on_behind_a_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
