/* SPDX-License-Identifier: Apache-2.0 */
#include "task/import.h"

#include <stdio.h>

#include "base/arena.h"
#include "task/import_wire.h"

/* A batch is one plan: enough of them that the sync is shared, few enough that deliveries do not wait long. */
enum { BATCH_MESSAGES = 128, BATCH_BYTES = 1 << 20, BATCH_MEMORY = 1 << 21, PIECE_BYTES = 65536 };

struct import {
    struct ph_source *source;
    const struct ph_import_options *options;
    const struct ph_import_target *target;
    const struct ph_import_listener *listener;
    struct ph_import_counts *total;
    struct ph_import_counts counts; /* of the folder */
    struct ph_import_folder folder;
    struct ph_spool batch;
    unsigned batch_count;
    uint64_t batch_octets;
    struct ph_arena arena; /* of the batch */
    const char *where[BATCH_MESSAGES];
    struct ph_buf line;
    struct ph_buf piece;
};

static void add_counts(struct ph_import_counts *sum, const struct ph_import_counts *part)
{
    sum->found += part->found;
    sum->octets += part->octets;
    sum->imported += part->imported;
    sum->present += part->present;
    sum->gone += part->gone;
    sum->failed += part->failed;
    sum->verified += part->verified;
    sum->differing += part->differing;
    sum->renumbered += part->renumbered;
    sum->uidls_lost += part->uidls_lost;
}

static void trouble(void *ctx, unsigned index, const char *text)
{
    const struct import *import = ctx;
    import->listener->problem(import->listener->ctx,
                              index < import->batch_count ? import->where[index] : "?", text);
}

static int flush(struct import *import, struct ph_error *err)
{
    if (import->batch_count == 0) {
        return PH_OK;
    }
    struct ph_import_counts counts = {.found = import->batch_count, .octets = import->batch_octets};
    int result = import->target->put(import->target->ctx, &import->folder, &import->batch,
                                     import->batch_count, &counts, trouble, import, err);
    if (result == PH_OK) {
        add_counts(&import->counts, &counts);
        add_counts(import->total, &counts);
        import->listener->progress(import->listener->ctx, import->total);
    }
    ph_spool_clear(&import->batch);
    ph_arena_reset(&import->arena);
    import->batch_count = 0;
    import->batch_octets = 0;
    return result;
}

static int copy_octets(struct import *import, struct ph_spool *content, struct ph_error *err)
{
    struct ph_bytes all = ph_spool_view(content);
    if (all.ptr != NULL || content->size == 0) {
        return ph_spool_write(&import->batch, all, err);
    }
    int result = PH_OK;
    for (uint64_t at = 0; result == PH_OK && at < content->size;) {
        uint64_t left = content->size - at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        ph_buf_clear(&import->piece);
        result = ph_spool_read(content, at, ph_buf_reserve(&import->piece, len), len, err);
        if (result == PH_OK) {
            import->piece.len = len;
            result = ph_spool_write(&import->batch, ph_buf_view(&import->piece), err);
        }
        at += len;
    }
    return result;
}

static int add_message(struct import *import, const struct ph_source_message *message, struct ph_error *err)
{
    bool is_full = import->batch_count == BATCH_MESSAGES ||
                   (import->batch_count > 0 && import->batch.size + message->content->size > BATCH_BYTES);
    int result = is_full ? flush(import, err) : PH_OK;
    if (result != PH_OK) {
        return result;
    }
    ph_buf_clear(&import->line);
    ph_import_record_put(&import->line, message, import->options->is_dry ? 0 : message->content->size);
    result = ph_spool_write(&import->batch, ph_buf_view(&import->line), err);
    if (result == PH_OK && !import->options->is_dry) {
        result = copy_octets(import, message->content, err);
    }
    import->where[import->batch_count++] = ph_arena_strdup(&import->arena, ph_bytes_str(message->where));
    import->batch_octets += message->content->size;
    return result;
}

/* Into ARENA: INBOX goes to the mailbox that was asked for, other folders below it. */
static struct ph_bytes target_name(const struct import *import, struct ph_bytes name, struct ph_arena *arena)
{
    const char *mailbox = import->options->mailbox;
    bool is_inbox = ph_bytes_eq(name, PH_BYTES("INBOX"));
    if (mailbox == NULL || (is_inbox && mailbox[0] == '\0')) {
        return ph_arena_bytes(arena, name);
    }
    const char *text =
        is_inbox ? ph_arena_printf(arena, "%s", mailbox)
                 : ph_arena_printf(arena, "%s.%.*s", mailbox, (int)name.len, (const char *)name.ptr);
    return ph_bytes_str(text);
}

static int run_folder(struct import *import, const struct ph_source_folder *folder, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    import->counts = (struct ph_import_counts){0};
    import->folder = (struct ph_import_folder){target_name(import, folder->name, &arena),
                                               folder->uid_validity, folder->uid_next};
    bool keeps_uids = false;
    struct ph_error trouble_of = {0};
    int result = import->target->begin(import->target->ctx, &import->folder, &keeps_uids, &trouble_of);
    if (result == PH_EINVALID) {
        /* A name that is none here: the other folders are not to suffer. */
        char where[512];
        snprintf(where, sizeof where, "folder %.*s", (int)folder->name.len, (const char *)folder->name.ptr);
        import->listener->problem(import->listener->ctx, where, trouble_of.text);
        import->total->found += folder->messages;
        import->total->failed += folder->messages;
        ph_arena_fini(&arena);
        return PH_OK;
    }
    if (result != PH_OK) {
        *err = trouble_of;
    }
    struct ph_source_message message;
    int more = 0;
    while (result == PH_OK && (more = ph_source_next_message(import->source, &message, err)) == 1) {
        result = add_message(import, &message, err);
    }
    if (result == PH_OK) {
        /* What was read goes in, also where no more can be read. */
        struct ph_error flush_error = {0};
        result = flush(import, &flush_error);
        if (result != PH_OK) {
            *err = flush_error;
        } else {
            result = more;
        }
    }
    import->listener->folder(import->listener->ctx, &import->folder, keeps_uids, &import->counts);
    ph_arena_fini(&arena);
    return result;
}

int ph_import_run(struct ph_source *source, const struct ph_import_options *options,
                  const struct ph_import_target *target, const struct ph_import_listener *listener,
                  struct ph_import_counts *out_counts, struct ph_error *err)
{
    struct import import = {
        .source = source,
        .options = options,
        .target = target,
        .listener = listener,
        .total = out_counts,
        .line = PH_BUF(PH_IMPORT_LINE_MAX),
        .piece = PH_BUF(PIECE_BYTES),
    };
    *out_counts = (struct ph_import_counts){0};
    ph_arena_init(&import.arena, 0);
    ph_spool_init(&import.batch, options->spool_directory, BATCH_MEMORY,
                  options->message_max_bytes + BATCH_MEMORY);
    struct ph_source_folder folder;
    int more = 1;
    int result = PH_OK;
    while (result == PH_OK && (more = ph_source_next_folder(source, &folder, err)) == 1) {
        result = run_folder(&import, &folder, err);
    }
    ph_spool_fini(&import.batch);
    ph_arena_fini(&import.arena);
    ph_buf_fini(&import.line);
    ph_buf_fini(&import.piece);
    return result == PH_OK ? more : result;
}
