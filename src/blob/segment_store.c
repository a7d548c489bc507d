/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded store of content, put together from its parts:
 *
 *   segment_files.c      descriptors of the files, and octets in and out
 *   record.c, codec.c    how content lies in a segment, and compression
 *   segment_appender.c   where new content goes; the sync beside the commit
 *   segment_put.c        content into the segment, rows into the plan
 *   segment_get.c        and back
 *   segment_recovery.c   opening after whatever ended the last run
 *   segment_suspects.c   what is known of content before it is sent
 *   segment_salvage.c    finding content that has lost its row
 *   segment_away.c       segments that are missing, and their coming back
 *   segment_compactor.c  giving the space of deleted content back
 *   segment_rows.c       the rows of both tables
 *
 * Here: opening, closing, and the thread that takes care of what nobody should wait for.
 */
#include "blob/segment_store.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "blob/segment_store-private.h"

enum {
    DEFAULT_COMPACT_PERCENT = 50,
    DEFAULT_COMPACT_INTERVAL_SECONDS = 60,
    CARE_NICE = 10,
    SETTLE_SECONDS = 900, /* longer than anybody takes from put to submit */
};
static const uint64_t default_segment_bytes = UINT64_C(64) << 20;
static const uint64_t default_compact_rate = UINT64_C(16) << 20;

static const struct ph_blob_functions functions = {
    .put = ph_segment_put,
    .open = ph_segment_open_blob,
    .open_all = ph_segment_open_blobs,
    .read = ph_segment_read_blob,
    .look = ph_segment_look_blob,
};

/* ---- The thread ---- */

void ph_segment_wants_care(void *ctx)
{
    struct ph_segment_store *store = ctx;
    pthread_mutex_lock(&store->lock);
    store->is_care_wanted = true;
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->lock);
}

static void log_trouble(const struct ph_segment_store *store, const char *event, const struct ph_error *err)
{
    struct ph_log_line line;
    ph_log_begin(&line, store->options.log, PH_LOG_ERROR, event);
    ph_log_error(&line, err);
    ph_log_end(&line);
}

static void take_care(struct ph_segment_store *store)
{
    struct ph_error err = {0};
    int result = ph_appender_care(store->appender, &err);
    if (result != PH_OK && result != store->care_result) {
        log_trouble(store, "segment_care_failed", &err);
    }
    store->care_result = result;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void ph_segment_pause(struct ph_segment_store *store, uint64_t ms)
{
    uint64_t until = now_ms() + ms;
    const struct timespec deadline = {
        .tv_sec = (time_t)(until / 1000),
        .tv_nsec = (long)(until % 1000 * 1000000),
    };
    int rc = 0;
    pthread_mutex_lock(&store->lock);
    while (rc == 0 && !atomic_load(&store->is_stopping)) {
        if (store->is_care_wanted) {
            store->is_care_wanted = false;
            pthread_mutex_unlock(&store->lock);
            take_care(store);
            pthread_mutex_lock(&store->lock);
            continue;
        }
        rc = pthread_cond_timedwait(&store->changed, &store->lock, &deadline);
    }
    pthread_mutex_unlock(&store->lock);
}

/* Compacts only what was full at the look before the last SETTLE_SECONDS: whoever put content there has submitted
 * the plan by now. What was full when the store was opened is settled at once. */
static void *thread_main(void *arg)
{
    struct ph_segment_store *store = arg;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), CARE_NICE);
    uint32_t settled = store->newest_at_open;
    uint32_t settling = 0;
    uint64_t settling_since_ms = 0;
    int last_result = PH_OK;
    while (!atomic_load(&store->is_stopping)) {
        ph_segment_pause(store, (uint64_t)store->options.compact_interval_seconds * 1000);
        if (settling == 0) {
            settling = ph_appender_active(store->appender);
            settling_since_ms = now_ms();
        } else if (now_ms() - settling_since_ms >= (uint64_t)SETTLE_SECONDS * 1000) {
            settled = settling - 1;
            settling = 0;
        }
        struct ph_error err = {0};
        int result = ph_segment_look_for_away(store, &err);
        if (result == PH_OK) {
            result = ph_segment_compact(store, store->options.compact_percent, settled, true, &err);
        }
        if (result != PH_OK && result != last_result) {
            log_trouble(store, "compaction_failed", &err);
        }
        last_result = result;
    }
    return NULL;
}

static int start_thread(struct ph_segment_store *store, struct ph_error *err)
{
    int errnum = pthread_create(&store->thread, NULL, thread_main, store);
    if (errnum != 0) {
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "a thread for compaction");
    }
    store->has_thread = true;
    pthread_setname_np(store->thread, "content-care");
    return PH_OK;
}

/* ---- Life ---- */

