/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compression of frames by zstd, and the memory that it works in.
 *
 * A workspace is what one put or read needs: zstd's contexts and buffers. They are dear to make, so a codec keeps
 * those that are idle and gives out the one that was used last.
 *
 * Threads: a codec any; a workspace the one that took it. Nothing blocks.
 */
#ifndef PH_BLOB_CODEC_H
#define PH_BLOB_CODEC_H

#include "blob/record.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

struct ph_codec;

struct ph_codec_options {
    bool compress_headers; /* with the newest dictionary */
    bool compress_bodies;
};

struct ph_workspace {
    uint8_t *frame;  /* PH_FRAME_BYTES: a frame of content, not compressed */
    uint8_t *stored; /* PH_WORKSPACE_STORED_BYTES: as it is stored, with a record's header in front */
    /* What is in frame, where has_frame: frame_index of blob frame_id. Whoever writes there clears has_frame. */
    struct ph_uuid frame_id;
    uint32_t frame_index;
    bool has_frame;
    /* The codec's. */
    struct ZSTD_CCtx_s *compressors[2];
    struct ZSTD_DCtx_s *decompressor;
    struct ph_workspace *next;
};

enum { PH_WORKSPACE_STORED_BYTES = PH_RECORD_HEADER_BYTES + PH_FRAME_BYTES };

int ph_codec_new(const struct ph_codec_options *options, struct ph_codec **out_codec,
                 struct ph_error *err) PH_MUST_USE;
void ph_codec_free(struct ph_codec **codec);

/* A workspace, if possible one that holds frame INDEX of blob ID; ID may be NULL. */
struct ph_workspace *ph_codec_take(struct ph_codec *codec, const struct ph_uuid *id, uint32_t index);
void ph_codec_give(struct ph_codec *codec, struct ph_workspace *workspace);

/* The dictionary that content of KIND is compressed with; 0: none. */
uint32_t ph_codec_dictionary(const struct ph_codec *codec, uint8_t kind);

/* Compresses FRAME, at most PH_FRAME_BYTES, to OUT, as long as FRAME. The result is the stored length; that of FRAME
 * where it is to be stored as it is, and OUT is then undefined. */
size_t ph_codec_compress(const struct ph_codec *codec, struct ph_workspace *workspace, uint8_t kind,
                         struct ph_bytes frame, uint8_t *out);

/* STORED, compressed with DICTIONARY, to exactly RAW_LENGTH octets at OUT. PH_ECORRUPT where it is not that. */
int ph_codec_decompress(const struct ph_codec *codec, struct ph_workspace *workspace, uint32_t dictionary,
                        struct ph_bytes stored, uint8_t *out, uint32_t raw_length) PH_MUST_USE;

#endif
