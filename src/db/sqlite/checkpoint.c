/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving the write-ahead log into the file without stopping the writer.
 *
 * Two halves. The thread here copies (a passive checkpoint) while transactions go on; that is nearly all the work,
 * and its syncs. But the log can start anew only when all of it is copied, and under constant writing there is
 * always a little more; so when the thread has finished, the writer copies that rest between two transactions,
 * which is short, and starts over. If a reader stands in the way, the next round does it.
 */
#include <errno.h>
#include <stdio.h>

#include "db/sqlite/engine.h"

/* Large enough that a page which is written again and again is moved once. */
static const uint64_t DEFAULT_THRESHOLD_BYTES = 64U << 20;
/* How much longer the log may be than the threshold before the writer waits for readers that hold it. */
enum { PATIENCE_FACTOR = 4, READER_WAIT_MS = 50, FRAME_HEADER_BYTES = 24 };
enum { ROUNDS_MAX = 4, SHORT_REST_BYTES = 256 << 10 };

static bool wait_until_wanted(struct ph_sqlite_checkpointer *checkpointer)
{
    pthread_mutex_lock(&checkpointer->lock);
    while (!checkpointer->is_wanted && !checkpointer->is_stopping) {
        pthread_cond_wait(&checkpointer->changed, &checkpointer->lock);
    }
    checkpointer->is_wanted = false;
    bool goes_on = !checkpointer->is_stopping;
    pthread_mutex_unlock(&checkpointer->lock);
    return goes_on;
}

/* One round: moves what is in the log when it begins; *OUT_REST is what came meanwhile, in frames. */
static bool move(struct ph_sqlite_checkpointer *checkpointer, unsigned *out_rest)
{
    uint64_t started_us = ph_mono_us(checkpointer->clock);
    int frames = 0;
    int moved = 0;
    struct ph_log_line line;
    errno = 0;
    int rc = sqlite3_wal_checkpoint_v2(checkpointer->connection.handle, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                       &frames, &moved);
    if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
        struct ph_error err = {0};
        (void)ph_sqlite_fail(&checkpointer->connection, &err, "checkpoint");
        ph_log_begin(&line, checkpointer->log, PH_LOG_ERROR, "store-checkpoint-failed");
        ph_log_error(&line, &err);
        ph_log_end(&line);
        return false;
    }
    ph_log_begin(&line, checkpointer->log, PH_LOG_DEBUG, "store-checkpoint");
    ph_log_u64(&line, "frames", (uint64_t)(frames < 0 ? 0 : frames));
    ph_log_u64(&line, "moved", (uint64_t)(moved < 0 ? 0 : moved));
    ph_log_u64(&line, "duration_us", ph_mono_us(checkpointer->clock) - started_us);
    ph_log_end(&line);
    unsigned now = atomic_load(&checkpointer->frames);
    *out_rest = moved >= 0 && now > (unsigned)moved ? now - (unsigned)moved : 0;
    return true;
}

/* A long round leaves a long rest; so go on until the writer has little left to do. */
static void move_most(struct ph_sqlite_checkpointer *checkpointer)
{
    unsigned rest = 0;
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        if (!move(checkpointer, &rest)) {
            return;
        }
        if (rest * checkpointer->frame_bytes < SHORT_REST_BYTES) {
            break;
        }
    }
    atomic_store(&checkpointer->has_moved, true);
}

static void *thread_main(void *arg)
{
    struct ph_sqlite_checkpointer *checkpointer = arg;
    while (wait_until_wanted(checkpointer)) {
        move_most(checkpointer);
    }
    return NULL;
}

int ph_sqlite_checkpointer_start(struct ph_sqlite_checkpointer *checkpointer, const char *path,
                                 uint64_t threshold_bytes, unsigned page_bytes, const struct ph_clock *clock,
                                 const struct ph_log *log, struct ph_error *err)
{
    int result = ph_sqlite_connect(&checkpointer->connection, path, PH_SQLITE_CHECKPOINTER, err);
    if (result != PH_OK) {
        return result;
    }
    checkpointer->log = log;
    checkpointer->clock = clock;
    checkpointer->frame_bytes = page_bytes + FRAME_HEADER_BYTES;
    checkpointer->threshold_bytes = threshold_bytes == 0 ? DEFAULT_THRESHOLD_BYTES : threshold_bytes;
    pthread_mutex_init(&checkpointer->lock, NULL);
    pthread_cond_init(&checkpointer->changed, NULL);
    int errnum = pthread_create(&checkpointer->thread, NULL, thread_main, checkpointer);
    if (errnum != 0) {
        ph_sqlite_disconnect(&checkpointer->connection);
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "a thread for checkpoints");
    }
    checkpointer->has_thread = true;
    return PH_OK;
}

void ph_sqlite_checkpointer_stop(struct ph_sqlite_checkpointer *checkpointer)
{
    if (!checkpointer->has_thread) {
        return;
    }
    pthread_mutex_lock(&checkpointer->lock);
    checkpointer->is_stopping = true;
    pthread_cond_signal(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->lock);
    pthread_join(checkpointer->thread, NULL);
    checkpointer->has_thread = false;
    pthread_cond_destroy(&checkpointer->changed);
    pthread_mutex_destroy(&checkpointer->lock);
    ph_sqlite_disconnect(&checkpointer->connection);
}

static void ask(struct ph_sqlite_checkpointer *checkpointer, uint64_t log_bytes)
{
    checkpointer->asked_bytes = log_bytes;
    pthread_mutex_lock(&checkpointer->lock);
    checkpointer->is_wanted = true;
    pthread_cond_signal(&checkpointer->changed);
    pthread_mutex_unlock(&checkpointer->lock);
}

void ph_sqlite_checkpointer_look(struct ph_sqlite_checkpointer *checkpointer,
                                 struct ph_sqlite_connection *writer, unsigned frames)
{
    uint64_t log_bytes = frames * checkpointer->frame_bytes;
    atomic_store(&checkpointer->frames, frames);
    if (log_bytes < checkpointer->asked_bytes) {
        checkpointer->asked_bytes = 0; /* the log has started anew */
    }
    if (atomic_exchange(&checkpointer->has_moved, false)) {
        bool is_patient = log_bytes < PATIENCE_FACTOR * checkpointer->threshold_bytes;
        sqlite3_busy_timeout(writer->handle, is_patient ? 0 : READER_WAIT_MS);
        int rc = sqlite3_wal_checkpoint_v2(writer->handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        sqlite3_busy_timeout(writer->handle, PH_SQLITE_BUSY_MS);
        if (rc == SQLITE_OK) {
            checkpointer->asked_bytes = 0;
            return;
        }
    }
    if (log_bytes >= checkpointer->asked_bytes + checkpointer->threshold_bytes) {
        ask(checkpointer, log_bytes);
    }
}
