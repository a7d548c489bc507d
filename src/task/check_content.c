/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content: each row of blobs against its record in a segment, and how many messages refer to it.
 *
 * Counting needs the whole of messageV3, which has no index by content and should have none. So content is taken
 * CHUNK_MAX rows at a time, each looked at in its segment, and then messageV3 is walked once for all of them. That
 * walk also says to which messages damaged content belongs.
 *
 * It is many reads, so what was counted may have changed meanwhile; but a count only ever falls, with a message that
 * goes. So a count that reads the same before and behind the walk was the same all the while, and what was found then
 * is exact. Content whose count did change is looked at no further: it was right a moment ago and is counted by the same rules.
 */
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "blob/segment_rows.h"
#include "task/check-private.h"

enum { CHUNK_MAX = 1 << 18, SLICES_PER_SECOND = 20 };

struct item {
    uint8_t id[PH_UUID_BYTES]; /* sortable */
    int64_t references;
    int64_t found;
    bool is_unreadable;
};

struct chunk {
    struct ph_check *check;
    struct item *items; /* by id */
    size_t count;
    uint64_t unpaid_bytes; /* read since the last pause */
};

/* ---- Pace ---- */

static void pause_for(struct chunk *chunk, uint64_t bytes)
{
    uint64_t rate = chunk->check->options->bytes_per_second;
    chunk->check->counts->octets += bytes;
    chunk->unpaid_bytes += bytes;
    if (rate != 0 && chunk->unpaid_bytes >= rate / SLICES_PER_SECOND) {
        uint64_t us = chunk->unpaid_bytes * 1000000 / rate;
        const struct timespec pause = {(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
        nanosleep(&pause, NULL);
        chunk->unpaid_bytes = 0;
    }
}

/* ---- Content in its segment ---- */

enum { BLOB_ID, BLOB_REFS, BLOB_SEGMENT, BLOB_LENGTH };

static const struct ph_check_pass blobs = {
    .page = PH_STMT_CHECK_BLOB_PAGE, .key_count = 1, .columns = "uiii"};
static const struct ph_check_pass messages = {
    .page = PH_STMT_CHECK_MESSAGE_PAGE, .key_count = 1, .columns = "uiuu"};

/* Content that cannot be read is looked at twice, too: it may have been moved or deleted just then. */
static int verify(struct chunk *chunk, const struct ph_uuid *id, struct item *item)
{
    const struct ph_check_options *options = chunk->check->options;
    struct ph_error reason = {0};
    int result = PH_ECORRUPT;
    for (unsigned look = 0; look < 2 && result == PH_ECORRUPT; look++) {
        struct ph_segment_look seen;
        result = ph_segment_store_verify(options->blobs, id, options->is_full, &seen, &reason);
        pause_for(chunk, seen.octets);
    }
    chunk->check->counts->contents++;
    item->is_unreadable = result == PH_ECORRUPT;
    return result == PH_OK || result == PH_ENOTFOUND || result == PH_ECORRUPT
               ? PH_OK
               : ph_fail(chunk->check->err, result, "%s", reason.text);
}

static int add_page(struct chunk *chunk, const struct ph_check_row *rows, size_t count)
{
    int result = PH_OK;
    for (size_t i = 0; i < count && result == PH_OK; i++) {
        struct item *item = &chunk->items[chunk->count++];
        int64_t segment = ph_check_number(&rows[i], BLOB_SEGMENT);
        if (segment >= 0 && segment < PH_CHECK_SEGMENTS_MAX) {
            chunk->check->live[segment] += ph_check_number(&rows[i], BLOB_LENGTH);
        }
        *item = (struct item){.references = ph_check_number(&rows[i], BLOB_REFS)};
        ph_uuid_to_sortable(&rows[i].cells[BLOB_ID].uuid, item->id);
        result = verify(chunk, &rows[i].cells[BLOB_ID].uuid, item);
    }
    return result;
}

/* Fills the chunk from behind KEY on, and moves that. *OUT_IS_LAST: there is no more. */
static int fill(struct chunk *chunk, struct ph_value *key, struct ph_check_row *rows, bool *out_is_last)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    int result = PH_OK;
    chunk->count = 0;
    *out_is_last = false;
    while (result == PH_OK && !*out_is_last && chunk->count + PH_CHECK_PAGE_ROWS <= CHUNK_MAX) {
        size_t count = 0;
        struct ph_error reason = {0};
        ph_arena_reset(&arena);
        int read =
            ph_check_page(chunk->check, &blobs, key, PH_CHECK_PAGE_ROWS, &arena, rows, &count, &reason);
        result = add_page(chunk, rows, count);
        *out_is_last = count < PH_CHECK_PAGE_ROWS;
        if (count > 0) {
            *key = rows[count - 1].cells[BLOB_ID];
        }
        if (result == PH_OK && read != PH_OK) {
            result = ph_check_read_failed(chunk->check, &reason);
            *out_is_last = true;
        }
    }
    ph_arena_fini(&arena);
    return result;
}

/* ---- The messages that refer to it ---- */

enum { MESSAGE_ID, MESSAGE_IS_SOMEWHERE, MESSAGE_HEADER, MESSAGE_BODY };

static int compare(const void *key, const void *item)
{
    return memcmp(key, ((const struct item *)item)->id, PH_UUID_BYTES);
}

static struct item *find(const struct chunk *chunk, const struct ph_uuid *id)
{
    uint8_t key[PH_UUID_BYTES];
    ph_uuid_to_sortable(id, key);
    return bsearch(key, chunk->items, chunk->count, sizeof *chunk->items, compare);
}

/* The mailbox that holds MESSAGE; false where none does. */
static bool find_mailbox(struct ph_check *check, const struct ph_uuid *message, struct ph_uuid *out_mailbox)
{
    struct ph_rows *rows = NULL;
    bool is_found = ph_db_query(check->options->db, &rows, NULL, PH_STMT_CHECK_MESSAGE_MAILBOXES,
                                ph_uuid_value(message)) == PH_OK &&
                    ph_rows_next(rows, NULL) == 1 && ph_row_uuid(rows, 0, out_mailbox);
    ph_rows_end(&rows);
    return is_found;
}

static int report_unreadable(struct ph_check *check, const struct ph_uuid *message,
                             const struct ph_uuid *content)
{
    struct ph_error reason = {0};
    struct ph_segment_look seen;
    struct ph_uuid mailbox;
    int result =
        ph_segment_store_verify(check->options->blobs, content, check->options->is_full, &seen, &reason);
    if (result != PH_ECORRUPT || !find_mailbox(check, message, &mailbox)) {
        return PH_OK; /* deleted since */
    }
    const struct ph_check_finding finding = {
        .kind = seen.is_away ? PH_CHECK_CONTENT_AWAY : PH_CHECK_CONTENT_DAMAGED,
        .mailbox = &mailbox,
        .message = message,
        .content = content,
        .text = reason.text,
    };
    return ph_check_report(check, &finding);
}

static int count_reference(struct chunk *chunk, const struct ph_check_row *row, unsigned column)
{
    const struct ph_uuid *content = ph_check_uuid(row, column);
    struct item *item = content == NULL ? NULL : find(chunk, content);
    if (item == NULL) {
        return PH_OK;
    }
    item->found++;
    return item->is_unreadable ? report_unreadable(chunk->check, &row->cells[MESSAGE_ID].uuid, content)
                               : PH_OK;
}

static int count_all(struct chunk *chunk, struct ph_check_row *rows)
{
    static const struct ph_uuid zero;
    struct ph_value key = ph_uuid_value(&zero);
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    int result = PH_OK;
    size_t count = PH_CHECK_PAGE_ROWS;
    while (result == PH_OK && count == PH_CHECK_PAGE_ROWS) {
        ph_arena_reset(&arena);
        /* What cannot be read of messageV3 was reported when it was walked for its own sake. */
        result = ph_check_page(chunk->check, &messages, &key, PH_CHECK_PAGE_ROWS, &arena, rows, &count,
                               chunk->check->err);
        for (size_t i = 0; i < count && result == PH_OK; i++) {
            result = count_reference(chunk, &rows[i], MESSAGE_HEADER);
            if (result == PH_OK) {
                result = count_reference(chunk, &rows[i], MESSAGE_BODY);
            }
        }
        if (count > 0) {
            key = rows[count - 1].cells[MESSAGE_ID];
        }
    }
    ph_arena_fini(&arena);
    return result;
}

/* ---- Counts that are wrong ---- */

static int read_references(struct ph_check *check, const struct ph_uuid *id, int64_t *out_references)
{
    struct ph_rows *rows = NULL;
    *out_references = -1;
    int result =
        ph_db_query(check->options->db, &rows, check->err, PH_STMT_CHECK_BLOB_REFS, ph_uuid_value(id));
    if (result == PH_OK) {
        result = ph_rows_next(rows, check->err);
        if (result == 1) {
            (void)ph_row_i64(rows, 0, out_references);
        }
    }
    ph_rows_end(&rows);
    return result < 0 ? result : PH_OK;
}

static int add(struct ph_check *check, enum ph_stmt stmt, struct ph_value key, int64_t difference)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    ph_plan_add(&plan, PH_STAGE_CONTENT, stmt, key, ph_i64(difference));
    int result = ph_db_apply(check->options->db, &plan, check->err);
    ph_arena_fini(&arena);
    return result;
}

