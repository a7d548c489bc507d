/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored form of a structure, version 1. An octet for the version, then the root:
 *
 *   part   := flags [more] type subtype [params] [id] [description] [encoding] [disposition params]
 *             [md5] [language] [location] [fields]
 *             [gap header_bytes]                    all but the root
 *             octets lines
 *             [count part*]                         multipart
 *             [part]                                message
 *   params := count (name value)*
 *   text   := number [octets]       a word of structure_words.c, from 1; from WORDS_MAX on that many octets more follow
 *   number := 7 bits an octet, lowest first, the highest bit says that more follow; never longer than needed
 *
 * gap is what lies between the part's header and the end of the part before it, or the start of its parent's content. A
 * child lies in its parent's content, behind the child before it. A plain text takes some 10 octets.
 */
#include "mime/structure.h"
#include "mime/structure_words.h"

enum {
    VERSION = 1,
    KIND_MASK = 3,
    HAS_PARAMS = 1 << 2,
    HAS_ID = 1 << 3,
    HAS_DESCRIPTION = 1 << 4,
    HAS_ENCODING = 1 << 5,
    HAS_DISPOSITION = 1 << 6,
    HAS_MORE = 1 << 7,
    HAS_MD5 = 1 << 0,
    HAS_LANGUAGE = 1 << 1,
    HAS_LOCATION = 1 << 2,
    HAS_FIELDS = 1 << 3,
    MORE_MASK = HAS_MD5 | HAS_LANGUAGE | HAS_LOCATION | HAS_FIELDS,
    PART_OCTETS_MIN = 5, /* of the stored form; with a gap and a header 7 */
    PARAM_OCTETS_MIN = 2,
};

/* ---- Writing ---- */

static void put_number(struct ph_buf *out, uint64_t value)
{
    while (value >= 0x80) {
        ph_buf_byte(out, (uint8_t)(value | 0x80));
        value >>= 7;
    }
    ph_buf_byte(out, (uint8_t)value);
}

static void put_text(struct ph_buf *out, struct ph_bytes text)
{
    unsigned code = ph_structure_word_code(text);
    if (text.ptr == NULL || code > 0) {
        ph_buf_byte(out, (uint8_t)code);
        return;
    }
    put_number(out, PH_STRUCTURE_WORDS_MAX + text.len);
    ph_buf_bytes(out, text);
}

static void put_optional(struct ph_buf *out, struct ph_bytes text)
{
    if (text.ptr != NULL) {
        put_text(out, text);
    }
}

static void put_params(struct ph_buf *out, const struct ph_mime_params *params)
{
    put_number(out, params->count);
    for (unsigned i = 0; i < params->count; i++) {
        put_text(out, params->list[i].name);
        put_text(out, params->list[i].value);
    }
}

static unsigned flag_of(struct ph_bytes text, unsigned flag)
{
    return text.ptr != NULL ? flag : 0;
}

static void put_texts(struct ph_buf *out, const struct ph_part *part)
{
    unsigned more = flag_of(part->md5, HAS_MD5) | flag_of(part->language, HAS_LANGUAGE) |
                    flag_of(part->location, HAS_LOCATION) | flag_of(part->fields, HAS_FIELDS);
    unsigned flags = (unsigned)part->kind | (part->params.count > 0 ? HAS_PARAMS : 0U) |
                     flag_of(part->id, HAS_ID) | flag_of(part->description, HAS_DESCRIPTION) |
                     flag_of(part->encoding, HAS_ENCODING) | flag_of(part->disposition, HAS_DISPOSITION) |
                     (more != 0 ? HAS_MORE : 0U);
    ph_buf_byte(out, (uint8_t)flags);
    if (more != 0) {
        ph_buf_byte(out, (uint8_t)more);
    }
    put_text(out, part->type);
    put_text(out, part->subtype);
    if (part->params.count > 0) {
        put_params(out, &part->params);
    }
    put_optional(out, part->id);
    put_optional(out, part->description);
    put_optional(out, part->encoding);
    if (part->disposition.ptr != NULL) {
        put_text(out, part->disposition);
        put_params(out, &part->disposition_params);
    }
    put_optional(out, part->md5);
    put_optional(out, part->language);
    put_optional(out, part->location);
    put_optional(out, part->fields);
}

