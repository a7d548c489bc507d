/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/summary.h"

#include <stdlib.h>

#include "base/mem.h"
#include "mime/structure_parser.h"

enum {
    ENVELOPE_VERSION = 1, /* the list of field_names.c */
    LARGE_TEXT_BYTES_MAX = 1024 * 1024,
    KEPT_BYTES_MAX = 16 * 1024, /* of a buffer, from one message to the next */
};

struct ph_summary_parser {
    struct ph_structure_parser structure;
    struct ph_header_end header_end; /* where the octets come undivided */
    bool is_large;
    bool is_begun;
    bool has_blank_start; /* the header continues what stands before it */
    struct ph_buf envelope;
    struct ph_buf joined; /* the envelope with fields in front */
    struct ph_buf bodystructure;
};

/* ---- Making it ---- */

void ph_summary_init(struct ph_summary *summary)
{
    summary->parser = NULL;
    summary->is_large = false;
}

void ph_summary_init_large(struct ph_summary *summary)
{
    summary->parser = NULL;
    summary->is_large = true;
}

static void begin(struct ph_summary_parser *parser)
{
    size_t text_max = parser->is_large ? LARGE_TEXT_BYTES_MAX : PH_BODYSTRUCTURE_BYTES_MAX;
    parser->header_end = (struct ph_header_end){0};
    parser->is_begun = false;
    parser->has_blank_start = false;
    ph_buf_clear(&parser->joined);
    ph_buf_clear(&parser->bodystructure);
    ph_buf_clear(&parser->envelope);
    ph_buf_byte(&parser->envelope, ENVELOPE_VERSION);
    ph_structure_parser_begin(&parser->structure, text_max, parser->is_large, &parser->envelope);
}

static struct ph_summary_parser *parser_of(struct ph_summary *summary)
{
    if (summary->parser == NULL) {
        struct ph_summary_parser *parser = ph_zalloc(sizeof *parser);
        parser->is_large = summary->is_large;
        ph_buf_init(&parser->envelope, PH_ENVELOPE_BYTES_MAX);
        ph_buf_init(&parser->joined, PH_ENVELOPE_BYTES_MAX);
        ph_buf_init(&parser->bodystructure, PH_BODYSTRUCTURE_BYTES_MAX);
        begin(parser);
        summary->parser = parser;
    }
    return summary->parser;
}

static void clear_buf(struct ph_buf *buf)
{
    if (buf->cap > KEPT_BYTES_MAX) {
        ph_buf_fini(buf);
    } else {
        ph_buf_clear(buf);
    }
}

void ph_summary_clear(struct ph_summary *summary)
{
    if (summary->parser != NULL) {
        clear_buf(&summary->parser->bodystructure);
        begin(summary->parser);
    }
}

void ph_summary_fini(struct ph_summary *summary)
{
    struct ph_summary_parser *parser = summary->parser;
    if (parser == NULL) {
        return;
    }
    ph_structure_parser_fini(&parser->structure);
    ph_buf_fini(&parser->envelope);
    ph_buf_fini(&parser->joined);
    ph_buf_fini(&parser->bodystructure);
    free(parser);
    summary->parser = NULL;
}

void ph_summary_header(struct ph_summary *summary, struct ph_bytes octets)
{
    struct ph_summary_parser *parser = parser_of(summary);
    if (octets.len == 0) {
        return;
    }
    if (!parser->is_begun) {
        parser->is_begun = true;
        parser->has_blank_start = octets.ptr[0] == ' ' || octets.ptr[0] == '\t';
    }
    ph_structure_parser_header(&parser->structure, octets);
}

void ph_summary_body(struct ph_summary *summary, struct ph_bytes octets)
{
    ph_structure_parser_body(&parser_of(summary)->structure, octets);
}

void ph_summary_feed(struct ph_summary *summary, struct ph_bytes octets)
{
    struct ph_summary_parser *parser = parser_of(summary);
    if (parser->header_end.is_found) {
        ph_summary_body(summary, octets);
        return;
    }
    uint64_t before = parser->header_end.offset;
    ph_header_end_feed(&parser->header_end, octets);
    size_t len = (size_t)(parser->header_end.offset - before);
    ph_summary_header(summary, ph_bytes_first(octets, len));
    if (parser->header_end.is_found) {
        ph_summary_body(summary, ph_bytes_from(octets, len));
    }
}

/* The covered fields of FRONT, and behind them those of the message. */
static void join_front(struct ph_summary_parser *parser, struct ph_bytes front)
{
    struct ph_header_field field;
    bool is_last_covered = false;
    ph_buf_byte(&parser->joined, ENVELOPE_VERSION);
    while (ph_header_next(&front, &field)) {
        is_last_covered = ph_summary_covers(field.name);
        if (is_last_covered) {
            ph_buf_bytes(&parser->joined, field.whole);
        }
    }
    ph_buf_bytes(&parser->joined, ph_bytes_from(ph_buf_view(&parser->envelope), 1));
    if (is_last_covered && parser->has_blank_start) {
        parser->joined.has_overflowed = true;
    }
}

static struct ph_bytes column(const struct ph_buf *buf)
{
    return buf->has_overflowed ? (struct ph_bytes){NULL, 0} : ph_buf_view(buf);
}

void ph_summary_finish(struct ph_summary *summary, struct ph_bytes front, struct ph_bytes *out_envelope,
                       struct ph_bytes *out_bodystructure)
{
    struct ph_summary_parser *parser = parser_of(summary);
    struct ph_part *root = ph_structure_parser_finish(&parser->structure);
    *out_bodystructure = (struct ph_bytes){NULL, 0};
    if (root != NULL) {
        ph_structure_encode(root, &parser->bodystructure);
        *out_bodystructure = column(&parser->bodystructure);
    }
    *out_envelope = column(&parser->envelope);
    if (front.len > 0 && out_envelope->ptr != NULL) {
        join_front(parser, front);
        *out_envelope = column(&parser->joined);
    }
}

const struct ph_part *ph_summary_finish_tree(struct ph_summary *summary)
{
    return ph_structure_parser_finish(&parser_of(summary)->structure);
}

/* ---- Reading it ---- */

bool ph_summary_covers(struct ph_bytes name)
{
    const struct ph_field_name *known = ph_field_name_find(name);
    return known != NULL && (known->uses & PH_FIELD_LISTED) != 0;
}

bool ph_summary_fields(struct ph_bytes envelope, struct ph_bytes *out_fields)
{
    if (envelope.len == 0 || envelope.ptr[0] != ENVELOPE_VERSION) {
        return false;
    }
    *out_fields = ph_bytes_from(envelope, 1);
    return true;
}
