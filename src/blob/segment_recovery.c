/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening: what a crash can have left, and how it is found.
 *
 * Content is synced beside the commit that refers to it, so a crash can leave a committed row whose octets are not on
 * disk. Nobody was told that this message was stored. It must go, because it would be seen and could not be read.
 *
 * Which rows can be such: only those placed at or behind the verified mark of a segment that deliveries append to
 * (segment_appender.h). They are found without an index: ids ascend with places, so a walk over the rows by
 * descending id meets them first, and may stop at the first row that is not one of them. That is right with rows
 * that the compactor moved too:
 *  - A moved row is never one of them: the compactor syncs what it has copied before it changes the row, and writes to
 *    segments of its own.
 *  - Where the walk stops at a row that was moved, every row with a lower id was put before it, into the segment that
 *    was compacted or one before that. That segment was sealed, which it is only when all of it and of those before
 *    it is on disk.
 *
 * The walk meets the last row of the active segment first of all its rows, so it knows where that ends, also where it
 * stops soon. What lies behind belongs to plans that were never committed, and is cut off. The segment is synced
 * before its mark is set anew: after a kill -9 what was checked may be in the page cache alone.
 *
 * A segment that is missing, or ends before its mark, was not left so by a crash: it is put away (segment_away.c) and
 * nothing of it is removed, for its last rows may be acknowledged mail. The walk passes over them. Segments before it
 * are sealed, since new ids ascend.
 */
#include "base/mem.h"
#include "blob/segment_store-private.h"

/* A segment that deliveries appended to when the last run ended. */
struct tail {
    struct ph_segment_row row;
    struct ph_segment_file *file; /* NULL: away, or buried */
    uint64_t end;                 /* of its last good record, as far as the walk came */
};

struct recovery {
    struct ph_segment_store *store;
    struct ph_arena arena;
    struct ph_segment_list list;
    struct tail *tails; /* by number */
    size_t tail_count;
    struct ph_uuid *lost;
    size_t lost_count;
    size_t lost_room;
    uint32_t number_max;
};

static struct tail *find_tail(struct recovery *r, uint32_t number)
{
    for (size_t i = 0; i < r->tail_count; i++) {
        if (r->tails[i].row.number == number) {
            return &r->tails[i];
        }
    }
    return NULL;
}

/* ---- The segments ---- */

/* Where nothing points any more nobody needs to know. */
static int put_away(struct recovery *r, const struct ph_segment_row *row, uint64_t size, const char *lack,
                    struct ph_error *err)
{
    if (row->live > 0) {
        return ph_segment_put_away(r->store, row, size, lack, err);
    }
    int result = ph_segment_apply_one(r->store->db, err, PH_STMT_SEGMENT_CONDEMN, ph_i64(row->number));
    return result == PH_OK ? ph_segment_bury(r->store, row->number, err) : result;
}

static int open_tail(struct recovery *r, const struct ph_segment_row *row, struct ph_error *err)
{
    struct tail *tail = &r->tails[r->tail_count++];
    uint64_t size = 0;
    const char *lack = NULL;
    /* What stands before the mark is never cut off: rows that point there may be lost, and be found again. */
    *tail = (struct tail){.row = *row, .end = row->verified};
    int result = ph_segment_look(r->store, row, &tail->file, &size, &lack, err);
    if (result == PH_OK && lack != NULL) {
        ph_segment_release(r->store->files, &tail->file);
        result = put_away(r, row, size, lack, err);
    }
    return result;
}

static int read_newest(struct recovery *r, struct ph_error *err)
{
    uint32_t *numbers = NULL;
    size_t count = 0;
    int result = ph_segment_files_list(r->store->files, &numbers, &count, err);
    r->number_max = count == 0 ? 0 : numbers[count - 1];
    free(numbers);
    return result;
}

static int open_segments(struct recovery *r, struct ph_error *err)
{
    int result = ph_segment_list(r->store->db, &r->arena, &r->list, err);
    if (result == PH_OK) {
        result = read_newest(r, err);
    }
    r->tails = ph_arena_alloc(&r->arena, (r->list.count + 1) * sizeof *r->tails);
    for (size_t i = 0; i < r->list.count && result == PH_OK; i++) {
        const struct ph_segment_row *row = &r->list.rows[i];
        r->number_max = row->number > r->number_max ? row->number : r->number_max;
        if (row->state == PH_SEGMENT_DEAD) {
            result = ph_segment_bury(r->store, row->number, err);
        } else if (row->state == PH_SEGMENT_ACTIVE) {
            result = open_tail(r, row, err);
        }
    }
    return result;
}

/* ---- The rows ---- */

