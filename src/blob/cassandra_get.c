/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading content: whole chunks, one of which a reader holds while its octets are taken.
 *
 * Where the size is known from the row that names the blob, opening asks nothing: the first chunks of header and body
 * are fetched side by side, and nothing else is. James may have been told another size of chunks; its first chunk says
 * which.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "blob/cassandra_store-private.h"
#include "blob/chunk.h"

enum { CHUNK_BYTES_MAX = 16 << 20, AT_ONCE_MAX = 2 };

struct held {
    uint32_t index;
    uint32_t len;
    uint8_t octets[];
};

/* Where the store keeps what it knows of a reader's blob. */
enum { CHUNK_BYTES, HAS_SIZE };

static int fail_corrupt(struct ph_error *err, const struct ph_blob_reader *reader, uint32_t index,
                        const char *what)
{
    char id[PH_BLOB_ID_TEXT_MAX + 1];
    ph_blob_id_format(&reader->id, id);
    return ph_fail(err, PH_ECORRUPT, "content %s, chunk %u: %s", id, index, what);
}

/* As the tables name the blob. SPACE is where the text is, with James. */
static struct ph_value name_of(const struct ph_cassandra_store *store, const struct ph_blob_id *id,
                               char space[PH_BLOB_ID_TEXT_MAX + 1])
{
    return store->options.is_shared ? ph_text(ph_blob_id_format(id, space)) : ph_uuid_value(&id->uuid);
}

/* ---- Chunks that have come ---- */

static uint32_t chunk_bytes(const struct ph_blob_reader *reader)
{
    return (uint32_t)reader->place[CHUNK_BYTES];
}

/* The size of a blob whose size nobody knew. */
static int learn_size(struct ph_blob_reader *reader, const struct ph_rows *rows, struct ph_error *err)
{
    int64_t size;
    if (!ph_row_i64(rows, 1, &size) || size < 0) {
        return fail_corrupt(err, reader, 0, "it has no size");
    }
    if (reader->place[HAS_SIZE] != 0 && reader->size != (uint64_t)size) {
        return fail_corrupt(err, reader, 0, "its size is not that of the message");
    }
    reader->size = (uint64_t)size;
    reader->place[HAS_SIZE] = 1;
    return PH_OK;
}

static uint32_t length_of(const struct ph_blob_reader *reader, uint32_t index)
{
    uint64_t left = reader->size - (uint64_t)index * chunk_bytes(reader);
    return left < chunk_bytes(reader) ? (uint32_t)left : chunk_bytes(reader);
}

static int hold(struct ph_cassandra_store *store, struct ph_blob_reader *reader, uint32_t index,
                struct ph_bytes stored, struct ph_error *err)
{
    bool is_shared = store->options.is_shared;
    if (is_shared && index == 0 && stored.len > 0 && stored.len <= reader->size) {
        reader->place[CHUNK_BYTES] = stored.len;
    }
    uint32_t len = length_of(reader, index);
    if (len > CHUNK_BYTES_MAX) {
        return fail_corrupt(err, reader, index, "it is larger than a chunk may be");
    }
    if (is_shared && stored.len != len) {
        return fail_corrupt(err, reader, index, "its length is not what the message says");
    }
    struct held *held = ph_alloc(sizeof *held + len);
    held->index = index;
    held->len = len;
    struct ph_workspace *workspace = ph_codec_take(store->codec, NULL, 0);
    int result = ph_chunk_decode(store->codec, workspace, stored, held->octets, len);
    ph_codec_give(store->codec, workspace);
    if (result != PH_OK) {
        free(held);
        return result == PH_ECORRUPT ? fail_corrupt(err, reader, index, "its octets are damaged")
                                     : ph_fail(err, result, "no memory for decompressing");
    }
    free(reader->held);
    reader->held = held;
    return PH_OK;
}

/* ---- Asking ---- */

