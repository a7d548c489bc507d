/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan that nobody waits for: what goes wrong is logged, and something else mends it (the next session, a row that dies
 * of itself). Threads: any.
 */
#ifndef PH_MAILBOX_BACKGROUND_H
#define PH_MAILBOX_BACKGROUND_H

#include "base/log.h"
#include "db/db.h"

struct ph_background {
    struct ph_arena arena;
    struct ph_plan plan; /* to be filled */
    const struct ph_log *log;
    const char *event;
    enum ph_log_level level;
};

/* EVENT (a constant) is logged at LEVEL when it is done, and as a warning where it fails. */
struct ph_background *ph_background_new(const struct ph_log *log, enum ph_log_level level, const char *event);
/* Frees it once it is done. Never blocks. */
void ph_background_submit(struct ph_background *background, struct ph_db *db);

#endif
