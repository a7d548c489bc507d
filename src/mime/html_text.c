/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/html_text.h"

enum { CODE_MAX = 0x10FFFF };

static struct ph_bytes name_of(const struct ph_html_text *html)
{
    return ph_bytes_of(html->name, html->len);
}

static bool is_alnum(uint8_t c)
{
    char lower = ph_ascii_lower((char)c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
}

/* ---- Entities ---- */

static const struct {
    const char *name;
    const char *text;
} entities[] = {
    {"amp", "&"},
    {"lt", "<"},
    {"gt", ">"},
    {"quot", "\""},
    {"apos", "'"},
    {"nbsp", " "},
    {"shy", ""},
    {"zwnj", ""},
    {"copy", "\xC2\xA9"},
    {"reg", "\xC2\xAE"},
    {"auml", "\xC3\xA4"},
    {"ouml", "\xC3\xB6"},
    {"uuml", "\xC3\xBC"},
    {"Auml", "\xC3\x84"},
    {"Ouml", "\xC3\x96"},
    {"Uuml", "\xC3\x9C"},
    {"szlig", "\xC3\x9F"},
    {"eacute", "\xC3\xA9"},
    {"egrave", "\xC3\xA8"},
    {"agrave", "\xC3\xA0"},
    {"ccedil", "\xC3\xA7"},
    {"ndash", "\xE2\x80\x93"},
    {"mdash", "\xE2\x80\x94"},
    {"hellip", "\xE2\x80\xA6"},
    {"lsquo", "\xE2\x80\x98"},
    {"rsquo", "\xE2\x80\x99"},
    {"ldquo", "\xE2\x80\x9C"},
    {"rdquo", "\xE2\x80\x9D"},
    {"bull", "\xE2\x80\xA2"},
    {"euro", "\xE2\x82\xAC"},
};

static void put_code(struct ph_buf *out, uint32_t code)
{
    if (code < ' ' || (code >= 0x7F && code < 0xA0) || code == 0xA0) {
        ph_buf_byte(out, ' ');
    } else if (code < 0x80) {
        ph_buf_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        ph_buf_byte(out, (uint8_t)(0xC0 | code >> 6));
        ph_buf_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    } else if (code < 0x10000) {
        ph_buf_byte(out, (uint8_t)(0xE0 | code >> 12));
        ph_buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        ph_buf_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    } else {
        ph_buf_byte(out, (uint8_t)(0xF0 | code >> 18));
        ph_buf_byte(out, (uint8_t)(0x80 | (code >> 12 & 0x3F)));
        ph_buf_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
        ph_buf_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
    }
}

/* "#8217" or "#x2019". */
static bool read_code(struct ph_bytes name, uint32_t *out_code)
{
    bool is_hex = name.len > 2 && ph_ascii_lower((char)name.ptr[1]) == 'x';
    uint32_t code = 0;
    if (name.len < 2 || name.ptr[0] != '#') {
        return false;
    }
    for (size_t i = is_hex ? 2 : 1; i < name.len; i++) {
        char c = ph_ascii_lower((char)name.ptr[i]);
        bool is_letter = c >= 'a' && c <= 'f';
        if (!(c >= '0' && c <= '9') && !(is_hex && is_letter)) {
            return false;
        }
        code = code * (is_hex ? 16 : 10) + (uint32_t)(is_letter ? c - 'a' + 10 : c - '0');
        if (code > CODE_MAX) {
            return false;
        }
    }
    *out_code = code;
    return code < 0xD800 || code > 0xDFFF;
}

/* Behind the name of an entity. False: it is none, and text. */
static bool put_entity(const struct ph_html_text *html, struct ph_buf *out)
{
    uint32_t code = 0;
    if (read_code(name_of(html), &code)) {
        put_code(out, code);
        return true;
    }
    for (size_t i = 0; i < sizeof entities / sizeof entities[0]; i++) {
        if (ph_bytes_eq(name_of(html), ph_bytes_str(entities[i].name))) {
            ph_buf_str(out, entities[i].text);
            return true;
        }
    }
    return false;
}

static void put_no_entity(const struct ph_html_text *html, struct ph_buf *out)
{
    ph_buf_byte(out, '&');
    ph_buf_bytes(out, name_of(html));
}

/* ---- Tags ---- */

static bool is_raw(struct ph_bytes name)
{
    return ph_bytes_eq(name, PH_BYTES("script")) || ph_bytes_eq(name, PH_BYTES("style")) ||
           ph_bytes_eq(name, PH_BYTES("title"));
}

/* Tags that do not part words; all others do. */
static bool is_inline(struct ph_bytes name)
{
    static const char *const names[] = {"a",      "abbr", "b",    "big", "code", "del",   "em",   "font",
                                        "i",      "ins",  "mark", "q",   "s",    "small", "span", "strike",
                                        "strong", "sub",  "sup",  "tt",  "u",    "wbr",   "o:p"};
    if (name.len > 0 && name.ptr[0] == '/') {
        name = ph_bytes_from(name, 1);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (ph_bytes_eq(name, ph_bytes_str(names[i]))) {
            return true;
        }
    }
    return false;
}

static void end_tag(struct ph_html_text *html, struct ph_buf *out)
{
    html->matched = 0;
    html->state = is_raw(name_of(html)) ? PH_HTML_RAW : PH_HTML_TEXT;
    if (!is_inline(name_of(html))) {
        ph_buf_byte(out, '\n');
    }
}

static void feed_tag(struct ph_html_text *html, uint8_t c, struct ph_buf *out)
{
    if (html->quote != 0) {
        html->quote = c == html->quote ? 0 : html->quote;
    } else if (c == '"' || c == '\'') {
        html->quote = c;
    } else if (c == '>') {
        end_tag(html, out);
    }
}

static void feed_name(struct ph_html_text *html, uint8_t c, struct ph_buf *out)
{
    bool is_first = html->len == 0;
    if (is_alnum(c) || c == ':' || (is_first && (c == '/' || c == '!' || c == '?')) ||
        (c == '-' && html->name[0] == '!')) {
        if (html->len < sizeof html->name) {
            html->name[html->len++] = ph_ascii_lower((char)c);
        }
        if (ph_bytes_eq(name_of(html), PH_BYTES("!--"))) {
            html->state = PH_HTML_COMMENT;
            html->matched = 0;
        }
        return;
    }
    html->state = PH_HTML_TAG;
    html->quote = 0;
    feed_tag(html, c, out);
}

/* "</script" ends a script. */
static void feed_raw(struct ph_html_text *html, uint8_t c)
{
    char wanted = html->matched == 0 ? '<' : html->matched == 1 ? '/' : html->name[html->matched - 2];
    if (ph_ascii_lower((char)c) == wanted) {
        if (++html->matched == html->len + 2) {
            html->state = PH_HTML_TAG;
            html->quote = 0;
            html->name[0] = '/';
            html->len = 1;
        }
    } else {
        html->matched = c == '<' ? 1 : 0;
    }
}

static void feed_comment(struct ph_html_text *html, uint8_t c)
{
    if (c == '-') {
        html->matched++;
    } else if (c == '>' && html->matched >= 2) {
        html->state = PH_HTML_TEXT;
    } else {
        html->matched = 0;
    }
}

static void feed_octet(struct ph_html_text *html, uint8_t c, struct ph_buf *out)
{
    switch (html->state) {
    case PH_HTML_TEXT: break;
    case PH_HTML_NAME: feed_name(html, c, out); return;
    case PH_HTML_TAG: feed_tag(html, c, out); return;
    case PH_HTML_COMMENT: feed_comment(html, c); return;
    case PH_HTML_RAW: feed_raw(html, c); return;
    case PH_HTML_OPEN:
        html->state = PH_HTML_TEXT;
        if (is_alnum(c) || c == '/' || c == '!' || c == '?') {
            html->state = PH_HTML_NAME;
            html->len = 0;
            feed_name(html, c, out);
            return;
        }
        ph_buf_byte(out, '<');
        break;
    case PH_HTML_ENTITY:
        if ((is_alnum(c) || c == '#') && html->len < sizeof html->name) {
            html->name[html->len++] = (char)c;
            return;
        }
        html->state = PH_HTML_TEXT;
        if (c == ';' && put_entity(html, out)) {
            return;
        }
        put_no_entity(html, out);
        break;
    }
    if (c == '<') {
        html->state = PH_HTML_OPEN;
    } else if (c == '&') {
        html->state = PH_HTML_ENTITY;
        html->len = 0;
    } else {
        ph_buf_byte(out, c);
    }
}

void ph_html_text_feed(struct ph_html_text *html, struct ph_bytes in, struct ph_buf *out)
{
    for (size_t at = 0; at < in.len; at++) {
        if (html->state == PH_HTML_TEXT) {
            size_t from = at;
            while (at < in.len && in.ptr[at] != '<' && in.ptr[at] != '&') {
                at++;
            }
            ph_buf_append(out, in.ptr + from, at - from);
        }
        if (at < in.len) {
            feed_octet(html, in.ptr[at], out);
        }
    }
}

void ph_html_text_finish(struct ph_html_text *html, struct ph_buf *out)
{
    if (html->state == PH_HTML_ENTITY) {
        put_no_entity(html, out);
    } else if (html->state == PH_HTML_OPEN) {
        ph_buf_byte(out, '<');
    }
    *html = (struct ph_html_text){0};
}
