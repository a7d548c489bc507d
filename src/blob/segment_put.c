/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting content: compress, reserve a place, write.
 *
 * The length of a record must be known before its place is, so content is compressed first: in memory up to
 * PH_PACKED_MEMORY_MAX, beyond that into a nameless file, whose pages mostly never get to disk. All blobs of a put are
 * one reservation and, while they are in memory, one pwritev.
 */
#include "blob/pack.h"
#include "blob/segment_store-private.h"

enum { COPY_BYTES = 1 << 16, PARTS_PER_ITEM = 4 };

/* ---- Writing ---- */

struct output {
    struct ph_segment_store *store;
    struct ph_segment_file *file;
    uint64_t offset; /* of the first part */
    struct iovec parts[PH_BLOB_ITEMS_MAX * PARTS_PER_ITEM];
    int count;
};

static int flush(struct output *out, struct ph_error *err)
{
    uint64_t len = 0;
    for (int i = 0; i < out->count; i++) {
        len += out->parts[i].iov_len;
    }
    int result = ph_segment_write(out->store->files, out->file, out->parts, out->count, out->offset, err);
    out->offset += len;
    out->count = 0;
    return result;
}

static void add_part(struct output *out, const void *ptr, size_t len)
{
    if (len > 0) {
        /* The kernel only reads it. */
        out->parts[out->count++] = (struct iovec){(void *)ptr, len};
    }
}

static int copy_spool(struct output *out, struct ph_spool *spool, struct ph_workspace *workspace,
                      struct ph_error *err)
{
    int result = flush(out, err);
    for (uint64_t at = 0; at < spool->size && result == PH_OK;) {
        size_t len = spool->size - at < COPY_BYTES ? (size_t)(spool->size - at) : COPY_BYTES;
        result = ph_spool_read(spool, at, workspace->stored, len, err);
        if (result == PH_OK) {
            add_part(out, workspace->stored, len);
            result = flush(out, err);
        }
        at += len;
    }
    return result;
}

static int write_all(struct ph_segment_store *store, const struct ph_reservation *reservation,
                     struct ph_packed *pending, unsigned count, struct ph_workspace *workspace,
                     struct ph_error *err)
{
    static const uint8_t zeros[PH_RECORD_ALIGN];
    struct output out = {.store = store, .file = reservation->file, .offset = reservation->offset};
    int result = PH_OK;
    for (unsigned i = 0; i < count && result == PH_OK; i++) {
        struct ph_packed *p = &pending[i];
        add_part(&out, p->header, sizeof p->header);
        add_part(&out, p->table.ptr, p->table.len);
        if (p->frames.fd < 0) {
            struct ph_bytes view = ph_spool_view(&p->frames);
            add_part(&out, view.ptr, view.len);
        } else {
            result = copy_spool(&out, &p->frames, workspace, err);
        }
        uint64_t span = ph_record_span(p->record.stored_length);
        add_part(&out, zeros, (size_t)(span - PH_RECORD_HEADER_BYTES - p->record.stored_length));
    }
    return result == PH_OK ? flush(&out, err) : result;
}

/* ---- The whole ---- */

static int place_all(struct ph_segment_store *store, struct ph_plan *plan, struct ph_blob_item *items,
                     struct ph_packed *pending, unsigned count, struct ph_workspace *workspace,
                     struct ph_error *err)
{
    uint64_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        length += ph_record_span(pending[i].record.stored_length);
    }
    struct ph_uuid ids[PH_BLOB_ITEMS_MAX];
    struct ph_reservation reservation;
    int result = ph_appender_reserve(store->appender, length, ids, count, &reservation, err);
    if (result != PH_OK) {
        return result;
    }
    for (unsigned i = 0; i < count; i++) {
        ph_packed_name(&pending[i], &ids[i]);
    }
    result = write_all(store, &reservation, pending, count, workspace, err);
    struct ph_blob_place place = {.segment = reservation.file->number, .offset = reservation.offset};
    ph_appender_complete(store->appender, &reservation, result == PH_OK);
    if (result != PH_OK) {
        return result;
    }
    for (unsigned i = 0; i < count; i++) {
        place.length = ph_record_span(pending[i].record.stored_length);
        place.size = pending[i].record.raw_length;
        place.check = pending[i].record.check;
        items[i].id = ph_blob_id_of(&ids[i]);
        ph_blob_row_add(plan, &ids[i], &place, items[i].references);
        place.offset += place.length;
    }
    return PH_OK;
}

int ph_segment_put(struct ph_blob_store *base, struct ph_plan *plan, struct ph_blob_item *items,
                   unsigned count, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    struct ph_packed pending[PH_BLOB_ITEMS_MAX];
    for (unsigned i = 0; i < count; i++) {
        ph_packed_init(&pending[i], store->options.spool_directory);
    }
    struct ph_workspace *workspace = ph_codec_take(store->codec, NULL, 0);
    workspace->has_frame = false;
    int result = PH_OK;
    for (unsigned i = 0; i < count && result == PH_OK; i++) {
        result = ph_packed_fill(&pending[i], store->codec, workspace, &items[i], err);
    }
    if (result == PH_OK) {
        result = place_all(store, plan, items, pending, count, workspace, err);
    }
    ph_codec_give(store->codec, workspace);
    for (unsigned i = 0; i < count; i++) {
        ph_packed_fini(&pending[i]);
    }
    return result;
}
