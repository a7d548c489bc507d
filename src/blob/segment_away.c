/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that are missing, or shorter than they must be: a file that was taken away, a disk that is not mounted, a
 * copy from before.
 *
 * That is no crash. What a crash can leave stands behind the verified mark (segment_recovery.c) and was never
 * acknowledged. Before the mark all was on disk once, so content that is not there now may come back with its file.
 * Nothing is removed because of it: such a segment is put away. It is not appended to and not compacted, its content
 * is answered with PH_EUNAVAILABLE, and new content goes to a segment of its own.
 *
 * Reading asks for a file that was missing each time, so it goes on as soon as that is back. The row, and a file that
 * took the place of one that was cut off, are looked at when the store is opened and once in every
 * compact_interval_seconds.
 */
#include <stdlib.h>

#include "blob/record.h"
#include "blob/segment_store-private.h"

/* ---- One segment ---- */

/* Its first octets say that it is segment NUMBER. */
static int check_header(struct ph_segment_store *store, struct ph_segment_file *file, const char **out_lack,
                        struct ph_error *err)
{
    uint8_t header[PH_SEGMENT_HEADER_BYTES];
    size_t len = 0;
    int result = ph_segment_read_some(file, 0, header, sizeof header, &len, err);
    if (result != PH_OK) {
        return result;
    }
    result = ph_segment_header_check(ph_bytes_of(header, len), file->number);
    if (result == PH_ECORRUPT) {
        *out_lack = "it does not begin as a segment does";
        return PH_OK;
    }
    return result == PH_OK ? PH_OK
                           : ph_fail(err, result, "segment %u in %s is not a segment that this program knows",
                                     file->number, store->options.directory);
}

/* Octets that must be there, whatever the last run ended with. */
static uint64_t least_size(const struct ph_segment_row *row)
{
    /* Rows point to the compactor's output only where it was synced. */
    uint64_t by_rows = row->state == PH_SEGMENT_OUTPUT ? PH_SEGMENT_HEADER_BYTES + row->live : 0;
    return row->verified > by_rows ? row->verified : by_rows;
}

int ph_segment_look(struct ph_segment_store *store, const struct ph_segment_row *row,
                    struct ph_segment_file **out_file, uint64_t *out_size, const char **out_lack,
                    struct ph_error *err)
{
    *out_lack = NULL;
    *out_size = 0;
    int result = ph_segment_hold(store->files, row->number, out_file, err);
    if (result == PH_ENOTFOUND) {
        *out_lack = "it is missing";
        return PH_OK;
    }
    if (result == PH_OK) {
        result = ph_segment_size(*out_file, out_size, err);
    }
    if (result == PH_OK) {
        result = check_header(store, *out_file, out_lack, err);
    }
    if (result == PH_OK && *out_lack == NULL && *out_size < least_size(row)) {
        *out_lack = "its end is missing";
    }
    return result;
}

int ph_segment_put_away(struct ph_segment_store *store, const struct ph_segment_row *row, uint64_t size,
                        const char *lack, struct ph_error *err)
{
    struct ph_log_line line;
    ph_log_begin(&line, store->options.log, PH_LOG_ERROR, "segment-away");
    ph_log_u64(&line, "segment", row->number);
    ph_log_str(&line, "directory", store->options.directory);
    ph_log_str(&line, "reason", lack);
    ph_log_u64(&line, "octets", row->live);
    ph_log_u64(&line, "found", size);
    ph_log_u64(&line, "wanted", least_size(row));
    ph_log_str(&line, "consequence", "its content cannot be read until the whole file is there");
    ph_log_end(&line);
    struct ph_value wanted = ph_i64((int64_t)least_size(row));
    int result =
        ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_MARK, ph_i64(row->number), wanted, wanted);
    return result == PH_OK ? ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_STATE, ph_i64(row->number),
                                                  ph_i64(PH_SEGMENT_AWAY))
                           : result;
}

static int take_back(struct ph_segment_store *store, const struct ph_segment_row *row, uint64_t size,
                     struct ph_error *err)
{
    int result = ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_RETURN, ph_i64(row->number),
                                      ph_i64((int64_t)size));
    if (result == PH_OK) {
        struct ph_log_line line;
        ph_log_begin(&line, store->options.log, PH_LOG_INFO, "segment-back");
        ph_log_u64(&line, "segment", row->number);
        ph_log_u64(&line, "octets", row->live);
        ph_log_end(&line);
    }
    return result;
}

/* ---- All that nobody appends to ---- */

static int look_again(struct ph_segment_store *store, const struct ph_segment_row *row, struct ph_error *err)
{
    struct ph_segment_file *file = NULL;
    uint64_t size = 0;
    const char *lack = NULL;
    int result = PH_OK;
    if (row->state == PH_SEGMENT_AWAY && row->live == 0) {
        /* Nobody misses it any more. */
        result = ph_segment_apply_one(store->db, err, PH_STMT_SEGMENT_CONDEMN, ph_i64(row->number));
        return result == PH_OK ? ph_segment_bury(store, row->number, err) : result;
    }
    if (row->state == PH_SEGMENT_AWAY) {
        ph_segment_forget(store->files, row->number);
    }
    result = ph_segment_look(store, row, &file, &size, &lack, err);
    ph_segment_release(store->files, &file);
    if (result == PH_OK && lack == NULL && row->state == PH_SEGMENT_AWAY) {
        result = take_back(store, row, size, err);
    } else if (result == PH_OK && lack != NULL && row->state != PH_SEGMENT_AWAY) {
        result = ph_segment_put_away(store, row, size, lack, err);
    }
    return result;
}

static int compare(const void *key, const void *number)
{
    uint32_t wanted = *(const uint32_t *)key;
    uint32_t there = *(const uint32_t *)number;
    return wanted < there ? -1 : wanted > there;
}

int ph_segment_look_for_away(struct ph_segment_store *store, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_segment_list list;
    uint32_t *numbers = NULL;
    size_t count = 0;
    ph_arena_init(&arena, 0);
    pthread_mutex_lock(&store->compacting);
    /* The rows first: whatever a row tells of then has its file by now. */
    int result = ph_segment_list(store->db, &arena, &list, err);
    if (result == PH_OK) {
        result = ph_segment_files_list(store->files, &numbers, &count, err);
    }
    for (size_t i = 0; i < list.count && result == PH_OK; i++) {
        const struct ph_segment_row *row = &list.rows[i];
        bool is_resting = row->state == PH_SEGMENT_SEALED || row->state == PH_SEGMENT_KEPT;
        bool is_there = count > 0 && bsearch(&row->number, numbers, count, sizeof *numbers, compare) != NULL;
        if (row->state == PH_SEGMENT_AWAY || (is_resting && row->live > 0 && !is_there)) {
            result = look_again(store, row, err);
        }
    }
    pthread_mutex_unlock(&store->compacting);
    free(numbers);
    ph_arena_fini(&arena);
    return result;
}