/* The end of PART, which its next sibling's gap counts from. */
static uint64_t end_of(const struct ph_part *part)
{
    return ph_part_offset(part) + part->octets;
}

static void put_part(struct ph_buf *out, const struct ph_part *part, uint64_t gap_from)
{
    put_texts(out, part);
    if (part->parent != NULL) {
        put_number(out, part->header_offset - gap_from);
        put_number(out, part->header_bytes);
    }
    put_number(out, part->octets);
    put_number(out, part->lines);
    if (part->kind == PH_PART_MULTIPART) {
        uint64_t count = 0;
        for (const struct ph_part *child = part->children; child != NULL; child = child->next) {
            count++;
        }
        put_number(out, count);
    }
    uint64_t from = ph_part_offset(part);
    for (const struct ph_part *child = part->children; child != NULL && !out->has_overflowed;
         child = child->next) {
        put_part(out, child, from);
        from = end_of(child);
    }
}

void ph_structure_encode(const struct ph_part *root, struct ph_buf *out)
{
    ph_buf_byte(out, VERSION);
    put_part(out, root, 0);
}

/* ---- Reading ---- */

struct reader {
    struct ph_bytes rest;
    struct ph_arena *arena;
    unsigned parts;
};

static bool take_byte(struct reader *reader, uint8_t *out_byte)
{
    if (reader->rest.len == 0) {
        return false;
    }
    *out_byte = reader->rest.ptr[0];
    reader->rest = ph_bytes_from(reader->rest, 1);
    return true;
}

static bool take_number(struct reader *reader, uint64_t *out_value)
{
    uint64_t value = 0;
    uint8_t byte = 0;
    for (unsigned shift = 0; shift <= 56; shift += 7) {
        if (!take_byte(reader, &byte)) {
            return false;
        }
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out_value = value;
            return byte != 0 || shift == 0;
        }
    }
    return false;
}

static bool take_text(struct reader *reader, struct ph_bytes *out_text)
{
    uint64_t number = 0;
    if (!take_number(reader, &number)) {
        return false;
    }
    if (number < PH_STRUCTURE_WORDS_MAX) {
        return ph_structure_word((unsigned)number, out_text);
    }
    uint64_t len = number - PH_STRUCTURE_WORDS_MAX;
    if (len > reader->rest.len) {
        return false;
    }
    *out_text = ph_bytes_of(reader->rest.ptr, (size_t)len);
    if (out_text->ptr == NULL || ph_structure_word_code(*out_text) > 0) {
        return false;
    }
    reader->rest = ph_bytes_of(reader->rest.ptr + len, reader->rest.len - (size_t)len);
    return true;
}

static bool take_params(struct reader *reader, struct ph_mime_params *out_params)
{
    uint64_t count = 0;
    if (!take_number(reader, &count) || count > reader->rest.len / PARAM_OCTETS_MIN) {
        return false;
    }
    out_params->count = (unsigned)count;
    out_params->list = ph_arena_alloc(reader->arena, (size_t)count * sizeof *out_params->list);
    for (unsigned i = 0; i < out_params->count; i++) {
        if (!take_text(reader, &out_params->list[i].name) || !take_text(reader, &out_params->list[i].value)) {
            return false;
        }
    }
    return true;
}

static bool take_if(struct reader *reader, unsigned has, struct ph_bytes *out_text)
{
    return has == 0 || take_text(reader, out_text);
}

