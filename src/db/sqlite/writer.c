/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread that writes.
 *
 * It takes every plan that waits, runs them in one transaction, takes those that came meanwhile, and commits when
 * none is left or the batch is full: one sync for all. While the sync runs the next batch gathers. Completions follow the
 * commit, in order.
 *
 * Peers that wait for their reply before they send more would fall into two groups: one commits while the other
 * gathers, at twice the syncs. So where syncs cost more time than statements, a batch waits for as many plans as the last one
 * had and came meanwhile, but no longer than the last sync took. Who writes alone never waits.
 *
 * A requirement that is not met undoes its plan alone. That takes a savepoint, and each savepoint copies every page
 * that the plan changes; so a batch runs without, and runs again with them in the rare case that it needs one.
 *
 * Any other failure undoes the transaction; the batch is then cut in halves, down to the single plan that fails, so
 * that the others do not suffer from it and a full disk still takes what fits.
 *
 * What a failed COMMIT leaves: after a failed write the log has no whole commit record, so nothing was changed.
 * After a failed sync the record may or may not be on disk, which only a restart after a crash would show: unknown
 * outcome. The same if the companion's sync fails behind a good commit.
 */
#include <assert.h>
#include <errno.h>

#include "db/sqlite/engine.h"

enum { GATHER_MAX_US = 5000 };

/* ---- One plan ---- */

static int run_entry(struct ph_sqlite_writer *writer, const struct ph_plan_entry *entry, struct ph_error *err)
{
    uint64_t started_us = ph_mono_us(writer->db->clock);
    sqlite3_stmt *stmt = NULL;
    int result = ph_sqlite_bind(&writer->connection, entry->stmt, entry->params, entry->param_count, false,
                                &stmt, err);
    if (result == PH_OK) {
        errno = 0;
        int rc = sqlite3_step(stmt);
        if ((rc & 0xFF) == SQLITE_CONSTRAINT && entry->required != 0) {
            result = PH_OK; /* no row is changed: the requirement says what that means */
        } else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
            result = ph_sqlite_fail(&writer->connection, err, ph_stmt_info(entry->stmt)->name);
        }
        sqlite3_reset(stmt);
    }
    ph_db_count(writer->db, entry->stmt, ph_mono_us(writer->db->clock) - started_us, result != PH_OK);
    return result;
}

static int run_entries(struct ph_sqlite_writer *writer, struct ph_plan *plan, bool *out_is_unmet)
{
    for (unsigned stage = 0; stage < PH_STAGE_COUNT; stage++) {
        if ((plan->stages & (1U << stage)) == 0) {
            continue;
        }
        for (const struct ph_plan_entry *entry = plan->first; entry != NULL; entry = entry->next) {
            if ((unsigned)entry->stage != stage) {
                continue;
            }
            int result = run_entry(writer, entry, &plan->error);
            if (result != PH_OK) {
                return result;
            }
            if (entry->required != 0 && sqlite3_changes(writer->connection.handle) == 0) {
                *out_is_unmet = true;
                return ph_fail(&plan->error, entry->required, "%s changed nothing",
                               ph_stmt_info(entry->stmt)->name);
            }
        }
    }
    return PH_OK;
}

enum mode { WITHOUT_SAVEPOINTS, WITH_SAVEPOINTS };

/* *OUT_RESULT is the plan's. Fails only if the transaction cannot go on; *OUT_IS_UNMET says that it could, with a
 * savepoint. */
static int run_plan(struct ph_sqlite_writer *writer, struct ph_plan *plan, enum mode mode, int *out_result,
                    bool *out_is_unmet)
{
    plan->error = (struct ph_error){0};
    *out_is_unmet = false;
    if (!plan->has_requirements || mode == WITHOUT_SAVEPOINTS) {
        *out_result = run_entries(writer, plan, out_is_unmet);
        return *out_result;
    }
    int result = ph_sqlite_exec(&writer->connection, "SAVEPOINT plan", &plan->error);
    if (result == PH_OK) {
        result = run_entries(writer, plan, out_is_unmet);
    }
    *out_result = result;
    if (*out_is_unmet) {
        struct ph_error *err = &plan->error;
        struct ph_error unmet = *err;
        result = ph_sqlite_exec(&writer->connection, "ROLLBACK TO plan", err);
        *err = result == PH_OK ? unmet : *err;
    }
    if (result == PH_OK) {
        result = ph_sqlite_exec(&writer->connection, "RELEASE plan", &plan->error);
    }
    if (result != PH_OK) {
        *out_result = result;
    }
    return result;
}

/* ---- The transaction ---- */

