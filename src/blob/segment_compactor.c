/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving back the space of what was deleted: move what lives in a segment elsewhere, then remove the file.
 *
 * The steps for one segment, each of which may be the last before a crash:
 *  1. Its row becomes DRAINING. From then on no plan adds a row that points there (a trigger sees to it), so what is
 *     found dead stays dead, also where somebody has put content and not yet submitted the plan.
 *  2. Its records are read one by one; one that a row points to is copied to the output, octet for octet.
 *  3. The output is synced, then the rows are changed: each only if it still points to the old place, so a blob that
 *     was deleted meanwhile stays deleted.
 *  4. When no row points there any more (segments.live, kept by triggers, says so exactly) it becomes DEAD, the file
 *     is removed, then the row.
 * After a crash in 2 or 3 the segment is DRAINING and is begun again; what was copied and not taken over is garbage
 * of the output. In 4 opening removes the file.
 *
 * A segment that is missing or cut off is put away instead (segment_away.c). A record that is damaged, or a row whose record is not found, keeps live above 0: the segment is then KEPT, for
 * whoever can still read something from it.
 *
 * The output is a segment of its own kind. What has lived long stays together, and deliveries do not sync it.
 */
#include "base/mem.h"
#include "blob/segment_store-private.h"

enum { WINDOW_BYTES = 1 << 18, MOVES_MAX = 512, MOVED_BYTES_MAX = 8 << 20, PAUSES_PER_SECOND = 16 };

struct move {
    struct ph_uuid id;
    uint64_t from;
    uint64_t to;
};

struct drain {
    struct ph_segment_store *store;
    uint32_t number;
    bool is_limited;
    struct ph_segment_file *file;
    const char *lack; /* why it is away; NULL: it is not */
    uint8_t *window;  /* WINDOW_BYTES, of the segment */
    uint64_t window_start;
    size_t window_len;
    uint8_t *copy;         /* WINDOW_BYTES, on their way to the output */
    uint64_t unpaid_bytes; /* read since the last pause */
    struct move *moves;    /* to the output, not taken over yet */
    unsigned move_count;
    uint64_t moved_bytes;
};

static bool is_stopping(const struct drain *d)
{
    return (d->is_limited && atomic_load(&d->store->is_stopping)) || atomic_load(&d->store->holds) > 0;
}

/* Pauses as long as what was read since the last pause should have taken. */
static void pause_for(struct drain *d, uint64_t bytes)
{
    uint64_t rate = d->store->options.compact_bytes_per_second;
    d->unpaid_bytes += bytes;
    if (d->is_limited && d->unpaid_bytes >= rate / PAUSES_PER_SECOND) {
        ph_segment_pause(d->store, d->unpaid_bytes * 1000 / rate);
        d->unpaid_bytes = 0;
    }
}

/* ---- The output ---- */

/* Syncs what was copied and has the rows point there. */
static int take_over(struct drain *d, struct ph_error *err)
{
    if (d->move_count == 0) {
        return PH_OK;
    }
    struct ph_segment_store *store = d->store;
    int result = ph_segment_sync(store->files, store->output.file, err);
    if (result == PH_OK) {
        struct ph_arena arena;
        ph_arena_init(&arena, 1 << 16);
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        for (unsigned i = 0; i < d->move_count; i++) {
            const struct move *move = &d->moves[i];
            ph_plan_add(&plan, PH_STAGE_CONTENT, PH_STMT_BLOB_MOVE, ph_uuid_value(&move->id),
                        ph_i64(d->number), ph_i64((int64_t)move->from), ph_i64(store->output.file->number),
                        ph_i64((int64_t)move->to));
        }
        result = ph_db_apply(store->db, &plan, err);
        ph_arena_fini(&arena);
    }
    d->move_count = 0;
    d->moved_bytes = 0;
    return result;
}

static int make_room(struct drain *d, uint64_t length, struct ph_error *err)
{
    struct ph_segment_store *store = d->store;
    struct ph_compact_output *output = &store->output;
    int result = PH_OK;
    if (output->file != NULL && output->end > PH_SEGMENT_HEADER_BYTES &&
        output->end + length > store->options.segment_bytes) {
        result = take_over(d, err);
        if (result == PH_OK) {
            result = ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_SEAL, ph_i64(output->file->number),
                                          ph_i64((int64_t)output->end));
        }
        if (result == PH_OK) {
            ph_segment_release(store->files, &output->file);
        }
    }
    if (result == PH_OK && output->file == NULL) {
        uint32_t number = 0;
        result = ph_appender_make_segment(store->appender, PH_SEGMENT_OUTPUT, &number, err);
        if (result == PH_OK) {
            result = ph_segment_hold(store->files, number, &output->file, err);
            output->end = PH_SEGMENT_HEADER_BYTES;
        }
    }
    return result;
}

