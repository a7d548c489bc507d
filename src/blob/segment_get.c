/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading content: one pread for a blob of one frame, and for each frame of a larger one one pread behind that of
 * its header and table. Every octet is checked before anybody sees it.
 *
 * A message of usual size, header and body behind each other, is read by one pread when both are opened; their readers
 * hold what is stored of each.
 *
 * A reader carries the place that it found when it was opened. If the compactor has moved the blob since then and
 * the old segment is gone, the row tells the new place.
 */
#include "base/mem.h"
#include "blob/segment_store-private.h"

enum { MOVES_MAX = 16, HELD_MAX = 16 * 1024 };

static int fail(struct ph_error *err, int class, const struct ph_uuid *id, const struct ph_blob_place *place,
                const char *what)
{
    char text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(id, text);
    return ph_fail(err, class, "content %s, segment %u, offset %llu: %s", text, place->segment,
                   (unsigned long long)place->offset, what);
}

static int fail_corrupt(struct ph_error *err, const struct ph_uuid *id, const struct ph_blob_place *place,
                        const char *what)
{
    return fail(err, PH_ECORRUPT, id, place, what);
}

/* ---- Records ---- */

/* A record on the way out of its segment. */
struct source {
    struct ph_segment_file *file;
    const uint8_t *held; /* or NULL: the record as it stands in the file, which is then not needed */
    const struct ph_uuid *id;
    const struct ph_blob_place *place;
    bool is_cut_off; /* the segment ends before it */
    struct ph_record record;
    struct ph_buf table; /* empty where there is none */
    bool is_preloaded;   /* what is stored came with the header, into a workspace */
    struct ph_bytes preloaded;
};

static int check_header(struct source *source, struct ph_bytes octets, struct ph_error *err)
{
    const struct ph_blob_place *place = source->place;
    if (ph_record_decode(octets, &source->record) != PH_OK) {
        return fail_corrupt(err, source->id, place, "no record stands there");
    }
    const struct ph_record *record = &source->record;
    if (!ph_uuid_eq(&record->id, source->id) || record->raw_length != place->size ||
        record->check != place->check || ph_record_span(record->stored_length) != place->length) {
        return fail_corrupt(err, source->id, place, "another record stands there");
    }
    return PH_OK;
}

/* A read that ends early is what is left of a record that was never written whole. */
static int read_exactly(struct source *source, uint64_t at, void *out, size_t len, struct ph_error *err)
{
    if (source->held != NULL && len <= source->place->length && at <= source->place->length - len) {
        memcpy(out, source->held + at, len);
        return PH_OK;
    }
    int result = source->held != NULL
                     ? PH_ECORRUPT
                     : ph_segment_read(source->file, source->place->offset + at, out, len, err);
    if (result == PH_ECORRUPT) {
        source->is_cut_off = true;
        fail_corrupt(err, source->id, source->place, "the segment ends before it");
    }
    return result;
}

static int load_small(struct source *source, struct ph_workspace *workspace, struct ph_error *err)
{
    uint64_t most = source->place->length;
    size_t len = most < PH_WORKSPACE_STORED_BYTES ? (size_t)most : PH_WORKSPACE_STORED_BYTES;
    int result = read_exactly(source, 0, workspace->stored, len, err);
    if (result == PH_OK) {
        result = check_header(source, ph_bytes_of(workspace->stored, len), err);
    }
    if (result == PH_OK) {
        /* Its length is the place's, so it is all there. */
        source->is_preloaded = true;
        source->preloaded =
            ph_bytes_of(workspace->stored + PH_RECORD_HEADER_BYTES, source->record.stored_length);
    }
    return result;
}

static int load_large(struct source *source, struct ph_error *err)
{
    size_t table_bytes = ph_frame_table_bytes((uint32_t)source->place->size);
    uint8_t *octets = ph_buf_reserve(&source->table, PH_RECORD_HEADER_BYTES + table_bytes);
    int result = read_exactly(source, 0, octets, PH_RECORD_HEADER_BYTES + table_bytes, err);
    if (result == PH_OK) {
        result = check_header(source, ph_bytes_of(octets, PH_RECORD_HEADER_BYTES), err);
    }
    if (result == PH_OK) {
        memmove(octets, octets + PH_RECORD_HEADER_BYTES, table_bytes);
        source->table.len = table_bytes;
        if (ph_frame_table_check(&source->record, ph_buf_view(&source->table)) != PH_OK) {
            result = fail_corrupt(err, source->id, source->place, "its table of frames is damaged");
        }
    }
    return result;
}

