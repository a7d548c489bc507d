/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of a message: of each text part, whatever its encoding and charset, of the headers of messages inside it,
 * and the names of attachments. What is neither, pictures say, is not read.
 *
 * A step reads no more than STEP_BYTES, so that a worker serves others in between.
 */
#include "imap/search.h"

#include "mime/encoded_word.h"
#include "mime/header.h"

enum {
    STEP_BYTES = 256 * 1024,
    PIECE_BYTES = 16 * 1024,
    NAME_MAX = 64 * 1024,
    TEXT_MAX = 4 * PIECE_BYTES,
};

void ph_imap_scan_init(struct ph_imap_scan *scan, const struct ph_imap_search_needs *needs)
{
    *scan = (struct ph_imap_scan){.count = needs->text_count};
    ph_buf_init(&scan->decoded, (size_t)2 * PIECE_BYTES);
    ph_buf_init(&scan->text, (size_t)2 * TEXT_MAX);
    for (unsigned i = 0; i < scan->count; i++) {
        ph_fold_search_init(&scan->searches[i], needs->texts[i]);
    }
}

static void end_part(struct ph_imap_scan *scan)
{
    if (scan->is_in_part) {
        ph_charset_close(&scan->charset);
        scan->is_in_part = false;
    }
}

void ph_imap_scan_fini(struct ph_imap_scan *scan)
{
    end_part(scan);
    for (unsigned i = 0; i < scan->count; i++) {
        ph_fold_search_fini(&scan->searches[i]);
    }
    ph_buf_fini(&scan->decoded);
    ph_buf_fini(&scan->text);
}

void ph_imap_scan_reset(struct ph_imap_scan *scan, const struct ph_imap_search_needs *needs)
{
    ph_imap_scan_fini(scan);
    ph_imap_scan_init(scan, needs);
}

static bool feed(struct ph_imap_scan *scan, struct ph_bytes text)
{
    bool is_all_found = true;
    for (unsigned i = 0; i < scan->count; i++) {
        if (!scan->found[i]) {
            ph_fold_search_feed(&scan->searches[i], text);
            scan->found[i] = scan->searches[i].is_found;
            is_all_found &= scan->found[i];
        }
    }
    return is_all_found;
}

static bool feed_break(struct ph_imap_scan *scan)
{
    bool is_all_found = true;
    for (unsigned i = 0; i < scan->count; i++) {
        if (!scan->found[i]) {
            ph_fold_search_break(&scan->searches[i]);
            scan->found[i] = scan->searches[i].is_found;
            is_all_found &= scan->found[i];
        }
    }
    return is_all_found;
}

/* ---- Parts ---- */

static const struct ph_part *next_part(const struct ph_part *part)
{
    if (part->children != NULL) {
        return part->children;
    }
    while (part != NULL && part->next == NULL) {
        part = part->parent;
    }
    return part == NULL ? NULL : part->next;
}

static void feed_file_name(struct ph_imap_scan *scan, const struct ph_part *part)
{
    struct ph_buf name = PH_BUF(NAME_MAX);
    if (ph_part_filename(part, &name)) {
        feed(scan, ph_buf_view(&name));
        feed_break(scan);
    }
    ph_buf_fini(&name);
}

static void feed_header(struct ph_imap_scan *scan, struct ph_bytes header)
{
    struct ph_buf decoded = PH_BUF(PH_IMAP_HEADER_MAX);
    struct ph_header_field field;
    while (ph_header_next(&header, &field)) {
        ph_buf_clear(&decoded);
        ph_encoded_words_decode(field.whole, &decoded);
        feed(scan, ph_buf_view(&decoded));
        feed_break(scan);
    }
    ph_buf_fini(&decoded);
}

