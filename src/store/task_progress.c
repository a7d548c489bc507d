/* SPDX-License-Identifier: Apache-2.0 */
#include "store/task_progress.h"

int ph_store_task_progress_get(struct ph_db *db, struct ph_bytes name, struct ph_arena *arena,
                               struct ph_task_progress *out_progress, struct ph_error *err)
{
    struct ph_rows *rows;
    *out_progress = (struct ph_task_progress){0};
    int result = ph_db_query(db, &rows, err, PH_STMT_TASK_PROGRESS_GET, ph_text(name));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        struct ph_bytes value;
        if (ph_row_bytes(rows, 0, &value)) {
            out_progress->position = ph_arena_bytes(arena, value);
        }
        if (ph_row_bytes(rows, 1, &value)) {
            out_progress->state = ph_arena_bytes(arena, value);
        }
        result = PH_OK;
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "%.*s has not begun", (int)name.len, (const char *)name.ptr);
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_task_progress_put(struct ph_plan *plan, struct ph_bytes name,
                                const struct ph_task_progress *progress, int64_t now_ms)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_TASK_PROGRESS_PUT, ph_text(name),
                ph_blob(progress->position), ph_text(progress->state), ph_time_ms(now_ms));
}

void ph_store_task_progress_remove(struct ph_plan *plan, struct ph_bytes name)
{
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_TASK_PROGRESS_DELETE, ph_text(name));
}
