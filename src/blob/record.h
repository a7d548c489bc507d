/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How content lies in a segment file: pure functions over octets.
 *
 * A segment is a header of PH_SEGMENT_HEADER_BYTES, then records, each at a multiple of PH_RECORD_ALIGN. Numbers
 * are little-endian.
 *
 *   segment                                  record
 *    0  8  "\x89PHSEG\r\n"                     0  4  "\x89PHB"
 *    8  4  version, 1                         4  1  version, 1
 *   12  4  number of the segment              5  1  kind (enum ph_blob_kind)
 *   16  8  made, microseconds of Unix time    6  2  zero
 *   24 32  zero                               8 16  blob id, in the order that sorts by time
 *   56  8  check of octets 0 to 55           24  4  raw length: octets of the content
 *                                            28  4  stored length: octets that follow this header
 *                                            32  4  dictionary of its frames; 0: none
 *                                            36  4  zero
 *                                            40  8  content check
 *                                            48  8  check of octets 0 to 47
 *                                            56     what is stored, then zeros to the next multiple of 16
 *
 * Content is cut into frames of PH_FRAME_BYTES, the last one shorter. Each is compressed on its own, or stored as it
 * is where that is not shorter: a frame whose two lengths are equal is not compressed. Up to one frame: the frame
 * is what is stored, and the content check is its check. More: a table of 8 octets a frame (where the frame ends,
 * counted from the end of the table; the low half of its check), then the frames; the content check is the
 * table's. So any offset is read by the header, the table and one frame, and each octet that is read was checked.
 *
 * Checks are XXH3 of 64 bits. They find accidents, not forgery: content may hold what looks like a record, and a
 * scan behind a hole may find it. It means nothing, since only a row of the database makes a record live.
 */
#ifndef PH_BLOB_RECORD_H
#define PH_BLOB_RECORD_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/uuid.h"

enum {
    PH_SEGMENT_HEADER_BYTES = 64,
    PH_RECORD_HEADER_BYTES = 56,
    PH_RECORD_ALIGN = 16,
    PH_FRAME_BYTES = 65536,
    PH_FRAME_ENTRY_BYTES = 8
};

/* Content of one blob: what the numbers of a record can say, with room for its table. */
#define PH_RECORD_RAW_MAX UINT32_C(0xF0000000)

struct ph_record {
    struct ph_uuid id;
    uint8_t kind;
    uint32_t raw_length;
    uint32_t stored_length;
    uint32_t dictionary;
    uint64_t check;
};

/* One frame, by its place in what is stored. */
struct ph_frame {
    uint32_t offset;
    uint32_t stored_length;
    uint32_t raw_length;
    bool is_whole_check; /* check has 64 bits, not 32 */
    uint64_t check;
};

static inline bool ph_frame_is_compressed(const struct ph_frame *frame)
{
    return frame->stored_length != frame->raw_length;
}

uint64_t ph_check(struct ph_bytes bytes);

void ph_segment_header_encode(uint32_t number, uint64_t made_us, uint8_t out[PH_SEGMENT_HEADER_BYTES]);
/* PH_ECORRUPT where BYTES do not begin with a header of segment NUMBER; PH_EINVALID for a later version's. */
int ph_segment_header_check(struct ph_bytes bytes, uint32_t number) PH_MUST_USE;

void ph_record_encode(const struct ph_record *record, uint8_t out[PH_RECORD_HEADER_BYTES]);
/* PH_ECORRUPT where BYTES do not begin with a record's header, or with one that breaks its own rules. */
int ph_record_decode(struct ph_bytes bytes, struct ph_record *out_record) PH_MUST_USE;

/* Octets in the segment of a record that stores STORED_LENGTH, header and padding included. */
static inline uint64_t ph_record_span(uint64_t stored_length)
{
    return (PH_RECORD_HEADER_BYTES + stored_length + PH_RECORD_ALIGN - 1) & ~(uint64_t)(PH_RECORD_ALIGN - 1);
}

/* Frames of content of RAW_LENGTH octets; 0 only for none. */
static inline uint32_t ph_frame_count(uint32_t raw_length)
{
    return raw_length / PH_FRAME_BYTES + (raw_length % PH_FRAME_BYTES != 0);
}

/* Octets of the table; 0 for content of one frame or none. */
static inline uint32_t ph_frame_table_bytes(uint32_t raw_length)
{
    uint32_t count = ph_frame_count(raw_length);
    return count > 1 ? count * PH_FRAME_ENTRY_BYTES : 0;
}

void ph_frame_entry_encode(uint32_t end, uint64_t check, uint8_t out[PH_FRAME_ENTRY_BYTES]);

/* Checks the table of RECORD, ph_frame_table_bytes octets, against it. Without a table only PH_OK. */
int ph_frame_table_check(const struct ph_record *record, struct ph_bytes table) PH_MUST_USE;
/* Frame INDEX by a table that was checked. PH_ECORRUPT where it would lie outside of the record. */
int ph_frame_find(const struct ph_record *record, struct ph_bytes table, uint32_t index,
                  struct ph_frame *out_frame) PH_MUST_USE;
/* STORED are the frame's octets. */
int ph_frame_check(const struct ph_frame *frame, struct ph_bytes stored) PH_MUST_USE;

/* The first record's header in WINDOW, which begins at a multiple of PH_RECORD_ALIGN. False: none; *OUT_AT is then
 * where a search with more octets behind these goes on. */
bool ph_record_find(struct ph_bytes window, size_t *out_at, struct ph_record *out_record);

#endif
