/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/s3_store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "blob/pack.h"
#include "blob/s3_store-private.h"
#include "blob/sharing.h"

const char *ph_s3_key(const struct ph_blob_id *id, char space[PH_BLOB_ID_TEXT_MAX + 1])
{
    if (id->has_uuid) {
        ph_uuid_format(&id->uuid, space);
    } else {
        ph_blob_id_format(id, space);
    }
    return space;
}

int ph_s3_passing(int result, struct ph_error *err)
{
    if (result != PH_EDENIED) {
        return result;
    }
    err->code = PH_EUNAVAILABLE;
    return PH_EUNAVAILABLE;
}

/* ---- Putting ---- */

/* Header, table and frames are one behind the other. */
static int read_record(void *ctx, uint64_t offset, uint8_t *out, size_t len, struct ph_error *err)
{
    struct ph_packed *packed = ctx;
    const struct ph_bytes parts[] = {ph_bytes_of(packed->header, sizeof packed->header),
                                     ph_buf_view(&packed->table)};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && len > 0; i++) {
        if (offset < parts[i].len) {
            struct ph_bytes part = ph_bytes_first(ph_bytes_from(parts[i], (size_t)offset), len);
            memcpy(out, part.ptr, part.len);
            out += part.len;
            len -= part.len;
            offset = 0;
        } else {
            offset -= parts[i].len;
        }
    }
    return len == 0 ? PH_OK : ph_spool_read(&packed->frames, offset, out, len, err);
}

static int read_content(void *ctx, uint64_t offset, uint8_t *out, size_t len, struct ph_error *err)
{
    struct ph_bytes view;
    int result = ph_blob_content_view(ctx, offset, len, out, &view, err);
    if (result == PH_OK && view.ptr != out) {
        memcpy(out, view.ptr, len);
    }
    return result;
}

static int put_record(struct ph_s3_store *store, const struct ph_blob_item *item, const struct ph_uuid *id,
                      const char *key, struct ph_error *err)
{
    struct ph_packed packed;
    ph_packed_init(&packed, store->spool_directory);
    struct ph_workspace *workspace = ph_codec_take(store->codec, NULL, 0);
    workspace->has_frame = false;
    int result = ph_packed_fill(&packed, store->codec, workspace, item, err);
    ph_codec_give(store->codec, workspace);
    if (result == PH_OK) {
        ph_packed_name(&packed, id);
        const struct ph_s3_source source = {
            .read = read_record,
            .ctx = &packed,
            .length = PH_RECORD_HEADER_BYTES + packed.table.len + packed.frames.size,
        };
        result = ph_s3_put(store->client, key, &source, err);
    }
    ph_packed_fini(&packed);
    return result;
}

static int put_item(struct ph_s3_store *store, struct ph_blob_item *item, struct ph_error *err)
{
    struct ph_uuid id = ph_uuid_gen_next(store->options.ids);
    char key[PH_BLOB_ID_TEXT_MAX + 1];
    item->id = ph_blob_id_shared(&id, (uint16_t)item->references);
    ph_s3_key(&item->id, key);
    if (!store->options.is_shared) {
        return put_record(store, item, &id, key, err);
    }
    const struct ph_s3_source source = {
        .read = read_content, .ctx = &item->content, .length = ph_blob_content_bytes(&item->content)};
    return ph_s3_put(store->client, key, &source, err);
}

static int put(struct ph_blob_store *base, struct ph_plan *plan, struct ph_blob_item *items, unsigned count,
               struct ph_error *err)
{
    struct ph_s3_store *store = (struct ph_s3_store *)base;
    struct ph_leftover leftover = {.is_discarded = true};
    int result = PH_OK;
    for (unsigned i = 0; i < count && result == PH_OK; i++) {
        if (items[i].references > UINT16_MAX) {
            result = ph_fail(err, PH_ELIMIT, "content that %u messages share", items[i].references);
            break;
        }
        result = put_item(store, &items[i], err);
        leftover.blobs[leftover.count++] = items[i].id;
    }
    if (result == PH_OK) {
        ph_leftovers_unless(store->leftovers, plan, &leftover);
    } else if (result != PH_EDENIED) {
        /* What timed out may be there yet. */
        ph_leftovers_now(store->leftovers, &leftover);
    }
    if (result == PH_ENOTFOUND) {
        err->code = PH_EUNAVAILABLE;
        return PH_EUNAVAILABLE;
    }
    return ph_s3_passing(result, err);
}

