/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a chunk of content is stored in a cell: pure functions over octets.
 *
 * As it is; or, where that is shorter, an octet with the number of the dictionary (0: none), then one frame of zstd. Whoever
 * reads knows how long the chunk is: what is as long is not compressed.
 */
#ifndef PH_BLOB_CHUNK_H
#define PH_BLOB_CHUNK_H

#include "blob/codec.h"

/* RAW to OUT, as long as RAW; the result is a view of OUT, or RAW itself. KIND as of enum ph_blob_kind. */
struct ph_bytes ph_chunk_encode(const struct ph_codec *codec, struct ph_workspace *workspace, uint8_t kind,
                                struct ph_bytes raw, uint8_t *out);
/* STORED to exactly RAW_LENGTH octets at OUT. PH_ECORRUPT where it is not that. */
int ph_chunk_decode(const struct ph_codec *codec, struct ph_workspace *workspace, struct ph_bytes stored,
                    uint8_t *out, uint32_t raw_length) PH_MUST_USE;

#endif
