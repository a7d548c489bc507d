/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a message: its content is opened once for all items that need it, and only the octets asked for are read.
 *
 * BINARY has to say how long the decoded octets are before the first of them goes out, so it reads them twice; nothing is held.
 */
#include "imap/fetch.h"

enum { READ_BYTES = 32 * 1024 };

static int open_content(struct ph_imap_session *session, struct ph_imap_fetching *fetching, bool is_header,
                        struct ph_error *err)
{
    if (fetching->has_reader) {
        return PH_OK;
    }
    int result =
        ph_view_content_open(session->view, &fetching->row, is_header ? PH_MESSAGE_HEADER : PH_MESSAGE_WHOLE,
                             &fetching->reader, err);
    fetching->has_reader = result == PH_OK;
    return result;
}

static void seek_to(struct ph_message_reader *reader, uint64_t offset)
{
    uint64_t header = reader->header.size;
    reader->header.offset = offset < header ? offset : header;
    reader->body.offset = offset < header ? 0 : offset - header;
}

/* Appends up to MAX octets from OFFSET on, at least one. */
static int read_at(struct ph_conn *conn, struct ph_imap_fetching *fetching, uint64_t offset, uint64_t max,
                   struct ph_buf *out, struct ph_error *err)
{
    struct ph_message_reader *reader = &fetching->reader;
    seek_to(reader, offset);
    /* A read ends where the header does. */
    uint64_t header_left = offset < reader->header.size ? reader->header.size - offset : max;
    uint64_t want = header_left < max ? header_left : max;
    want = want < READ_BYTES ? want : READ_BYTES;
    size_t before = out->len;
    int result = ph_message_read(ph_imap_context_of(conn)->mailboxes, reader, (size_t)want, out, err);
    if (result == PH_OK && out->len == before) {
        return ph_fail(err, PH_ECORRUPT, "message with UID %llu: its content ends early",
                       (unsigned long long)fetching->row.message.uid);
    }
    if (result == PH_OK && out->len - before > want) {
        out->len = before + (size_t)want;
    }
    return result;
}

int ph_imap_fetch_piece(struct ph_conn *conn, struct ph_imap_session *session,
                        struct ph_imap_fetching *fetching, uint64_t offset, uint64_t max, struct ph_buf *out,
                        struct ph_error *err)
{
    int result = open_content(session, fetching, false, err);
    return result != PH_OK ? result : read_at(conn, fetching, offset, max, out, err);
}

int ph_imap_fetch_read(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, uint64_t offset, uint64_t size,
                       struct ph_error *err)
{
    ph_buf_clear(&fetching->memory);
    size = size < PH_IMAP_HEADER_MAX ? size : PH_IMAP_HEADER_MAX;
    bool is_header = offset + size <= fetching->row.message.header_bytes;
    int result = open_content(session, fetching, is_header, err);
    while (result == PH_OK && fetching->memory.len < size) {
        uint64_t done = fetching->memory.len;
        result = read_at(conn, fetching, offset + done, size - done, &fetching->memory, err);
    }
    return result;
}

static int parse_tree(struct ph_conn *conn, struct ph_imap_session *session,
                      struct ph_imap_fetching *fetching, struct ph_error *err)
{
    const struct ph_message *message = &fetching->row.message;
    int result = open_content(session, fetching, false, err);
    ph_summary_init_large(&fetching->summary);
    for (uint64_t offset = 0; result == PH_OK && offset < message->size;) {
        bool is_header = offset < message->header_bytes;
        uint64_t left = (is_header ? message->header_bytes : message->size) - offset;
        ph_buf_clear(&fetching->scratch);
        result = read_at(conn, fetching, offset, left, &fetching->scratch, err);
        if (is_header) {
            ph_summary_header(&fetching->summary, ph_buf_view(&fetching->scratch));
        } else {
            ph_summary_body(&fetching->summary, ph_buf_view(&fetching->scratch));
        }
        offset += fetching->scratch.len;
    }
    if (result == PH_OK) {
        fetching->tree = ph_summary_finish_tree(&fetching->summary);
    }
    return result;
}

int ph_imap_fetch_tree(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, struct ph_error *err)
{
    if (fetching->tree != NULL) {
        return PH_OK;
    }
    if (fetching->row.has_structure) {
        struct ph_part *root;
        struct ph_error ignored = {0};
        if (ph_structure_decode(fetching->row.structure, &fetching->arena, &root, &ignored) == PH_OK) {
            fetching->tree = root;
            return PH_OK;
        }
        /* Of a later version, perhaps. */
        fetching->row.has_structure = false;
    }
    return parse_tree(conn, session, fetching, err);
}

