/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder of segments over any octets: the scan for records, and each record's table and frames.
 *
 * Random octets never pass a check of 64 bits, so the input also becomes the fields and the content of a record
 * whose checks are made to fit, as those of a record that was damaged before its checks were made.
 */
#include "blob/codec.h"
#include "blob/dictionary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ph_codec *codec;
static struct ph_workspace *workspace;

static void scan(struct ph_bytes window)
{
    struct ph_record record;
    size_t at = 0;
    while (ph_record_find(window, &at, &record)) {
        window = ph_bytes_from(window, at + PH_RECORD_ALIGN);
    }
}

static void decode_frame(const struct ph_record *record, struct ph_bytes stored, const struct ph_frame *frame)
{
    struct ph_bytes octets = ph_bytes_first(ph_bytes_from(stored, frame->offset), frame->stored_length);
    if (octets.len == frame->stored_length) {
        (void)!ph_frame_check(frame, octets);
        (void)!ph_codec_decompress(codec, workspace, record->dictionary, octets, workspace->frame,
                                   frame->raw_length);
    }
}

static void decode(struct ph_bytes input)
{
    enum { FIELDS = 8, FRAMES_MAX = 64 };
    struct ph_record record = {.kind = input.ptr[0] & 1,
                               .dictionary = input.ptr[1] % (PH_DICTIONARY_COUNT + 2)};
    memcpy(&record.raw_length, input.ptr + 4, 4);
    record.raw_length %= FRAMES_MAX * PH_FRAME_BYTES;
    struct ph_bytes stored = ph_bytes_from(input, FIELDS);
    record.stored_length = (uint32_t)stored.len;
    uint32_t table_bytes = ph_frame_table_bytes(record.raw_length);
    record.check = ph_check(table_bytes == 0 ? stored : ph_bytes_first(stored, table_bytes));

    uint8_t octets[PH_RECORD_HEADER_BYTES];
    ph_record_encode(&record, octets);
    if (ph_record_decode(ph_bytes_of(octets, sizeof octets), &record) != PH_OK ||
        ph_frame_table_check(&record, stored) != PH_OK) {
        return;
    }
    for (uint32_t i = 0; i <= ph_frame_count(record.raw_length); i++) {
        struct ph_frame frame;
        if (ph_frame_find(&record, stored, i, &frame) == PH_OK) {
            decode_frame(&record, stored, &frame);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (codec == NULL) {
        struct ph_codec_options options = {true, true};
        if (ph_codec_new(&options, &codec, NULL) != PH_OK) {
            return 0;
        }
        workspace = ph_codec_take(codec, NULL, 0);
    }
    struct ph_bytes input = ph_bytes_of(data, size);
    (void)!ph_segment_header_check(input, 1);
    scan(input);
    if (size >= 8) {
        decode(input);
    }
    return 0;
}
