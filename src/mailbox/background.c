/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/background.h"

#include <stdlib.h>

#include "base/mem.h"

struct ph_background *ph_background_new(const struct ph_log *log, enum ph_log_level level, const char *event)
{
    struct ph_background *background = ph_zalloc(sizeof *background);
    background->log = log;
    background->event = event;
    background->level = level;
    ph_arena_init(&background->arena, 512);
    ph_plan_init(&background->plan, &background->arena);
    return background;
}

static void over(struct ph_plan *plan, int result, void *ctx)
{
    struct ph_background *background = ctx;
    enum ph_log_level level = result == PH_OK ? background->level : PH_LOG_WARNING;
    if (ph_log_is_on(background->log, level)) {
        struct ph_log_line line;
        ph_log_begin(&line, background->log, level, background->event);
        if (result != PH_OK) {
            ph_log_error(&line, &plan->error);
        }
        ph_log_end(&line);
    }
    ph_arena_fini(&background->arena);
    free(background);
}

void ph_background_submit(struct ph_background *background, struct ph_db *db)
{
    ph_db_submit(db, &background->plan, over, background);
}