static int copy_record(struct drain *d, uint64_t from, uint64_t length, struct ph_error *err)
{
    struct ph_compact_output *output = &d->store->output;
    int result = PH_OK;
    for (uint64_t at = 0; at < length && result == PH_OK;) {
        size_t len = length - at < WINDOW_BYTES ? (size_t)(length - at) : WINDOW_BYTES;
        result = ph_segment_read(d->file, from + at, d->copy, len, err);
        if (result == PH_OK) {
            struct iovec part = {d->copy, len};
            result = ph_segment_write(d->store->files, output->file, &part, 1, output->end + at, err);
        }
        at += len;
    }
    return result;
}

/* ---- The records ---- */

static void log_damaged(struct drain *d, const struct ph_error *reason)
{
    struct ph_log_line line;
    ph_log_begin(&line, d->store->options.log, PH_LOG_ERROR, "content-damaged");
    ph_log_error(&line, reason);
    ph_log_end(&line);
}

/* The record at FROM, if a row points to it. One that is damaged stays where it is. */
static int move_record(struct drain *d, const struct ph_record *record, uint64_t from, struct ph_error *err)
{
    struct ph_blob_place place;
    int result = ph_blob_place_get(d->store->db, &record->id, &place, err);
    if (result == PH_ENOTFOUND || (result == PH_OK && (place.segment != d->number || place.offset != from))) {
        return PH_OK;
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_error reason = {0};
    result = ph_segment_verify(d->store, d->file, &record->id, &place, &reason);
    if (result == PH_ECORRUPT) {
        log_damaged(d, &reason);
        return PH_OK;
    }
    if (result != PH_OK) {
        *err = reason;
        return result;
    }
    pause_for(d, place.length);
    result = make_room(d, place.length, err);
    if (result == PH_OK) {
        result = copy_record(d, from, place.length, err);
    }
    if (result == PH_OK) {
        struct ph_compact_output *output = &d->store->output;
        d->moves[d->move_count++] = (struct move){record->id, from, output->end};
        d->moved_bytes += place.length;
        output->end += place.length;
        if (d->move_count == MOVES_MAX || d->moved_bytes >= MOVED_BYTES_MAX) {
            result = take_over(d, err);
        }
    }
    return result;
}

/* The first record's header from *AT on; *AT is then where it stands, or the end where there is none. */
static int find_record(struct drain *d, uint64_t *at, bool *out_found, struct ph_record *out_record,
                       struct ph_error *err)
{
    *out_found = false;
    while (!is_stopping(d)) {
        if (*at < d->window_start || *at + PH_RECORD_HEADER_BYTES > d->window_start + d->window_len) {
            d->window_start = *at;
            int result = ph_segment_read_some(d->file, *at, d->window, WINDOW_BYTES, &d->window_len, err);
            if (result != PH_OK || d->window_len < PH_RECORD_HEADER_BYTES) {
                return result;
            }
            pause_for(d, d->window_len);
        }
        size_t skip = (size_t)(*at - d->window_start);
        size_t found_at = 0;
        *out_found =
            ph_record_find(ph_bytes_of(d->window + skip, d->window_len - skip), &found_at, out_record);
        *at += found_at;
        if (*out_found) {
            return PH_OK;
        }
    }
    return PH_OK;
}

static int move_records(struct drain *d, struct ph_error *err)
{
    uint64_t size = 0;
    int result = ph_segment_size(d->file, &size, err);
    for (uint64_t at = PH_SEGMENT_HEADER_BYTES; result == PH_OK;) {
        struct ph_record record;
        bool is_found = false;
        result = find_record(d, &at, &is_found, &record, err);
        if (result != PH_OK || !is_found) {
            break;
        }
        uint64_t span = ph_record_span(record.stored_length);
        if (span > size - at) {
            at += PH_RECORD_ALIGN;
            continue;
        }
        result = move_record(d, &record, at, err);
        at += span;
    }
    return result == PH_OK ? take_over(d, err) : result;
}

/* ---- Segments ---- */

int ph_segment_bury(struct ph_segment_store *store, uint32_t number, struct ph_error *err)
{
    int result = ph_segment_remove(store->files, number, err);
    if (result == PH_OK) {
        result = ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_DELETE, ph_i64(number));
    }
    return result;
}

