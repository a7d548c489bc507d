/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write, as one word for every engine: statements in ordered stages. Content first, then the source of truth,
 * then projections; deletes the other way round, and behind what is added. SQLite runs a plan in one transaction:
 * all or nothing, in the order of the stages. Cassandra has no transactions: see "Rounds".
 *
 * A plan is built once, on one thread, then submitted; it and all its values live in the arena it was made with,
 * which must stay until its completion has been called. Values are copied into the arena by ph_plan_add.
 *
 * Rounds (Cassandra): the statements of a round run side by side, and the next round begins when all of one are
 * answered. First the requirements: reads that look whether they are met (profile lwt-free, where two who make the same
 * name at once may both be told that they did; what they write is the same or the later one's), or conditional
 * statements (profile lwt). Then CONTENT; then TRUTH and PROJECTION together (lwt: one behind the other), for both are
 * written or the plan is repeated; then REMOVE_PROJECTION; REMOVE_TRUTH; REMOVE_CONTENT. A stage whose statements have
 * to look first (remove where unreferenced) takes a round for that. What was written before a failure stays: content
 * that nothing refers to, or a truth without its projection, which the repair tasks find.
 *
 * Outcome: PH_OK: durable. The class of a requirement: nothing was changed. PH_EUNAVAILABLE, PH_EBUSY (too much waits),
 * PH_ELIMIT (disk full): nothing was changed that anybody can see. PH_EUNKNOWN_OUTCOME: repeat the same plan.
 */
#ifndef PH_DB_PLAN_H
#define PH_DB_PLAN_H

#include "base/arena.h"
#include "db/statement.h"
#include "db/value.h"

enum ph_plan_stage {
    PH_STAGE_CONTENT,
    PH_STAGE_TRUTH,
    PH_STAGE_PROJECTION,
    PH_STAGE_REMOVE_PROJECTION,
    PH_STAGE_REMOVE_TRUTH,
    PH_STAGE_REMOVE_CONTENT,
    PH_STAGE_COUNT
};

struct ph_plan;

struct ph_plan_entry {
    struct ph_plan_entry *next;
    enum ph_stmt stmt;
    enum ph_plan_stage stage;
    int required; /* 0, or the class to fail with if the statement changes no row */
    unsigned param_count;
    struct ph_value params[];
};

/* Ties a plan to state in memory, such as the numbers of a mailbox. run() is called once, in the order in which
 * plans are applied and before the statements are: it may set values of entries and add entries. done() is called
 * once, before the plan's own completion; without run() before it where the engine never came to the plan. Both are
 * called on a thread of the engine or on the one that submits, are short and do not block. Either may be NULL. */
struct ph_plan_hook {
    void (*run)(struct ph_plan *plan, struct ph_plan_hook *hook);
    void (*done)(struct ph_plan *plan, struct ph_plan_hook *hook, int result);
    struct ph_plan_hook *next; /* the plan's */
};

struct ph_plan {
    struct ph_arena *arena;
    struct ph_plan_entry *first; /* in the order added; an engine runs it by stages */
    struct ph_plan_entry **last;
    struct ph_plan_hook *hooks; /* in the order added */
    struct ph_plan_hook **last_hook;
    unsigned count;
    unsigned stages; /* bit N: some entry is of stage N */
    bool has_requirements;
    uint64_t expires_us;   /* real time; 0: never. See ph_plan_expire */
    struct ph_error error; /* filled when the completion says so */
    /* The engine's, while submitted. */
    struct ph_plan *next;
    void (*done)(struct ph_plan *plan, int result, void *ctx);
    void *done_ctx;
};

void ph_plan_init(struct ph_plan *plan, struct ph_arena *arena);

/* The entry is for hooks that set its values later. */
struct ph_plan_entry *ph_plan_add_values(struct ph_plan *plan, enum ph_plan_stage stage, enum ph_stmt stmt,
                                         int required, const struct ph_value *params, unsigned param_count);
/* ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_USER_INSERT, ph_text(name), ph_text(hash)) */
#define ph_plan_add(plan, stage, stmt, ...)                                                \
    ph_plan_add_values((plan), (stage), (stmt), 0, (const struct ph_value[]){__VA_ARGS__}, \
                       (unsigned)(sizeof((const struct ph_value[]){__VA_ARGS__}) / sizeof(struct ph_value)))
/* As ph_plan_add, and the whole plan fails with CLASS (PH_ECONFLICT, PH_ENOTFOUND) where no row is changed. */
#define ph_plan_require(plan, class, stage, stmt, ...)                                           \
    ph_plan_add_values((plan), (stage), (stmt), (class), (const struct ph_value[]){__VA_ARGS__}, \
                       (unsigned)(sizeof((const struct ph_value[]){__VA_ARGS__}) / sizeof(struct ph_value)))

/* From AT_US on (real time, by this process's clock; the earliest given counts) an engine without transactions sends
 * no statement of the plan any more: it fails with PH_EUNAVAILABLE, and what is behind the round at hand is not there.
 * For rows that a clock elsewhere counts as settled some time later (store/pop3_floor.h). */
void ph_plan_expire(struct ph_plan *plan, uint64_t at_us);

/* HOOK lives in the plan's arena, or longer than the plan. */
void ph_plan_hook_add(struct ph_plan *plan, struct ph_plan_hook *hook);

/* For engines. */
void ph_plan_run_hooks(struct ph_plan *plan);
void ph_plan_finish(struct ph_plan *plan, int result);

#endif