/* ---- Removing ---- */

static void remove_blobs(struct ph_blob_store *base, struct ph_plan *plan, const struct ph_uuid *message,
                         const struct ph_blob_id *header, const struct ph_blob_id *body)
{
    struct ph_s3_store *store = (struct ph_s3_store *)base;
    struct ph_leftover leftover = {.message = *message};
    if (header != NULL && header->has_uuid) {
        leftover.blobs[leftover.count++] = *header;
    }
    if (body != NULL && body->has_uuid) {
        leftover.blobs[leftover.count++] = *body;
    }
    if (leftover.count > 0) {
        ph_leftovers_after(store->leftovers, plan, &leftover);
    }
}

static int clear(void *ctx, const struct ph_leftover *leftover, struct ph_error *err)
{
    struct ph_s3_store *store = ctx;
    int result = PH_OK;
    for (unsigned i = 0; i < leftover->count && result == PH_OK; i++) {
        const struct ph_blob_id *id = &leftover->blobs[i];
        char key[PH_BLOB_ID_TEXT_MAX + 1];
        bool is_free = leftover->is_discarded;
        if (!is_free) {
            result = ph_sharing_give_up(store->db, id, &leftover->message, &is_free, err);
        }
        if (result == PH_OK && is_free) {
            result = ph_s3_delete(store->client, ph_s3_key(id, key), err);
        }
        if (result == PH_OK && is_free && !leftover->is_discarded) {
            result = ph_sharing_forget(store->db, id, err);
        }
    }
    return result;
}

/* ---- Life ---- */

static const struct ph_blob_functions functions = {
    .put = put,
    .open = ph_s3_open_blob,
    .open_all = ph_s3_open_all,
    .read = ph_s3_read_blob,
    .remove = remove_blobs,
};

/* What the operator has to put right stops the start; what may pass by itself does not. */
static int ask(struct ph_s3_store *store, struct ph_error *err)
{
    struct ph_error trouble = {0};
    int result = ph_s3_ask(store->client, &trouble);
    if (result == PH_EDENIED) {
        return ph_fail(err, result, "%s", trouble.text);
    }
    if (result != PH_OK) {
        struct ph_log_line line;
        ph_log_begin(&line, store->options.log, PH_LOG_WARNING, "content-store-unreachable");
        ph_log_error(&line, &trouble);
        ph_log_end(&line);
    }
    return PH_OK;
}

int ph_s3_store_open(const struct ph_s3_store_options *options, struct ph_db *db,
                     struct ph_blob_store **out_store, struct ph_error *err)
{
    struct ph_s3_store *store = ph_zalloc(sizeof *store);
    *out_store = &store->base;
    store->base = (struct ph_blob_store){.functions = &functions, .shares = !options->is_shared};
    store->options = *options;
    store->spool_directory = ph_strdup(options->spool_directory);
    store->db = db;
    const struct ph_codec_options codec = {
        .compress_headers = options->compress_headers,
        .compress_bodies = options->compress_bodies,
    };
    const struct ph_leftovers_options leftovers = {.clear = clear, .ctx = store, .log = options->log};
    int result = PH_OK;
    if (mkdir(store->spool_directory, 0700) != 0 && errno != EEXIST) {
        result = ph_fail_errno(err, ph_error_class_of_errno(errno), errno, "make %s", store->spool_directory);
    }
    if (result == PH_OK) {
        result = ph_s3_client_new(&options->service, &store->client, err);
    }
    if (result == PH_OK) {
        result = ph_codec_new(&codec, &store->codec, err);
    }
    if (result == PH_OK) {
        result = ph_leftovers_new(&leftovers, &store->leftovers, err);
    }
    if (result == PH_OK) {
        result = ask(store, err);
    }
    if (result != PH_OK) {
        ph_s3_store_close(out_store);
    }
    return result;
}

void ph_s3_store_close(struct ph_blob_store **store)
{
    struct ph_s3_store *s = (struct ph_s3_store *)*store;
    if (s != NULL) {
        ph_leftovers_free(&s->leftovers);
        ph_codec_free(&s->codec);
        ph_s3_client_free(&s->client);
        free(s->spool_directory);
        free(s);
        *store = NULL;
    }
}

void ph_s3_store_stats(const struct ph_blob_store *store, struct ph_s3_stats *out_stats)
{
    ph_s3_client_stats(((const struct ph_s3_store *)store)->client, out_stats);
}