static bool take_texts(struct reader *reader, struct ph_part *part)
{
    uint8_t flags = 0;
    uint8_t more = 0;
    if (!take_byte(reader, &flags) || (flags & KIND_MASK) > PH_PART_MESSAGE ||
        ((flags & HAS_MORE) != 0 &&
         (!take_byte(reader, &more) || more == 0 || (more & ~(unsigned)MORE_MASK) != 0))) {
        return false;
    }
    part->kind = (enum ph_part_kind)(flags & KIND_MASK);
    return take_text(reader, &part->type) && take_text(reader, &part->subtype) &&
           ((flags & HAS_PARAMS) == 0 || (take_params(reader, &part->params) && part->params.count > 0)) &&
           take_if(reader, flags & HAS_ID, &part->id) &&
           take_if(reader, flags & HAS_DESCRIPTION, &part->description) &&
           take_if(reader, flags & HAS_ENCODING, &part->encoding) &&
           ((flags & HAS_DISPOSITION) == 0 ||
            (take_text(reader, &part->disposition) && take_params(reader, &part->disposition_params))) &&
           take_if(reader, more & HAS_MD5, &part->md5) &&
           take_if(reader, more & HAS_LANGUAGE, &part->language) &&
           take_if(reader, more & HAS_LOCATION, &part->location) &&
           take_if(reader, more & HAS_FIELDS, &part->fields);
}

/* Where the part lies: behind GAP_FROM and inside its parent. */
static bool take_place(struct reader *reader, struct ph_part *part, uint64_t gap_from)
{
    uint64_t end = 0;
    if (part->parent != NULL) {
        uint64_t gap = 0;
        if (!take_number(reader, &gap) || !take_number(reader, &part->header_bytes) ||
            __builtin_add_overflow(gap_from, gap, &part->header_offset)) {
            return false;
        }
    }
    return take_number(reader, &part->octets) && take_number(reader, &part->lines) &&
           !__builtin_add_overflow(part->header_offset, part->header_bytes, &end) &&
           !__builtin_add_overflow(end, part->octets, &end) &&
           (part->parent == NULL || end <= end_of(part->parent));
}

static struct ph_part *take_part(struct reader *reader, struct ph_part *parent, unsigned depth,
                                 uint64_t gap_from)
{
    if (depth > PH_STRUCTURE_DEPTH_MAX || reader->parts >= PH_STRUCTURE_PARTS_MAX) {
        return NULL;
    }
    reader->parts++;
    struct ph_part *part = ph_arena_zalloc(reader->arena, sizeof *part);
    part->parent = parent;
    uint64_t count = part->kind == PH_PART_MESSAGE ? 1 : 0;
    if (!take_texts(reader, part) || !take_place(reader, part, gap_from)) {
        return NULL;
    }
    count = part->kind == PH_PART_MESSAGE ? 1 : 0;
    if (part->kind == PH_PART_MULTIPART &&
        (!take_number(reader, &count) || count > reader->rest.len / PART_OCTETS_MIN)) {
        return NULL;
    }
    uint64_t from = ph_part_offset(part);
    struct ph_part **link = &part->children;
    for (uint64_t i = 0; i < count; i++) {
        *link = take_part(reader, part, depth + 1, from);
        if (*link == NULL) {
            return NULL;
        }
        from = end_of(*link);
        link = &(*link)->next;
    }
    return part;
}

int ph_structure_decode(struct ph_bytes octets, struct ph_arena *arena, struct ph_part **out_root,
                        struct ph_error *err)
{
    struct reader reader = {.rest = octets, .arena = arena};
    uint8_t version = 0;
    if (!take_byte(&reader, &version) || version != VERSION) {
        return ph_fail(err, PH_ECORRUPT, "a message's structure has version %u, not %d", version, VERSION);
    }
    struct ph_part *root = take_part(&reader, NULL, 0, 0);
    if (root == NULL || reader.rest.len > 0) {
        return ph_fail(err, PH_ECORRUPT, "a message's structure cannot be read: %zu octets, %zu of them left",
                       octets.len, reader.rest.len);
    }
    *out_root = root;
    return PH_OK;
}
