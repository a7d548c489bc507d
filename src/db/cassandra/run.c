/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans. A run goes from step to step; the statements of one are under way side by side, WINDOW of them at most, and
 * the last answer of a step begins the next. So no thread waits: whoever has an answer sends what is to be sent.
 *
 * One thread at a time pumps: it alone touches the step and its jobs. The others only note their answer.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "db/cassandra/run.h"

enum { WINDOW = 128, RUN_ARENA_BYTES = 1024, LOG_EVERY_MS = 1000 };

static void pump(struct ph_cassandra_run *run);

/* ---- Answers ---- */

static void fail(struct ph_cassandra_run *run, int result, const struct ph_error *err)
{
    if (run->result == PH_OK) {
        run->result = result;
        run->error = *err;
    }
}

/* Whether FIRST of an answer is what the plan itself has written, as parameter AT. */
static bool is_own(const struct ph_plan_entry *entry, unsigned at, const struct ph_cassandra_cell *first)
{
    struct ph_uuid uuid;
    struct ph_bytes bytes;
    if (entry->param_count < at) {
        return false;
    }
    const struct ph_value *own = &entry->params[at - 1];
    if (own->type == PH_VALUE_UUID) {
        return ph_cassandra_cell_uuid(first, &uuid) && ph_uuid_eq(&uuid, &own->uuid);
    }
    bool is_bytes = own->type == PH_VALUE_TEXT || own->type == PH_VALUE_BLOB;
    return is_bytes && ph_cassandra_cell_bytes(first, NULL, &bytes) && ph_bytes_eq(bytes, own->bytes);
}

/* Whether some row counts, but for one that has the plan's own parameter OWN (0: none) in its first column. */
static bool has_row(const struct ph_cassandra_job *job, const struct ph_cql_result *answer, unsigned own)
{
    const struct ph_plan_entry *entry = job->entry;
    struct ph_bytes domain = {0};
    if (entry->param_count > 0 && entry->params[entry->param_count - 1].type == PH_VALUE_TEXT) {
        domain = entry->params[entry->param_count - 1].bytes;
    }
    size_t rows = ph_cql_result_row_count(answer);
    for (size_t row = 0; row < rows; row++) {
        struct ph_cassandra_cell first = ph_cassandra_answer_cell(job->statement, answer, row, 0);
        if (ph_cassandra_row_counts(job->statement, answer, row, domain) &&
            (own == 0 || !is_own(entry, own, &first))) {
            return true;
        }
    }
    return false;
}

/* "[applied]" is the first column. */
static bool is_applied(const struct ph_cql_result *answer)
{
    const uint8_t *ptr;
    size_t len;
    return ph_cql_result_row_count(answer) > 0 && ph_cql_result_cell(answer, 0, 0, &ptr, &len) && len == 1 &&
           ptr[0] != 0;
}

static void keep(struct ph_cassandra_run *run, const struct ph_cassandra_job *job,
                 struct ph_cql_result **answer)
{
    struct ph_cassandra_seen *seen = ph_arena_alloc(&run->arena, sizeof *seen);
    *seen = (struct ph_cassandra_seen){run->seen, job->entry_index, job->statement, *answer};
    run->seen = seen;
    *answer = NULL;
}

/* What an answer says; PH_OK, or the class with which the plan fails. A guard that has not decided yet and has more
 * pages goes on: *OUT_GOES_ON. */
static int judge(struct ph_cassandra_run *run, const struct ph_cassandra_job *job,
                 struct ph_cql_result **answer, bool *out_goes_on, struct ph_error *err)
{
    const uint8_t *paging;
    size_t paging_len;
    bool is_unmet = false;
    bool has_more = ph_cql_result_paging(*answer, &paging, &paging_len);
    *out_goes_on = false;
    switch (job->statement->info->role) {
    case PH_CQL_ROLE_ABSENT:
    case PH_CQL_ROLE_ABSENT_DOMAIN:
        is_unmet = has_row(job, *answer, 0);
        *out_goes_on = has_more && !is_unmet;
        break;
    case PH_CQL_ROLE_ABSENT_OTHER: is_unmet = has_row(job, *answer, 3); break;
    case PH_CQL_ROLE_PRESENT: is_unmet = !has_row(job, *answer, 0); break;
    case PH_CQL_ROLE_CONDITIONAL: is_unmet = job->entry->required != 0 && !is_applied(*answer); break;
    case PH_CQL_ROLE_UNLESS:
        if (has_row(job, *answer, 2)) {
            run->is_left_out[job->entry_index] = true;
        } else {
            *out_goes_on = has_more;
        }
        break;
    case PH_CQL_ROLE_EACH_READ: *out_goes_on = has_more; break;
    default: break;
    }
    if (!is_unmet) {
        return PH_OK;
    }
    return ph_fail(err, job->entry->required, "%s: %s", ph_stmt_info(job->entry->stmt)->name,
                   job->statement->info->role == PH_CQL_ROLE_PRESENT ? "there is none" : "it is there");
}

static void send_page(struct ph_cassandra_run *run, unsigned index, const struct ph_cql_result *after);