/* Opens the part at hand, if it has something to read. */
static int begin_part(struct ph_conn *conn, struct ph_imap_session *session, struct ph_imap_scan *scan,
                      struct ph_imap_fetching *fetching, struct ph_error *err)
{
    const struct ph_part *part = scan->part;
    uint64_t body = fetching->row.message.header_bytes;
    if (part->kind == PH_PART_MESSAGE && part->children != NULL) {
        const struct ph_part *inner = part->children;
        int result = ph_imap_fetch_read(conn, session, fetching, body + inner->header_offset,
                                        inner->header_bytes, err);
        if (result == PH_OK) {
            feed_header(scan, ph_buf_view(&fetching->memory));
        }
        return result;
    }
    if (part->kind != PH_PART_LEAF) {
        return PH_OK;
    }
    feed_file_name(scan, part);
    if (!ph_bytes_ieq(part->type, PH_BYTES("text"))) {
        return PH_OK;
    }
    struct ph_bytes charset = PH_BYTES("");
    (void)ph_mime_param_get(&part->params, PH_BYTES("charset"), &charset);
    (void)ph_transfer_init(&scan->transfer, part->encoding);
    (void)ph_charset_open(&scan->charset, charset);
    scan->is_in_part = true;
    scan->offset = body + ph_part_offset(part);
    scan->left = part->octets;
    return PH_OK;
}

/* The next piece of the text that is open. */
static int read_piece(struct ph_conn *conn, struct ph_imap_session *session, struct ph_imap_scan *scan,
                      struct ph_imap_fetching *fetching, struct ph_error *err)
{
    ph_buf_clear(&fetching->scratch);
    ph_buf_clear(&scan->decoded);
    ph_buf_clear(&scan->text);
    bool is_end = scan->left == 0;
    if (is_end) {
        ph_transfer_finish(&scan->transfer, &scan->decoded);
    } else {
        uint64_t want = scan->left < PIECE_BYTES ? scan->left : PIECE_BYTES;
        int result =
            ph_imap_fetch_piece(conn, session, fetching, scan->offset, want, &fetching->scratch, err);
        if (result != PH_OK) {
            return result;
        }
        ph_transfer_feed(&scan->transfer, ph_buf_view(&fetching->scratch), &scan->decoded);
    }
    ph_charset_convert(&scan->charset, ph_buf_view(&scan->decoded), &scan->text);
    if (is_end) {
        ph_charset_finish(&scan->charset, &scan->text);
    }
    feed(scan, ph_buf_view(&scan->text));
    scan->offset += fetching->scratch.len;
    scan->left -= fetching->scratch.len;
    if (is_end) {
        feed_break(scan);
        end_part(scan);
    }
    return PH_OK;
}

static bool has_all(const struct ph_imap_scan *scan)
{
    for (unsigned i = 0; i < scan->count; i++) {
        if (!scan->found[i]) {
            return false;
        }
    }
    return true;
}

int ph_imap_scan_step(struct ph_conn *conn, struct ph_imap_session *session, struct ph_imap_scan *scan,
                      struct ph_imap_fetching *fetching, struct ph_error *err)
{
    int result = ph_imap_fetch_tree(conn, session, fetching, err);
    if (result != PH_OK) {
        return result;
    }
    if (!scan->is_begun) {
        scan->is_begun = true;
        scan->part = fetching->tree;
        feed(scan, PH_BYTES("")); /* an empty text is in every message */
        result = begin_part(conn, session, scan, fetching, err);
    }
    uint64_t read = 0;
    while (result == PH_OK && scan->part != NULL && read < STEP_BYTES) {
        if (has_all(scan)) {
            return 1;
        }
        if (scan->is_in_part) {
            uint64_t before = scan->left;
            result = read_piece(conn, session, scan, fetching, err);
            read += before - scan->left;
            continue;
        }
        scan->part = next_part(scan->part);
        if (scan->part != NULL) {
            result = begin_part(conn, session, scan, fetching, err);
        }
    }
    return result != PH_OK ? result : (scan->part == NULL || has_all(scan) ? 1 : 0);
}
