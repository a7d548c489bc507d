/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading objects: a piece at a time, held by the reader. The first piece has the record's header and its table of
 * frames; later ones begin at the frame that is wanted.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "blob/s3_store-private.h"

/* One piece of memory: the table of frames, then octets of the object from `from` on. */
struct held {
    bool is_plain; /* the object is content and nothing else */
    struct ph_record record;
    size_t table_len;
    uint64_t from;
    size_t len;
    uint8_t octets[];
};

enum { HAS_SIZE }; /* in the reader's place: whether the size was known before */

static int fail_corrupt(struct ph_error *err, const struct ph_blob_reader *reader, const char *what)
{
    char key[PH_BLOB_ID_TEXT_MAX + 1];
    return ph_fail(err, PH_ECORRUPT, "content %s: %s", ph_s3_key(&reader->id, key), what);
}

static const uint8_t *piece_of(const struct held *held)
{
    return held->octets + held->table_len;
}

static struct held *make_held(const struct held *like, struct ph_bytes table, uint64_t from,
                              struct ph_bytes piece)
{
    struct held *held = ph_alloc(sizeof *held + table.len + piece.len);
    *held = *like;
    held->table_len = table.len;
    held->from = from;
    held->len = piece.len;
    if (table.len > 0) {
        memcpy(held->octets, table.ptr, table.len);
    }
    if (piece.len > 0) {
        memcpy(held->octets + table.len, piece.ptr, piece.len);
    }
    return held;
}

static void hold(struct ph_blob_reader *reader, struct held *held)
{
    free(reader->held);
    reader->held = held;
}

/* ---- The first piece ---- */

static int check_size(struct ph_blob_reader *reader, uint64_t size, struct ph_error *err)
{
    if (reader->place[HAS_SIZE] != 0 && reader->size != size) {
        return fail_corrupt(err, reader, "its size is not that of the message");
    }
    reader->size = size;
    reader->place[HAS_SIZE] = 1;
    return PH_OK;
}

static int begin_record(struct ph_blob_reader *reader, struct ph_bytes piece, uint64_t object_size,
                        struct ph_error *err)
{
    struct held like = {.is_plain = false};
    if (ph_record_decode(piece, &like.record) != PH_OK || !ph_uuid_eq(&like.record.id, &reader->id.uuid) ||
        object_size != PH_RECORD_HEADER_BYTES + (uint64_t)like.record.stored_length) {
        return fail_corrupt(err, reader, "the object is none of ours, or damaged");
    }
    int result = check_size(reader, like.record.raw_length, err);
    if (result != PH_OK) {
        return result;
    }
    size_t table_len = ph_frame_table_bytes(like.record.raw_length);
    struct ph_bytes table = ph_bytes_of(piece.ptr + PH_RECORD_HEADER_BYTES, table_len);
    if (piece.len < PH_RECORD_HEADER_BYTES + table_len) {
        return fail_corrupt(err, reader, "its table of frames is too long");
    }
    if (ph_frame_table_check(&like.record, table) != PH_OK) {
        return fail_corrupt(err, reader, "its table of frames is damaged");
    }
    hold(reader, make_held(&like, table, 0, piece));
    return PH_OK;
}

static int begin(const struct ph_s3_store *store, struct ph_blob_reader *reader, const struct ph_s3_get *get,
                 struct ph_error *err)
{
    struct ph_bytes piece = ph_buf_view(get->out);
    if (!store->options.is_shared) {
        return begin_record(reader, piece, get->size, err);
    }
    int result = check_size(reader, get->size, err);
    if (result == PH_OK) {
        const struct held like = {.is_plain = true};
        hold(reader, make_held(&like, (struct ph_bytes){NULL, 0}, 0, piece));
    }
    return result;
}

/* What the first piece of a reader need not be longer than: a record's header and table take some octets more than
 * the content, if that does not get shorter. */
static size_t first_bytes(const struct ph_blob_reader *reader)
{
    uint64_t most = reader->size + PH_RECORD_HEADER_BYTES + PH_FRAME_BYTES;
    bool is_small = reader->place[HAS_SIZE] != 0 && most < PH_S3_PIECE_BYTES;
    return is_small ? (size_t)most : PH_S3_PIECE_BYTES;
}