static int judge_item(struct ph_check *check, const struct item *item)
{
    if (item->found == item->references) {
        return PH_OK;
    }
    struct ph_uuid id;
    int64_t now = 0;
    ph_uuid_from_sortable(item->id, &id);
    int result = read_references(check, &id, &now);
    if (result != PH_OK || now != item->references) {
        return result;
    }
    char text[96];
    snprintf(text, sizeof text, "%lld messages refer to it, %lld are counted", (long long)item->found,
             (long long)item->references);
    struct ph_check_finding finding = {
        .kind = item->found == 0 ? PH_CHECK_CONTENT_UNUSED : PH_CHECK_CONTENT_COUNT,
        .content = &id,
        .text = text,
    };
    if (check->options->is_repairing && item->found != 0) {
        result = add(check, PH_STMT_CHECK_BLOB_ADD_REFS, ph_uuid_value(&id), item->found - item->references);
        finding.is_repaired = result == PH_OK;
    }
    return result == PH_OK ? ph_check_report(check, &finding) : result;
}

static int check_chunk(struct chunk *chunk, struct ph_check_row *rows)
{
    int result = count_all(chunk, rows);
    if (result == PH_ECORRUPT) {
        return PH_OK; /* reported, and what was counted is for nobody */
    }
    for (size_t i = 0; i < chunk->count && result == PH_OK; i++) {
        result = judge_item(chunk->check, &chunk->items[i]);
    }
    return result;
}

