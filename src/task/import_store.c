/* SPDX-License-Identifier: Apache-2.0 */
#include "task/import_store.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/mem.h"
#include "mime/header.h"
#include "mime/summary.h"
#include "store/import_state.h"
#include "store/message_id.h"
#include "store/pop3_metadata.h"
#include "task/import_wire.h"

enum { BATCH_MAX = 1024, PIECE_BYTES = 65536 };

static const struct ph_access administrator = {.is_administrator = true};

struct item {
    struct ph_import_record record;
    uint64_t offset; /* of its octets in the batch */
    struct ph_uuid message_id;
    struct ph_import_outcome outcome;
};

struct putting {
    const struct ph_import_store *store;
    const struct ph_import_into *into;
    struct ph_db *db;
    struct ph_spool *batch;
    struct ph_arena *arena;
    struct ph_mailbox mailbox;
    uint64_t uid_limit; /* UIDs up to it are kept; 0: none */
    bool exists;
    struct item *items;
    unsigned count;
    struct ph_summary summary;
};

/* ---- The batch ---- */

static int read_line(struct putting *p, uint64_t *at, struct ph_bytes *out_line, struct ph_error *err)
{
    uint8_t *start = ph_arena_alloc(p->arena, PH_IMPORT_LINE_MAX);
    uint64_t left = p->batch->size - *at;
    size_t len = left < PH_IMPORT_LINE_MAX ? (size_t)left : PH_IMPORT_LINE_MAX;
    int result = ph_spool_read(p->batch, *at, start, len, err);
    if (result != PH_OK) {
        return result;
    }
    *out_line = ph_bytes_first(ph_bytes_of(start, len), ph_bytes_find(ph_bytes_of(start, len), '\n'));
    *at += out_line->len + 1;
    return out_line->len < len ? PH_OK : ph_fail(err, PH_EINVALID, "a batch with a line that does not end");
}

static int read_batch(struct putting *p, struct ph_error *err)
{
    p->items = ph_arena_zalloc(p->arena, BATCH_MAX * sizeof *p->items);
    for (uint64_t at = 0; at < p->batch->size;) {
        if (p->count == BATCH_MAX) {
            return ph_fail(err, PH_ELIMIT, "more than %d messages in a batch", BATCH_MAX);
        }
        struct item *item = &p->items[p->count];
        struct ph_bytes line;
        int result = read_line(p, &at, &line, err);
        if (result == PH_OK) {
            result = ph_import_record_parse(line, &item->record, err);
        }
        if (result != PH_OK) {
            return result;
        }
        item->offset = at;
        if (item->record.octets > p->batch->size - at) {
            return ph_fail(err, PH_EINVALID, "a batch that ends too early");
        }
        at += item->record.octets;
        p->count++;
    }
    return PH_OK;
}

/* ---- Where it goes ---- */

static int open_mailbox(struct putting *p, struct ph_error *err)
{
    struct ph_error trouble = {0};
    int result = ph_mailbox_open(p->store->mailboxes, &administrator, p->into->user, p->into->mailbox,
                                 p->arena, &p->mailbox, &trouble);
    p->exists = result == PH_OK;
    if (result == PH_ENOTFOUND && p->into->is_dry) {
        return PH_OK;
    }
    if (result != PH_OK) {
        *err = trouble;
        return result;
    }
    struct ph_import_state state;
    result = ph_store_import_get(p->db, &p->mailbox.id, &state, &trouble);
    if (result == PH_OK && p->into->uid_validity != 0 && state.uid_validity == p->into->uid_validity &&
        p->mailbox.uid_validity == p->into->uid_validity) {
        p->uid_limit = state.uid_limit;
    }
    if (result != PH_OK && result != PH_ENOTFOUND) {
        *err = trouble;
        return result;
    }
    return PH_OK;
}

/* Sorts out what was imported before. */
static int look(struct putting *p, struct item *item, struct ph_error *err)
{
    struct ph_error trouble = {0};
    int result = p->exists ? ph_store_imported_get(p->db, &p->mailbox.id, item->record.key, &item->message_id,
                                                   &trouble)
                           : PH_ENOTFOUND;
    if (result == PH_OK) {
        item->outcome.fate = PH_IMPORT_PRESENT;
    } else if (result == PH_ENOTFOUND) {
        item->outcome.fate = PH_IMPORT_NEW;
        result = PH_OK;
    } else {
        *err = trouble;
    }
    return result;
}

/* ---- Adding ---- */

static int find_header_end(struct putting *p, const struct item *item, uint64_t *out_bytes,
                           struct ph_error *err)
{
    struct ph_header_end end = {0};
    struct ph_bytes all = ph_spool_view(p->batch);
    int result = PH_OK;
    uint8_t *piece = all.ptr == NULL ? ph_alloc(PIECE_BYTES) : NULL;
    for (uint64_t at = 0; result == PH_OK && at < item->record.octets && !end.is_found;) {
        uint64_t left = item->record.octets - at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        if (piece == NULL) {
            ph_header_end_feed(&end, ph_bytes_of(all.ptr + item->offset + at, len));
        } else {
            result = ph_spool_read(p->batch, item->offset + at, piece, len, err);
            if (result == PH_OK) {
                ph_header_end_feed(&end, ph_bytes_of(piece, len));
            }
        }
        at += len;
    }
    free(piece);
    *out_bytes = end.offset;
    return result;
}

