/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack of open parts. A boundary closes what is open inside of its multipart; the line end before it is the boundary's
 * (RFC 2046 section 5.1.1). What its owner left unclosed ends where its parent's next boundary stands, or at the end.
 */
#include "mime/structure_parser.h"
#include "mime/content_value.h"
#include "mime/lines.h"

enum {
    PART_STORED_BYTES = 8,        /* in a stored structure, at least */
    FIELDS_BYTES_MAX = 16 * 1024, /* for one ENVELOPE of a message inside */
};

/* ---- Life ---- */

static struct ph_part *add_part(struct ph_structure_parser *parser, struct ph_part *parent)
{
    struct ph_part *part = ph_arena_zalloc(&parser->arena, sizeof *part);
    part->parent = parent;
    part->header_offset = parser->offset;
    parser->parts++;
    parser->text_bytes += PART_STORED_BYTES;
    return part;
}

static struct ph_structure_frame *top(struct ph_structure_parser *parser)
{
    return &parser->frames[parser->depth];
}

void ph_structure_parser_begin(struct ph_structure_parser *parser, size_t text_max, bool is_large,
                               struct ph_buf *listed)
{
    if (parser->arena.chunk_bytes == 0) {
        ph_arena_init(&parser->arena, 0);
        ph_buf_init(&parser->fields, FIELDS_BYTES_MAX);
    }
    ph_arena_reset(&parser->arena);
    ph_buf_clear(&parser->fields);
    parser->state = PH_STRUCTURE_HEADER;
    parser->is_large = is_large;
    parser->text_max = text_max;
    parser->text_bytes = 0;
    parser->offset = 0;
    parser->lines = 0;
    parser->tail[0] = parser->tail[1] = 0;
    parser->parts = 0;
    parser->depth = 0;
    parser->boundaries.count = 0;
    parser->line_len = 0;
    parser->listed = listed;
    struct ph_part *root = add_part(parser, NULL);
    parser->frames[0] = (struct ph_structure_frame){root, &root->children, 0};
    ph_field_reader_begin(&parser->reader, PH_FIELD_LISTED | PH_FIELD_MIME, false, false);
}

void ph_structure_parser_fini(struct ph_structure_parser *parser)
{
    ph_arena_fini(&parser->arena);
    ph_buf_fini(&parser->fields);
    ph_field_reader_fini(&parser->reader);
}

/* ---- Fields ---- */

static void take_text(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *text)
{
    if (text->ptr == NULL) {
        *text = ph_content_text(value, arena);
    }
}

static void take_words(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *text)
{
    if (text->ptr == NULL) {
        *text = ph_content_words(value, arena);
    }
}

/* Of fields that come more than once the first counts. */
static void take_mime_field(struct ph_structure_parser *parser, struct ph_part *part, enum ph_field_id id)
{
    struct ph_arena *arena = &parser->arena;
    struct ph_bytes value = ph_field_reader_value(&parser->reader);
    switch (id) {
    case PH_FIELD_CONTENT_TYPE:
        if (part->type.ptr == NULL) {
            (void)ph_content_type_parse(value, arena, &part->type, &part->subtype, &part->params);
        }
        break;
    case PH_FIELD_CONTENT_DISPOSITION:
        if (part->disposition.ptr == NULL) {
            (void)ph_disposition_parse(value, arena, &part->disposition, &part->disposition_params);
        }
        break;
    case PH_FIELD_CONTENT_ENCODING: take_words(value, arena, &part->encoding); break;
    case PH_FIELD_CONTENT_MD5: take_words(value, arena, &part->md5); break;
    case PH_FIELD_CONTENT_LANGUAGE: take_words(value, arena, &part->language); break;
    case PH_FIELD_CONTENT_ID: take_text(value, arena, &part->id); break;
    case PH_FIELD_CONTENT_DESCRIPTION: take_text(value, arena, &part->description); break;
    case PH_FIELD_CONTENT_LOCATION: take_text(value, arena, &part->location); break;
    case PH_FIELD_OTHER:
    case PH_FIELD_IDS: break;
    }
}

/* A field of a message inside, its lines ended by CRLF, so that it is read as those of the message itself are. */
static void keep_field(struct ph_buf *fields, struct ph_bytes field)
{
    size_t before = fields->len;
    while (field.len > 0) {
        size_t len = ph_bytes_find(field, '\n');
        struct ph_bytes line = ph_bytes_first(field, len);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
            line.len--;
        }
        ph_buf_bytes(fields, line);
        ph_buf_str(fields, "\r\n");
        field = ph_bytes_from(field, len + 1);
    }
    if (fields->has_overflowed) {
        fields->len = before;
        fields->has_overflowed = false;
    }
}

