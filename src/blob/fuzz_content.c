/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes back from a store that is far away: chunks, names of blobs, answers of an S3 service. Whatever a name is,
 * it is read the same way again.
 */
#include <assert.h>
#include <stdlib.h>

#include "blob/blob_id.h"
#include "blob/chunk.h"
#include "blob/s3_answer.h"

enum { RAW_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_name(struct ph_bytes text)
{
    struct ph_blob_id id;
    if (ph_blob_id_parse(text, &id) != PH_OK) {
        return;
    }
    char out[PH_BLOB_ID_TEXT_MAX + 1];
    assert(ph_bytes_eq(ph_blob_id_format(&id, out), text));
    struct ph_blob_id again;
    assert(ph_blob_id_parse(ph_bytes_str(out), &again) == PH_OK);
    assert(ph_blob_id_eq(&id, &again) && id.has_uuid == again.has_uuid && id.copies == again.copies);
}

static void try_chunk(struct ph_bytes stored, uint16_t raw_length)
{
    static struct ph_codec *codec;
    static uint8_t out[RAW_MAX];
    struct ph_error err = {0};
    const struct ph_codec_options options = {.compress_bodies = true};
    if (codec == NULL && ph_codec_new(&options, &codec, &err) != PH_OK) {
        abort();
    }
    struct ph_workspace *workspace = ph_codec_take(codec, NULL, 0);
    (void)!ph_chunk_decode(codec, workspace, stored, out, raw_length);
    ph_codec_give(codec, workspace);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_bytes input = ph_bytes_of(data, size);
    if (size < 3) {
        return 0;
    }
    struct ph_bytes rest = ph_bytes_from(input, 3);
    uint64_t number;
    char text[64];
    switch (data[0] % 4) {
    case 0: try_name(rest); break;
    case 1: try_chunk(rest, (uint16_t)(data[1] << 8 | data[2])); break;
    case 2: ph_s3_error_text(rest, text, (size_t)data[1] % sizeof text + 1); break;
    default: (void)ph_s3_content_range(rest, &number); break;
    }
    return 0;
}
