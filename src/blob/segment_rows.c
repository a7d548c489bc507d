/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/segment_rows.h"

/* ---- Segments ---- */

static bool is_u32(int64_t value)
{
    return value >= 0 && value <= UINT32_MAX;
}

static int read_segment(const struct ph_rows *rows, struct ph_segment_row *out_row, struct ph_error *err)
{
    int64_t number = 0;
    int64_t state = 0;
    int64_t size = 0;
    int64_t verified = 0;
    int64_t live = 0;
    if (!ph_row_i64(rows, 0, &number) || !ph_row_i64(rows, 1, &state) || !ph_row_i64(rows, 2, &size) ||
        !ph_row_i64(rows, 3, &verified) || !ph_row_i64(rows, 4, &live) || !is_u32(number) || state < 0 ||
        state > PH_SEGMENT_AWAY || size < 0 || verified < 0) {
        return ph_fail(err, PH_ECORRUPT, "a row of table segments makes no sense");
    }
    *out_row = (struct ph_segment_row){
        .number = (uint32_t)number,
        .state = (enum ph_segment_state)state,
        .size = (uint64_t)size,
        .verified = (uint64_t)verified,
        .live = live < 0 ? 0 : (uint64_t)live,
    };
    return PH_OK;
}

static void append_segment(struct ph_arena *arena, struct ph_segment_list *list, size_t *room,
                           const struct ph_segment_row *row)
{
    if (list->count == *room) {
        *room = *room == 0 ? 16 : *room * 2;
        struct ph_segment_row *grown = ph_arena_alloc(arena, *room * sizeof *grown);
        if (list->count > 0) {
            memcpy(grown, list->rows, list->count * sizeof *grown);
        }
        list->rows = grown;
    }
    list->rows[list->count++] = *row;
}

int ph_segment_list(struct ph_db *db, struct ph_arena *arena, struct ph_segment_list *out_list,
                    struct ph_error *err)
{
    *out_list = (struct ph_segment_list){0};
    struct ph_rows *rows = NULL;
    int result = ph_db_query_values(db, PH_STMT_SEGMENT_LIST, NULL, 0, &rows, err);
    size_t room = 0;
    while (result == PH_OK) {
        int next = ph_rows_next(rows, err);
        if (next <= 0) {
            result = next;
            break;
        }
        struct ph_segment_row row;
        result = read_segment(rows, &row, err);
        if (result == PH_OK) {
            append_segment(arena, out_list, &room, &row);
        }
    }
    ph_rows_end(&rows);
    return result;
}

int ph_segment_get(struct ph_db *db, uint32_t number, struct ph_segment_row *out_row, struct ph_error *err)
{
    struct ph_rows *rows = NULL;
    int result = ph_db_query(db, &rows, err, PH_STMT_SEGMENT_GET, ph_i64(number));
    if (result == PH_OK) {
        int next = ph_rows_next(rows, err);
        result = next < 0    ? next
                 : next == 0 ? ph_fail(err, PH_ENOTFOUND, "no segment %u", number)
                             : read_segment(rows, out_row, err);
    }
    ph_rows_end(&rows);
    return result;
}

/* ---- Blobs ---- */

int ph_blob_place_of_row(const struct ph_rows *rows, struct ph_blob_place *out_place, struct ph_error *err)
{
    int64_t segment = 0;
    int64_t offset = 0;
    int64_t length = 0;
    int64_t size = 0;
    int64_t check = 0;
    if (!ph_row_i64(rows, 0, &segment) || !ph_row_i64(rows, 1, &offset) || !ph_row_i64(rows, 2, &length) ||
        !ph_row_i64(rows, 3, &size) || !ph_row_i64(rows, 4, &check) || !is_u32(segment) || offset < 0 ||
        length < 0 || length > 2 * (int64_t)UINT32_MAX || !is_u32(size)) {
        return ph_fail(err, PH_ECORRUPT, "a row of table blobs makes no sense");
    }
    *out_place = (struct ph_blob_place){
        .segment = (uint32_t)segment,
        .offset = (uint64_t)offset,
        .length = (uint64_t)length,
        .size = (uint64_t)size,
        .check = (uint64_t)check,
    };
    return PH_OK;
}

static int fail_missing(struct ph_error *err, const struct ph_uuid *id)
{
    char text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(id, text);
    return ph_fail(err, PH_ENOTFOUND, "no content %s", text);
}

int ph_blob_place_get(struct ph_db *db, const struct ph_uuid *id, struct ph_blob_place *out_place,
                      struct ph_error *err)
{
    struct ph_rows *rows = NULL;
    int result = ph_db_query(db, &rows, err, PH_STMT_BLOB_GET, ph_uuid_value(id));
    if (result == PH_OK) {
        int next = ph_rows_next(rows, err);
        result = next < 0    ? next
                 : next == 0 ? fail_missing(err, id)
                             : ph_blob_place_of_row(rows, out_place, err);
    }
    ph_rows_end(&rows);
    return result;
}

int ph_blob_place_get_two(struct ph_db *db, const struct ph_uuid *const ids[2],
                          struct ph_blob_place out_places[2], struct ph_error *err)
{
    struct ph_rows *rows = NULL;
    bool is_found[2] = {false, false};
    int next = 0;
    int result =
        ph_db_query(db, &rows, err, PH_STMT_BLOB_GET_TWO, ph_uuid_value(ids[0]), ph_uuid_value(ids[1]));
    while (result == PH_OK && (next = ph_rows_next(rows, err)) == 1) {
        int64_t which = 0;
        (void)ph_row_i64(rows, 5, &which);
        is_found[which] = true;
        result = ph_blob_place_of_row(rows, &out_places[which], err);
    }
    ph_rows_end(&rows);
    if (result == PH_OK) {
        result = next;
    }
    if (result == PH_OK && !(is_found[0] && is_found[1])) {
        result = fail_missing(err, ids[is_found[0] ? 1 : 0]);
    }
    return result;
}

void ph_blob_row_add(struct ph_plan *plan, const struct ph_uuid *id, const struct ph_blob_place *place,
                     unsigned references)
{
    /* No change: the segment is being emptied by now, because this plan took longer than anybody should. */
    ph_plan_require(plan, PH_EUNAVAILABLE, PH_STAGE_CONTENT, PH_STMT_BLOB_INSERT, ph_uuid_value(id),
                    ph_i64(place->segment), ph_i64((int64_t)place->offset), ph_i64((int64_t)place->length),
                    ph_i64((int64_t)place->size), ph_i64((int64_t)place->check), ph_i64(references));
}

/* ---- Writing ---- */

int ph_segment_apply(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                     struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_plan plan;
    ph_plan_init(&plan, &arena);
    ph_plan_add_values(&plan, PH_STAGE_CONTENT, stmt, 0, params, param_count);
    int result = ph_db_apply(db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}
