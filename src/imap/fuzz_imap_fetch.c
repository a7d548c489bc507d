/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message of any octets as FETCH tells it: ENVELOPE from the column is that from the header; ENVELOPE and BODYSTRUCTURE
 * are one list each, whose parentheses, quotes and literals close; every part that is told of lies inside the message.
 */
#include <stdlib.h>

#include "imap/envelope.h"
#include "imap/fetch.h"
#include "mime/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Passes a string off the front. */
static size_t pass_quoted(struct ph_bytes text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        check(text.ptr[at] != '\r' && text.ptr[at] != '\n' && text.ptr[at] != '\0');
        at += text.ptr[at] == '\\' ? 1 : 0;
    }
    check(at < text.len);
    return at + 1;
}

static size_t pass_literal(struct ph_bytes text, size_t at)
{
    uint64_t len = 0;
    size_t brace = at + ph_bytes_find(ph_bytes_from(text, at), '}');
    check(ph_bytes_to_u64(ph_bytes_of(text.ptr + at + 1, brace - at - 1), &len));
    check(brace + 3 <= text.len && text.ptr[brace + 1] == '\r' && text.ptr[brace + 2] == '\n');
    check(len <= text.len - (brace + 3));
    check(len == 0 || memchr(text.ptr + brace + 3, '\0', (size_t)len) == NULL);
    return brace + 3 + (size_t)len;
}

static void check_list(struct ph_bytes text)
{
    size_t depth = 0;
    size_t at = 0;
    check(text.len > 0 && text.ptr[0] == '(');
    while (at < text.len) {
        uint8_t c = text.ptr[at];
        if (c == '"') {
            at = pass_quoted(text, at);
        } else if (c == '{') {
            at = pass_literal(text, at);
        } else {
            check(c >= ' ' && c <= '~');
            depth += c == '(' ? 1 : 0;
            check(c != ')' || depth > 0);
            depth -= c == ')' ? 1 : 0;
            check(depth > 0 || at + 1 == text.len);
            at++;
        }
    }
    check(depth == 0);
}

static void check_envelope(struct ph_bytes message, uint64_t header_bytes, struct ph_bytes column,
                           struct ph_arena *arena)
{
    struct ph_bytes fields;
    struct ph_buf whole = PH_BUF((size_t)64 << 20);
    struct ph_buf covered = PH_BUF((size_t)64 << 20);
    ph_imap_put_envelope(&whole, ph_bytes_first(message, (size_t)header_bytes), arena);
    check_list(ph_buf_view(&whole));
    if (ph_summary_fields(column, &fields)) {
        ph_imap_put_envelope(&covered, fields, arena);
        check(ph_bytes_eq(ph_buf_view(&whole), ph_buf_view(&covered)));
    }
    ph_buf_fini(&whole);
    ph_buf_fini(&covered);
}

static void check_structure(struct ph_bytes column, uint64_t body_bytes, struct ph_arena *arena)
{
    struct ph_part *root;
    struct ph_error err = {0};
    struct ph_buf out = PH_BUF((size_t)64 << 20);
    check(ph_structure_decode(column, arena, &root, &err) == PH_OK);
    for (unsigned how = 0; how < 4; how++) {
        ph_buf_clear(&out);
        ph_imap_put_structure(&out, root, how, arena);
        check(!out.has_overflowed);
        check_list(ph_buf_view(&out));
    }
    uint32_t one = 1;
    const struct ph_part *part = ph_part_find(root, &one, 1);
    check(part == NULL || ph_part_offset(part) + part->octets <= body_bytes);
    ph_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_bytes message = {data, size};
    struct ph_header_end end = {0};
    struct ph_summary summary;
    struct ph_bytes envelope;
    struct ph_bytes structure;
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    ph_header_end_feed(&end, message);
    ph_summary_init(&summary);
    ph_summary_feed(&summary, message);
    ph_summary_finish(&summary, PH_BYTES(""), &envelope, &structure);
    check_envelope(message, end.offset, envelope, &arena);
    if (structure.ptr != NULL) {
        check_structure(structure, size - end.offset, &arena);
    }
    ph_summary_fini(&summary);
    ph_arena_fini(&arena);
    return 0;
}