int ph_check_content(struct ph_check *check)
{
    static const struct ph_uuid zero;
    struct ph_check_row *rows = ph_alloc(PH_CHECK_PAGE_ROWS * sizeof *rows);
    struct chunk chunk = {.check = check, .items = ph_alloc(CHUNK_MAX * sizeof *chunk.items)};
    struct ph_value key = ph_uuid_value(&zero);
    int result = PH_OK;
    bool is_last = false;
    struct ph_error ignored = {0};
    /* Where it fails, what was seen last stands. */
    (void)!ph_segment_store_look_for_away(check->options->blobs, &ignored);
    while (result == PH_OK && !is_last) {
        result = fill(&chunk, &key, rows, &is_last);
        if (result == PH_OK && chunk.count > 0) {
            result = check_chunk(&chunk, rows);
        }
    }
    free(chunk.items);
    free(rows);
    return result;
}

/* ---- How much of a segment lives ---- */

enum { SEGMENT_NUMBER, SEGMENT_STATE, SEGMENT_LIVE };

/* Octets that rows say, less those that are counted: both of one moment. */
static int read_difference(struct ph_check *check, int64_t number, int64_t *out_difference)
{
    struct ph_rows *rows = NULL;
    *out_difference = 0;
    int result =
        ph_db_query(check->options->db, &rows, check->err, PH_STMT_CHECK_SEGMENT_DIFFERENCE, ph_i64(number));
    if (result == PH_OK) {
        result = ph_rows_next(rows, check->err);
        if (result == 1) {
            (void)ph_row_i64(rows, 0, out_difference);
        }
    }
    ph_rows_end(&rows);
    return result < 0 ? result : PH_OK;
}

