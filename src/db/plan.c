/* SPDX-License-Identifier: Apache-2.0 */
#include "db/plan.h"

#include <assert.h>

void ph_plan_init(struct ph_plan *plan, struct ph_arena *arena)
{
    memset(plan, 0, sizeof *plan);
    plan->arena = arena;
    plan->last = &plan->first;
    plan->last_hook = &plan->hooks;
}

static struct ph_value copy_value(struct ph_arena *arena, const struct ph_value *value)
{
    struct ph_value copy = *value;
    if (value->type == PH_VALUE_TEXT || value->type == PH_VALUE_BLOB) {
        copy.bytes = ph_arena_bytes(arena, value->bytes);
    }
    return copy;
}

struct ph_plan_entry *ph_plan_add_values(struct ph_plan *plan, enum ph_plan_stage stage, enum ph_stmt stmt,
                                         int required, const struct ph_value *params, unsigned param_count)
{
    assert(ph_stmt_info(stmt)->kind == PH_STMT_WRITE);
    struct ph_plan_entry *entry =
        ph_arena_alloc(plan->arena, sizeof *entry + param_count * sizeof entry->params[0]);
    entry->next = NULL;
    entry->stmt = stmt;
    entry->stage = stage;
    entry->required = required;
    entry->param_count = param_count;
    for (unsigned i = 0; i < param_count; i++) {
        entry->params[i] = copy_value(plan->arena, &params[i]);
    }
    *plan->last = entry;
    plan->last = &entry->next;
    plan->count++;
    plan->stages |= 1U << stage;
    plan->has_requirements = plan->has_requirements || required != 0;
    return entry;
}

void ph_plan_expire(struct ph_plan *plan, uint64_t at_us)
{
    if (plan->expires_us == 0 || at_us < plan->expires_us) {
        plan->expires_us = at_us;
    }
}

void ph_plan_hook_add(struct ph_plan *plan, struct ph_plan_hook *hook)
{
    hook->next = NULL;
    *plan->last_hook = hook;
    plan->last_hook = &hook->next;
}

void ph_plan_run_hooks(struct ph_plan *plan)
{
    for (struct ph_plan_hook *hook = plan->hooks; hook != NULL; hook = hook->next) {
        if (hook->run != NULL) {
            hook->run(plan, hook);
        }
    }
}

void ph_plan_finish(struct ph_plan *plan, int result)
{
    for (struct ph_plan_hook *hook = plan->hooks; hook != NULL; hook = hook->next) {
        if (hook->done != NULL) {
            hook->done(plan, hook, result);
        }
    }
    /* The last touch: PLAN is its owner's again. */
    plan->done(plan, result, plan->done_ctx);
}
