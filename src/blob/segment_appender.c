/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the verified mark holds: a sync covers what was written before it began. When it begins, the mark of each
 * segment is set to be where the first reservation stands that is not written yet; those are kept in a list in the
 * order of reserving, which is the order of places over all segments. A segment behind that place keeps its mark.
 * Only when the sync has succeeded do the marks count, and the next transaction that syncs records them.
 *
 * A commit may fail behind a good sync; the marks are true all the same, and are absolute numbers that the next
 * transaction writes again.
 */
#include "blob/segment_appender.h"

#include <assert.h>
#include <pthread.h>

#include "base/mem.h"
#include "blob/record.h"

/* Segments, oldest first: full ones that are not sealed, the active one, and perhaps the next. */
struct ph_open_segment {
    struct ph_segment_file *file;
    uint64_t end;
    uint64_t synced; /* the verified mark */
    uint64_t marked; /* what its row says of that, at least */
    uint64_t target; /* what synced becomes if the sync that runs succeeds */
    bool is_dirty;   /* written to since the last sync began */
    bool is_syncing;
    struct ph_open_segment *next;
};

struct ph_appender {
    struct ph_appender_options options;
    pthread_mutex_t caring; /* one at a time takes care; held over what blocks */
    pthread_mutex_t lock;
    struct ph_open_segment *segments;
    struct ph_open_segment *active;
    uint32_t next_number;
    bool is_making; /* somebody makes a segment */
    pthread_cond_t made;
    struct ph_reservation *first; /* not written yet, in the order of places */
    struct ph_reservation *last;
    bool is_broken;

    /* The thread that syncs. */
    pthread_t thread;
    bool has_thread;
    bool is_stopping;
    bool is_sync_wanted;
    bool is_sync_done;
    int sync_result;
    struct ph_error sync_error;
    pthread_cond_t sync_wanted;
    pthread_cond_t sync_done;
};

/* ---- Segments ---- */

static void append_segment(struct ph_appender *a, struct ph_segment_file *file, uint64_t end)
{
    struct ph_open_segment *segment = ph_zalloc(sizeof *segment);
    segment->file = file;
    segment->end = end;
    segment->synced = end;
    segment->marked = end;
    segment->target = end;
    struct ph_open_segment **at = &a->segments;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = segment;
    if (a->active == NULL) {
        a->active = segment;
    }
}

int ph_appender_adopt(struct ph_appender *appender, uint32_t number, uint64_t end, struct ph_error *err)
{
    struct ph_segment_file *file = NULL;
    int result = ph_segment_hold(appender->options.files, number, &file, err);
    if (result == PH_OK) {
        append_segment(appender, file, end);
    }
    return result;
}

uint32_t ph_appender_next_number(struct ph_appender *appender)
{
    pthread_mutex_lock(&appender->lock);
    uint32_t number = appender->next_number++;
    pthread_mutex_unlock(&appender->lock);
    return number;
}

int ph_appender_make_segment(struct ph_appender *a, enum ph_segment_state state, uint32_t *out_number,
                             struct ph_error *err)
{
    uint32_t number = ph_appender_next_number(a);
    int result = ph_segment_create(a->options.files, number, ph_real_us(a->options.clock), err);
    if (result != PH_OK) {
        return result;
    }
    result = ph_segment_apply_one(a->options.db, err, PH_STMT_SEGMENT_INSERT, ph_i64(number), ph_i64(state),
                                  ph_i64(PH_SEGMENT_HEADER_BYTES));
    if (result != PH_OK && result != PH_EUNKNOWN_OUTCOME) {
        struct ph_error ignored;
        (void)!ph_segment_remove(a->options.files, number, &ignored);
    }
    *out_number = number;
    return result;
}

/* With the lock, which is released meanwhile. */
static int make_next(struct ph_appender *a, struct ph_error *err)
{
    a->is_making = true;
    pthread_mutex_unlock(&a->lock);
    uint32_t number = 0;
    struct ph_segment_file *file = NULL;
    int result = ph_appender_make_segment(a, PH_SEGMENT_ACTIVE, &number, err);
    if (result == PH_OK) {
        result = ph_segment_hold(a->options.files, number, &file, err);
    }
    pthread_mutex_lock(&a->lock);
    if (result == PH_OK) {
        append_segment(a, file, PH_SEGMENT_HEADER_BYTES);
    }
    a->is_making = false;
    pthread_cond_broadcast(&a->made);
    return result;
}

