/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The front of the content stores: checks what does not depend on where content lies.
 */
#include <assert.h>
#include <stdlib.h>

#include "blob/blob-private.h"

int ph_blob_put_all(struct ph_blob_store *store, struct ph_plan *plan, struct ph_blob_item *items,
                    unsigned count, struct ph_error *err)
{
    assert(count >= 1 && count <= PH_BLOB_ITEMS_MAX);
    for (unsigned i = 0; i < count; i++) {
        assert(items[i].references > 0 && (items[i].references == 1 || store->shares));
    }
    return store->functions->put(store, plan, items, count, err);
}

int ph_blob_put(struct ph_blob_store *store, struct ph_plan *plan, enum ph_blob_kind kind,
                const struct ph_blob_content *content, unsigned references, struct ph_blob_id *out_id,
                struct ph_error *err)
{
    struct ph_blob_item item = {.kind = kind, .content = *content, .references = references};
    int result = ph_blob_put_all(store, plan, &item, 1, err);
    if (result == PH_OK) {
        *out_id = item.id;
    }
    return result;
}

int ph_blob_open(struct ph_blob_store *store, const struct ph_blob_id *id, struct ph_blob_reader *out_reader,
                 struct ph_error *err)
{
    ph_blob_reader_init(out_reader, id, 0);
    int result = store->functions->open(store, out_reader, err);
    out_reader->is_open = result == PH_OK;
    return result;
}

void ph_blob_close(struct ph_blob_reader *reader)
{
    free(reader->held);
    reader->held = NULL;
    reader->is_open = false;
}

void ph_blob_reader_init(struct ph_blob_reader *reader, const struct ph_blob_id *id, uint64_t size)
{
    *reader = (struct ph_blob_reader){.id = *id, .size = size};
}

int ph_blob_open_first(struct ph_blob_store *store, struct ph_blob_reader *const *readers, unsigned count,
                       struct ph_error *err)
{
    unsigned opened = store->functions->open_all != NULL ? count : 1;
    int result = store->functions->open_all != NULL ? store->functions->open_all(store, readers, count, err)
                                                    : store->functions->open(store, readers[0], err);
    for (unsigned i = 0; i < opened && result == PH_OK; i++) {
        readers[i]->is_open = true;
    }
    return result;
}

int ph_blob_read(struct ph_blob_store *store, struct ph_blob_reader *reader, size_t max, struct ph_buf *out,
                 struct ph_error *err)
{
    if (!reader->is_open) {
        int result = ph_blob_open_first(store, &reader, 1, err);
        if (result != PH_OK) {
            return result;
        }
    }
    if (reader->offset > reader->size) {
        return ph_fail(err, PH_EBUG, "a reader stands at %llu of %llu octets",
                       (unsigned long long)reader->offset, (unsigned long long)reader->size);
    }
    uint64_t left = reader->size - reader->offset;
    size_t len = left < max ? (size_t)left : max;
    if (len == 0) {
        return PH_OK;
    }
    if (len > out->max - out->len) {
        return ph_fail(err, PH_EBUG, "no room for %zu octets of content", len);
    }
    int result = store->functions->read(store, reader, len, out, err);
    if (result == PH_OK) {
        reader->offset += len;
    }
    return result;
}

int ph_blob_look(struct ph_blob_store *store, struct ph_blob_reader *reader, struct ph_error *err)
{
    return store->functions->look == NULL ? PH_OK : store->functions->look(store, reader, err);
}

bool ph_blob_shares(const struct ph_blob_store *store)
{
    return store->shares;
}

void ph_blob_remove(struct ph_blob_store *store, struct ph_plan *plan, const struct ph_uuid *message,
                    const struct ph_blob_id *header, const struct ph_blob_id *body)
{
    if (store->functions->remove != NULL) {
        store->functions->remove(store, plan, message, header, body);
    }
}

bool ph_blob_walks(const struct ph_blob_store *store)
{
    return store->functions->walk != NULL && store->shares;
}

int ph_blob_walk(struct ph_blob_store *store, struct ph_bytes after, ph_blob_each *each, void *ctx,
                 struct ph_error *err)
{
    return store->functions->walk(store, after, each, ctx, err);
}

int ph_blob_discard(struct ph_blob_store *store, const struct ph_uuid *id, struct ph_error *err)
{
    return store->functions->discard(store, id, err);
}

/* ---- For stores ---- */

int ph_blob_content_view(const struct ph_blob_content *content, uint64_t offset, size_t len, uint8_t *space,
                         struct ph_bytes *out_view, struct ph_error *err)
{
    struct ph_bytes prefix =
        ph_bytes_first(ph_bytes_from(content->prefix, offset < SIZE_MAX ? (size_t)offset : SIZE_MAX), len);
    uint64_t spool_at = content->offset + (offset > content->prefix.len ? offset - content->prefix.len : 0);
    if (prefix.len == len) {
        *out_view = prefix;
        return PH_OK;
    }
    struct ph_bytes view = ph_spool_view(content->spool);
    if (prefix.len == 0 && view.ptr != NULL && spool_at + len <= view.len) {
        *out_view = ph_bytes_of(view.ptr + spool_at, len);
        return PH_OK;
    }
    if (prefix.len > 0) {
        memcpy(space, prefix.ptr, prefix.len);
    }
    *out_view = ph_bytes_of(space, len);
    return ph_spool_read(content->spool, spool_at, space + prefix.len, len - prefix.len, err);
}