struct asking {
    struct ph_cassandra_store *store;
    struct ph_blob_reader *readers[AT_ONCE_MAX];
    uint32_t indexes[AT_ONCE_MAX];
    bool has_come[AT_ONCE_MAX];
    size_t asked[AT_ONCE_MAX]; /* which of these each read is for */
};

static int take(struct ph_rows *rows, size_t read, void *ctx, struct ph_error *err)
{
    struct asking *asking = ctx;
    size_t i = asking->asked[read];
    int result = ph_rows_next(rows, err);
    struct ph_bytes stored;
    if (result != 1) {
        return result;
    }
    /* An empty cell is a chunk of an empty blob. */
    if (!ph_row_bytes(rows, 0, &stored)) {
        return PH_OK;
    }
    result = PH_OK;
    if (asking->indexes[i] == 0 && !asking->store->options.is_shared) {
        result = learn_size(asking->readers[i], rows, err);
    }
    if (result == PH_OK) {
        result = hold(asking->store, asking->readers[i], asking->indexes[i], stored, err);
    }
    asking->has_come[i] = result == PH_OK;
    return result;
}

static int ask_once(struct asking *asking, unsigned count, enum ph_stmt stmt, struct ph_error *err)
{
    char names[AT_ONCE_MAX][PH_BLOB_ID_TEXT_MAX + 1];
    struct ph_value params[AT_ONCE_MAX][2];
    struct ph_db_read reads[AT_ONCE_MAX];
    size_t read_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!asking->has_come[i]) {
            params[i][0] = name_of(asking->store, &asking->readers[i]->id, names[i]);
            params[i][1] = ph_i64(asking->indexes[i]);
            asking->asked[read_count] = i;
            reads[read_count++] = (struct ph_db_read){.stmt = stmt, .param_count = 2, .params = params[i]};
        }
    }
    return read_count == 0 ? PH_OK
                           : ph_db_query_each(asking->store->db, reads, read_count, NULL, take, asking, err);
}

/* The chunks of ASKING, side by side: of one replica each and, where that has them not, of a quorum. PH_ENOTFOUND. */
static int ask(struct asking *asking, unsigned count, struct ph_error *err)
{
    int result = ask_once(asking, count, PH_STMT_CONTENT_GET, err);
    if (result == PH_OK) {
        result = ask_once(asking, count, PH_STMT_CONTENT_GET_SURE, err);
    }
    for (unsigned i = 0; i < count && result == PH_OK; i++) {
        if (!asking->has_come[i]) {
            char id[PH_BLOB_ID_TEXT_MAX + 1];
            ph_blob_id_format(&asking->readers[i]->id, id);
            result = asking->indexes[i] == 0
                         ? ph_fail(err, PH_ENOTFOUND, "content %s: no such blob", id)
                         : fail_corrupt(err, asking->readers[i], asking->indexes[i], "it is missing");
        }
    }
    return result;
}

static int fetch(struct ph_cassandra_store *store, struct ph_blob_reader *reader, uint32_t index,
                 struct ph_error *err)
{
    struct asking asking = {.store = store, .readers = {reader}, .indexes = {index}};
    return ask(&asking, 1, err);
}

/* ---- Opening ---- */

static int check_name(const struct ph_cassandra_store *store, const struct ph_blob_id *id,
                      struct ph_error *err)
{
    return id->has_uuid || store->options.is_shared
               ? PH_OK
               : ph_fail(err, PH_ENOTFOUND, "content %.*s: no name of this store", id->text_len, id->text);
}