static void roll_back(struct ph_sqlite_writer *writer)
{
    if (sqlite3_get_autocommit(writer->connection.handle) == 0) {
        sqlite3_exec(writer->connection.handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static int begin_companion(struct ph_sqlite_writer *writer, const struct ph_db_companion *companion,
                           struct ph_error *err)
{
    struct ph_plan plan;
    ph_arena_reset(&writer->companion_arena);
    ph_plan_init(&plan, &writer->companion_arena);
    int result = companion->begin(companion->ctx, &plan);
    if (result != PH_OK) {
        return ph_fail(err, result, "content beside the database");
    }
    bool is_unmet;
    result = run_entries(writer, &plan, &is_unmet);
    if (result != PH_OK) {
        *err = plan.error;
        struct ph_error ignored;
        (void)companion->finish(companion->ctx, &ignored);
    }
    return result;
}

static int commit(struct ph_sqlite_writer *writer, struct ph_error *err)
{
    errno = 0;
    int rc = sqlite3_exec(writer->connection.handle, "COMMIT", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        return PH_OK;
    }
    int result = ph_sqlite_fail(&writer->connection, err, "COMMIT");
    bool has_written_nothing = rc == SQLITE_FULL || rc == SQLITE_IOERR_WRITE || (rc & 0xFF) == SQLITE_BUSY ||
                               rc == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM;
    if (!has_written_nothing) {
        result = PH_EUNKNOWN_OUTCOME;
        err->code = result;
    }
    return result;
}

static void take_waiting(struct ph_sqlite_writer *writer);

/* Runs the plans from FROM up to *TO, and with CAN_GROW those that come meanwhile. */
static int run_plans(struct ph_sqlite_writer *writer, unsigned from, unsigned *to, bool can_grow,
                     enum mode mode, bool *out_is_unmet, struct ph_error *err)
{
    for (unsigned i = from; i < *to; i++) {
        int result = run_plan(writer, writer->batch[i], mode, &writer->results[i], out_is_unmet);
        if (result != PH_OK) {
            *err = writer->batch[i]->error;
            return result;
        }
        if (can_grow && i + 1 == *to) {
            take_waiting(writer);
            *to = writer->batch_count;
        }
    }
    return PH_OK;
}

/* Runs and commits, as above. On failure nothing of them stands (or, with PH_EUNKNOWN_OUTCOME, perhaps all). */
static int run_transaction(struct ph_sqlite_writer *writer, unsigned from, unsigned *to, bool can_grow,
                           enum mode mode, bool *out_is_unmet, struct ph_error *err)
{
    *out_is_unmet = false;
    uint64_t started_us = ph_mono_us(writer->db->clock);
    int result = ph_sqlite_exec(&writer->connection, "BEGIN IMMEDIATE", err);
    if (result != PH_OK) {
        return result;
    }
    result = run_plans(writer, from, to, can_grow, mode, out_is_unmet, err);
    if (result != PH_OK) {
        roll_back(writer);
        return result;
    }
    pthread_mutex_lock(&writer->lock);
    struct ph_db_companion companion = writer->companion;
    pthread_mutex_unlock(&writer->lock);
    if (companion.begin != NULL) {
        result = begin_companion(writer, &companion, err);
        if (result != PH_OK) {
            roll_back(writer);
            return result;
        }
    }
    uint64_t ran_us = ph_mono_us(writer->db->clock);
    result = commit(writer, err);
    if (result != PH_OK) {
        roll_back(writer);
    }
    if (companion.finish != NULL) {
        struct ph_error finish_error = {0};
        int finished = companion.finish(companion.ctx, &finish_error);
        if (finished != PH_OK && result == PH_OK) {
            result = ph_fail(err, PH_EUNKNOWN_OUTCOME, "content beside the database: %s", finish_error.text);
        }
    }
    writer->run_us = ran_us - started_us;
    writer->sync_us = ph_mono_us(writer->db->clock) - ran_us;
    return result;
}

static void log_failure(struct ph_sqlite_writer *writer, unsigned plans, const struct ph_error *err)
{
    struct ph_log_line line;
    ph_log_begin(&line, writer->log, PH_LOG_ERROR, "store-write-failed");
    ph_log_u64(&line, "plans", plans);
    ph_log_error(&line, err);
    ph_log_end(&line);
}

static void run_range(struct ph_sqlite_writer *writer, unsigned from, unsigned to, bool can_grow)
{
    struct ph_error err = {0};
    bool is_unmet = false;
    int result = run_transaction(writer, from, &to, can_grow, WITHOUT_SAVEPOINTS, &is_unmet, &err);
    if (is_unmet) {
        result = run_transaction(writer, from, &to, false, WITH_SAVEPOINTS, &is_unmet, &err);
    }
    if (result == PH_OK) {
        return;
    }
    if (to - from == 1 || result == PH_EUNKNOWN_OUTCOME) {
        log_failure(writer, to - from, &err);
        for (unsigned i = from; i < to; i++) {
            writer->results[i] = result;
            writer->batch[i]->error = err;
        }
        return;
    }
    unsigned middle = from + (to - from) / 2;
    run_range(writer, from, middle, false);
    run_range(writer, middle, to, false);
}

/* ---- The queue ---- */

/* Moves waiting plans into the batch, as far as it has room. */
static void take_waiting(struct ph_sqlite_writer *writer)
{
    unsigned from = writer->batch_count;
    pthread_mutex_lock(&writer->lock);
    while (writer->first != NULL && writer->batch_count < writer->batch_max) {
        struct ph_plan *plan = writer->first;
        writer->first = plan->next;
        writer->waiting--;
        writer->batch[writer->batch_count++] = plan;
    }
    if (writer->first == NULL) {
        writer->last = &writer->first;
    }
    pthread_mutex_unlock(&writer->lock);
    for (unsigned i = from; i < writer->batch_count; i++) {
        ph_plan_run_hooks(writer->batch[i]);
    }
}

/* With the lock. Until those are back who were there lately, or not much later. */
static void let_gather(struct ph_sqlite_writer *writer)
{
    if (writer->sync_us <= writer->run_us) {
        return;
    }
    uint64_t wait_us = writer->sync_us < GATHER_MAX_US ? writer->sync_us : GATHER_MAX_US;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t end_ns = (uint64_t)until.tv_nsec + wait_us * 1000;
    until.tv_sec += (time_t)(end_ns / 1000000000);
    until.tv_nsec = (long)(end_ns % 1000000000);
    int rc = 0;
    while (rc == 0 && writer->waiting < writer->expected && !writer->is_stopping) {
        rc = pthread_cond_timedwait(&writer->has_work, &writer->lock, &until);
    }
}

static bool wait_for_work(struct ph_sqlite_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->expected = writer->batch_count + writer->waiting;
    if (writer->expected > writer->batch_max) {
        writer->expected = writer->batch_max;
    }
    while (writer->first == NULL && !writer->is_stopping) {
        pthread_cond_wait(&writer->has_work, &writer->lock);
    }
    let_gather(writer);
    bool has_work = writer->first != NULL;
    pthread_mutex_unlock(&writer->lock);
    return has_work;
}

static void *thread_main(void *arg)
{
    struct ph_sqlite_writer *writer = arg;
    while (wait_for_work(writer)) {
        writer->batch_count = 0;
        take_waiting(writer);
        run_range(writer, 0, writer->batch_count, true);
        for (unsigned i = 0; i < writer->batch_count; i++) {
            ph_plan_finish(writer->batch[i], writer->results[i]);
        }
        ph_sqlite_checkpointer_look(writer->checkpointer, &writer->connection, writer->log_frames);
    }
    return NULL;
}

void ph_sqlite_submit(struct ph_db *db, struct ph_plan *plan)
{
    struct ph_sqlite_writer *writer = &((struct ph_sqlite *)db)->writer;
    pthread_mutex_lock(&writer->lock);
    assert(!writer->is_stopping);
    bool was_empty = writer->first == NULL;
    *writer->last = plan;
    writer->last = &plan->next;
    writer->waiting++;
    bool is_enough = was_empty || writer->waiting == writer->expected;
    pthread_mutex_unlock(&writer->lock);
    if (is_enough) {
        pthread_cond_signal(&writer->has_work);
    }
}

unsigned ph_sqlite_waiting(struct ph_db *db)
{
    struct ph_sqlite_writer *writer = &((struct ph_sqlite *)db)->writer;
    pthread_mutex_lock(&writer->lock);
    unsigned waiting = writer->waiting;
    pthread_mutex_unlock(&writer->lock);
    return waiting;
}

void ph_sqlite_set_companion(struct ph_db *db, const struct ph_db_companion *companion)
{
    struct ph_sqlite_writer *writer = &((struct ph_sqlite *)db)->writer;
    pthread_mutex_lock(&writer->lock);
    writer->companion = companion == NULL ? (struct ph_db_companion){0} : *companion;
    pthread_mutex_unlock(&writer->lock);
}

/* ---- Life ---- */

static int after_commit(void *ctx, sqlite3 *handle, const char *name, int frames)
{
    (void)handle;
    (void)name;
    struct ph_sqlite_writer *writer = ctx;
    writer->log_frames = (unsigned)frames;
    return SQLITE_OK;
}

int ph_sqlite_writer_start(struct ph_sqlite_writer *writer, struct ph_error *err)
{
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->has_work, &attributes);
    pthread_condattr_destroy(&attributes);
    writer->last = &writer->first;
    ph_arena_init(&writer->companion_arena, 0);
    sqlite3_wal_hook(writer->connection.handle, after_commit, writer);
    int errnum = pthread_create(&writer->thread, NULL, thread_main, writer);
    if (errnum != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "a thread for writing");
    }
    writer->has_thread = true;
    return PH_OK;
}

void ph_sqlite_writer_stop(struct ph_sqlite_writer *writer)
{
    if (!writer->has_thread) {
        return;
    }
    pthread_mutex_lock(&writer->lock);
    writer->is_stopping = true;
    pthread_cond_signal(&writer->has_work);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer->has_thread = false;
    pthread_cond_destroy(&writer->has_work);
    pthread_mutex_destroy(&writer->lock);
    ph_arena_fini(&writer->companion_arena);
}
