/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the octets of a message, in pieces, to the tree of its parts (mime/structure.h). What mime/summary.h is made with.
 *
 * Any octets have a structure: past the limits on parts and depth what comes is content. Boundaries are looked for in the
 * content of multiparts alone; without one, octets cost the counting of line ends. Lines of the body end in LF, with or without
 * a CR before; those of the message's own header in CRLF, as ph_header_next has them.
 */
#ifndef PH_MIME_STRUCTURE_PARSER_H
#define PH_MIME_STRUCTURE_PARSER_H

#include "mime/boundary.h"
#include "mime/field_reader.h"
#include "mime/structure.h"

/* A part that is open. */
struct ph_structure_frame {
    struct ph_part *part;
    struct ph_part **link; /* where its next child goes */
    uint64_t lines_before; /* line ends in front of its content */
};

enum ph_structure_state {
    PH_STRUCTURE_HEADER,
    PH_STRUCTURE_CONTENT, /* of the innermost part; in a multipart before its first boundary, or behind its last */
    PH_STRUCTURE_LINE,      /* one that may be a boundary */
    PH_STRUCTURE_LINE_REST, /* of a boundary, which counts for nothing */
    PH_STRUCTURE_PART,      /* one begins, if anything comes */
};

struct ph_structure_parser {
    enum ph_structure_state state;
    enum ph_structure_state state_before; /* the line that may be a boundary */
    bool begins_part;                     /* behind the boundary's line */
    bool is_large;                        /* text beyond text_max is left out; else the tree is too large */
    size_t text_max;
    size_t text_bytes; /* as much as the tree takes, in its stored form, at least */
    uint64_t offset;   /* of the body */
    uint64_t lines;    /* in it so far */
    uint8_t tail[2];   /* its last octets */
    unsigned parts;
    unsigned depth; /* of the innermost open part: its frame */
    struct ph_structure_frame frames[PH_STRUCTURE_DEPTH_MAX + 1];
    struct ph_boundaries boundaries;
    struct ph_field_reader reader;
    unsigned line_len;
    uint8_t line[PH_BOUNDARY_LINE_BYTES];
    struct ph_arena arena;
    struct ph_buf fields;  /* of a message inside, for ENVELOPE */
    struct ph_buf *listed; /* of the message itself; the caller's */
};

/* Zeroed before the first time; keeps its memory from one message to the next. LISTED takes the fields of the
 * message's header that are PH_FIELD_LISTED; where it is too small, or one was lost, it has overflowed. */
void ph_structure_parser_begin(struct ph_structure_parser *parser, size_t text_max, bool is_large,
                               struct ph_buf *listed);
void ph_structure_parser_fini(struct ph_structure_parser *parser);

void ph_structure_parser_header(struct ph_structure_parser *parser, struct ph_bytes octets);
/* No more of the header comes. */
void ph_structure_parser_header_end(struct ph_structure_parser *parser);
void ph_structure_parser_body(struct ph_structure_parser *parser, struct ph_bytes octets);
/* NULL where it is too large. The tree lives until begin or fini. */
struct ph_part *ph_structure_parser_finish(struct ph_structure_parser *parser);

#endif
