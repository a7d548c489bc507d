/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a store of content implements; nobody else includes this. A store embeds struct ph_blob_store as its first
 * member.
 */
#ifndef PH_BLOB_BLOB_PRIVATE_H
#define PH_BLOB_BLOB_PRIVATE_H

#include "blob/blob.h"

struct ph_blob_functions {
    /* COUNT from 1 to PH_BLOB_ITEMS_MAX. */
    int (*put)(struct ph_blob_store *store, struct ph_plan *plan, struct ph_blob_item *items, unsigned count,
               struct ph_error *err);
    /* Fills size and place; the front has set id and offset. */
    int (*open)(struct ph_blob_store *store, struct ph_blob_reader *reader, struct ph_error *err);
    /* Opens and fetches; sizes are set and may be wrong. NULL: the front opens the first. What READERS hold of it is
     * one piece of memory each, that the front frees. */
    int (*open_all)(struct ph_blob_store *store, struct ph_blob_reader *const *readers, unsigned count,
                    struct ph_error *err);
    /* LEN octets from the reader's offset, which are there and have room in OUT. Does not move the offset. */
    int (*read)(struct ph_blob_store *store, struct ph_blob_reader *reader, size_t len, struct ph_buf *out,
                struct ph_error *err);
    /* As ph_blob_look. NULL: nothing can be known at little cost. */
    int (*look)(struct ph_blob_store *store, struct ph_blob_reader *reader, struct ph_error *err);
    /* As ph_blob_remove. NULL: content goes with the last row that names it. */
    void (*remove)(struct ph_blob_store *store, struct ph_plan *plan, const struct ph_uuid *message,
                   const struct ph_blob_id *header, const struct ph_blob_id *body);
    /* As ph_blob_walk and ph_blob_discard. NULL: it cannot. */
    int (*walk)(struct ph_blob_store *store, struct ph_bytes after, ph_blob_each *each, void *ctx,
                struct ph_error *err);
    int (*discard)(struct ph_blob_store *store, const struct ph_uuid *id, struct ph_error *err);
};

struct ph_blob_store {
    const struct ph_blob_functions *functions;
    bool shares; /* see ph_blob_shares */
};

static inline uint64_t ph_blob_content_bytes(const struct ph_blob_content *content)
{
    return content->prefix.len + content->length;
}
/* Octets OFFSET to OFFSET + LEN of CONTENT: where they lie in one piece, else gathered in SPACE, of LEN. */
int ph_blob_content_view(const struct ph_blob_content *content, uint64_t offset, size_t len, uint8_t *space,
                         struct ph_bytes *out_view, struct ph_error *err) PH_MUST_USE;

#endif