static void on_answer(struct ph_cassandra_request *request, int result, struct ph_cql_result **answer,
                      struct ph_error *err)
{
    struct ph_cassandra_run *run = request->ctx;
    unsigned index = request->index;
    const struct ph_cassandra_job *job = &run->jobs[index];
    bool goes_on = false;
    pthread_mutex_lock(&run->lock);
    /* Of a timeout nobody knows what became. */
    if (ph_cassandra_job_is_visible(job) && (result == PH_OK || result == PH_EUNKNOWN_OUTCOME)) {
        bool has_changed =
            job->statement->info->role != PH_CQL_ROLE_CONDITIONAL || result != PH_OK || is_applied(*answer);
        run->is_visible = run->is_visible || has_changed;
    }
    if (result == PH_OK) {
        result = judge(run, job, answer, &goes_on, err);
    }
    if (result != PH_OK) {
        fail(run, result, err);
        goes_on = false;
    }
    struct ph_cql_result *page = *answer;
    if (result == PH_OK && job->statement->info->role == PH_CQL_ROLE_EACH_READ) {
        keep(run, job, answer);
    }
    pthread_mutex_unlock(&run->lock);
    if (goes_on) {
        send_page(run, index, page);
        return;
    }
    pthread_mutex_lock(&run->lock);
    run->under_way--;
    bool is_mine = !run->is_pumping;
    run->is_pumping = true;
    pthread_mutex_unlock(&run->lock);
    if (is_mine) {
        pump(run);
    }
}

/* ---- Sending ---- */

static bool is_loose(const struct ph_cassandra_job *job)
{
    enum ph_cql_role role = job->statement->info->role;
    return role == PH_CQL_ROLE_LOOSE || role == PH_CQL_ROLE_EACH_LOOSE;
}

static int make_request(struct ph_cassandra_run *run, const struct ph_cassandra_job *job,
                        struct ph_cassandra_request **out_request, struct ph_error *err)
{
    if (job->each == NULL) {
        return ph_cassandra_request_new(run->engine, job->statement, job->entry->params,
                                        job->entry->param_count, is_loose(job), run->begun_us, out_request,
                                        err);
    }
    struct ph_value columns[PH_CASSANDRA_COLUMNS_MAX];
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    for (unsigned i = 0; i < job->each_statement->column_count; i++) {
        struct ph_cassandra_cell cell =
            ph_cassandra_answer_cell(job->each_statement, job->each, job->each_row, i);
        columns[i] = ph_cassandra_cell_value(&cell, &arena);
    }
    int result =
        ph_cassandra_request_new(run->engine, job->statement, columns, job->each_statement->column_count,
                                 true, run->begun_us, out_request, err);
    ph_arena_fini(&arena);
    return result;
}

/* The failure to make a request is the job's answer. */
static void send_page(struct ph_cassandra_run *run, unsigned index, const struct ph_cql_result *after)
{
    struct ph_cassandra_request *request = NULL;
    struct ph_error err = {0};
    int result = make_request(run, &run->jobs[index], &request, &err);
    if (result != PH_OK) {
        struct ph_cql_result *none = NULL;
        struct ph_cassandra_request stand_in = {.ctx = run, .index = index};
        on_answer(&stand_in, result, &none, &err);
        return;
    }
    const uint8_t *paging;
    size_t paging_len;
    if (after != NULL && ph_cql_result_paging(after, &paging, &paging_len)) {
        request->paging = ph_arena_bytes(&request->arena, ph_bytes_of(paging, paging_len));
    }
    request->done = on_answer;
    request->ctx = run;
    request->index = index;
    pthread_mutex_lock(&run->lock);
    request->is_admitted = run->has_sent;
    run->has_sent = true;
    pthread_mutex_unlock(&run->lock);
    ph_cassandra_request_send(request);
}

static void ignore(struct ph_cassandra_request *request, int result, struct ph_cql_result **answer,
                   struct ph_error *err)
{
    (void)request;
    (void)result;
    (void)answer;
    (void)err;
}

/* Nobody waits for it, and its failure fails nothing: it is counted with the statement. */
static void send_loose(struct ph_cassandra_run *run, unsigned index)
{
    struct ph_cassandra_request *request;
    struct ph_error err = {0};
    if (make_request(run, &run->jobs[index], &request, &err) == PH_OK) {
        request->done = ignore;
        ph_cassandra_request_send(request);
    }
    pthread_mutex_lock(&run->lock);
    run->under_way--;
    pthread_mutex_unlock(&run->lock);
}

/* ---- The end ---- */

static void log_failure(struct ph_cassandra *engine, const struct ph_plan *plan)
{
    uint64_t now_ms = ph_mono_ms(engine->db.clock);
    uint64_t logged_ms = atomic_load(&engine->logged_ms);
    bool is_due = logged_ms == 0 || now_ms - logged_ms >= LOG_EVERY_MS;
    if (!is_due || !atomic_compare_exchange_strong(&engine->logged_ms, &logged_ms, now_ms)) {
        atomic_fetch_add(&engine->unlogged, 1);
        return;
    }
    struct ph_log_line line;
    ph_log_begin(&line, engine->log, PH_LOG_ERROR, "store-write-failed");
    ph_log_u64(&line, "plans", 1 + atomic_exchange(&engine->unlogged, 0));
    ph_log_error(&line, &plan->error);
    ph_log_end(&line);
}