static int open_readers(struct ph_s3_store *store, struct ph_blob_reader *const *readers, unsigned count,
                        struct ph_error *err)
{
    char keys[PH_S3_GETS_MAX][PH_BLOB_ID_TEXT_MAX + 1];
    struct ph_buf pieces[PH_S3_GETS_MAX];
    struct ph_s3_get gets[PH_S3_GETS_MAX];
    for (unsigned i = 0; i < count; i++) {
        pieces[i] = PH_BUF(PH_S3_PIECE_BYTES);
        gets[i] = (struct ph_s3_get){
            .key = ph_s3_key(&readers[i]->id, keys[i]), .max = first_bytes(readers[i]), .out = &pieces[i]};
    }
    int result = ph_s3_get_all(store->client, gets, count, err);
    struct ph_error trouble = {0};
    if (result == PH_ENOTFOUND && ph_s3_ask_bucket(store->client, &trouble) != PH_OK) {
        /* Content of a message is there, unless all is gone. */
        *err = trouble;
        result = trouble.code;
    }
    result = ph_s3_passing(result, err);
    for (unsigned i = 0; i < count; i++) {
        if (result == PH_OK) {
            result = begin(store, readers[i], &gets[i], err);
        }
        ph_buf_fini(&pieces[i]);
    }
    return result;
}

static int check_name(const struct ph_s3_store *store, const struct ph_blob_id *id, struct ph_error *err)
{
    return id->has_uuid || store->options.is_shared
               ? PH_OK
               : ph_fail(err, PH_ENOTFOUND, "content %.*s: no name of this store", id->text_len, id->text);
}

int ph_s3_open_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, struct ph_error *err)
{
    struct ph_s3_store *store = (struct ph_s3_store *)base;
    int result = check_name(store, &reader->id, err);
    return result == PH_OK ? open_readers(store, &reader, 1, err) : result;
}

int ph_s3_open_all(struct ph_blob_store *base, struct ph_blob_reader *const *readers, unsigned count,
                   struct ph_error *err)
{
    struct ph_s3_store *store = (struct ph_s3_store *)base;
    struct ph_blob_reader *wanted[PH_S3_GETS_MAX];
    unsigned wanted_count = 0;
    for (unsigned i = 0; i < count; i++) {
        int result = check_name(store, &readers[i]->id, err);
        if (result != PH_OK) {
            return result;
        }
        readers[i]->place[HAS_SIZE] = 1;
        if (readers[i]->size > 0 && wanted_count < PH_S3_GETS_MAX) {
            wanted[wanted_count++] = readers[i];
        }
    }
    return wanted_count == 0 ? PH_OK : open_readers(store, wanted, wanted_count, err);
}

/* ---- Further pieces ---- */

/* LEN octets of the object from AT on, held. They are in a piece of the usual length, if the object goes so far. */
static int reach(struct ph_s3_store *store, struct ph_blob_reader *reader, uint64_t at, size_t len,
                 struct ph_error *err)
{
    struct held *held = reader->held;
    if (held != NULL && at >= held->from && at + len <= held->from + held->len) {
        return PH_OK;
    }
    char key[PH_BLOB_ID_TEXT_MAX + 1];
    struct ph_buf piece = PH_BUF(PH_S3_PIECE_BYTES);
    struct ph_s3_get get = {
        .key = ph_s3_key(&reader->id, key), .from = at, .max = PH_S3_PIECE_BYTES, .out = &piece};
    int result = ph_s3_passing(ph_s3_get_all(store->client, &get, 1, err), err);
    if (result == PH_OK && piece.len < len) {
        result = fail_corrupt(err, reader, "the object ends too early");
    }
    if (result == PH_OK) {
        hold(reader, make_held(held, ph_bytes_of(held->octets, held->table_len), at, ph_buf_view(&piece)));
    }
    ph_buf_fini(&piece);
    return result;
}