int ph_imap_fetch_measure(struct ph_conn *conn, struct ph_imap_session *session,
                          struct ph_imap_fetching *fetching, const struct ph_imap_place *place,
                          uint64_t *out_size, bool *out_has_nul, struct ph_error *err)
{
    struct ph_transfer transfer;
    if (!ph_transfer_init(&transfer, place->encoding)) {
        return ph_fail(err, PH_EBUG, "BINARY: an encoding that was known before");
    }
    *out_size = 0;
    *out_has_nul = false;
    int result = open_content(session, fetching, false, err);
    for (uint64_t done = 0; result == PH_OK && done <= place->size;) {
        struct ph_buf *decoded = &fetching->memory;
        ph_buf_clear(decoded);
        ph_buf_clear(&fetching->scratch);
        bool is_end = done == place->size;
        if (is_end) {
            ph_transfer_finish(&transfer, decoded);
        } else {
            result =
                read_at(conn, fetching, place->offset + done, place->size - done, &fetching->scratch, err);
            ph_transfer_feed(&transfer, ph_buf_view(&fetching->scratch), decoded);
        }
        *out_size += decoded->len;
        *out_has_nul |= decoded->len > 0 && memchr(decoded->ptr, '\0', decoded->len) != NULL;
        done += is_end ? 1 : fetching->scratch.len;
    }
    return result;
}

static int pump_decoded(struct ph_conn *conn, struct ph_imap_fetching *fetching, struct ph_error *err)
{
    struct ph_imap_source *source = &fetching->source;
    ph_buf_clear(&fetching->memory);
    ph_buf_clear(&fetching->scratch);
    bool is_end = source->left == 0;
    if (is_end) {
        ph_transfer_finish(&source->transfer, &fetching->memory);
    } else {
        int result = read_at(conn, fetching, source->offset, source->left, &fetching->scratch, err);
        if (result != PH_OK) {
            return result;
        }
        source->offset += fetching->scratch.len;
        source->left -= fetching->scratch.len;
        ph_transfer_feed(&source->transfer, ph_buf_view(&fetching->scratch), &fetching->memory);
    }
    struct ph_bytes decoded = ph_buf_view(&fetching->memory);
    uint64_t passed = source->skip < decoded.len ? source->skip : decoded.len;
    source->skip -= passed;
    decoded = ph_bytes_from(decoded, (size_t)passed);
    if (decoded.len > source->promised) {
        decoded = ph_bytes_first(decoded, (size_t)source->promised);
    }
    ph_buf_bytes(ph_conn_out(conn), decoded);
    source->promised -= decoded.len;
    if (is_end && source->promised > 0) {
        return ph_fail(err, PH_ECORRUPT, "message with UID %llu: its content changed while it was read",
                       (unsigned long long)fetching->row.message.uid);
    }
    return PH_OK;
}

int ph_imap_fetch_pump(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, struct ph_error *err)
{
    struct ph_imap_source *source = &fetching->source;
    if (source->promised == 0) {
        source->kind = PH_IMAP_SOURCE_NONE;
        return PH_OK;
    }
    struct ph_buf *out = ph_conn_out(conn);
    size_t before = out->len;
    int result = PH_OK;
    switch (source->kind) {
    case PH_IMAP_SOURCE_NONE: return PH_OK;
    case PH_IMAP_SOURCE_DECODED: return pump_decoded(conn, fetching, err);
    case PH_IMAP_SOURCE_MEMORY: {
        struct ph_bytes rest = ph_bytes_from(ph_buf_view(&fetching->memory), (size_t)source->offset);
        uint64_t want = source->promised < READ_BYTES ? source->promised : READ_BYTES;
        ph_buf_bytes(out, ph_bytes_first(rest, (size_t)want));
        break;
    }
    case PH_IMAP_SOURCE_CONTENT: {
        uint64_t end = source->offset + source->promised;
        result = open_content(session, fetching, end <= fetching->row.message.header_bytes, err);
        if (result == PH_OK) {
            result = read_at(conn, fetching, source->offset, source->promised, out, err);
        }
        break;
    }
    }
    source->offset += out->len - before;
    source->promised -= out->len - before;
    return result;
}

void ph_imap_fetching_init(struct ph_imap_fetching *fetching)
{
    *fetching = (struct ph_imap_fetching){.fetch = NULL};
    ph_arena_init(&fetching->arena, 0);
    ph_buf_init(&fetching->memory, PH_IMAP_RENDERED_MAX);
    ph_buf_init(&fetching->scratch, PH_IMAP_RENDERED_MAX);
}

void ph_imap_fetching_fini(struct ph_imap_fetching *fetching)
{
    ph_imap_fetch_forget_message(fetching);
    ph_view_rows_end(&fetching->rows);
    ph_arena_fini(&fetching->arena);
    ph_buf_fini(&fetching->memory);
    ph_buf_fini(&fetching->scratch);
}

/* Of usual size, buffers are kept for the next message. */
static void ease(struct ph_buf *buf)
{
    if (buf->cap > (size_t)4 * READ_BYTES) {
        ph_buf_fini(buf);
    }
    ph_buf_clear(buf);
}

void ph_imap_fetch_forget_message(struct ph_imap_fetching *fetching)
{
    if (fetching->has_reader) {
        ph_message_close(&fetching->reader);
    }
    ph_summary_fini(&fetching->summary);
    ph_arena_reset(&fetching->arena);
    ease(&fetching->memory);
    ease(&fetching->scratch);
    fetching->has_reader = false;
    fetching->tree = NULL;
    fetching->has_message = false;
    fetching->has_item = false;
    fetching->is_flushed = false;
    fetching->item = 0;
    fetching->source = (struct ph_imap_source){.kind = PH_IMAP_SOURCE_NONE};
}
