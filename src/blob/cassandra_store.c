/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal: what no other message can share goes in the plan that removes the message, if the message is in no other
 * mailbox. A shared blob needs a look behind a write, so it goes behind the plan: the message gives it up (a row of
 * contentrefs), and who then finds as many such rows as messages share it removes it.
 */
#include "blob/cassandra_store.h"

#include <stdlib.h>

#include "base/mem.h"
#include "blob/cassandra_store-private.h"
#include "blob/sharing.h"

/* A time that is behind the making of ID, for a removal, also where this clock is behind the one that made it. */
static int64_t behind(const struct ph_cassandra_store *store, const struct ph_uuid *id)
{
    uint64_t made = ph_uuid_unix_us(id);
    uint64_t now = ph_real_us(store->options.clock);
    return (int64_t)(now > made ? now : made + 1);
}

static struct ph_value name_of(const struct ph_cassandra_store *store, const struct ph_blob_id *id,
                               char space[PH_UUID_TEXT_LEN + 1])
{
    if (!store->options.is_shared) {
        return ph_uuid_value(&id->uuid);
    }
    ph_uuid_format(&id->uuid, space);
    return ph_text_str(space);
}

/* Whether it is for this store to remove, with the plan. */
static bool is_removable(const struct ph_blob_id *id)
{
    return id != NULL && id->has_uuid && id->copies <= 1;
}

static void remove_blobs(struct ph_blob_store *base, struct ph_plan *plan, const struct ph_uuid *message,
                         const struct ph_blob_id *header, const struct ph_blob_id *body)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    char names[2][PH_UUID_TEXT_LEN + 1];
    if (is_removable(header) && is_removable(body)) {
        const struct ph_uuid *later =
            ph_uuid_compare(&header->uuid, &body->uuid) > 0 ? &header->uuid : &body->uuid;
        ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_CONTENT_DELETE_BOTH_UNREFERENCED,
                    ph_uuid_value(message), name_of(store, header, names[0]), ph_i64(behind(store, later)),
                    name_of(store, body, names[1]));
        return;
    }
    const struct ph_blob_id *const blobs[] = {header, body};
    for (unsigned i = 0; i < 2; i++) {
        if (is_removable(blobs[i])) {
            ph_plan_add(plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_CONTENT_DELETE_UNREFERENCED,
                        ph_uuid_value(message), name_of(store, blobs[i], names[i]),
                        ph_i64(behind(store, &blobs[i]->uuid)));
        } else if (blobs[i] != NULL && blobs[i]->copies > 1 && !store->options.is_shared) {
            const struct ph_leftover leftover = {.message = *message, .count = 1, .blobs = {*blobs[i]}};
            ph_leftovers_after(store->leftovers, plan, &leftover);
        }
    }
}

static int delete_blob(struct ph_cassandra_store *store, const struct ph_blob_id *id, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    char name[PH_UUID_TEXT_LEN + 1];
    ph_arena_init(&arena, 512);
    ph_plan_init(&plan, &arena);
    ph_plan_add(&plan, PH_STAGE_REMOVE_CONTENT, PH_STMT_CONTENT_DELETE, name_of(store, id, name),
                ph_i64(behind(store, &id->uuid)));
    int result = ph_db_apply(store->db, &plan, err);
    ph_arena_fini(&arena);
    return result;
}

static int clear(void *ctx, const struct ph_leftover *leftover, struct ph_error *err)
{
    struct ph_cassandra_store *store = ctx;
    int result = PH_OK;
    for (unsigned i = 0; i < leftover->count && result == PH_OK; i++) {
        const struct ph_blob_id *id = &leftover->blobs[i];
        bool is_free = leftover->is_discarded;
        if (!is_free) {
            result = ph_sharing_give_up(store->db, id, &leftover->message, &is_free, err);
        }
        if (result == PH_OK && is_free) {
            result = delete_blob(store, id, err);
        }
        if (result == PH_OK && is_free && !leftover->is_discarded) {
            result = ph_sharing_forget(store->db, id, err);
        }
    }
    return result;
}

/* ---- All of it ---- */

static int discard(struct ph_blob_store *base, const struct ph_uuid *id, struct ph_error *err)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    const struct ph_blob_id blob = ph_blob_id_of(id);
    int result = delete_blob(store, &blob, err);
    return result == PH_OK ? ph_sharing_discard(store->db, id, err) : result;
}

static int walk(struct ph_blob_store *base, struct ph_bytes after, ph_blob_each *each, void *ctx,
                struct ph_error *err)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    int result = PH_OK;
    if (!ph_sharing_is_position(after)) {
        result = ph_sharing_walk(store->db, PH_STMT_CONTENT_WALK, 'c', after, each, ctx, err);
        after = ph_bytes_of(NULL, 0);
    }
    return result == PH_OK ? ph_sharing_walk_releases(store->db, after, each, ctx, err) : result;
}

static const struct ph_blob_functions functions = {
    .put = ph_cassandra_put,
    .open = ph_cassandra_open_blob,
    .open_all = ph_cassandra_open_all,
    .read = ph_cassandra_read_blob,
    .remove = remove_blobs,
    .walk = walk,
    .discard = discard,
};

int ph_cassandra_store_open(const struct ph_cassandra_store_options *options, struct ph_db *db,
                            struct ph_blob_store **out_store, struct ph_error *err)
{
    struct ph_cassandra_store *store = ph_zalloc(sizeof *store);
    store->base = (struct ph_blob_store){.functions = &functions, .shares = !options->is_shared};
    store->options = *options;
    store->db = db;
    const struct ph_codec_options codec = {
        .compress_headers = options->compress_headers && !options->is_shared,
        .compress_bodies = options->compress_bodies && !options->is_shared,
    };
    const struct ph_leftovers_options leftovers = {.clear = clear, .ctx = store, .log = options->log};
    int result = ph_codec_new(&codec, &store->codec, err);
    if (result == PH_OK) {
        result = ph_leftovers_new(&leftovers, &store->leftovers, err);
    }
    *out_store = &store->base;
    if (result != PH_OK) {
        ph_cassandra_store_close(out_store);
    }
    return result;
}

void ph_cassandra_store_close(struct ph_blob_store **store)
{
    struct ph_cassandra_store *s = (struct ph_cassandra_store *)*store;
    if (s != NULL) {
        ph_leftovers_free(&s->leftovers);
        ph_codec_free(&s->codec);
        free(s);
        *store = NULL;
    }
}
