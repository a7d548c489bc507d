/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan under way: which statements each of its steps is made of (steps.c), and how they are sent and their answers
 * taken together (run.c). See db/plan.h, "Rounds".
 */
#ifndef PH_DB_CASSANDRA_RUN_H
#define PH_DB_CASSANDRA_RUN_H

#include "db/cassandra/engine.h"

/* Every stage has a step to look and one to write. */
enum { PH_CASSANDRA_STEP_GUARDS, PH_CASSANDRA_STEP_CONDITIONS, PH_CASSANDRA_STEP_STAGES };

struct ph_cassandra_job {
    const struct ph_cassandra_statement *statement;
    struct ph_plan_entry *entry;
    unsigned entry_index;
    const struct ph_cql_result *each; /* the row whose columns are the parameters; NULL: the entry's */
    const struct ph_cassandra_statement *each_statement;
    size_t each_row;
};

/* What a look found, for the writes of its stage. */
struct ph_cassandra_seen {
    struct ph_cassandra_seen *next;
    unsigned entry_index;
    const struct ph_cassandra_statement *statement;
    struct ph_cql_result *answer;
};

struct ph_cassandra_run {
    struct ph_cassandra *engine;
    struct ph_plan *plan;
    uint64_t begun_us; /* the time of all that it writes */
    struct ph_arena arena;
    struct ph_plan_entry **entries;
    bool *is_left_out; /* of each entry: what UNLESS found */
    struct ph_cassandra_seen *seen;

    /* Of whoever pumps. */
    unsigned step;
    struct ph_cassandra_job *jobs;
    unsigned job_count;
    unsigned job_room;

    pthread_mutex_t lock; /* of the rest */
    bool is_pumping;
    bool has_sent; /* anything of the plan: the rest may wait however many do */
    unsigned next_job;
    unsigned under_way;
    int result; /* the first failure */
    struct ph_error error;
    bool is_visible; /* something behind CONTENT was changed, or may have been */
};

/* Behind the last step. */
bool ph_cassandra_steps_are_over(const struct ph_cassandra_run *run);
/* Fills the jobs of the step that stands. */
void ph_cassandra_step_fill(struct ph_cassandra_run *run);
/* Whether it is of a stage that others can see, or conditional. */
bool ph_cassandra_job_is_visible(const struct ph_cassandra_job *job);

#endif
