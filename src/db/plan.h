/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write, as one word for every engine: statements in ordered stages. Content first, then the source of truth,
 * then projections; deletes the other way round. SQLite runs a plan in one transaction: all or nothing. An engine
 * without transactions runs the stages in order and the statements of one in any order.
 *
 * A plan is built once, on one thread, then submitted; it and all its values live in the arena it was made with,
 * which must stay until its completion has been called. Values are copied into the arena by ph_plan_add.
 *
 * Outcome: PH_OK: durable. PH_ECONFLICT or PH_ENOTFOUND from a requirement: nothing was changed.
 * PH_EUNAVAILABLE, PH_ELIMIT (disk full): nothing was changed. PH_EUNKNOWN_OUTCOME: repeat the same plan.
 */
#ifndef PH_DB_PLAN_H
#define PH_DB_PLAN_H

#include "base/arena.h"
#include "db/statement.h"
#include "db/value.h"

enum ph_plan_stage { PH_STAGE_CONTENT, PH_STAGE_TRUTH, PH_STAGE_PROJECTION };

struct ph_plan_entry {
    struct ph_plan_entry *next;
    enum ph_stmt stmt;
    enum ph_plan_stage stage;
    int required; /* 0, or the class to fail with if the statement changes no row */
    unsigned param_count;
    struct ph_value params[];
};

struct ph_plan {
    struct ph_arena *arena;
    struct ph_plan_entry *first; /* in the order added; an engine runs it by stages */
    struct ph_plan_entry **last;
    unsigned count;
    bool has_requirements;
    struct ph_error error; /* filled when the completion says so */
    /* The engine's, while submitted. */
    struct ph_plan *next;
    void (*done)(struct ph_plan *plan, int result, void *ctx);
    void *done_ctx;
};

void ph_plan_init(struct ph_plan *plan, struct ph_arena *arena);

void ph_plan_add_values(struct ph_plan *plan, enum ph_plan_stage stage, enum ph_stmt stmt, int required,
                        const struct ph_value *params, unsigned param_count);
/* ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_USER_INSERT, ph_text(name), ph_text(hash)) */
#define ph_plan_add(plan, stage, stmt, ...)                                                \
    ph_plan_add_values((plan), (stage), (stmt), 0, (const struct ph_value[]){__VA_ARGS__}, \
                       (unsigned)(sizeof((const struct ph_value[]){__VA_ARGS__}) / sizeof(struct ph_value)))
/* As ph_plan_add, and the whole plan fails with CLASS (PH_ECONFLICT, PH_ENOTFOUND) where no row is changed. */
#define ph_plan_require(plan, class, stage, stmt, ...)                                           \
    ph_plan_add_values((plan), (stage), (stmt), (class), (const struct ph_value[]){__VA_ARGS__}, \
                       (unsigned)(sizeof((const struct ph_value[]){__VA_ARGS__}) / sizeof(struct ph_value)))

#endif
