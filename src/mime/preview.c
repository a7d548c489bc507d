/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/preview.h"

#include "base/utf8.h"
#include "mime/charset.h"
#include "mime/html_text.h"
#include "mime/transfer.h"

enum { TEXT_BYTES_MAX = 4 * PH_PREVIEW_BODY_BYTES };

static bool is_subtype(const struct ph_part *part, struct ph_bytes subtype)
{
    return ph_bytes_ieq(part->subtype, subtype);
}

static bool is_text(const struct ph_part *part)
{
    return part->kind == PH_PART_LEAF && ph_bytes_ieq(part->type, PH_BYTES("text")) &&
           !ph_bytes_ieq(part->disposition, PH_BYTES("attachment"));
}

/* Of alternatives, plain text; of others, what comes first. Messages inside are not looked into. */
const struct ph_part *ph_preview_part(const struct ph_part *root)
{
    const struct ph_part *found = NULL;
    if (root->kind != PH_PART_MULTIPART) {
        return is_text(root) ? root : NULL;
    }
    bool is_alternative = is_subtype(root, PH_BYTES("alternative"));
    for (const struct ph_part *child = root->children; child != NULL; child = child->next) {
        const struct ph_part *part = ph_preview_part(child);
        if (part == NULL) {
            continue;
        }
        if (!is_alternative || is_subtype(part, PH_BYTES("plain"))) {
            return part;
        }
        found = found == NULL ? part : found;
    }
    return found;
}

/* The content as UTF-8. */
static void decode(const struct ph_part *part, struct ph_bytes content, struct ph_buf *out)
{
    struct ph_buf octets = PH_BUF(TEXT_BYTES_MAX);
    struct ph_transfer transfer;
    struct ph_charset charset;
    struct ph_bytes name = {NULL, 0};
    (void)ph_mime_param_get(&part->params, PH_BYTES("charset"), &name);
    (void)ph_transfer_init(&transfer, part->encoding);
    (void)ph_charset_open(&charset, name);
    ph_transfer_feed(&transfer, content, &octets);
    if (content.len == part->octets) {
        ph_transfer_finish(&transfer, &octets);
    }
    ph_charset_convert(&charset, ph_buf_view(&octets), out);
    if (content.len == part->octets) {
        ph_charset_finish(&charset, out);
    }
    ph_charset_close(&charset);
    ph_buf_fini(&octets);
}

static void strip(struct ph_buf *text)
{
    struct ph_buf stripped = PH_BUF(TEXT_BYTES_MAX);
    struct ph_html_text html = {0};
    ph_html_text_feed(&html, ph_buf_view(text), &stripped);
    ph_html_text_finish(&html, &stripped);
    ph_buf_fini(text);
    *text = stripped;
}

static struct ph_bytes take_line(struct ph_bytes *rest)
{
    size_t len = ph_bytes_find(*rest, '\n');
    struct ph_bytes line = ph_bytes_first(*rest, len);
    *rest = ph_bytes_from(*rest, len + 1);
    return line;
}

/* What is no text of its own: blanks, controls, marks of direction and of no width. */
static bool is_blank(uint32_t code)
{
    return code <= ' ' || (code >= 0x7F && code <= 0xA0) || (code >= 0x2000 && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202F) || code == 0xFEFF || code == 0x034F || code == 0x00AD;
}

/* Appends LINE's characters, blanks made one. *LEFT: how many more there may be. */
static void put_line(struct ph_bytes line, bool *has_blank, unsigned *left, struct ph_buf *out)
{
    while (line.len > 0 && *left > 0) {
        struct ph_bytes before = line;
        uint32_t code = 0;
        if (!ph_utf8_next(&line, &code) || is_blank(code)) {
            *has_blank = true;
            continue;
        }
        if (*has_blank && *left < PH_PREVIEW_CHARACTERS) {
            ph_buf_byte(out, ' ');
            --*left;
        }
        *has_blank = false;
        if (*left > 0) {
            ph_buf_bytes(out, ph_bytes_first(before, before.len - line.len));
            --*left;
        }
    }
    *has_blank = true;
}

static void put_lines(struct ph_bytes text, bool with_quotes, struct ph_buf *out)
{
    bool has_blank = false;
    unsigned left = PH_PREVIEW_CHARACTERS;
    while (text.len > 0 && left > 0) {
        struct ph_bytes line = take_line(&text);
        if (with_quotes || line.len == 0 || line.ptr[0] != '>') {
            put_line(line, &has_blank, &left, out);
        }
    }
}

void ph_preview_put(const struct ph_part *part, struct ph_bytes content, struct ph_buf *out)
{
    struct ph_buf text = PH_BUF(TEXT_BYTES_MAX);
    size_t before = out->len;
    decode(part, ph_bytes_first(content, PH_PREVIEW_BODY_BYTES), &text);
    if (is_subtype(part, PH_BYTES("html"))) {
        strip(&text);
    }
    put_lines(ph_buf_view(&text), false, out);
    if (out->len == before) {
        put_lines(ph_buf_view(&text), true, out);
    }
    while (out->len > before && out->ptr[out->len - 1] == ' ') {
        out->len--;
    }
    ph_buf_fini(&text);
}
