/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding content that has lost its row: each record carries its id and its lengths, so a walk over the segments says
 * where it lies. Only what messages refer to gets a row again, and only a record that is whole: what was deleted stays
 * garbage.
 *
 * Meanwhile nothing is compacted. What the compactor has thrown away before, since no row pointed to it, is gone.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "blob/record.h"
#include "blob/segment_store-private.h"

enum { WINDOW_BYTES = 1 << 18 };

struct salvage {
    struct ph_segment_store *store;
    struct ph_segment_lost *lost; /* by id */
    size_t count;
    struct ph_segment_file *file;
    uint64_t size; /* of the file */
    uint8_t *window;
};

static int compare(const void *a, const void *b)
{
    return memcmp(&((const struct ph_segment_lost *)a)->content,
                  &((const struct ph_segment_lost *)b)->content, sizeof(struct ph_uuid));
}

/* The first of those with this id, or NULL. */
static struct ph_segment_lost *find(const struct salvage *s, const struct ph_uuid *id)
{
    const struct ph_segment_lost key = {.content = *id};
    struct ph_segment_lost *found = bsearch(&key, s->lost, s->count, sizeof *s->lost, compare);
    while (found != NULL && found > s->lost && compare(found - 1, &key) == 0) {
        found--;
    }
    return found;
}

static int restore(struct salvage *s, struct ph_segment_lost *first, const struct ph_record *record,
                   uint64_t offset, struct ph_error *err)
{
    const struct ph_blob_place place = {
        .segment = s->file->number,
        .offset = offset,
        .length = ph_record_span(record->stored_length),
        .size = record->raw_length,
        .check = record->check,
    };
    struct ph_error reason = {0};
    int result = ph_segment_verify(s->store, s->file, &record->id, &place, &reason);
    if (result == PH_ECORRUPT) {
        return PH_OK;
    }
    if (result != PH_OK) {
        return ph_fail(err, result, "%s", reason.text);
    }
    result = ph_segment_apply_one(s->store->db, err, PH_STMT_BLOB_RESTORE, ph_uuid_value(&record->id),
                                  ph_i64(place.segment), ph_i64((int64_t)place.offset),
                                  ph_i64((int64_t)place.length), ph_i64((int64_t)place.size),
                                  ph_i64((int64_t)place.check));
    struct ph_blob_place now;
    if (result == PH_OK && ph_blob_place_get(s->store->db, &record->id, &now, &reason) == PH_OK) {
        const struct ph_segment_lost *end = s->lost + s->count;
        for (struct ph_segment_lost *lost = first; lost < end && compare(lost, first) == 0; lost++) {
            lost->is_found = true;
        }
    }
    return result;
}

/* The records of one window; *OUT_NEXT: how far they reach. */
static int look_at_window(struct salvage *s, uint64_t at, size_t len, uint64_t *out_next,
                          struct ph_error *err)
{
    uint64_t pos = 0;
    struct ph_record record;
    size_t skip = 0;
    int result = PH_OK;
    while (result == PH_OK && pos + PH_RECORD_HEADER_BYTES <= len) {
        bool is_record = ph_record_find(ph_bytes_of(s->window + pos, len - (size_t)pos), &skip, &record);
        pos += skip;
        if (!is_record) {
            break;
        }
        uint64_t span = ph_record_span(record.stored_length);
        bool is_whole = span <= s->size - (at + pos);
        struct ph_segment_lost *lost = is_whole ? find(s, &record.id) : NULL;
        if (lost != NULL && !lost->is_found) {
            result = restore(s, lost, &record, at + pos, err);
        }
        pos += is_whole ? span : PH_RECORD_ALIGN;
    }
    *out_next = at + pos;
    return result;
}

static int look_at_segment(struct salvage *s, uint32_t number, struct ph_error *err)
{
    int result = ph_segment_hold(s->store->files, number, &s->file, err);
    if (result == PH_ENOTFOUND) {
        return PH_OK;
    }
    if (result == PH_OK) {
        result = ph_segment_size(s->file, &s->size, err);
    }
    uint64_t at = PH_SEGMENT_HEADER_BYTES;
    while (result == PH_OK && at + PH_RECORD_HEADER_BYTES <= s->size) {
        size_t len = 0;
        uint64_t next = at;
        result = ph_segment_read_some(s->file, at, s->window, WINDOW_BYTES, &len, err);
        if (result == PH_OK) {
            result = look_at_window(s, at, len, &next, err);
        }
        if (next == at) {
            break;
        }
        at = next;
    }
    ph_segment_release(s->store->files, &s->file);
    return result;
}

int ph_segment_store_salvage(struct ph_blob_store *base, struct ph_segment_lost *lost, size_t count,
                             struct ph_error *err)
{
    struct salvage s = {.store = (struct ph_segment_store *)base, .lost = lost, .count = count};
    struct ph_arena arena;
    struct ph_segment_list list = {0};
    if (count == 0) {
        return PH_OK;
    }
    qsort(lost, count, sizeof *lost, compare);
    ph_arena_init(&arena, 0);
    s.window = ph_alloc(WINDOW_BYTES);
    ph_segment_store_hold(base);
    int result = ph_segment_list(s.store->db, &arena, &list, err);
    for (size_t i = 0; i < list.count && result == PH_OK; i++) {
        /* No row may point into the others. */
        if (list.rows[i].state <= PH_SEGMENT_SEALED) {
            result = look_at_segment(&s, list.rows[i].number, err);
        }
    }
    ph_segment_store_unhold(base);
    free(s.window);
    ph_arena_fini(&arena);
    return result;
}