static struct ph_segment_store *new_store(const struct ph_segment_options *options, struct ph_db *db)
{
    struct ph_segment_store *store = ph_zalloc(sizeof *store);
    store->base = (struct ph_blob_store){.functions = &functions, .shares = true};
    store->options = *options;
    store->directory = ph_strdup(options->directory);
    store->spool_directory = ph_strdup(options->spool_directory);
    store->options.directory = store->directory;
    store->options.spool_directory = store->spool_directory;
    if (options->segment_bytes == 0) {
        store->options.segment_bytes = default_segment_bytes;
    }
    if (options->compact_percent == 0) {
        store->options.compact_percent = DEFAULT_COMPACT_PERCENT;
    }
    if (options->compact_interval_seconds == 0) {
        store->options.compact_interval_seconds = DEFAULT_COMPACT_INTERVAL_SECONDS;
    }
    if (options->compact_bytes_per_second == 0) {
        store->options.compact_bytes_per_second = default_compact_rate;
    }
    store->db = db;
    pthread_mutex_init(&store->compacting, NULL);
    pthread_mutex_init(&store->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return store;
}

static int open_parts(struct ph_segment_store *store, struct ph_error *err)
{
    const struct ph_segment_options *options = &store->options;
    if (mkdir(options->spool_directory, 0700) != 0 && errno != EEXIST) {
        return ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "%s", options->spool_directory);
    }
    const struct ph_codec_options codec = {options->compress_headers, options->compress_bodies};
    int result = ph_codec_new(&codec, &store->codec, err);
    if (result == PH_OK) {
        result = ph_segment_files_open(options->directory, options->file_ops, 0, &store->files, err);
    }
    if (result == PH_OK) {
        result = ph_segment_recover(store, err);
    }
    if (result == PH_OK) {
        struct ph_db_companion companion = ph_appender_companion(store->appender);
        ph_db_set_companion(store->db, &companion);
        result = start_thread(store, err);
    }
    return result;
}

int ph_segment_store_open(const struct ph_segment_options *options, struct ph_db *db,
                          struct ph_blob_store **out_store, struct ph_error *err)
{
    struct ph_blob_store *store = &new_store(options, db)->base;
    int result = open_parts((struct ph_segment_store *)store, err);
    if (result != PH_OK) {
        ph_segment_store_close(&store);
        return result;
    }
    *out_store = store;
    return PH_OK;
}

/* So that the next opening knows what must be there. */
static void mark_all(struct ph_segment_store *store)
{
    struct ph_error err = {0};
    if (ph_appender_mark(store->appender, &err) != PH_OK) {
        struct ph_log_line line;
        ph_log_begin(&line, store->options.log, PH_LOG_ERROR, "segment-mark-failed");
        ph_log_error(&line, &err);
        ph_log_end(&line);
    }
}

void ph_segment_store_close(struct ph_blob_store **base)
{
    if (*base == NULL) {
        return;
    }
    struct ph_segment_store *store = (struct ph_segment_store *)*base;
    if (store->has_thread) {
        pthread_mutex_lock(&store->lock);
        atomic_store(&store->is_stopping, true);
        pthread_cond_signal(&store->changed);
        pthread_mutex_unlock(&store->lock);
        pthread_join(store->thread, NULL);
    }
    ph_db_set_companion(store->db, NULL);
    if (store->has_thread) {
        mark_all(store);
    }
    ph_appender_free(&store->appender);
    if (store->files != NULL) {
        ph_segment_release(store->files, &store->output.file);
    }
    ph_segment_files_close(&store->files);
    ph_codec_free(&store->codec);
    pthread_cond_destroy(&store->changed);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->compacting);
    free(store->directory);
    free(store->spool_directory);
    free(store);
    *base = NULL;
}

/* ---- Figures ---- */

int ph_segment_store_stats(struct ph_blob_store *base, struct ph_segment_stats *out_stats,
                           struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_segment_list list;
    int result = ph_segment_list(store->db, &arena, &list, err);
    if (result == PH_OK) {
        *out_stats = (struct ph_segment_stats){
            .segments = list.count,
            .removed_lost = store->removed_lost,
            .compacted = atomic_load(&store->compacted),
            .is_broken = ph_appender_is_broken(store->appender),
        };
        for (size_t i = 0; i < list.count; i++) {
            out_stats->octets += list.rows[i].size;
            out_stats->live_octets += list.rows[i].live;
            out_stats->kept_segments += list.rows[i].state == PH_SEGMENT_KEPT;
            out_stats->away_segments += list.rows[i].state == PH_SEGMENT_AWAY;
        }
    }
    ph_arena_fini(&arena);
    return result;
}

/* ---- For whoever copies the files ---- */

void ph_segment_store_hold(struct ph_blob_store *base)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    atomic_fetch_add(&store->holds, 1);
    /* One that is being compacted is left soon, or removed by then. */
    pthread_mutex_lock(&store->compacting);
    pthread_mutex_unlock(&store->compacting);
}

void ph_segment_store_unhold(struct ph_blob_store *base)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    atomic_fetch_sub(&store->holds, 1);
}

int ph_segment_store_list(struct ph_blob_store *base, struct ph_segment_entry **out_entries,
                          size_t *out_count, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_segment_list list;
    int result = ph_segment_list(store->db, &arena, &list, err);
    *out_entries = NULL;
    *out_count = 0;
    if (result == PH_OK) {
        *out_entries = ph_alloc((list.count + 1) * sizeof **out_entries);
        for (size_t i = 0; i < list.count; i++) {
            if (list.rows[i].state != PH_SEGMENT_DEAD) {
                (*out_entries)[(*out_count)++] = (struct ph_segment_entry){
                    .number = list.rows[i].number,
                    .is_final =
                        list.rows[i].state > PH_SEGMENT_OUTPUT && list.rows[i].state != PH_SEGMENT_AWAY,
                };
            }
        }
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_segment_store_look_for_away(struct ph_blob_store *base, struct ph_error *err)
{
    return ph_segment_look_for_away((struct ph_segment_store *)base, err);
}

int ph_segment_store_compact_now(struct ph_blob_store *base, unsigned percent, struct ph_error *err)
{
    struct ph_segment_store *store = (struct ph_segment_store *)base;
    int result = ph_appender_care(store->appender, err);
    if (result == PH_OK) {
        result = ph_segment_look_for_away(store, err);
    }
    if (result == PH_OK) {
        result = ph_segment_compact(store, percent, UINT32_MAX, false, err);
    }
    return result;
}