static int load(struct source *source, struct ph_workspace *workspace, struct ph_error *err)
{
    if (source->place->length < PH_RECORD_HEADER_BYTES || source->place->size > PH_RECORD_RAW_MAX) {
        return fail_corrupt(err, source->id, source->place, "its row makes no sense");
    }
    return source->place->size <= PH_FRAME_BYTES ? load_small(source, workspace, err)
                                                 : load_large(source, err);
}

/* What is stored of frame INDEX, checked: in SPACE, of PH_FRAME_BYTES, or preloaded. */
static int load_frame(struct source *source, uint32_t index, uint8_t *space, struct ph_frame *out_frame,
                      struct ph_bytes *out_octets, struct ph_error *err)
{
    if (ph_frame_find(&source->record, ph_buf_view(&source->table), index, out_frame) != PH_OK) {
        return fail_corrupt(err, source->id, source->place, "its table of frames makes no sense");
    }
    *out_octets = source->is_preloaded ? source->preloaded : ph_bytes_of(space, out_frame->stored_length);
    int result = source->is_preloaded ? PH_OK
                                      : read_exactly(source, PH_RECORD_HEADER_BYTES + out_frame->offset,
                                                     space, out_frame->stored_length, err);
    if (result == PH_OK && ph_frame_check(out_frame, *out_octets) != PH_OK) {
        result = fail_corrupt(err, source->id, source->place, "its octets are damaged");
    }
    return result;
}

static int verify_whole(struct ph_segment_store *store, struct source *source, struct ph_error *err)
{
    struct ph_workspace *workspace = ph_codec_take(store->codec, NULL, 0);
    int result = load(source, workspace, err);
    uint32_t count = result == PH_OK ? ph_frame_count(source->record.raw_length) : 0;
    for (uint32_t i = 0; i < count && result == PH_OK; i++) {
        struct ph_frame frame;
        struct ph_bytes octets;
        result = load_frame(source, i, workspace->stored, &frame, &octets, err);
    }
    ph_codec_give(store->codec, workspace);
    return result;
}

int ph_segment_verify(struct ph_segment_store *store, struct ph_segment_file *file, const struct ph_uuid *id,
                      const struct ph_blob_place *place, struct ph_error *err)
{
    struct source source = {.file = file, .id = id, .place = place, .table = PH_BUF(SIZE_MAX)};
    int result = verify_whole(store, &source, err);
    ph_buf_fini(&source.table);
    return result;
}

/* ---- Frames ---- */

/* Frame INDEX to OUT, of its raw length. */
static int decode_frame(struct ph_segment_store *store, struct source *source, struct ph_workspace *workspace,
                        uint32_t index, uint8_t *out, struct ph_error *err)
{
    struct ph_frame frame = {0};
    struct ph_bytes octets = ph_bytes_of(workspace->stored, 0);
    int result = load_frame(source, index, workspace->stored, &frame, &octets, err);
    if (result != PH_OK) {
        return result;
    }
    if (!ph_frame_is_compressed(&frame)) {
        memcpy(out, octets.ptr, octets.len);
        return PH_OK;
    }
    result = ph_codec_decompress(store->codec, workspace, source->record.dictionary, octets, out,
                                 frame.raw_length);
    if (result == PH_ECORRUPT) {
        return fail_corrupt(err, source->id, source->place, "its octets do not decompress");
    }
    return result == PH_OK ? PH_OK : ph_fail(err, result, "no memory for decompressing");
}

static bool holds_frame(const struct ph_workspace *workspace, const struct ph_uuid *id, uint32_t index)
{
    return workspace->has_frame && workspace->frame_index == index && ph_uuid_eq(&workspace->frame_id, id);
}

/* LEN octets from OFFSET of a record that is loaded where that is needed: a frame that was decoded for the last
 * read is not read again. */