static int decode_frame(struct ph_s3_store *store, struct ph_blob_reader *reader,
                        struct ph_workspace *workspace, uint32_t index, struct ph_error *err)
{
    const struct held *held = reader->held;
    struct ph_frame frame;
    struct ph_record record = held->record;
    if (ph_frame_find(&record, ph_bytes_of(held->octets, held->table_len), index, &frame) != PH_OK) {
        return fail_corrupt(err, reader, "its table of frames makes no sense");
    }
    uint64_t at = PH_RECORD_HEADER_BYTES + (uint64_t)frame.offset;
    int result = reach(store, reader, at, frame.stored_length, err);
    if (result != PH_OK) {
        return result;
    }
    held = reader->held;
    struct ph_bytes stored = ph_bytes_of(piece_of(held) + (at - held->from), frame.stored_length);
    if (ph_frame_check(&frame, stored) != PH_OK) {
        return fail_corrupt(err, reader, "its octets are damaged");
    }
    workspace->has_frame = false;
    if (!ph_frame_is_compressed(&frame)) {
        memcpy(workspace->frame, stored.ptr, stored.len);
    } else {
        result = ph_codec_decompress(store->codec, workspace, record.dictionary, stored, workspace->frame,
                                     frame.raw_length);
    }
    if (result != PH_OK) {
        return result == PH_ECORRUPT ? fail_corrupt(err, reader, "its octets do not decompress")
                                     : ph_fail(err, result, "no memory for decompressing");
    }
    workspace->has_frame = true;
    workspace->frame_id = reader->id.uuid;
    workspace->frame_index = index;
    return PH_OK;
}

static int read_plain(struct ph_s3_store *store, struct ph_blob_reader *reader, uint64_t offset, size_t len,
                      struct ph_buf *out, size_t *out_step, struct ph_error *err)
{
    int result = reach(store, reader, offset, 1, err);
    if (result == PH_OK) {
        const struct held *held = reader->held;
        size_t skip = (size_t)(offset - held->from);
        *out_step = held->len - skip < len ? held->len - skip : len;
        ph_buf_append(out, piece_of(held) + skip, *out_step);
    }
    return result;
}

static int read_frame(struct ph_s3_store *store, struct ph_blob_reader *reader, uint64_t offset, size_t len,
                      struct ph_buf *out, size_t *out_step, struct ph_error *err)
{
    uint32_t index = (uint32_t)(offset / PH_FRAME_BYTES);
    struct ph_workspace *workspace = ph_codec_take(store->codec, &reader->id.uuid, index);
    bool is_decoded = workspace->has_frame && workspace->frame_index == index &&
                      ph_uuid_eq(&workspace->frame_id, &reader->id.uuid);
    int result = is_decoded ? PH_OK : decode_frame(store, reader, workspace, index, err);
    if (result == PH_OK) {
        uint64_t start = (uint64_t)index * PH_FRAME_BYTES;
        uint64_t left = reader->size - start;
        size_t frame_len = left < PH_FRAME_BYTES ? (size_t)left : PH_FRAME_BYTES;
        size_t skip = (size_t)(offset - start);
        *out_step = frame_len - skip < len ? frame_len - skip : len;
        ph_buf_append(out, workspace->frame + skip, *out_step);
    }
    ph_codec_give(store->codec, workspace);
    return result;
}

int ph_s3_read_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, size_t len, struct ph_buf *out,
                    struct ph_error *err)
{
    struct ph_s3_store *store = (struct ph_s3_store *)base;
    uint64_t offset = reader->offset;
    size_t before = out->len;
    int result = reader->held == NULL ? open_readers(store, &reader, 1, err) : PH_OK;
    while (len > 0 && result == PH_OK) {
        size_t step = 0;
        const struct held *held = reader->held;
        result = held->is_plain ? read_plain(store, reader, offset, len, out, &step, err)
                                : read_frame(store, reader, offset, len, out, &step, err);
        offset += step;
        len -= step;
    }
    if (result != PH_OK) {
        out->len = before;
    } else if (offset == reader->size) {
        hold(reader, NULL);
    }
    return result;
}
