/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content made ready to be stored as a record (blob/record.h), whose length must be known before its place is: in
 * memory up to PH_PACKED_MEMORY_MAX, beyond that in a nameless file.
 */
#ifndef PH_BLOB_PACK_H
#define PH_BLOB_PACK_H

#include "blob/blob.h"
#include "blob/codec.h"

enum { PH_PACKED_MEMORY_MAX = 1 << 20 };

struct ph_packed {
    struct ph_record record;                /* complete but for its id */
    uint8_t header[PH_RECORD_HEADER_BYTES]; /* by ph_packed_name */
    struct ph_buf table;
    struct ph_spool frames;
};

/* Life: init; fill; name; then header, table and frames are what is stored; fini. */
void ph_packed_init(struct ph_packed *packed, const char *spool_directory);
void ph_packed_fini(struct ph_packed *packed);
/* PH_ELIMIT: too large for a record, or a full disk. Uses WORKSPACE's frame. */
int ph_packed_fill(struct ph_packed *packed, const struct ph_codec *codec, struct ph_workspace *workspace,
                   const struct ph_blob_item *item, struct ph_error *err) PH_MUST_USE;
void ph_packed_name(struct ph_packed *packed, const struct ph_uuid *id);

#endif