static int summarize(struct putting *p, const struct item *item, struct ph_append *message,
                     struct ph_error *err)
{
    int result = PH_OK;
    uint8_t *piece = ph_alloc(PIECE_BYTES);
    ph_summary_clear(&p->summary);
    for (uint64_t at = 0; result == PH_OK && at < item->record.octets;) {
        bool is_header = at < message->header_bytes;
        uint64_t left = (is_header ? message->header_bytes : item->record.octets) - at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        result = ph_spool_read(p->batch, item->offset + at, piece, len, err);
        if (result == PH_OK && is_header) {
            ph_summary_header(&p->summary, ph_bytes_of(piece, len));
        } else if (result == PH_OK) {
            ph_summary_body(&p->summary, ph_bytes_of(piece, len));
        }
        at += len;
    }
    free(piece);
    if (result == PH_OK) {
        ph_summary_finish(&p->summary, (struct ph_bytes){NULL, 0}, &message->envelope,
                          &message->bodystructure);
        message->has_summary = true;
    }
    return result;
}

/* The UID to ask for, or none. */
static int choose_uid(struct putting *p, struct item *item, uint64_t *out_uid, struct ph_error *err)
{
    uint64_t uid = item->record.uid;
    *out_uid = 0;
    if (uid == 0) {
        return PH_OK;
    }
    item->outcome.has_lost_uid = true;
    if (uid > p->uid_limit) {
        return PH_OK;
    }
    struct ph_error trouble = {0};
    int result = ph_store_message_id_check(p->db, &p->mailbox.id, uid, &trouble);
    if (result == PH_ENOTFOUND) {
        item->outcome.has_lost_uid = false;
        *out_uid = uid;
        return PH_OK;
    }
    if (result != PH_OK) {
        *err = trouble;
    }
    return result;
}

static int add(struct putting *p, struct item *item, struct ph_plan *plan, struct ph_error *err)
{
    struct ph_append_origin origin = {
        .kept = item->record.kept,
        .save_date_ms = item->record.save_date_ms,
        .uid_limit = p->uid_limit,
    };
    struct ph_append message = {
        .total_bytes = item->record.octets,
        .internal_date_ms = item->record.internal_date_ms,
        .origin = &origin,
    };
    int result = choose_uid(p, item, &origin.uid, err);
    if (result == PH_OK) {
        result = find_header_end(p, item, &message.header_bytes, err);
    }
    if (result == PH_OK) {
        result = summarize(p, item, &message, err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_blob_item blobs[2] = {
        {
            .kind = PH_BLOB_HEADER,
            .content = {.spool = p->batch, .offset = item->offset, .length = message.header_bytes},
            .references = 1,
        },
        {
            .kind = PH_BLOB_BODY,
            .content = {.spool = p->batch,
                        .offset = item->offset + message.header_bytes,
                        .length = message.total_bytes - message.header_bytes},
            .references = 1,
        },
    };
    result = ph_blob_put_all(p->store->blobs, plan, blobs, 2, err);
    if (result != PH_OK) {
        return result;
    }
    item->message_id = message.message_id = ph_uuid_gen_next(ph_mailboxes_ids(p->store->mailboxes));
    message.header_blob = blobs[0].id;
    message.body_blob = blobs[1].id;
    ph_store_imported_add(plan, &p->mailbox.id, item->record.key, &message.message_id);
    return ph_mailbox_append(p->store->mailboxes, &administrator, p->mailbox.user, p->mailbox.name, &message,
                             plan, err);
}

/* The new ones of [FROM, TO) in one plan. */
static int put_range(struct putting *p, unsigned from, unsigned to, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, (size_t)1 << 18);
    ph_plan_init(&plan, &arena);
    int result = PH_OK;
    for (unsigned i = from; result == PH_OK && i < to; i++) {
        if (p->items[i].outcome.fate == PH_IMPORT_NEW) {
            result = add(p, &p->items[i], &plan, err);
        }
    }
    if (result == PH_OK && plan.count > 0) {
        result = ph_db_apply(p->db, &plan, err);
    }
    ph_arena_fini(&arena);
    return result;
}

static bool concerns_one(int result)
{
    return result == PH_ECONFLICT || result == PH_ELIMIT || result == PH_EINVALID || result == PH_ECORRUPT;
}

static int put_all(struct putting *p, struct ph_error *err)
{
    int result = put_range(p, 0, p->count, err);
    if (!concerns_one(result)) {
        return result;
    }
    /* Two with one key, a UID that was taken meanwhile, one that is too large: the others are not to suffer. */
    result = PH_OK;
    unsigned added = 0;
    for (unsigned i = 0; result == PH_OK && i < p->count; i++) {
        struct item *item = &p->items[i];
        if (item->outcome.fate != PH_IMPORT_NEW) {
            continue;
        }
        struct ph_error trouble = {0};
        result = look(p, item, err);
        if (result != PH_OK || item->outcome.fate != PH_IMPORT_NEW) {
            continue;
        }
        result = put_range(p, i, i + 1, &trouble);
        if (concerns_one(result)) {
            item->outcome.fate = PH_IMPORT_FAILED;
            item->outcome.why = ph_arena_printf(p->arena, "%s", trouble.text);
            /* Nothing at all fits: it is the disk. */
            bool is_full = result == PH_ELIMIT && added == 0 && i + 1 == p->count;
            result = is_full ? ph_fail(err, result, "%s", trouble.text) : PH_OK;
        } else if (result != PH_OK) {
            *err = trouble;
        } else {
            added++;
        }
    }
    return result;
}

/* ---- Afterwards ---- */

static int read_back(struct putting *p, struct item *item, uint8_t out_digest[PH_DIGEST_BYTES],
                     struct ph_error *err)
{
    struct ph_message_reader reader;
    int result =
        ph_message_open(p->store->mailboxes, &administrator, &p->mailbox, &item->message_id, &reader, err);
    if (result != PH_OK) {
        return result;
    }
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1) {
        abort();
    }
    struct ph_buf piece = PH_BUF((size_t)4 * PIECE_BYTES);
    do {
        ph_buf_clear(&piece);
        result = ph_message_read(p->store->mailboxes, &reader, PIECE_BYTES, &piece, err);
        if (result == PH_OK && EVP_DigestUpdate(digest, piece.ptr, piece.len) != 1) {
            abort();
        }
    } while (result == PH_OK && piece.len > 0);
    if (EVP_DigestFinal_ex(digest, out_digest, NULL) != 1) {
        abort();
    }
    ph_buf_fini(&piece);
    EVP_MD_CTX_free(digest);
    ph_message_close(&reader);
    return result;
}

