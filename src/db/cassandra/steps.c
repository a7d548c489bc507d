/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of which statements each step of a plan is made.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "db/cassandra/run.h"

#define ROLE(name) (1U << PH_CQL_ROLE_##name)

enum {
    GUARDS = ROLE(ABSENT) | ROLE(ABSENT_OTHER) | ROLE(ABSENT_DOMAIN) | ROLE(PRESENT),
    LOOKS = ROLE(UNLESS) | ROLE(EACH_READ),
    WRITES = ROLE(WRITE) | ROLE(WRITE_UNLESS) | ROLE(CONDITIONAL) | ROLE(EACH_WRITE) | ROLE(EACH_LOOSE) |
             ROLE(LOOSE),
    EACH = ROLE(EACH_WRITE) | ROLE(EACH_LOOSE),
    GROUPS_MAX = PH_STAGE_COUNT,
};

#define STAGE(name) (1U << PH_STAGE_##name)

/* The stages that are written together. */
static const unsigned groups_free[GROUPS_MAX] = {
    STAGE(CONTENT),        STAGE(TRUTH) | STAGE(PROJECTION), STAGE(REMOVE_PROJECTION), STAGE(REMOVE_TRUTH),
    STAGE(REMOVE_CONTENT),
};
static const unsigned groups_lwt[GROUPS_MAX] = {
    STAGE(CONTENT),           STAGE(TRUTH),        STAGE(PROJECTION),
    STAGE(REMOVE_PROJECTION), STAGE(REMOVE_TRUTH), STAGE(REMOVE_CONTENT),
};

bool ph_cassandra_steps_are_over(const struct ph_cassandra_run *run)
{
    return run->step >= PH_CASSANDRA_STEP_STAGES + 2 * GROUPS_MAX;
}

bool ph_cassandra_job_is_visible(const struct ph_cassandra_job *job)
{
    unsigned role = 1U << job->statement->info->role;
    return role == ROLE(CONDITIONAL) || ((role & WRITES) != 0 && job->entry->stage != PH_STAGE_CONTENT);
}

static struct ph_cassandra_job *add_job(struct ph_cassandra_run *run, unsigned entry_index,
                                        const struct ph_cassandra_statement *statement)
{
    if (run->job_count == run->job_room) {
        run->job_room = run->job_room == 0 ? 16 : run->job_room * 2;
        run->jobs = ph_realloc(run->jobs, run->job_room * sizeof *run->jobs);
    }
    struct ph_cassandra_job *job = &run->jobs[run->job_count++];
    *job = (struct ph_cassandra_job){
        .statement = statement, .entry = run->entries[entry_index], .entry_index = entry_index};
    return job;
}

/* A job for every row that the looks of this entry found. */
static void add_each(struct ph_cassandra_run *run, unsigned entry_index,
                     const struct ph_cassandra_statement *statement)
{
    for (const struct ph_cassandra_seen *seen = run->seen; seen != NULL; seen = seen->next) {
        size_t rows = seen->entry_index == entry_index ? ph_cql_result_row_count(seen->answer) : 0;
        for (size_t row = 0; row < rows; row++) {
            struct ph_cassandra_job *job = add_job(run, entry_index, statement);
            job->each = seen->answer;
            job->each_statement = seen->statement;
            job->each_row = row;
        }
    }
}

static bool has_null(const struct ph_cassandra_statement *statement, const struct ph_plan_entry *entry)
{
    for (unsigned i = 0; i < statement->ready.param_count; i++) {
        unsigned number = statement->ready.params[i].number;
        if (number > 0 && number <= entry->param_count && entry->params[number - 1].type == PH_VALUE_NULL) {
            return true;
        }
    }
    return false;
}

static void add_entry(struct ph_cassandra_run *run, unsigned entry_index, unsigned roles)
{
    const struct ph_plan_entry *entry = run->entries[entry_index];
    const struct ph_cassandra_prepared *prepared = &run->engine->prepared;
    const struct ph_cassandra_texts *texts = &prepared->texts[entry->stmt];
    if ((texts->roles & roles) == 0) {
        return;
    }
    for (unsigned i = 0; i < texts->count; i++) {
        enum ph_cql_id id = (enum ph_cql_id)texts->ids[i];
        unsigned role = 1U << ph_cql_info(id)->role;
        bool is_left_out = role == ROLE(WRITE_UNLESS) && run->is_left_out[entry_index];
        if ((role & roles) == 0 || is_left_out) {
            continue;
        }
        const struct ph_cassandra_statement *statement = ph_cassandra_statement(prepared, id);
        if ((role & EACH) != 0) {
            add_each(run, entry_index, statement);
        } else if ((role & LOOKS) == 0 || !has_null(statement, entry)) {
            (void)add_job(run, entry_index, statement);
        }
    }
}

void ph_cassandra_step_fill(struct ph_cassandra_run *run)
{
    bool is_lwt = run->engine->keyspace.profile == PH_CASSANDRA_LWT;
    unsigned stages = ~0U;
    unsigned roles;
    bool only_required = false;
    if (run->step == PH_CASSANDRA_STEP_GUARDS) {
        roles = GUARDS;
        only_required = true;
    } else if (run->step == PH_CASSANDRA_STEP_CONDITIONS) {
        roles = ROLE(CONDITIONAL);
        only_required = true;
    } else {
        unsigned at = run->step - PH_CASSANDRA_STEP_STAGES;
        stages = (is_lwt ? groups_lwt : groups_free)[at / 2];
        roles = at % 2 == 0 ? LOOKS : WRITES;
    }
    run->job_count = 0;
    if ((run->plan->stages & stages) == 0 || (only_required && !run->plan->has_requirements)) {
        return;
    }
    for (unsigned i = 0; i < run->plan->count; i++) {
        const struct ph_plan_entry *entry = run->entries[i];
        bool is_required = entry->required != 0;
        bool is_of_step = (stages & (1U << entry->stage)) != 0 && (!only_required || is_required);
        if (is_of_step) {
            /* What is required to apply has been applied before the stages. */
            bool is_behind = !only_required && is_required;
            add_entry(run, i, is_behind ? roles & ~(unsigned)ROLE(CONDITIONAL) : roles);
        }
    }
}
