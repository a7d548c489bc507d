/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting content: a blob of one chunk into the plan that refers to it, a larger one in flights of some chunks, each
 * a plan of its own that is waited for.
 *
 * Where the plan, or a later flight, surely fails, what was written is removed behind it.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "blob/cassandra_store-private.h"
#include "blob/chunk.h"

enum { FLIGHT_CHUNKS = 8 };

/* One blob on its way. */
struct putting {
    struct ph_cassandra_store *store;
    const struct ph_blob_item *item;
    struct ph_uuid id;
    struct ph_workspace *workspace;
    uint8_t *raw; /* a chunk each */
    uint8_t *stored;
    uint64_t size;
    uint32_t chunks;
};

static int add_chunk(struct putting *p, uint32_t index, struct ph_plan *plan, struct ph_error *err)
{
    uint64_t at = (uint64_t)index * PH_CONTENT_CHUNK_BYTES;
    uint64_t left = p->size - at;
    size_t len = left < PH_CONTENT_CHUNK_BYTES ? (size_t)left : PH_CONTENT_CHUNK_BYTES;
    struct ph_bytes raw = ph_bytes_of(p->raw, 0);
    if (len > 0) {
        int result = ph_blob_content_view(&p->item->content, at, len, p->raw, &raw, err);
        if (result != PH_OK) {
            return result;
        }
    }
    if (p->store->options.is_shared) {
        char id[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(&p->id, id);
        ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_CONTENT_INSERT, ph_text_str(id), ph_i64(index), ph_null(),
                    ph_blob(raw), ph_null());
        return PH_OK;
    }
    struct ph_bytes stored =
        ph_chunk_encode(p->store->codec, p->workspace, (uint8_t)p->item->kind, raw, p->stored);
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_CONTENT_INSERT, ph_uuid_value(&p->id), ph_i64(index),
                index == 0 ? ph_i64((int64_t)p->size) : ph_null(), ph_blob(stored),
                ph_i64((int64_t)ph_uuid_unix_us(&p->id)));
    return PH_OK;
}

/* What James wants to know of a blob. */
static void add_count(const struct putting *p, struct ph_plan *plan)
{
    char id[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&p->id, id);
    ph_plan_add(plan, PH_STAGE_CONTENT, PH_STMT_CONTENT_COUNT_INSERT, ph_text_str(id), ph_i64(p->chunks));
}

static int put_large(struct putting *p, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    int result = PH_OK;
    for (uint32_t index = 0; index < p->chunks && result == PH_OK;) {
        struct ph_plan flight;
        ph_arena_reset(&arena);
        ph_plan_init(&flight, &arena);
        for (unsigned i = 0; i < FLIGHT_CHUNKS && index < p->chunks && result == PH_OK; i++) {
            result = add_chunk(p, index++, &flight, err);
        }
        if (result == PH_OK) {
            result = ph_db_apply(p->store->db, &flight, err);
        }
    }
    ph_arena_fini(&arena);
    /* Nothing refers to it yet, so what is not known to be there is not there. */
    return result == PH_EUNKNOWN_OUTCOME ? ph_fail(err, PH_EUNAVAILABLE, "%s", err->text) : result;
}

static int put_item(struct putting *p, struct ph_plan *plan, struct ph_error *err)
{
    p->size = ph_blob_content_bytes(&p->item->content);
    uint64_t chunks = (p->size + PH_CONTENT_CHUNK_BYTES - 1) / PH_CONTENT_CHUNK_BYTES;
    if (chunks > INT32_MAX) {
        return ph_fail(err, PH_ELIMIT, "content of %llu octets", (unsigned long long)p->size);
    }
    p->chunks = (uint32_t)chunks;
    bool is_shared = p->store->options.is_shared;
    int result = PH_OK;
    if (chunks > 1) {
        result = put_large(p, err);
    } else if (chunks == 1 || !is_shared) {
        result = add_chunk(p, 0, plan, err);
    }
    if (result == PH_OK && is_shared) {
        add_count(p, plan);
    }
    return result;
}

int ph_cassandra_put(struct ph_blob_store *base, struct ph_plan *plan, struct ph_blob_item *items,
                     unsigned count, struct ph_error *err)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    uint64_t longest = 1;
    for (unsigned i = 0; i < count; i++) {
        uint64_t size = ph_blob_content_bytes(&items[i].content);
        longest = size > longest ? size : longest;
    }
    size_t space = longest < PH_CONTENT_CHUNK_BYTES ? (size_t)longest : PH_CONTENT_CHUNK_BYTES;
    struct putting p = {
        .store = store,
        .workspace = ph_codec_take(store->codec, NULL, 0),
        .raw = ph_alloc(space),
        .stored = ph_alloc(space),
    };
    struct ph_leftover leftover = {.is_discarded = true};
    int result = PH_OK;
    for (unsigned i = 0; i < count && result == PH_OK; i++) {
        if (items[i].references > UINT16_MAX) {
            result = ph_fail(err, PH_ELIMIT, "content that %u messages share", items[i].references);
            break;
        }
        p.item = &items[i];
        p.id = ph_uuid_gen_next(store->options.ids);
        items[i].id = ph_blob_id_shared(&p.id, (uint16_t)items[i].references);
        leftover.blobs[leftover.count++] = ph_blob_id_of(&p.id);
        result = put_item(&p, plan, err);
    }
    free(p.raw);
    free(p.stored);
    ph_codec_give(store->codec, p.workspace);
    if (result == PH_OK) {
        ph_leftovers_unless(store->leftovers, plan, &leftover);
    } else {
        ph_leftovers_now(store->leftovers, &leftover);
    }
    return result;
}