/* With James: how many chunks there are, then the first and the last. */
static int open_unknown_shared(struct ph_cassandra_store *store, struct ph_blob_reader *reader,
                               struct ph_error *err)
{
    char name[PH_BLOB_ID_TEXT_MAX + 1];
    struct ph_rows *rows;
    int result =
        ph_db_query(store->db, &rows, err, PH_STMT_CONTENT_COUNT_GET, name_of(store, &reader->id, name));
    if (result != PH_OK) {
        return result;
    }
    int64_t chunks = -1;
    result = ph_rows_next(rows, err);
    if (result == 1 && (!ph_row_i64(rows, 0, &chunks) || chunks < 0 || chunks > INT32_MAX)) {
        result = fail_corrupt(err, reader, 0, "the number of chunks makes no sense");
    }
    ph_rows_end(&rows);
    if (result <= 0) {
        return result < 0 ? result : ph_fail(err, PH_ENOTFOUND, "content %s: no such blob", name);
    }
    struct ph_bytes octets = {NULL, 0};
    uint64_t size = 0;
    for (int64_t i = 0; i < chunks; i += i + 1 < chunks ? chunks - 1 : 1) {
        result = ph_db_query(store->db, &rows, err, PH_STMT_CONTENT_GET_SURE,
                             name_of(store, &reader->id, name), ph_i64(i));
        if (result != PH_OK) {
            return result;
        }
        result = ph_rows_next(rows, err);
        bool has_octets = result == 1 && ph_row_bytes(rows, 0, &octets);
        size += has_octets ? octets.len * (uint64_t)(i == 0 && chunks > 1 ? chunks - 1 : 1) : 0;
        ph_rows_end(&rows);
        if (!has_octets) {
            return result < 0 ? result : fail_corrupt(err, reader, (uint32_t)i, "it is missing");
        }
    }
    reader->size = size;
    reader->place[HAS_SIZE] = 1;
    return PH_OK;
}

int ph_cassandra_open_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, struct ph_error *err)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    int result = check_name(store, &reader->id, err);
    if (result != PH_OK) {
        return result;
    }
    reader->place[CHUNK_BYTES] = PH_CONTENT_CHUNK_BYTES;
    return store->options.is_shared ? open_unknown_shared(store, reader, err) : fetch(store, reader, 0, err);
}

int ph_cassandra_open_all(struct ph_blob_store *base, struct ph_blob_reader *const *readers, unsigned count,
                          struct ph_error *err)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    struct asking asking = {.store = store};
    unsigned wanted = 0;
    for (unsigned i = 0; i < count; i++) {
        int result = check_name(store, &readers[i]->id, err);
        if (result != PH_OK) {
            return result;
        }
        readers[i]->place[CHUNK_BYTES] = PH_CONTENT_CHUNK_BYTES;
        readers[i]->place[HAS_SIZE] = 1;
        if (readers[i]->size > 0 && wanted < AT_ONCE_MAX) {
            asking.readers[wanted++] = readers[i];
        }
    }
    return wanted == 0 ? PH_OK : ask(&asking, wanted, err);
}

/* ---- Reading ---- */

int ph_cassandra_read_blob(struct ph_blob_store *base, struct ph_blob_reader *reader, size_t len,
                           struct ph_buf *out, struct ph_error *err)
{
    struct ph_cassandra_store *store = (struct ph_cassandra_store *)base;
    uint64_t offset = reader->offset;
    size_t before = out->len;
    while (len > 0) {
        struct held *held = reader->held;
        uint32_t index = (uint32_t)(offset / chunk_bytes(reader));
        if (held == NULL || held->index != index) {
            int result = fetch(store, reader, index, err);
            if (result != PH_OK) {
                out->len = before;
                return result;
            }
            held = reader->held;
            index = (uint32_t)(offset / chunk_bytes(reader));
            if (held->index != index) {
                continue; /* the first chunk said that chunks are of another size */
            }
        }
        size_t skip = (size_t)(offset - (uint64_t)index * chunk_bytes(reader));
        size_t step = held->len - skip < len ? held->len - skip : len;
        ph_buf_append(out, held->octets + skip, step);
        offset += step;
        len -= step;
    }
    /* The last octets are taken: nothing is held for a client that is slow to read them. */
    if (offset == reader->size) {
        free(reader->held);
        reader->held = NULL;
    }
    return PH_OK;
}