/* The class as plan.h has it: of what could not be written nothing is known once some of the plan can be seen. */
static int outcome(const struct ph_cassandra_run *run)
{
    switch (run->result) {
    case PH_EUNAVAILABLE:
    case PH_EBUSY:
    case PH_EUNKNOWN_OUTCOME: break;
    default: return run->result;
    }
    if (run->is_visible) {
        return PH_EUNKNOWN_OUTCOME;
    }
    return run->result == PH_EUNKNOWN_OUTCOME ? PH_EUNAVAILABLE : run->result;
}

static void finish(struct ph_cassandra_run *run)
{
    struct ph_cassandra *engine = run->engine;
    struct ph_plan *plan = run->plan;
    int result = run->result == PH_OK ? PH_OK : outcome(run);
    if (result != PH_OK) {
        plan->error = run->error;
        plan->error.code = result;
        if (result == PH_EUNAVAILABLE || result == PH_EUNKNOWN_OUTCOME || result == PH_EBUG) {
            log_failure(engine, plan);
        }
    }
    for (struct ph_cassandra_seen *seen = run->seen; seen != NULL; seen = seen->next) {
        ph_cql_result_free(seen->answer);
    }
    free(run->jobs);
    ph_arena_fini(&run->arena);
    pthread_mutex_destroy(&run->lock);
    free(run);
    ph_plan_finish(plan, result);
    pthread_mutex_lock(&engine->lock);
    engine->plans--;
    if (engine->plans == 0) {
        pthread_cond_broadcast(&engine->is_idle);
    }
    pthread_mutex_unlock(&engine->lock);
}

static bool is_expired(const struct ph_cassandra_run *run)
{
    return run->plan->expires_us != 0 && ph_real_us(run->engine->db.clock) >= run->plan->expires_us;
}

/* Called by whoever set is_pumping. */
static void pump(struct ph_cassandra_run *run)
{
    for (;;) {
        enum { SEND, STEP, LEAVE, FINISH } what;
        unsigned job = 0;
        pthread_mutex_lock(&run->lock);
        if (run->result != PH_OK) {
            run->next_job = run->job_count;
        }
        if (run->next_job < run->job_count && run->under_way < WINDOW) {
            what = SEND;
            job = run->next_job++;
            run->under_way++;
        } else if (run->under_way > 0) {
            what = LEAVE;
            run->is_pumping = false;
        } else {
            what = run->result != PH_OK || ph_cassandra_steps_are_over(run) ? FINISH : STEP;
            run->next_job = 0;
        }
        pthread_mutex_unlock(&run->lock);
        switch (what) {
        case SEND:
            if (is_loose(&run->jobs[job])) {
                send_loose(run, job);
            } else {
                send_page(run, job, NULL);
            }
            break;
        case STEP:
            if (is_expired(run)) {
                struct ph_error err = {0};
                fail(run, ph_fail(&err, PH_EUNAVAILABLE, "a plan that was not sent in time"), &err);
                break;
            }
            ph_cassandra_step_fill(run);
            run->step++;
            if (run->job_count > 0) {
                ph_db_count_round(&run->engine->db);
            }
            break;
        case LEAVE: return;
        case FINISH: finish(run); return;
        }
    }
}

/* ---- The beginning ---- */

static int prepare_entries(struct ph_cassandra *engine, struct ph_plan *plan)
{
    for (const struct ph_plan_entry *entry = plan->first; entry != NULL; entry = entry->next) {
        int result = ph_cassandra_prepare(&engine->prepared, entry->stmt, &plan->error);
        if (result != PH_OK) {
            return result;
        }
    }
    return PH_OK;
}

void ph_cassandra_submit(struct ph_db *db, struct ph_plan *plan)
{
    struct ph_cassandra *engine = (struct ph_cassandra *)db;
    ph_plan_run_hooks(plan);
    int result = prepare_entries(engine, plan);
    if (result != PH_OK || plan->count == 0) {
        ph_plan_finish(plan, result);
        return;
    }
    struct ph_cassandra_run *run = ph_zalloc(sizeof *run);
    run->engine = engine;
    run->plan = plan;
    run->begun_us = ph_real_us(db->clock);
    ph_arena_init(&run->arena, RUN_ARENA_BYTES);
    pthread_mutex_init(&run->lock, NULL);
    run->entries = ph_arena_alloc(&run->arena, plan->count * sizeof(struct ph_plan_entry *));
    run->is_left_out = ph_arena_zalloc(&run->arena, plan->count * sizeof *run->is_left_out);
    unsigned count = 0;
    for (struct ph_plan_entry *entry = plan->first; entry != NULL; entry = entry->next) {
        run->entries[count++] = entry;
    }
    pthread_mutex_lock(&engine->lock);
    engine->plans++;
    pthread_mutex_unlock(&engine->lock);
    run->is_pumping = true;
    pump(run);
}
