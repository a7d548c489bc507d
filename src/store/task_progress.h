/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taskprogress(name; position, state, updated): how far a long task has come, so that it goes on there after a restart.
 * What position and state say is the task's.
 */
#ifndef PH_STORE_TASK_PROGRESS_H
#define PH_STORE_TASK_PROGRESS_H

#include "base/arena.h"
#include "db/db.h"

struct ph_task_progress {
    struct ph_bytes position;
    struct ph_bytes state; /* text */
};

/* Views are the arena's. PH_ENOTFOUND: the task has not begun, or has ended. */
int ph_store_task_progress_get(struct ph_db *db, struct ph_bytes name, struct ph_arena *arena,
                               struct ph_task_progress *out_progress, struct ph_error *err) PH_MUST_USE;
void ph_store_task_progress_put(struct ph_plan *plan, struct ph_bytes name,
                                const struct ph_task_progress *progress, int64_t now_ms);
void ph_store_task_progress_remove(struct ph_plan *plan, struct ph_bytes name);

#endif