static void take_field(struct ph_structure_parser *parser)
{
    const struct ph_field_reader *reader = &parser->reader;
    struct ph_bytes field = ph_buf_view(&reader->field);
    unsigned uses = reader->given->uses & reader->wanted;
    if ((uses & PH_FIELD_LISTED) != 0 && !parser->listed->has_overflowed) {
        ph_buf_bytes(parser->listed, field);
    }
    if ((uses & (PH_FIELD_MIME | PH_FIELD_ENVELOPE)) == 0) {
        return;
    }
    parser->text_bytes += field.len;
    if (parser->text_bytes > parser->text_max) {
        return;
    }
    if ((uses & PH_FIELD_ENVELOPE) != 0) {
        keep_field(&parser->fields, field);
    }
    if ((uses & PH_FIELD_MIME) != 0) {
        take_mime_field(parser, top(parser)->part, reader->given->id);
    }
}

/* ---- Parts ---- */

static bool is_type(const struct ph_part *part, struct ph_bytes type)
{
    return ph_bytes_ieq(part->type, type);
}

/* RFC 2045 section 5.2, RFC 2046 section 5.1.5. */
static void put_default_type(struct ph_structure_parser *parser, struct ph_part *part)
{
    const struct ph_part *parent = part->parent;
    part->params.count = 0;
    if (parent != NULL && ph_part_is(parent, PH_BYTES("multipart"), PH_BYTES("digest"))) {
        part->type = PH_BYTES("message");
        part->subtype = PH_BYTES("rfc822");
        return;
    }
    part->type = PH_BYTES("text");
    part->subtype = PH_BYTES("plain");
    part->params.list = ph_arena_alloc(&parser->arena, sizeof *part->params.list);
    part->params.list[0] = (struct ph_mime_param){PH_BYTES("charset"), PH_BYTES("us-ascii")};
    part->params.count = 1;
}

static bool is_encoded(const struct ph_part *part)
{
    return ph_bytes_ieq(part->encoding, PH_BYTES("base64")) ||
           ph_bytes_ieq(part->encoding, PH_BYTES("quoted-printable"));
}

/* A message/global may be encoded (RFC 6532 section 3.5); then nobody sees its parts. */
static enum ph_part_kind kind_of(const struct ph_part *part)
{
    if (is_type(part, PH_BYTES("multipart"))) {
        return PH_PART_MULTIPART;
    }
    bool is_message = ph_part_is(part, PH_BYTES("message"), PH_BYTES("rfc822")) ||
                      (ph_part_is(part, PH_BYTES("message"), PH_BYTES("global")) && !is_encoded(part));
    return is_message ? PH_PART_MESSAGE : PH_PART_LEAF;
}

static void begin_header(struct ph_structure_parser *parser, unsigned wanted)
{
    parser->state = PH_STRUCTURE_HEADER;
    ph_field_reader_begin(&parser->reader, wanted, true, parser->boundaries.count > 0);
}

static void open_child(struct ph_structure_parser *parser)
{
    struct ph_structure_frame *frame = top(parser);
    struct ph_part *child = add_part(parser, frame->part);
    *frame->link = child;
    frame->link = &child->next;
    parser->depth++;
    *top(parser) = (struct ph_structure_frame){child, &child->children, 0};
}

/* Whether a part of this kind can be: parts inside of it need room. */
static bool has_room(const struct ph_structure_parser *parser, enum ph_part_kind kind)
{
    return kind == PH_PART_LEAF || (parser->depth < PH_STRUCTURE_DEPTH_MAX &&
                                    (kind != PH_PART_MESSAGE || parser->parts < PH_STRUCTURE_PARTS_MAX));
}

/* Behind the header of the innermost part. */
static void begin_content(struct ph_structure_parser *parser)
{
    struct ph_structure_frame *frame = top(parser);
    struct ph_part *part = frame->part;
    if (part->parent != NULL) {
        part->header_bytes = parser->offset - part->header_offset;
    }
    if (parser->fields.len > 0) {
        part->fields = ph_arena_bytes(&parser->arena, ph_buf_view(&parser->fields));
        ph_buf_clear(&parser->fields);
    }
    frame->lines_before = parser->lines;
    parser->state = PH_STRUCTURE_CONTENT;
    if (part->type.ptr == NULL) {
        put_default_type(parser, part);
    }
    part->kind = kind_of(part);
    if (!has_room(parser, part->kind)) {
        part->kind = PH_PART_LEAF;
        part->type = PH_BYTES("application");
        part->subtype = PH_BYTES("octet-stream");
        part->params.count = 0;
    }
    struct ph_bytes boundary = {NULL, 0};
    if (part->kind == PH_PART_MESSAGE) {
        open_child(parser);
        begin_header(parser, PH_FIELD_MIME | PH_FIELD_ENVELOPE);
    } else if (part->kind == PH_PART_MULTIPART &&
               ph_mime_param_get(&part->params, PH_BYTES("boundary"), &boundary) && boundary.len > 0) {
        ph_boundaries_push(&parser->boundaries, boundary, parser->depth);
    }
}