/* ---- Places ---- */

static bool fits(const struct ph_appender *a, const struct ph_open_segment *segment, uint64_t length)
{
    return segment->end == PH_SEGMENT_HEADER_BYTES || segment->end + length <= a->options.segment_bytes;
}

/* With the lock: makes active a segment that has room. */
static int find_room(struct ph_appender *a, uint64_t length, struct ph_error *err)
{
    while (!a->is_broken && (a->active == NULL || !fits(a, a->active, length))) {
        if (a->active != NULL && a->active->next != NULL) {
            a->active = a->active->next;
            a->options.wants_care(a->options.ctx);
        } else if (a->is_making) {
            pthread_cond_wait(&a->made, &a->lock);
        } else {
            int result = make_next(a, err);
            if (result != PH_OK) {
                return result;
            }
        }
    }
    return a->is_broken ? ph_fail(err, PH_EUNAVAILABLE, "a sync of content failed: %s", a->sync_error.text)
                        : PH_OK;
}

int ph_appender_reserve(struct ph_appender *a, uint64_t length, struct ph_uuid *out_ids, unsigned count,
                        struct ph_reservation *out_reservation, struct ph_error *err)
{
    assert(length % PH_RECORD_ALIGN == 0);
    struct ph_reservation *r = out_reservation;
    pthread_mutex_lock(&a->lock);
    int result = find_room(a, length, err);
    if (result == PH_OK) {
        uint64_t care_at = a->options.segment_bytes / 4 * 3;
        bool is_filling = a->active->end < care_at && a->active->end + length >= care_at;
        *r = (struct ph_reservation){
            .file = a->active->file,
            .offset = a->active->end,
            .length = length,
            .segment = a->active,
            .previous = a->last,
        };
        *(a->last == NULL ? &a->first : &a->last->next) = r;
        a->last = r;
        a->active->end += length;
        for (unsigned i = 0; i < count; i++) {
            out_ids[i] = ph_uuid_gen_next(a->options.ids);
        }
        if (is_filling) {
            a->options.wants_care(a->options.ctx);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return result;
}

void ph_appender_complete(struct ph_appender *a, struct ph_reservation *r, bool is_written)
{
    pthread_mutex_lock(&a->lock);
    *(r->previous == NULL ? &a->first : &r->previous->next) = r->next;
    *(r->next == NULL ? &a->last : &r->next->previous) = r->previous;
    r->segment->is_dirty = true;
    if (!is_written && r->segment->end == r->offset + r->length) {
        r->segment->end = r->offset;
    }
    pthread_mutex_unlock(&a->lock);
}

/* ---- Beside the commit ---- */

/* With the lock: where the mark of each segment may go once all that is written now is on disk. */
static bool set_targets(struct ph_appender *a)
{
    bool is_any_dirty = false;
    bool is_behind_hole = false;
    for (struct ph_open_segment *segment = a->segments; segment != NULL; segment = segment->next) {
        bool has_hole = !is_behind_hole && a->first != NULL && a->first->segment == segment;
        segment->target = is_behind_hole ? segment->synced : has_hole ? a->first->offset : segment->end;
        is_behind_hole = is_behind_hole || has_hole;
        segment->is_syncing = segment->is_dirty;
        is_any_dirty = is_any_dirty || segment->is_dirty;
        segment->is_dirty = false;
    }
    return is_any_dirty;
}

static int begin(void *ctx, struct ph_plan *plan)
{
    struct ph_appender *a = ctx;
    pthread_mutex_lock(&a->lock);
    int result = a->is_broken ? PH_EUNAVAILABLE : PH_OK;
    if (result == PH_OK) {
        for (struct ph_open_segment *segment = a->segments; segment != NULL; segment = segment->next) {
            if (segment->is_dirty) {
                ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_SEGMENT_MARK, ph_i64(segment->file->number),
                            ph_i64((int64_t)segment->end), ph_i64((int64_t)segment->synced));
            }
        }
        a->is_sync_wanted = set_targets(a);
        a->is_sync_done = !a->is_sync_wanted;
        a->sync_result = PH_OK;
        if (a->is_sync_wanted) {
            pthread_cond_signal(&a->sync_wanted);
        }
    }
    pthread_mutex_unlock(&a->lock);
    return result;
}

static void log_broken(struct ph_appender *a)
{
    struct ph_log_line line;
    ph_log_begin(&line, a->options.log, PH_LOG_ERROR, "content-sync-failed");
    ph_log_error(&line, &a->sync_error);
    ph_log_str(&line, "consequence", "nothing is written until the store is opened again");
    ph_log_end(&line);
}

static int finish(void *ctx, struct ph_error *err)
{
    struct ph_appender *a = ctx;
    pthread_mutex_lock(&a->lock);
    while (!a->is_sync_done) {
        pthread_cond_wait(&a->sync_done, &a->lock);
    }
    int result = a->sync_result;
    bool is_new_break = result != PH_OK && !a->is_broken;
    bool is_full = false;
    if (result == PH_OK) {
        for (struct ph_open_segment *segment = a->segments; segment != NULL; segment = segment->next) {
            segment->synced = segment->target;
        }
        is_full = a->segments != NULL && a->segments != a->active;
    } else {
        a->is_broken = true;
        *err = a->sync_error;
        pthread_cond_broadcast(&a->made);
    }
    pthread_mutex_unlock(&a->lock);
    if (is_new_break) {
        log_broken(a);
    }
    if (is_full) {
        a->options.wants_care(a->options.ctx);
    }
    return result;
}

struct ph_db_companion ph_appender_companion(struct ph_appender *appender)
{
    return (struct ph_db_companion){appender, begin, finish};
}

/* Without the lock: segments are only added behind, and those that are to be synced stay. */
static int sync_all(struct ph_appender *a, struct ph_open_segment *segments, struct ph_error *err)
{
    int result = PH_OK;
    for (struct ph_open_segment *segment = segments; segment != NULL && result == PH_OK;) {
        if (segment->is_syncing) {
            result = ph_segment_sync(a->options.files, segment->file, err);
        }
        pthread_mutex_lock(&a->lock);
        segment = segment->next;
        pthread_mutex_unlock(&a->lock);
    }
    return result;
}

static void *thread_main(void *arg)
{
    struct ph_appender *a = arg;
    pthread_mutex_lock(&a->lock);
    while (!a->is_stopping) {
        if (!a->is_sync_wanted) {
            pthread_cond_wait(&a->sync_wanted, &a->lock);
            continue;
        }
        a->is_sync_wanted = false;
        struct ph_open_segment *segments = a->segments;
        pthread_mutex_unlock(&a->lock);
        struct ph_error err = {0};
        int result = sync_all(a, segments, &err);
        pthread_mutex_lock(&a->lock);
        a->sync_result = result;
        a->sync_error = err;
        a->is_sync_done = true;
        pthread_cond_broadcast(&a->sync_done);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

/* ---- Care ---- */

/* The oldest segment, if it is full and on disk. */
static bool find_full(struct ph_appender *a, uint32_t *out_number, uint64_t *out_end)
{
    pthread_mutex_lock(&a->lock);
    const struct ph_open_segment *oldest = a->segments;
    bool is_full = oldest != NULL && oldest != a->active && !oldest->is_dirty &&
                   oldest->synced == oldest->end && a->is_sync_done && !a->is_broken;
    if (is_full) {
        *out_number = oldest->file->number;
        *out_end = oldest->end;
    }
    pthread_mutex_unlock(&a->lock);
    return is_full;
}

static void drop_oldest(struct ph_appender *a)
{
    pthread_mutex_lock(&a->lock);
    /* A sync that runs may stand on it. */
    while (!a->is_sync_done) {
        pthread_cond_wait(&a->sync_done, &a->lock);
    }
    struct ph_open_segment *oldest = a->segments;
    a->segments = oldest->next;
    pthread_mutex_unlock(&a->lock);
    ph_segment_release(a->options.files, &oldest->file);
    free(oldest);
}

static int prepare_next(struct ph_appender *a, struct ph_error *err)
{
    int result = PH_OK;
    pthread_mutex_lock(&a->lock);
    if (!a->is_broken && !a->is_making && a->active != NULL && a->active->next == NULL &&
        a->active->end >= a->options.segment_bytes / 4 * 3) {
        result = make_next(a, err);
    }
    pthread_mutex_unlock(&a->lock);
    return result;
}

int ph_appender_care(struct ph_appender *appender, struct ph_error *err)
{
    pthread_mutex_lock(&appender->caring);
    int result = prepare_next(appender, err);
    uint32_t number = 0;
    uint64_t end = 0;
    while (result == PH_OK && find_full(appender, &number, &end)) {
        result = ph_segment_apply_one(appender->options.db, err, PH_STMT_SEGMENT_SEAL, ph_i64(number),
                                      ph_i64((int64_t)end));
        if (result == PH_OK) {
            drop_oldest(appender);
        }
    }
    pthread_mutex_unlock(&appender->caring);
    return result;
}

int ph_appender_mark(struct ph_appender *a, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    bool has_any = false;
    pthread_mutex_lock(&a->lock);
    for (struct ph_open_segment *segment = a->segments; segment != NULL && !a->is_broken;
         segment = segment->next) {
        if (segment->synced > segment->marked) {
            has_any = true;
            ph_plan_add(&plan, PH_STAGE_CONTENT, PH_STMT_SEGMENT_MARK, ph_i64(segment->file->number),
                        ph_i64((int64_t)segment->end), ph_i64((int64_t)segment->synced));
        }
    }
    pthread_mutex_unlock(&a->lock);
    int result = has_any ? ph_db_apply(a->options.db, &plan, err) : PH_OK;
    ph_arena_fini(&arena);
    return result;
}

/* ---- Life ---- */

int ph_appender_new(const struct ph_appender_options *options, struct ph_appender **out_appender,
                    struct ph_error *err)
{
    struct ph_appender *a = ph_zalloc(sizeof *a);
    a->options = *options;
    a->next_number = options->next_number;
    a->is_sync_done = true;
    pthread_mutex_init(&a->caring, NULL);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->made, NULL);
    pthread_cond_init(&a->sync_wanted, NULL);
    pthread_cond_init(&a->sync_done, NULL);
    int errnum = pthread_create(&a->thread, NULL, thread_main, a);
    a->has_thread = errnum == 0;
    if (errnum != 0) {
        ph_appender_free(&a);
        return ph_fail_errno(err, PH_EUNAVAILABLE, errnum, "a thread for syncing content");
    }
    pthread_setname_np(a->thread, "content-sync");
    *out_appender = a;
    return PH_OK;
}

void ph_appender_free(struct ph_appender **appender)
{
    if (*appender == NULL) {
        return;
    }
    struct ph_appender *a = *appender;
    if (a->has_thread) {
        pthread_mutex_lock(&a->lock);
        a->is_stopping = true;
        pthread_cond_signal(&a->sync_wanted);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    while (a->segments != NULL) {
        struct ph_open_segment *segment = a->segments;
        a->segments = segment->next;
        ph_segment_release(a->options.files, &segment->file);
        free(segment);
    }
    pthread_cond_destroy(&a->made);
    pthread_cond_destroy(&a->sync_wanted);
    pthread_cond_destroy(&a->sync_done);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->caring);
    free(a);
    *appender = NULL;
}

uint32_t ph_appender_active(struct ph_appender *appender)
{
    pthread_mutex_lock(&appender->lock);
    uint32_t number = appender->active == NULL ? 0 : appender->active->file->number;
    pthread_mutex_unlock(&appender->lock);
    return number;
}

bool ph_appender_is_broken(struct ph_appender *appender)
{
    pthread_mutex_lock(&appender->lock);
    bool is_broken = appender->is_broken;
    pthread_mutex_unlock(&appender->lock);
    return is_broken;
}
