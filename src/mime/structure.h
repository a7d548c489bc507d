/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MIME structure of a message: a tree of parts, and the octets that stand for it in a row.
 *
 * The tree tells everything that IMAP's BODY and BODYSTRUCTURE ask for, and where each part lies. Offsets count from
 * where the message's body starts (bodyStartOctet), so they hold for every copy, whatever trace fields it has in front.
 * - A PH_PART_MULTIPART has its parts as children, perhaps none (then IMAP shows an empty text/plain in it).
 * - A PH_PART_MESSAGE (message/rfc822, message/global) has one child: the message inside. The child's header is that
 *   message's header (BODY[n.HEADER]), its content that message's body (BODY[n.TEXT]), and `fields` the fields of the
 *   header that ENVELOPE needs.
 * - The root is the message itself; its header is not counted here: header_offset and header_bytes are 0.
 *
 * What is missing is an empty view with ptr NULL; type and subtype never are (defaults are put in, RFC 2045 section 5.2,
 * RFC 2046 section 5.1.5). Text is as the field has it, unfolded, unquoted and without comments: any octets but NUL, CR and
 * LF. Parameters of RFC 2231 stand as they were written (name*0*=...); mime/encoded_word.h reads them.
 *
 * A tree lives as long as the arena it is in. Threads: none of this is shared.
 */
#ifndef PH_MIME_STRUCTURE_H
#define PH_MIME_STRUCTURE_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    PH_STRUCTURE_PARTS_MAX = 10000, /* more are content of the part before them */
    PH_STRUCTURE_DEPTH_MAX = 100,   /* what is deeper is application/octet-stream */
};

struct ph_mime_param {
    struct ph_bytes name;
    struct ph_bytes value;
};

struct ph_mime_params {
    struct ph_mime_param *list; /* in order */
    unsigned count;
};

enum ph_part_kind { PH_PART_LEAF, PH_PART_MULTIPART, PH_PART_MESSAGE };

struct ph_part {
    struct ph_part *parent;
    struct ph_part *next;     /* sibling */
    struct ph_part *children; /* the first */
    enum ph_part_kind kind;

    struct ph_bytes type; /* "text", as it was written: compare with ph_bytes_ieq */
    struct ph_bytes subtype;
    struct ph_mime_params params;
    struct ph_bytes id;          /* Content-ID, with its <> */
    struct ph_bytes description; /* Content-Description, encoded words and all */
    struct ph_bytes encoding;    /* Content-Transfer-Encoding; missing: "7bit" */
    struct ph_bytes md5;
    struct ph_bytes disposition; /* "attachment" */
    struct ph_mime_params disposition_params;
    struct ph_bytes language; /* Content-Language as written: tags with commas between */
    struct ph_bytes location;
    /* Only of the child of a PH_PART_MESSAGE: its raw fields From, Sender, Reply-To, To, Cc, Bcc, Subject, Date,
     * Message-ID and In-Reply-To; whole, in order, for ph_header_next. */
    struct ph_bytes fields;

    uint64_t header_offset; /* MIME header, with its empty line */
    uint64_t header_bytes;
    uint64_t octets; /* content, as transferred: behind the header */
    uint64_t lines;  /* line ends in it */
};

static inline uint64_t ph_part_offset(const struct ph_part *part)
{
    return part->header_offset + part->header_bytes;
}

/* The part that IMAP's section numbers name (BODY[2.1]): NULL where there is none. NUMBERS count from 1; a message that is not
 * multipart has itself as part 1. COUNT 0: ROOT. */
const struct ph_part *ph_part_find(const struct ph_part *root, const uint32_t *numbers, unsigned count);

bool ph_part_is(const struct ph_part *part, struct ph_bytes type, struct ph_bytes subtype);
/* The value of the parameter NAME, in any case; false where there is none. */
bool ph_mime_param_get(const struct ph_mime_params *params, struct ph_bytes name, struct ph_bytes *out_value);

/* Appends the octets for ROOT to OUT, whose maximum is the caller's limit: see OUT->has_overflowed. */
void ph_structure_encode(const struct ph_part *root, struct ph_buf *out);

/* The tree for OCTETS; its text points into them. PH_ECORRUPT for what is none of ours, or of a version that this
 * program does not know: the caller then parses the message. Takes any octets; never more memory than some hundred times
 * their number. */
int ph_structure_decode(struct ph_bytes octets, struct ph_arena *arena, struct ph_part **out_root,
                        struct ph_error *err) PH_MUST_USE;

#endif