static int copy_frames(struct ph_segment_store *store, struct source *source, struct ph_workspace *workspace,
                       uint64_t offset, size_t len, uint8_t *out, struct ph_error *err)
{
    bool is_loaded = false;
    while (len > 0) {
        uint32_t index = (uint32_t)(offset / PH_FRAME_BYTES);
        uint64_t start = (uint64_t)index * PH_FRAME_BYTES;
        uint64_t left = source->place->size - start;
        size_t raw_length = left < PH_FRAME_BYTES ? (size_t)left : PH_FRAME_BYTES;
        size_t skip = (size_t)(offset - start);
        size_t step = raw_length - skip < len ? raw_length - skip : len;
        if (!holds_frame(workspace, source->id, index)) {
            int result = is_loaded ? PH_OK : load(source, workspace, err);
            bool is_whole = step == raw_length;
            if (result == PH_OK) {
                is_loaded = true;
                workspace->has_frame = workspace->has_frame && is_whole;
                result =
                    decode_frame(store, source, workspace, index, is_whole ? out : workspace->frame, err);
            }
            if (result != PH_OK) {
                return result;
            }
            if (!is_whole) {
                workspace->has_frame = true;
                workspace->frame_id = *source->id;
                workspace->frame_index = index;
            }
        }
        if (holds_frame(workspace, source->id, index)) {
            memcpy(out, workspace->frame + skip, step);
        }
        offset += step;
        out += step;
        len -= step;
    }
    return PH_OK;
}

/* ---- Readers ---- */

static void set_place(struct ph_blob_reader *reader, const struct ph_blob_place *place)
{
    reader->place[0] = place->segment;
    reader->place[1] = place->offset;
    reader->place[2] = place->length;
    reader->place[3] = place->check;
}

static struct ph_blob_place place_of(const struct ph_blob_reader *reader)
{
    return (struct ph_blob_place){
        .segment = (uint32_t)reader->place[0],
        .offset = reader->place[1],
        .length = reader->place[2],
        .size = reader->size,
        .check = reader->place[3],
    };
}

static int check_name(const struct ph_blob_reader *reader, struct ph_error *err)
{
    if (reader->id.text_len > 0) {
        return ph_fail(err, PH_ENOTFOUND, "content %.*s: no name of this store", reader->id.text_len,
                       reader->id.text);
    }
    return PH_OK;
}

int ph_segment_open_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    struct ph_blob_place place;
    int result = check_name(reader, err);
    if (result == PH_OK) {
        result = ph_blob_place_get(store->db, &reader->id.uuid, &place, err);
    }
    if (result == PH_OK) {
        reader->size = place.size;
        set_place(reader, &place);
    }
    return result;
}

/* What cannot be read now is tried again, and complained of, by whoever reads it. */
static void hold_pair(struct ph_segment_store *store, struct ph_blob_reader *const readers[2],
                      const struct ph_blob_place places[2])
{
    bool is_pair = places[0].segment == places[1].segment && places[0].length <= HELD_MAX &&
                   places[1].length <= HELD_MAX - places[0].length &&
                   places[0].offset + places[0].length == places[1].offset;
    struct ph_segment_file *file = NULL;
    struct ph_error ignored = {0};
    if (!is_pair || ph_segment_hold(store->files, places[0].segment, &file, &ignored) != PH_OK) {
        return;
    }
    struct ph_workspace *workspace = ph_codec_take(store->codec, NULL, 0);
    size_t len = (size_t)(places[0].length + places[1].length);
    if (ph_segment_read(file, places[0].offset, workspace->stored, len, &ignored) == PH_OK) {
        const uint8_t *at = workspace->stored;
        for (unsigned i = 0; i < 2; i++) {
            readers[i]->held = ph_alloc((size_t)places[i].length);
            memcpy(readers[i]->held, at, (size_t)places[i].length);
            at += places[i].length;
        }
    }
    ph_codec_give(store->codec, workspace);
    ph_segment_release(store->files, &file);
}

static int open_pair(struct ph_segment_store *store, struct ph_blob_reader *const readers[2],
                     struct ph_error *err)
{
    struct ph_blob_place places[2];
    const struct ph_uuid *const ids[2] = {&readers[0]->id.uuid, &readers[1]->id.uuid};
    for (unsigned i = 0; i < 2; i++) {
        int result = check_name(readers[i], err);
        if (result != PH_OK) {
            return result;
        }
    }
    int result = ph_blob_place_get_two(store->db, ids, places, err);
    for (unsigned i = 0; i < 2 && result == PH_OK; i++) {
        readers[i]->size = places[i].size;
        set_place(readers[i], &places[i]);
    }
    if (result == PH_OK) {
        hold_pair(store, readers, places);
    }
    return result;
}

int ph_segment_open_blobs(struct ph_blob_store *base, struct ph_blob_reader *const *readers, unsigned count,
                          struct ph_error *err)
{
    int result = PH_OK;
    for (unsigned i = 0; i < count && result == PH_OK; i += 2) {
        result = count - i >= 2 ? open_pair((struct ph_segment_store *)base, readers + i, err)
                                : ph_segment_open_blob(base, readers[i], err);
    }
    return result;
}

