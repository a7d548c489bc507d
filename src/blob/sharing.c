/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First the row, then the count: of two messages that give up the last two shares in one datacenter, at least one
 * finds both rows.
 */
#include "blob/sharing.h"

static int apply(struct ph_db *db, enum ph_stmt stmt, const struct ph_value *params, unsigned param_count,
                 struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 512);
    ph_plan_init(&plan, &arena);
    ph_plan_add_values(&plan, PH_STAGE_REMOVE_CONTENT, stmt, 0, params, param_count);
    int result = ph_db_apply(db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}

/* Rows of STMT, of ID, counted up to MAX. */
static int count_rows(struct ph_db *db, enum ph_stmt stmt, const struct ph_uuid *id, unsigned max,
                      unsigned *out_count, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, stmt, ph_uuid_value(id));
    *out_count = 0;
    if (result != PH_OK) {
        return result;
    }
    while (*out_count < max && (result = ph_rows_next(rows, err)) == 1) {
        (*out_count)++;
    }
    ph_rows_end(&rows);
    return result < 0 ? result : PH_OK;
}

int ph_sharing_give_up(struct ph_db *db, const struct ph_blob_id *id, const struct ph_uuid *message,
                       bool *out_is_free, struct ph_error *err)
{
    unsigned holders = 0;
    *out_is_free = false;
    int result = count_rows(db, PH_STMT_CONTENT_HOLDER_GET, message, 1, &holders, err);
    if (result != PH_OK || holders > 0) {
        return result;
    }
    if (id->copies <= 1) {
        *out_is_free = true;
        return PH_OK;
    }
    const struct ph_value params[] = {ph_uuid_value(&id->uuid), ph_i64(id->copies), ph_uuid_value(message)};
    result = apply(db, PH_STMT_CONTENT_RELEASE, params, 3, err);
    unsigned releases = 0;
    if (result == PH_OK) {
        result = count_rows(db, PH_STMT_CONTENT_RELEASES, &id->uuid, id->copies, &releases, err);
    }
    *out_is_free = result == PH_OK && releases == id->copies;
    return result;
}

int ph_sharing_forget(struct ph_db *db, const struct ph_blob_id *id, struct ph_error *err)
{
    return id->copies <= 1 ? PH_OK : ph_sharing_discard(db, &id->uuid, err);
}

/* ---- All of it ---- */

enum { MARK = 'r' };

int ph_sharing_discard(struct ph_db *db, const struct ph_uuid *id, struct ph_error *err)
{
    const struct ph_value params[] = {ph_uuid_value(id)};
    return apply(db, PH_STMT_CONTENT_RELEASES_DELETE, params, 1, err);
}

bool ph_sharing_is_position(struct ph_bytes position)
{
    return position.len > 0 && position.ptr[0] == MARK;
}

int ph_sharing_walk_releases(struct ph_db *db, struct ph_bytes after, ph_blob_each *each, void *ctx,
                             struct ph_error *err)
{
    return ph_sharing_walk(db, PH_STMT_CONTENT_RELEASES_WALK, MARK, after, each, ctx, err);
}

int ph_sharing_walk(struct ph_db *db, enum ph_stmt stmt, char mark, struct ph_bytes after, ph_blob_each *each,
                    void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    uint8_t position[1 + sizeof(int64_t)] = {(uint8_t)mark};
    int64_t token = INT64_MIN; /* is none of Cassandra's */
    if (after.len == sizeof position) {
        memcpy(&token, after.ptr + 1, sizeof token);
    }
    int result = ph_db_query(db, &rows, err, stmt, ph_i64(token));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_uuid id;
        if (!ph_row_i64(rows, 0, &token) || !ph_row_uuid(rows, 1, &id)) {
            result = ph_fail(err, PH_ECORRUPT, "%s: a row without its key", ph_stmt_info(stmt)->name);
            break;
        }
        memcpy(position + 1, &token, sizeof token);
        result = each(&id, ph_bytes_of(position, sizeof position), ctx, err);
        if (result != PH_OK) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}
