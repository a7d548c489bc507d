/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head of a list says for each chunk where it is and how many messages lie before it, so both a UID and a sequence
 * number are found by two searches. Chunks are of no fixed size: they grow to CHUNK_MAX, are cut in halves when
 * something has to go between, and joined with the next when they become small.
 */
#include "mailbox/view_list.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

enum { CHUNK_MAX = 64, CHUNK_MIN = 4, CHUNK_SMALL = 16 };

struct chunk {
    atomic_uint refs;
    uint16_t count;
    uint16_t capacity;
    struct ph_view_message list[];
};

struct place {
    struct chunk *chunk;
    uint32_t before;    /* messages */
    uint32_t first_uid; /* of the chunk, which is never empty */
};

struct ph_view_list {
    atomic_uint refs;
    uint32_t count;
    uint32_t chunk_count;
    uint32_t capacity;
    struct place *places;
};

/* ---- Chunks ---- */

static struct chunk *chunk_new(unsigned capacity)
{
    struct chunk *chunk = ph_alloc(sizeof *chunk + capacity * sizeof chunk->list[0]);
    atomic_init(&chunk->refs, 1);
    chunk->count = 0;
    chunk->capacity = (uint16_t)capacity;
    return chunk;
}

static void chunk_unref(struct chunk *chunk)
{
    if (atomic_fetch_sub_explicit(&chunk->refs, 1, memory_order_acq_rel) == 1) {
        free(chunk);
    }
}

static unsigned capacity_for(unsigned count)
{
    unsigned capacity = CHUNK_MIN;
    while (capacity < count) {
        capacity *= 2;
    }
    return capacity;
}

/* The chunk of PLACE, nobody else's, with room for COUNT messages. */
static struct chunk *chunk_own(struct place *place, unsigned count)
{
    struct chunk *chunk = place->chunk;
    bool is_own = atomic_load_explicit(&chunk->refs, memory_order_acquire) == 1;
    if (is_own && chunk->capacity >= count) {
        return chunk;
    }
    struct chunk *copy = chunk_new(capacity_for(count > chunk->count ? count : chunk->count));
    copy->count = chunk->count;
    memcpy(copy->list, chunk->list, chunk->count * sizeof chunk->list[0]);
    chunk_unref(chunk);
    place->chunk = copy;
    return copy;
}