/* The header of the innermost part ends without an empty line. */
static void end_header(struct ph_structure_parser *parser)
{
    if (ph_field_reader_end(&parser->reader)) {
        take_field(parser);
    }
    begin_content(parser);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Closes every part deeper than DEPTH: they end at END, with LINES line ends before that. */
static void close_parts(struct ph_structure_parser *parser, unsigned depth, uint64_t end, uint64_t lines)
{
    while (parser->state == PH_STRUCTURE_HEADER && parser->depth > depth) {
        end_header(parser);
    }
    for (; parser->depth > depth; parser->depth--) {
        struct ph_structure_frame *frame = top(parser);
        struct ph_part *part = frame->part;
        part->header_offset = smaller(part->header_offset, end);
        part->header_bytes = smaller(part->header_bytes, end - part->header_offset);
        part->octets = end - ph_part_offset(part);
        part->lines = lines > frame->lines_before ? lines - frame->lines_before : 0;
    }
    ph_boundaries_pop(&parser->boundaries, depth + 1);
}

/* ---- Octets ---- */

/* OCTETS of the body are behind us. */
static void pass(struct ph_structure_parser *parser, struct ph_bytes octets, uint64_t lines)
{
    parser->offset += octets.len;
    parser->lines += lines;
    if (octets.len > 0) {
        parser->tail[0] = octets.len > 1 ? octets.ptr[octets.len - 2] : parser->tail[1];
        parser->tail[1] = octets.ptr[octets.len - 1];
    }
}

/* The length of the line end that we are behind. */
static unsigned line_end_len(const struct ph_structure_parser *parser)
{
    return parser->tail[1] != '\n' ? 0 : parser->tail[0] == '\r' ? 2 : 1;
}

static bool is_at_line(const struct ph_structure_parser *parser)
{
    return parser->offset == 0 || parser->tail[1] == '\n';
}

static void read_header(struct ph_structure_parser *parser, struct ph_bytes *rest)
{
    struct ph_bytes before = *rest;
    enum ph_field_event event = ph_field_reader_feed(&parser->reader, rest);
    struct ph_bytes taken = ph_bytes_first(before, before.len - rest->len);
    pass(parser, taken, ph_lines_count(taken));
    switch (event) {
    case PH_FIELD_WHOLE: take_field(parser); break;
    case PH_FIELD_END: begin_content(parser); break;
    case PH_FIELD_DASH:
        parser->state_before = PH_STRUCTURE_HEADER;
        parser->state = PH_STRUCTURE_LINE;
        break;
    case PH_FIELD_MORE: break;
    }
}

static void read_content(struct ph_structure_parser *parser, struct ph_bytes *rest)
{
    uint64_t lines = 0;
    size_t len = rest->len;
    if (parser->boundaries.count == 0) {
        lines = ph_lines_count(*rest);
    } else if (rest->ptr[0] == '-' && (rest->len == 1 || rest->ptr[1] == '-') && is_at_line(parser)) {
        parser->state_before = PH_STRUCTURE_CONTENT;
        parser->state = PH_STRUCTURE_LINE;
        return;
    } else {
        len = ph_lines_to_dashes(*rest, &lines);
    }
    pass(parser, ph_bytes_first(*rest, len), lines);
    *rest = ph_bytes_from(*rest, len);
}

/* A boundary of the multipart in frame OWNER, in front of which we are. */
static void take_boundary(struct ph_structure_parser *parser, unsigned owner, bool is_end)
{
    unsigned line_end = line_end_len(parser);
    uint64_t lines = parser->lines - (line_end > 0 ? 1 : 0);
    close_parts(parser, owner, parser->offset - line_end, lines);
    if (is_end) {
        ph_boundaries_pop(&parser->boundaries, owner);
    }
    parser->begins_part = !is_end;
    parser->state = PH_STRUCTURE_LINE_REST;
}

/* Behind the line of a boundary. */
static void end_boundary(struct ph_structure_parser *parser)
{
    parser->state = parser->begins_part ? PH_STRUCTURE_PART : PH_STRUCTURE_CONTENT;
}

static void begin_part(struct ph_structure_parser *parser)
{
    open_child(parser);
    begin_header(parser, PH_FIELD_MIME);
}

/* LINE, as much of it as is needed, is a boundary or is not. */
static void take_line(struct ph_structure_parser *parser, struct ph_bytes line)
{
    unsigned owner = 0;
    bool is_end = false;
    bool is_boundary = ph_boundaries_match(&parser->boundaries, line, &owner, &is_end) &&
                       (is_end || parser->parts < PH_STRUCTURE_PARTS_MAX);
    parser->state = parser->state_before;
    parser->line_len = 0;
    if (is_boundary) {
        take_boundary(parser, owner, is_end);
        pass(parser, line, ph_lines_count(line));
        if (parser->tail[1] == '\n') {
            end_boundary(parser);
        }
    } else if (parser->state == PH_STRUCTURE_CONTENT) {
        pass(parser, line, ph_lines_count(line));
    } else {
        parser->reader.passes_dash = true;
        while (line.len > 0) {
            read_header(parser, &line);
        }
    }
}

/* Gathers a line from its pieces, or looks at it where it is. */
static void read_line(struct ph_structure_parser *parser, struct ph_bytes *rest)
{
    struct ph_bytes piece = ph_bytes_first(*rest, PH_BOUNDARY_LINE_BYTES - parser->line_len);
    size_t lf = ph_bytes_find(piece, '\n');
    bool is_enough = lf < piece.len || parser->line_len + piece.len == PH_BOUNDARY_LINE_BYTES;
    piece = ph_bytes_first(piece, lf + 1);
    *rest = ph_bytes_from(*rest, piece.len);
    struct ph_bytes line = piece;
    if (parser->line_len > 0 || !is_enough) {
        memcpy(parser->line + parser->line_len, piece.ptr, piece.len);
        parser->line_len += (unsigned)piece.len;
        line = ph_bytes_of(parser->line, parser->line_len);
    }
    if (is_enough) {
        take_line(parser, line);
    }
}

static void read_line_rest(struct ph_structure_parser *parser, struct ph_bytes *rest)
{
    size_t lf = ph_bytes_find(*rest, '\n');
    struct ph_bytes taken = ph_bytes_first(*rest, lf + 1);
    pass(parser, taken, lf < rest->len ? 1 : 0);
    *rest = ph_bytes_from(*rest, taken.len);
    if (parser->tail[1] == '\n') {
        end_boundary(parser);
    }
}

static void read_some(struct ph_structure_parser *parser, struct ph_bytes *rest)
{
    switch (parser->state) {
    case PH_STRUCTURE_HEADER: read_header(parser, rest); break;
    case PH_STRUCTURE_CONTENT: read_content(parser, rest); break;
    case PH_STRUCTURE_LINE: read_line(parser, rest); break;
    case PH_STRUCTURE_LINE_REST: read_line_rest(parser, rest); break;
    case PH_STRUCTURE_PART: begin_part(parser); break;
    }
}

static bool is_given_up(const struct ph_structure_parser *parser)
{
    return !parser->is_large && parser->text_bytes > parser->text_max;
}

void ph_structure_parser_body(struct ph_structure_parser *parser, struct ph_bytes octets)
{
    ph_structure_parser_header_end(parser);
    while (octets.len > 0 && !is_given_up(parser)) {
        read_some(parser, &octets);
    }
}

void ph_structure_parser_header(struct ph_structure_parser *parser, struct ph_bytes octets)
{
    while (octets.len > 0) {
        if (ph_field_reader_feed(&parser->reader, &octets) == PH_FIELD_WHOLE) {
            take_field(parser);
        }
    }
}

void ph_structure_parser_header_end(struct ph_structure_parser *parser)
{
    if (parser->depth > 0 || parser->state != PH_STRUCTURE_HEADER) {
        return;
    }
    if ((parser->reader.lost & PH_FIELD_LISTED) != 0) {
        parser->listed->has_overflowed = true;
    }
    end_header(parser);
}

struct ph_part *ph_structure_parser_finish(struct ph_structure_parser *parser)
{
    ph_structure_parser_header_end(parser);
    if (is_given_up(parser)) {
        return NULL;
    }
    if (parser->state == PH_STRUCTURE_LINE) {
        take_line(parser, ph_bytes_of(parser->line, parser->line_len));
    }
    close_parts(parser, 0, parser->offset, parser->lines);
    struct ph_part *root = parser->frames[0].part;
    root->octets = parser->offset;
    root->lines = parser->lines;
    return root;
}