static int keep(struct drain *d, const struct ph_segment_row *row, struct ph_error *err)
{
    struct ph_log_line line;
    ph_log_begin(&line, d->store->options.log, PH_LOG_ERROR, "segment-kept");
    ph_log_u64(&line, "segment", d->number);
    ph_log_u64(&line, "octets", row->live);
    ph_log_str(&line, "reason", "some of its content cannot be read");
    ph_log_end(&line);
    return ph_segment_apply_one(d->store->db, err, PH_STMT_SEGMENT_STATE, ph_i64(d->number),
                                ph_i64(PH_SEGMENT_KEPT));
}

/* Moves out what lives. */
static int empty(struct drain *d, const struct ph_segment_row *row, struct ph_error *err)
{
    uint64_t size = 0;
    int result = ph_segment_look(d->store, row, &d->file, &size, &d->lack, err);
    if (result == PH_OK && d->lack != NULL) {
        ph_segment_release(d->store->files, &d->file);
        return ph_segment_put_away(d->store, row, size, d->lack, err);
    }
    if (result == PH_OK) {
        d->window = ph_alloc(WINDOW_BYTES);
        d->copy = ph_alloc(WINDOW_BYTES);
        d->moves = ph_alloc(MOVES_MAX * sizeof *d->moves);
        result = move_records(d, err);
        free(d->window);
        free(d->copy);
        free(d->moves);
    }
    ph_segment_release(d->store->files, &d->file);
    return result;
}

static int drain_segment(struct drain *d, struct ph_error *err)
{
    struct ph_segment_store *store = d->store;
    struct ph_segment_row row;
    int result = ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_STATE, ph_i64(d->number),
                                      ph_i64(PH_SEGMENT_DRAINING));
    if (result == PH_OK) {
        result = ph_segment_get(store->db, d->number, &row, err);
    }
    if (result == PH_OK && row.live > 0) {
        result = empty(d, &row, err);
    }
    if (result != PH_OK || d->lack != NULL || is_stopping(d)) {
        return result;
    }
    result = ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_CONDEMN, ph_i64(d->number));
    if (result == PH_OK) {
        result = ph_segment_get(store->db, d->number, &row, err);
    }
    if (result != PH_OK) {
        return result;
    }
    if (row.state != PH_SEGMENT_DEAD) {
        return keep(d, &row, err);
    }
    atomic_fetch_add(&store->compacted, 1);
    return ph_segment_bury(store, d->number, err);
}

/* ---- Choosing ---- */

static bool is_wanted(const struct ph_segment_row *row, unsigned percent, uint32_t segment_max)
{
    if (row->state == PH_SEGMENT_DRAINING) {
        return true;
    }
    uint64_t octets = row->size > PH_SEGMENT_HEADER_BYTES ? row->size - PH_SEGMENT_HEADER_BYTES : 0;
    return row->state == PH_SEGMENT_SEALED && row->number <= segment_max &&
           row->live * 100 < octets * percent;
}

/* Whichever costs least, since each frees one file. 0: none. */
static int choose(struct ph_segment_store *store, unsigned percent, uint32_t segment_max,
                  uint32_t *out_number, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_segment_list list;
    int result = ph_segment_list(store->db, &arena, &list, err);
    const struct ph_segment_row *best = NULL;
    for (size_t i = 0; i < list.count && result == PH_OK; i++) {
        const struct ph_segment_row *row = &list.rows[i];
        if (is_wanted(row, percent, segment_max) && (best == NULL || row->live < best->live)) {
            best = row;
        }
    }
    *out_number = best == NULL ? 0 : best->number;
    ph_arena_fini(&arena);
    return result;
}

int ph_segment_compact(struct ph_segment_store *store, unsigned percent, uint32_t segment_max,
                       bool is_limited, struct ph_error *err)
{
    int result = PH_OK;
    bool is_done = false;
    while (result == PH_OK && !is_done && !(is_limited && atomic_load(&store->is_stopping)) &&
           atomic_load(&store->holds) == 0) {
        struct drain drain = {.store = store, .is_limited = is_limited};
        pthread_mutex_lock(&store->compacting);
        result = choose(store, percent, segment_max, &drain.number, err);
        is_done = drain.number == 0;
        if (result == PH_OK && !is_done) {
            result = drain_segment(&drain, err);
        }
        pthread_mutex_unlock(&store->compacting);
    }
    return result;
}