static void add_lost(struct recovery *r, const struct ph_uuid *id)
{
    if (r->lost_count == r->lost_room) {
        r->lost_room = r->lost_room == 0 ? 16 : r->lost_room * 2;
        r->lost = ph_realloc(r->lost, r->lost_room * sizeof *r->lost);
    }
    r->lost[r->lost_count++] = *id;
}

/* One row of the walk; *OUT_GOES_ON false: those behind it need no look. */
static int look_at(struct recovery *r, const struct ph_uuid *id, const struct ph_blob_place *place,
                   bool *out_goes_on, struct ph_error *err)
{
    struct tail *tail = find_tail(r, place->segment);
    if (tail != NULL && tail->file == NULL) {
        *out_goes_on = true;
        return PH_OK;
    }
    bool is_doubtful = tail != NULL && place->offset >= tail->row.verified;
    *out_goes_on = is_doubtful;
    if (is_doubtful) {
        int result = ph_segment_verify(r->store, tail->file, id, place, err);
        if (result == PH_ECORRUPT) {
            add_lost(r, id);
            return PH_OK;
        }
        if (result != PH_OK) {
            return result;
        }
    }
    if (tail != NULL && place->offset + place->length > tail->end) {
        tail->end = place->offset + place->length;
    }
    return PH_OK;
}

static int walk(struct recovery *r, struct ph_error *err)
{
    struct ph_rows *rows = NULL;
    int result = ph_db_query_values(r->store->db, PH_STMT_BLOB_NEWEST_FIRST, NULL, 0, &rows, err);
    bool is_first = true;
    bool goes_on = true;
    while (result == PH_OK && goes_on) {
        int next = ph_rows_next(rows, err);
        if (next <= 0) {
            result = next;
            break;
        }
        struct ph_blob_place place;
        struct ph_uuid id;
        result = ph_blob_place_of_row(rows, &place, err);
        if (result == PH_OK && !ph_row_uuid(rows, 5, &id)) {
            result = ph_fail(err, PH_ECORRUPT, "a row of table blobs has no id");
        }
        if (result == PH_OK && is_first) {
            ph_uuid_gen_advance(r->store->options.ids, &id);
            is_first = false;
        }
        if (result == PH_OK) {
            result = look_at(r, &id, &place, &goes_on, err);
        }
    }
    ph_rows_end(&rows);
    return result;
}

/* ---- What is lost ---- */

static void log_lost(const struct ph_log *log, const struct ph_uuid *blob, const struct ph_uuid *message)
{
    char text[PH_UUID_TEXT_LEN + 1];
    struct ph_log_line line;
    ph_log_begin(&line, log, PH_LOG_WARNING, "content-lost");
    ph_uuid_format(blob, text);
    ph_log_str(&line, "content", text);
    if (message != NULL) {
        ph_uuid_format(message, text);
        ph_log_str(&line, "message", text);
    }
    ph_log_str(&line, "reason", "not on disk when the server ended; it was not acknowledged, and is removed");
    ph_log_end(&line);
}

/* Message ids that refer to BLOB go into the plan that removes them. */
static int remove_messages(struct recovery *r, const struct ph_uuid *blob, struct ph_plan *plan,
                           struct ph_error *err)
{
    struct ph_rows *rows = NULL;
    int result = ph_db_query(r->store->db, &rows, err, PH_STMT_BLOB_MESSAGES, ph_uuid_value(blob));
    bool has_message = false;
    while (result == PH_OK) {
        int next = ph_rows_next(rows, err);
        if (next <= 0) {
            result = next;
            break;
        }
        struct ph_uuid id;
        if (ph_row_uuid(rows, 0, &id)) {
            has_message = true;
            log_lost(r->store->options.log, blob, &id);
            struct ph_value message = ph_uuid_value(&id);
            ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_LOST_POP3_METADATA_DELETE, message);
            ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_LOST_MESSAGE_ID_DELETE, message);
            ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_LOST_IMAP_UID_DELETE, message);
            ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_LOST_MESSAGE_DELETE, message);
            r->store->removed_lost++;
        }
    }
    ph_rows_end(&rows);
    if (!has_message) {
        log_lost(r->store->options.log, blob, NULL);
    }
    return result;
}

/* A message has two blobs and may have lost both, so one plan for each blob, one after the other. */
static int remove_lost(struct recovery *r, struct ph_error *err)
{
    int result = PH_OK;
    for (size_t i = 0; i < r->lost_count && result == PH_OK; i++) {
        struct ph_arena arena;
        ph_arena_init(&arena, 0);
        struct ph_plan plan;
        ph_plan_init(&plan, &arena);
        result = remove_messages(r, &r->lost[i], &plan, err);
        if (result == PH_OK) {
            ph_plan_add(&plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_BLOB_DELETE, ph_uuid_value(&r->lost[i]));
            result = ph_db_apply(r->store->db, &plan, err);
        }
        ph_arena_fini(&arena);
    }
    return result;
}