static int verify(struct putting *p, struct item *item, struct ph_error *err)
{
    uint8_t digest[PH_DIGEST_BYTES];
    struct ph_error trouble = {0};
    int result = read_back(p, item, digest, &trouble);
    if (result == PH_OK) {
        item->outcome.is_verified = memcmp(digest, item->record.digest, sizeof digest) == 0;
        item->outcome.why = item->outcome.is_verified ? NULL : "the store has other octets than the source";
    } else if (result == PH_ENOTFOUND && item->outcome.fate == PH_IMPORT_PRESENT) {
        item->outcome.is_gone = true;
        result = PH_OK;
    } else if (result == PH_ENOTFOUND || result == PH_ECORRUPT) {
        item->outcome.why = ph_arena_printf(p->arena, "reading it back: %s", trouble.text);
        result = PH_OK;
    } else {
        *err = trouble;
    }
    return result;
}

static int finish(struct putting *p, struct item *item, struct ph_error *err)
{
    int result = PH_OK;
    if (item->outcome.fate == PH_IMPORT_NEW && item->record.kept.uidl.len > 0) {
        bool has_uidl = false;
        struct ph_error trouble = {0};
        result =
            ph_store_pop3_metadata_has_uidl(p->db, &p->mailbox.id, &item->message_id, &has_uidl, &trouble);
        item->outcome.has_lost_uidl = result == PH_OK && !has_uidl;
        if (result == PH_ENOTFOUND) {
            result = PH_OK; /* deleted at once */
        } else if (result != PH_OK) {
            *err = trouble;
        }
    }
    bool is_there = item->outcome.fate != PH_IMPORT_FAILED;
    return result == PH_OK && p->into->wants_verify && is_there ? verify(p, item, err) : result;
}

int ph_import_put(const struct ph_import_store *store, const struct ph_import_into *into,
                  struct ph_spool *batch, struct ph_arena *arena,
                  void (*outcome)(void *ctx, unsigned index, const struct ph_import_outcome *outcome),
                  void *ctx, struct ph_error *err)
{
    struct putting p = {
        .store = store,
        .into = into,
        .db = ph_mailboxes_db(store->mailboxes),
        .batch = batch,
        .arena = arena,
    };
    ph_summary_init(&p.summary);
    int result = read_batch(&p, err);
    if (result == PH_OK) {
        result = open_mailbox(&p, err);
    }
    for (unsigned i = 0; result == PH_OK && i < p.count; i++) {
        result = look(&p, &p.items[i], err);
    }
    if (result == PH_OK && !into->is_dry) {
        result = put_all(&p, err);
        for (unsigned i = 0; result == PH_OK && i < p.count; i++) {
            result = finish(&p, &p.items[i], err);
        }
    }
    for (unsigned i = 0; result == PH_OK && i < p.count; i++) {
        outcome(ctx, i, &p.items[i].outcome);
    }
    ph_summary_fini(&p.summary);
    return result;
}
