/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/chunk.h"

struct ph_bytes ph_chunk_encode(const struct ph_codec *codec, struct ph_workspace *workspace, uint8_t kind,
                                struct ph_bytes raw, uint8_t *out)
{
    if (raw.len < 2) {
        return raw;
    }
    size_t stored = ph_codec_compress(codec, workspace, kind, raw, out + 1);
    if (stored + 1 >= raw.len) {
        return raw;
    }
    out[0] = (uint8_t)ph_codec_dictionary(codec, kind);
    return ph_bytes_of(out, stored + 1);
}

int ph_chunk_decode(const struct ph_codec *codec, struct ph_workspace *workspace, struct ph_bytes stored,
                    uint8_t *out, uint32_t raw_length)
{
    if (stored.len == raw_length) {
        if (stored.len > 0) {
            memcpy(out, stored.ptr, stored.len);
        }
        return PH_OK;
    }
    if (stored.len > raw_length || stored.len < 2) {
        return PH_ECORRUPT;
    }
    return ph_codec_decompress(codec, workspace, stored.ptr[0], ph_bytes_from(stored, 1), out, raw_length);
}