/* ---- Going on ---- */

/* A segment that was full stays as it is: the walk may have stopped before it, so where its last row ends is not
 * known. */
static int seal(struct recovery *r, struct tail *tail, struct ph_error *err)
{
    uint64_t size = 0;
    int result = ph_segment_size(tail->file, &size, err);
    if (result == PH_OK) {
        result = ph_segment_sync(r->store->files, tail->file, err);
    }
    return result == PH_OK ? ph_segment_apply_one(r->store->db, err, PH_STMT_SEGMENT_SEAL,
                                                  ph_i64(tail->row.number), ph_i64((int64_t)size))
                           : result;
}

/* Cuts what no row points to, makes sure that the rest is on disk, and goes on there. */
static int go_on(struct recovery *r, struct tail *tail, struct ph_error *err)
{
    struct ph_value end = ph_i64((int64_t)tail->end);
    int result = ph_segment_truncate(tail->file, tail->end, err);
    if (result == PH_OK) {
        result = ph_segment_sync(r->store->files, tail->file, err);
    }
    if (result == PH_OK) {
        result =
            ph_segment_apply_one(r->store->db, err, PH_STMT_SEGMENT_MARK, ph_i64(tail->row.number), end, end);
    }
    return result == PH_OK ? ph_appender_adopt(r->store->appender, tail->row.number, tail->end, err) : result;
}

/* The last segment with content goes on; those before it are full, those behind it are for later. None goes on
 * before one that is away. */
static int hand_over(struct recovery *r, struct ph_error *err)
{
    size_t active = 0;
    for (size_t i = 0; i < r->tail_count; i++) {
        if (r->tails[i].file == NULL) {
            active = i + 1;
        } else if (r->tails[i].end > PH_SEGMENT_HEADER_BYTES) {
            active = i;
        }
    }
    int result = PH_OK;
    for (size_t i = 0; i < r->tail_count && result == PH_OK; i++) {
        if (r->tails[i].file == NULL) {
            continue;
        }
        result = i < active ? seal(r, &r->tails[i], err) : go_on(r, &r->tails[i], err);
    }
    return result;
}

static int make_appender(struct recovery *r, struct ph_error *err)
{
    struct ph_segment_store *store = r->store;
    struct ph_appender_options options = {
        .db = store->db,
        .files = store->files,
        .ids = store->options.ids,
        .clock = store->options.clock,
        .log = store->options.log,
        .segment_bytes = store->options.segment_bytes,
        .next_number = r->number_max + 1,
        .wants_care = ph_segment_wants_care,
        .ctx = store,
    };
    return ph_appender_new(&options, &store->appender, err);
}

/* The compactor's output goes on at its end: what a crash tore there is garbage like any other, since rows only
 * point to what was synced. */
static int adopt_output(struct recovery *r, struct ph_error *err)
{
    struct ph_compact_output *output = &r->store->output;
    int result = PH_OK;
    for (size_t i = 0; i < r->list.count && result == PH_OK && output->file == NULL; i++) {
        const struct ph_segment_row *row = &r->list.rows[i];
        uint64_t size = 0;
        const char *lack = NULL;
        if (row->state != PH_SEGMENT_OUTPUT) {
            continue;
        }
        result = ph_segment_look(r->store, row, &output->file, &size, &lack, err);
        if (result == PH_OK && lack != NULL) {
            ph_segment_release(r->store->files, &output->file);
            result = put_away(r, row, size, lack, err);
        }
        output->end = (size + PH_RECORD_ALIGN - 1) / PH_RECORD_ALIGN * PH_RECORD_ALIGN;
    }
    return result;
}

int ph_segment_recover(struct ph_segment_store *store, struct ph_error *err)
{
    struct recovery r = {.store = store};
    ph_arena_init(&r.arena, 0);
    int result = open_segments(&r, err);
    if (result == PH_OK) {
        result = walk(&r, err);
    }
    if (result == PH_OK) {
        result = remove_lost(&r, err);
    }
    if (result == PH_OK) {
        result = make_appender(&r, err);
    }
    if (result == PH_OK) {
        result = hand_over(&r, err);
    }
    if (result == PH_OK) {
        result = adopt_output(&r, err);
    }
    if (result == PH_OK) {
        result = ph_segment_look_for_away(store, err);
    }
    /* What is appended to from now on is not settled. */
    uint32_t active = result == PH_OK ? ph_appender_active(store->appender) : 0;
    store->newest_at_open = active == 0 ? r.number_max : active - 1;
    for (size_t i = 0; i < r.tail_count; i++) {
        ph_segment_release(store->files, &r.tails[i].file);
    }
    free(r.lost);
    ph_arena_fini(&r.arena);
    return result;
}
