/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment format. A header check of 64 bits makes a false header in a hole or in damaged octets a matter of
 * 2^-64, so that a scan may trust what it finds, and the lengths in it.
 */
#include "blob/record.h"

#include <xxhash.h>

enum { VERSION = 1, KIND_MAX = 1 };

static const uint8_t segment_magic[8] = {0x89, 'P', 'H', 'S', 'E', 'G', '\r', '\n'};
static const uint8_t record_magic[4] = {0x89, 'P', 'H', 'B'};

static void put_u32(uint8_t *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

static void put_u64(uint8_t *out, uint64_t value)
{
    put_u32(out, (uint32_t)value);
    put_u32(out + 4, (uint32_t)(value >> 32));
}

static uint32_t get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] | ((uint32_t)in[1] << 8) | ((uint32_t)in[2] << 16) | ((uint32_t)in[3] << 24);
}

static uint64_t get_u64(const uint8_t *in)
{
    return get_u32(in) | ((uint64_t)get_u32(in + 4) << 32);
}

uint64_t ph_check(struct ph_bytes bytes)
{
    return XXH3_64bits(bytes.len == 0 ? "" : (const void *)bytes.ptr, bytes.len);
}

/* ---- Segment ---- */

void ph_segment_header_encode(uint32_t number, uint64_t made_us, uint8_t out[PH_SEGMENT_HEADER_BYTES])
{
    memset(out, 0, PH_SEGMENT_HEADER_BYTES);
    memcpy(out, segment_magic, sizeof segment_magic);
    put_u32(out + 8, VERSION);
    put_u32(out + 12, number);
    put_u64(out + 16, made_us);
    put_u64(out + 56, ph_check(ph_bytes_of(out, 56)));
}

int ph_segment_header_check(struct ph_bytes bytes, uint32_t number)
{
    if (bytes.len < PH_SEGMENT_HEADER_BYTES || memcmp(bytes.ptr, segment_magic, sizeof segment_magic) != 0 ||
        get_u64(bytes.ptr + 56) != ph_check(ph_bytes_first(bytes, 56)) || get_u32(bytes.ptr + 12) != number) {
        return PH_ECORRUPT;
    }
    return get_u32(bytes.ptr + 8) == VERSION ? PH_OK : PH_EINVALID;
}

/* ---- Record ---- */

void ph_record_encode(const struct ph_record *record, uint8_t out[PH_RECORD_HEADER_BYTES])
{
    memset(out, 0, PH_RECORD_HEADER_BYTES);
    memcpy(out, record_magic, sizeof record_magic);
    out[4] = VERSION;
    out[5] = record->kind;
    ph_uuid_to_sortable(&record->id, out + 8);
    put_u32(out + 24, record->raw_length);
    put_u32(out + 28, record->stored_length);
    put_u32(out + 32, record->dictionary);
    put_u64(out + 40, record->check);
    put_u64(out + 48, ph_check(ph_bytes_of(out, 48)));
}

/* Whether the lengths of RECORD can be true: no frame is longer stored than raw. */
static bool are_lengths_sound(const struct ph_record *record)
{
    if (record->raw_length > PH_RECORD_RAW_MAX) {
        return false;
    }
    uint32_t table_bytes = ph_frame_table_bytes(record->raw_length);
    return record->stored_length >= table_bytes && record->stored_length - table_bytes <= record->raw_length;
}

int ph_record_decode(struct ph_bytes bytes, struct ph_record *out_record)
{
    if (bytes.len < PH_RECORD_HEADER_BYTES || memcmp(bytes.ptr, record_magic, sizeof record_magic) != 0 ||
        get_u64(bytes.ptr + 48) != ph_check(ph_bytes_first(bytes, 48))) {
        return PH_ECORRUPT;
    }
    const uint8_t *in = bytes.ptr;
    if (in[4] != VERSION || in[5] > KIND_MAX || in[6] != 0 || in[7] != 0) {
        return PH_ECORRUPT;
    }
    struct ph_record record = {
        .kind = in[5],
        .raw_length = get_u32(in + 24),
        .stored_length = get_u32(in + 28),
        .dictionary = get_u32(in + 32),
        .check = get_u64(in + 40),
    };
    ph_uuid_from_sortable(in + 8, &record.id);
    if (!are_lengths_sound(&record)) {
        return PH_ECORRUPT;
    }
    *out_record = record;
    return PH_OK;
}

bool ph_record_find(struct ph_bytes window, size_t *out_at, struct ph_record *out_record)
{
    size_t at = 0;
    for (; at + PH_RECORD_HEADER_BYTES <= window.len; at += PH_RECORD_ALIGN) {
        if (window.ptr[at] == record_magic[0] &&
            ph_record_decode(ph_bytes_from(window, at), out_record) == PH_OK) {
            *out_at = at;
            return true;
        }
    }
    *out_at = at;
    return false;
}

/* ---- Frames ---- */

void ph_frame_entry_encode(uint32_t end, uint64_t check, uint8_t out[PH_FRAME_ENTRY_BYTES])
{
    put_u32(out, end);
    put_u32(out + 4, (uint32_t)check);
}

int ph_frame_table_check(const struct ph_record *record, struct ph_bytes table)
{
    uint32_t table_bytes = ph_frame_table_bytes(record->raw_length);
    if (table_bytes == 0) {
        return PH_OK;
    }
    if (table.len < table_bytes || ph_check(ph_bytes_first(table, table_bytes)) != record->check) {
        return PH_ECORRUPT;
    }
    return PH_OK;
}

static uint32_t frame_raw_length(const struct ph_record *record, uint32_t index)
{
    uint32_t left = record->raw_length - index * PH_FRAME_BYTES;
    return left < PH_FRAME_BYTES ? left : PH_FRAME_BYTES;
}

int ph_frame_find(const struct ph_record *record, struct ph_bytes table, uint32_t index,
                  struct ph_frame *out_frame)
{
    if (index >= ph_frame_count(record->raw_length)) {
        return PH_ECORRUPT;
    }
    uint32_t table_bytes = ph_frame_table_bytes(record->raw_length);
    if (table_bytes == 0) {
        *out_frame = (struct ph_frame){
            .offset = 0,
            .stored_length = record->stored_length,
            .raw_length = record->raw_length,
            .is_whole_check = true,
            .check = record->check,
        };
        return PH_OK;
    }
    if (table.len < table_bytes) {
        return PH_ECORRUPT;
    }
    const uint8_t *entry = table.ptr + (size_t)index * PH_FRAME_ENTRY_BYTES;
    uint32_t start = index == 0 ? 0 : get_u32(entry - PH_FRAME_ENTRY_BYTES);
    uint32_t end = get_u32(entry);
    uint32_t raw_length = frame_raw_length(record, index);
    if (end < start || end - start > raw_length || end > record->stored_length - table_bytes) {
        return PH_ECORRUPT;
    }
    *out_frame = (struct ph_frame){
        .offset = table_bytes + start,
        .stored_length = end - start,
        .raw_length = raw_length,
        .is_whole_check = false,
        .check = get_u32(entry + 4),
    };
    return PH_OK;
}

int ph_frame_check(const struct ph_frame *frame, struct ph_bytes stored)
{
    if (stored.len != frame->stored_length) {
        return PH_ECORRUPT;
    }
    uint64_t check = ph_check(stored);
    return (frame->is_whole_check ? check : (uint32_t)check) == frame->check ? PH_OK : PH_ECORRUPT;
}
