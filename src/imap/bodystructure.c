/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar is RFC 9051 section 9, `body`. An empty multipart has no way to be said: it is given one empty text part.
 * Recursion is as deep as the parser of the structure allows.
 */
#include "imap/envelope.h"

static const struct ph_bytes nil = {NULL, 0};

static void put_param(struct ph_buf *out, struct ph_bytes name, struct ph_bytes value)
{
    ph_imap_put_string(out, name);
    ph_buf_byte(out, ' ');
    ph_imap_put_string(out, value);
}

/* WITH_CHARSET: RFC 2046 section 4.1.2, text that names none is US-ASCII. */
static void put_params(struct ph_buf *out, const struct ph_mime_params *params, bool with_charset)
{
    struct ph_bytes charset;
    bool adds_charset = with_charset && !ph_mime_param_get(params, PH_BYTES("charset"), &charset) &&
                        !ph_mime_param_get(params, PH_BYTES("charset*"), &charset);
    if (params->count == 0 && !adds_charset) {
        ph_buf_str(out, "NIL");
        return;
    }
    ph_buf_byte(out, '(');
    for (unsigned i = 0; i < params->count; i++) {
        ph_buf_str(out, i == 0 ? "" : " ");
        put_param(out, params->list[i].name, params->list[i].value);
    }
    if (adds_charset) {
        ph_buf_str(out, params->count == 0 ? "" : " ");
        put_param(out, PH_BYTES("charset"), PH_BYTES("us-ascii"));
    }
    ph_buf_byte(out, ')');
}

static void put_disposition(struct ph_buf *out, const struct ph_part *part)
{
    if (part->disposition.ptr == NULL) {
        ph_buf_str(out, "NIL");
        return;
    }
    ph_buf_byte(out, '(');
    ph_imap_put_string(out, part->disposition);
    ph_buf_byte(out, ' ');
    put_params(out, &part->disposition_params, false);
    ph_buf_byte(out, ')');
}

/* NIL, one string, or a list of them. */
static void put_languages(struct ph_buf *out, struct ph_bytes languages)
{
    struct ph_bytes rest = languages;
    size_t count = 0;
    size_t start = out->len;
    while (rest.len > 0) {
        size_t comma = ph_bytes_find(rest, ',');
        struct ph_bytes tag = ph_bytes_trim(ph_bytes_first(rest, comma));
        rest = ph_bytes_from(rest, comma + 1);
        if (tag.len > 0) {
            ph_buf_str(out, count == 0 ? "(" : " ");
            ph_imap_put_string(out, tag);
            count++;
        }
    }
    if (count == 0) {
        out->len = start;
        ph_buf_str(out, "NIL");
    } else {
        ph_buf_byte(out, ')');
    }
}

static void put_extension(struct ph_buf *out, const struct ph_part *part)
{
    ph_buf_byte(out, ' ');
    put_disposition(out, part);
    ph_buf_byte(out, ' ');
    put_languages(out, part->language);
    ph_buf_byte(out, ' ');
    ph_imap_put_nstring(out, part->location);
}

static void put_multipart(struct ph_buf *out, const struct ph_part *part, unsigned how,
                          struct ph_arena *arena)
{
    for (const struct ph_part *child = part->children; child != NULL; child = child->next) {
        ph_imap_put_structure(out, child, how, arena);
    }
    if (part->children == NULL) {
        static const struct ph_part empty = {.type = {(const uint8_t *)"text", 4},
                                             .subtype = {(const uint8_t *)"plain", 5}};
        ph_imap_put_structure(out, &empty, how, arena);
    }
    ph_buf_byte(out, ' ');
    ph_imap_put_string(out, part->subtype);
    if ((how & PH_IMAP_STRUCTURE_EXTENDED) != 0) {
        ph_buf_byte(out, ' ');
        put_params(out, &part->params, false);
        put_extension(out, part);
    }
}

static void put_single(struct ph_buf *out, const struct ph_part *part, unsigned how, struct ph_arena *arena)
{
    bool is_text = ph_bytes_ieq(part->type, PH_BYTES("text"));
    bool is_message =
        part->kind == PH_PART_MESSAGE && part->children != NULL &&
        ((how & PH_IMAP_STRUCTURE_GLOBAL) != 0 || ph_part_is(part, PH_BYTES("message"), PH_BYTES("rfc822")));
    /* A client reads an envelope behind message/rfc822 whatever is in it. */
    bool is_hollow = !is_message && ph_part_is(part, PH_BYTES("message"), PH_BYTES("rfc822"));
    ph_imap_put_string(out, is_hollow ? PH_BYTES("application") : part->type);
    ph_buf_byte(out, ' ');
    ph_imap_put_string(out, is_hollow ? PH_BYTES("octet-stream") : part->subtype);
    ph_buf_byte(out, ' ');
    put_params(out, &part->params, is_text);
    ph_buf_byte(out, ' ');
    ph_imap_put_nstring(out, part->id);
    ph_buf_byte(out, ' ');
    ph_imap_put_nstring(out, part->description);
    ph_buf_byte(out, ' ');
    ph_imap_put_string(out, part->encoding.len > 0 ? part->encoding : PH_BYTES("7bit"));
    ph_buf_byte(out, ' ');
    ph_buf_u64(out, part->octets);
    if (is_message) {
        ph_buf_byte(out, ' ');
        ph_imap_put_envelope(out, part->children->fields, arena);
        ph_buf_byte(out, ' ');
        ph_imap_put_structure(out, part->children, how, arena);
    }
    if (is_message || is_text) {
        ph_buf_byte(out, ' ');
        ph_buf_u64(out, part->lines);
    }
    if ((how & PH_IMAP_STRUCTURE_EXTENDED) != 0) {
        ph_buf_byte(out, ' ');
        ph_imap_put_nstring(out, part->md5.len > 0 ? part->md5 : nil);
        put_extension(out, part);
    }
}

void ph_imap_put_structure(struct ph_buf *out, const struct ph_part *root, unsigned how,
                           struct ph_arena *arena)
{
    ph_buf_byte(out, '(');
    if (root->kind == PH_PART_MULTIPART) {
        put_multipart(out, root, how, arena);
    } else {
        put_single(out, root, how, arena);
    }
    ph_buf_byte(out, ')');
}