/* The first of CHUNK whose UID is at least UID. */
static unsigned search_chunk(const struct chunk *chunk, uint32_t uid)
{
    unsigned low = 0;
    unsigned high = chunk->count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (chunk->list[middle].uid < uid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- Life ---- */

struct ph_view_list *ph_view_list_new(void)
{
    struct ph_view_list *list = ph_zalloc(sizeof *list);
    atomic_init(&list->refs, 1);
    return list;
}

struct ph_view_list *ph_view_list_ref(struct ph_view_list *list)
{
    atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
    return list;
}

void ph_view_list_unref(struct ph_view_list **list)
{
    struct ph_view_list *one = *list;
    *list = NULL;
    if (one == NULL || atomic_fetch_sub_explicit(&one->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (uint32_t i = 0; i < one->chunk_count; i++) {
        chunk_unref(one->places[i].chunk);
    }
    free(one->places);
    free(one);
}

static struct ph_view_list *own(struct ph_view_list **list)
{
    struct ph_view_list *shared = *list;
    if (atomic_load_explicit(&shared->refs, memory_order_acquire) == 1) {
        return shared;
    }
    struct ph_view_list *copy = ph_view_list_new();
    copy->count = shared->count;
    copy->chunk_count = shared->chunk_count;
    copy->capacity = shared->chunk_count + 1;
    copy->places = ph_alloc(copy->capacity * sizeof copy->places[0]);
    for (uint32_t i = 0; i < shared->chunk_count; i++) {
        copy->places[i] = shared->places[i];
        atomic_fetch_add_explicit(&copy->places[i].chunk->refs, 1, memory_order_relaxed);
    }
    ph_view_list_unref(list);
    *list = copy;
    return copy;
}

/* ---- Finding ---- */

uint32_t ph_view_list_count(const struct ph_view_list *list)
{
    return list->count;
}

/* The last chunk that does not begin behind UID; 0 where all do. */
static uint32_t chunk_of_uid(const struct ph_view_list *list, uint32_t uid)
{
    uint32_t low = 0;
    uint32_t high = list->chunk_count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->places[middle].first_uid <= uid) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct ph_view_message *ph_view_list_at(const struct ph_view_list *list, uint32_t index)
{
    assert(index < list->count);
    uint32_t low = 0;
    uint32_t high = list->chunk_count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (list->places[middle].before <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &list->places[low].chunk->list[index - list->places[low].before];
}

uint32_t ph_view_list_find(const struct ph_view_list *list, uint32_t uid)
{
    if (list->chunk_count == 0) {
        return 0;
    }
    const struct place *place = &list->places[chunk_of_uid(list, uid)];
    return place->before + search_chunk(place->chunk, uid);
}

const struct ph_view_message *ph_view_list_get(const struct ph_view_list *list, uint32_t uid)
{
    if (list->chunk_count == 0) {
        return NULL;
    }
    const struct chunk *chunk = list->places[chunk_of_uid(list, uid)].chunk;
    unsigned at = search_chunk(chunk, uid);
    return at < chunk->count && chunk->list[at].uid == uid ? &chunk->list[at] : NULL;
}

/* ---- Changing ---- */

/* Of the chunks from FROM on: what the head says of them. */
static void count_from(struct ph_view_list *list, uint32_t from)
{
    uint32_t before = from == 0 ? 0 : list->places[from - 1].before + list->places[from - 1].chunk->count;
    for (uint32_t i = from; i < list->chunk_count; i++) {
        list->places[i].before = before;
        list->places[i].first_uid = list->places[i].chunk->list[0].uid;
        before += list->places[i].chunk->count;
    }
    list->count = before;
}

static void insert_chunk(struct ph_view_list *list, uint32_t at, struct chunk *chunk)
{
    if (list->chunk_count == list->capacity) {
        list->capacity = list->capacity == 0 ? 1 : list->capacity * 2;
        list->places = ph_realloc(list->places, list->capacity * sizeof list->places[0]);
    }
    memmove(list->places + at + 1, list->places + at, (list->chunk_count - at) * sizeof list->places[0]);
    list->places[at].chunk = chunk;
    list->chunk_count++;
}

/* The upper half goes into a chunk of its own, or nothing of it where UID comes behind all: then the new one is for
 * what comes. */
static void cut(struct ph_view_list *list, uint32_t at, uint32_t uid)
{
    struct chunk *chunk = list->places[at].chunk;
    if (uid > chunk->list[chunk->count - 1].uid) {
        insert_chunk(list, at + 1, chunk_new(CHUNK_MIN));
        return;
    }
    unsigned kept = chunk->count / 2U;
    struct chunk *upper = chunk_new(CHUNK_MAX);
    chunk = chunk_own(&list->places[at], 0);
    upper->count = (uint16_t)(chunk->count - kept);
    memcpy(upper->list, chunk->list + kept, upper->count * sizeof upper->list[0]);
    chunk->count = (uint16_t)kept;
    insert_chunk(list, at + 1, upper);
}

void ph_view_list_put(struct ph_view_list **shared, const struct ph_view_message *message)
{
    struct ph_view_list *list = own(shared);
    if (list->chunk_count == 0) {
        insert_chunk(list, 0, chunk_new(CHUNK_MIN));
    }
    uint32_t at = chunk_of_uid(list, message->uid);
    const struct chunk *found = list->places[at].chunk;
    unsigned where = search_chunk(found, message->uid);
    if (where < found->count && found->list[where].uid == message->uid) {
        chunk_own(&list->places[at], 0)->list[where] = *message;
        return;
    }
    uint32_t changed = at;
    if (found->count == CHUNK_MAX) {
        cut(list, at, message->uid);
        if (where >= list->places[at].chunk->count) {
            where -= list->places[at].chunk->count;
            at++;
        }
    }
    struct chunk *chunk = chunk_own(&list->places[at], list->places[at].chunk->count + 1U);
    memmove(chunk->list + where + 1, chunk->list + where, (chunk->count - where) * sizeof chunk->list[0]);
    chunk->list[where] = *message;
    chunk->count++;
    count_from(list, changed);
}

/* Takes those of UIDS from *NEXT on that CHUNK may have out of it. */
static void remove_from_chunk(struct place *place, const uint32_t *uids, size_t count, size_t *next)
{
    const struct chunk *seen = place->chunk;
    uint32_t last_uid = seen->list[seen->count - 1].uid;
    struct chunk *own_chunk = NULL;
    unsigned kept = 0;
    for (unsigned i = 0; i < place->chunk->count; i++) {
        const struct ph_view_message *message = &place->chunk->list[i];
        while (*next < count && uids[*next] < message->uid) {
            (*next)++;
        }
        if (*next < count && uids[*next] == message->uid) {
            own_chunk = chunk_own(place, 0);
        } else {
            if (own_chunk != NULL) {
                own_chunk->list[kept] = own_chunk->list[i];
            }
            kept++;
        }
    }
    while (*next < count && uids[*next] <= last_uid) {
        (*next)++;
    }
    if (own_chunk != NULL) {
        own_chunk->count = (uint16_t)kept;
    }
}

/* PLACE goes behind LAST, in its chunk if both are small. */
static bool join(struct place *last, struct place *place)
{
    unsigned sum = last->chunk->count + place->chunk->count;
    if (sum > CHUNK_SMALL) {
        return false;
    }
    struct chunk *chunk = chunk_own(last, sum);
    memcpy(chunk->list + chunk->count, place->chunk->list, place->chunk->count * sizeof chunk->list[0]);
    chunk->count = (uint16_t)sum;
    chunk_unref(place->chunk);
    return true;
}

void ph_view_list_remove(struct ph_view_list **shared, const uint32_t *uids, size_t count)
{
    if (count == 0 || (*shared)->chunk_count == 0) {
        return;
    }
    struct ph_view_list *list = own(shared);
    uint32_t from = chunk_of_uid(list, uids[0]);
    uint32_t kept = from;
    size_t next = 0;
    for (uint32_t i = from; i < list->chunk_count; i++) {
        struct place place = list->places[i];
        if (next < count) {
            remove_from_chunk(&place, uids, count, &next);
        }
        if (place.chunk->count == 0) {
            chunk_unref(place.chunk);
        } else if (kept == 0 || !join(&list->places[kept - 1], &place)) {
            list->places[kept++] = place;
        }
    }
    list->chunk_count = kept;
    count_from(list, from > 0 ? from - 1 : 0);
}

/* ---- Going through ---- */

struct ph_view_cursor ph_view_list_first(const struct ph_view_list *list)
{
    return (struct ph_view_cursor){list, 0, 0};
}

const struct ph_view_message *ph_view_cursor_get(const struct ph_view_cursor *cursor)
{
    return cursor->chunk < cursor->list->chunk_count
               ? &cursor->list->places[cursor->chunk].chunk->list[cursor->at]
               : NULL;
}

void ph_view_cursor_next(struct ph_view_cursor *cursor)
{
    if (++cursor->at == cursor->list->places[cursor->chunk].chunk->count) {
        cursor->chunk++;
        cursor->at = 0;
    }
}

void ph_view_diff_begin(struct ph_view_diff *diff, const struct ph_view_list *before,
                        const struct ph_view_list *now)
{
    *diff = (struct ph_view_diff){ph_view_list_first(before), ph_view_list_first(now), 0};
}

/* Passes over what both lists share. */
static void skip_shared(struct ph_view_diff *diff)
{
    struct ph_view_cursor *before = &diff->before;
    struct ph_view_cursor *now = &diff->now;
    while (before->at == 0 && now->at == 0 && before->chunk < before->list->chunk_count &&
           now->chunk < now->list->chunk_count &&
           before->list->places[before->chunk].chunk == now->list->places[now->chunk].chunk) {
        diff->index += before->list->places[before->chunk].chunk->count;
        before->chunk++;
        now->chunk++;
    }
}

static bool is_same(const struct ph_view_message *a, const struct ph_view_message *b)
{
    return a->modseq == b->modseq && a->flags == b->flags && a->keywords == b->keywords;
}

bool ph_view_diff_next(struct ph_view_diff *diff, struct ph_view_difference *out_difference)
{
    for (;;) {
        skip_shared(diff);
        const struct ph_view_message *before = ph_view_cursor_get(&diff->before);
        const struct ph_view_message *now = ph_view_cursor_get(&diff->now);
        if (before == NULL && now == NULL) {
            return false;
        }
        bool has_before = before != NULL && (now == NULL || before->uid <= now->uid);
        bool has_now = now != NULL && (before == NULL || now->uid <= before->uid);
        *out_difference =
            (struct ph_view_difference){has_before ? before : NULL, has_now ? now : NULL, diff->index};
        if (has_before) {
            ph_view_cursor_next(&diff->before);
            diff->index++;
        }
        if (has_now) {
            ph_view_cursor_next(&diff->now);
        }
        if (!has_before || !has_now || !is_same(before, now)) {
            return true;
        }
    }
}