static int report_away(struct ph_check *check, const struct ph_check_row *row)
{
    char text[96];
    snprintf(text, sizeof text, "segment %lld, with %lld octets in use",
             (long long)ph_check_number(row, SEGMENT_NUMBER), (long long)ph_check_number(row, SEGMENT_LIVE));
    const struct ph_check_finding finding = {
        .kind = PH_CHECK_SEGMENT_AWAY,
        .segment = (uint32_t)ph_check_number(row, SEGMENT_NUMBER),
        .text = text,
    };
    return ph_check_report(check, &finding);
}

/* The sums were made over many reads, so one that is right is right, and one that is not is looked at again. */
static int judge_segment(struct ph_check *check, const struct ph_check_row *row)
{
    int64_t number = ph_check_number(row, SEGMENT_NUMBER);
    if (number < PH_CHECK_SEGMENTS_MAX && check->live[number] == ph_check_number(row, SEGMENT_LIVE)) {
        return PH_OK;
    }
    int64_t difference = 0;
    int result = read_difference(check, number, &difference);
    if (result != PH_OK || difference == 0) {
        return result;
    }
    char text[96];
    snprintf(text, sizeof text, "segment %lld: %+lld octets live than are counted", (long long)number,
             (long long)difference);
    struct ph_check_finding finding = {
        .kind = PH_CHECK_SEGMENT_COUNT, .segment = (uint32_t)number, .text = text};
    if (check->options->is_repairing) {
        result = add(check, PH_STMT_CHECK_SEGMENT_ADD_LIVE, ph_i64(number), difference);
        finding.is_repaired = result == PH_OK;
    }
    return result == PH_OK ? ph_check_report(check, &finding) : result;
}

int ph_check_segments(struct ph_check *check)
{
    static const struct ph_check_pass segments = {
        .page = PH_STMT_CHECK_SEGMENT_PAGE, .key_count = 1, .columns = "iii"};
    struct ph_check_row *rows = ph_alloc(PH_CHECK_PAGE_ROWS * sizeof *rows);
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_value key = ph_i64(0);
    struct ph_error reason = {0};
    int result = PH_OK;
    size_t count = PH_CHECK_PAGE_ROWS;
    while (result == PH_OK && count == PH_CHECK_PAGE_ROWS) {
        int read = ph_check_page(check, &segments, &key, PH_CHECK_PAGE_ROWS, &arena, rows, &count, &reason);
        for (size_t i = 0; i < count && result == PH_OK; i++) {
            result = ph_check_number(&rows[i], SEGMENT_STATE) == PH_SEGMENT_AWAY
                         ? report_away(check, &rows[i])
                         : PH_OK;
            if (result == PH_OK) {
                result = judge_segment(check, &rows[i]);
            }
        }
        if (result == PH_OK && read != PH_OK) {
            result = ph_check_read_failed(check, &reason);
            break;
        }
        if (count > 0) {
            key = rows[count - 1].cells[SEGMENT_NUMBER];
        }
    }
    ph_arena_fini(&arena);
    free(rows);
    return result;
}