/* The segment that READER's blob lies in, wherever it was moved meanwhile. PH_EUNAVAILABLE and *OUT_IS_AWAY: it is
 * missing. */
static int hold_place(struct ph_segment_store *store, struct ph_blob_reader *reader,
                      struct ph_segment_file **out_file, bool *out_is_away, struct ph_error *err)
{
    for (unsigned moves = 0; moves < MOVES_MAX; moves++) {
        struct ph_blob_place place = place_of(reader);
        int result = ph_segment_hold(store->files, place.segment, out_file, err);
        if (result != PH_ENOTFOUND) {
            return result;
        }
        struct ph_blob_place now;
        result = ph_blob_place_get(store->db, &reader->id.uuid, &now, err);
        if (result != PH_OK) {
            return result;
        }
        if (now.segment == place.segment) {
            *out_is_away = true;
            return fail(err, PH_EUNAVAILABLE, &reader->id.uuid, &place, "the segment is missing");
        }
        set_place(reader, &now);
    }
    return ph_fail(err, PH_EUNAVAILABLE, "content was moved all the time");
}

int ph_segment_read_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, size_t len,
                         struct ph_buf *out, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    struct ph_segment_file *file = NULL;
    bool is_away = false;
    int result = reader->held != NULL ? PH_OK : hold_place(store, reader, &file, &is_away, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_blob_place place = place_of(reader);
    struct source source = {.file = file,
                            .held = reader->held,
                            .id = &reader->id.uuid,
                            .place = &place,
                            .table = PH_BUF(SIZE_MAX)};
    struct ph_workspace *workspace =
        ph_codec_take(store->codec, &reader->id.uuid, (uint32_t)(reader->offset / PH_FRAME_BYTES));
    uint8_t *space = ph_buf_reserve(out, len);
    result = copy_frames(store, &source, workspace, reader->offset, len, space, err);
    if (result == PH_OK) {
        out->len += len;
    }
    ph_codec_give(store->codec, workspace);
    ph_segment_release(store->files, &file);
    ph_buf_fini(&source.table);
    if (result == PH_ECORRUPT) {
        ph_segment_suspect(store, &reader->id.uuid);
    }
    /* What is damaged stays so; what is cut off may come back with its file. */
    return source.is_cut_off && result == PH_ECORRUPT
               ? fail(err, PH_EUNAVAILABLE, source.id, &place, "the segment ends before it")
               : result;
}

/* ---- For whoever checks the store ---- */

static int verify_header(struct ph_segment_file *file, struct source *source, struct ph_error *err)
{
    uint8_t header[PH_RECORD_HEADER_BYTES];
    uint64_t size = 0;
    const struct ph_blob_place *place = source->place;
    int result = ph_segment_size(file, &size, err);
    if (result == PH_OK && (place->length > size || place->offset > size - place->length)) {
        source->is_cut_off = true;
        return fail_corrupt(err, source->id, place, "the segment ends before it");
    }
    if (result == PH_OK) {
        result = read_exactly(source, 0, header, sizeof header, err);
    }
    return result == PH_OK ? check_header(source, ph_bytes_of(header, sizeof header), err) : result;
}

int ph_segment_store_verify(struct ph_blob_store *base, const struct ph_uuid *id, bool is_whole,
                            struct ph_segment_look *out_look, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    struct ph_blob_reader reader = {.id = ph_blob_id_of(id)};
    struct ph_segment_file *file = NULL;
    *out_look = (struct ph_segment_look){0};
    int result = ph_segment_open_blob(base, &reader, err);
    if (result != PH_OK) {
        return result;
    }
    result = hold_place(store, &reader, &file, &out_look->is_away, err);
    if (out_look->is_away) {
        return PH_ECORRUPT;
    }
    if (result == PH_OK) {
        struct ph_blob_place place = place_of(&reader);
        struct source source = {.file = file, .id = id, .place = &place, .table = PH_BUF(SIZE_MAX)};
        result = is_whole ? verify_whole(store, &source, err) : verify_header(file, &source, err);
        out_look->octets = is_whole ? place.length : PH_RECORD_HEADER_BYTES;
        out_look->is_away = source.is_cut_off;
        ph_buf_fini(&source.table);
        ph_segment_release(store->files, &file);
    }
    return result;
}
