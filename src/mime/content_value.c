/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/content_value.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

static struct ph_bytes skip(struct ph_bytes rest, size_t count)
{
    return ph_bytes_from(rest, count);
}

/* Behind a comment that begins here; comments may have comments in them. */
static struct ph_bytes skip_comment(struct ph_bytes rest)
{
    size_t depth = 0;
    size_t at = 0;
    do {
        uint8_t c = rest.ptr[at];
        if (c == '\\' && at + 1 < rest.len) {
            at++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')') {
            depth--;
        }
        at++;
    } while (depth > 0 && at < rest.len);
    return skip(rest, at);
}

static struct ph_bytes skip_blanks(struct ph_bytes rest)
{
    while (rest.len > 0 && (is_space(rest.ptr[0]) || rest.ptr[0] == '(')) {
        rest = rest.ptr[0] == '(' ? skip_comment(rest) : skip(rest, 1);
    }
    return rest;
}

/* RFC 2045 section 5.1. */
static bool is_token(uint8_t c)
{
    return c > ' ' && c < 0x7F && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct ph_bytes take_token(struct ph_bytes *rest)
{
    size_t len = 0;
    while (len < rest->len && is_token(rest->ptr[len])) {
        len++;
    }
    struct ph_bytes token = {rest->ptr, len};
    *rest = skip(*rest, len);
    return token;
}

/* The octets up to the quote that ends what begins here. */
static size_t quoted_len(struct ph_bytes rest)
{
    size_t at = 1;
    while (at < rest.len && rest.ptr[at] != '"') {
        at += rest.ptr[at] == '\\' && at + 1 < rest.len ? 2 : 1;
    }
    return at;
}

static struct ph_bytes take_quoted(struct ph_bytes *rest, struct ph_arena *arena)
{
    size_t end = quoted_len(*rest);
    uint8_t *text = ph_arena_alloc(arena, end);
    size_t len = 0;
    for (size_t at = 1; at < end; at++) {
        at += rest->ptr[at] == '\\' && at + 1 < rest->len ? 1 : 0;
        uint8_t c = rest->ptr[at];
        if (c != '\0' && c != '\r' && c != '\n') {
            text[len++] = c;
        }
    }
    *rest = skip(*rest, end + 1);
    return (struct ph_bytes){text, len};
}

/* A value without quotes: more than the RFC has, since so many write "boundary=----=_x" or a file's name like that. */
static struct ph_bytes take_bare(struct ph_bytes *rest, struct ph_arena *arena)
{
    size_t len = 0;
    while (len < rest->len && !is_space(rest->ptr[len]) && rest->ptr[len] != ';') {
        len++;
    }
    struct ph_bytes value = {ph_arena_copy(arena, rest->ptr, len), len};
    *rest = skip(*rest, len);
    return value;
}

static bool take_param(struct ph_bytes *rest, struct ph_arena *arena, struct ph_mime_param *out_param)
{
    struct ph_bytes at = skip_blanks(*rest);
    struct ph_bytes name = take_token(&at);
    at = skip_blanks(at);
    if (name.len == 0 || at.len == 0 || at.ptr[0] != '=') {
        return false;
    }
    at = skip_blanks(skip(at, 1));
    out_param->name = ph_arena_bytes(arena, name);
    out_param->value = at.len > 0 && at.ptr[0] == '"' ? take_quoted(&at, arena) : take_bare(&at, arena);
    *rest = at;
    return true;
}

/* To the next semicolon outside of quotes and comments, and behind it. */
static struct ph_bytes skip_to_semicolon(struct ph_bytes rest)
{
    bool is_quoted = false;
    size_t at = 0;
    while (at < rest.len && (is_quoted || rest.ptr[at] != ';')) {
        if (rest.ptr[at] == '"') {
            is_quoted = !is_quoted;
        } else if (rest.ptr[at] == '\\' && is_quoted && at + 1 < rest.len) {
            at++;
        }
        at++;
    }
    return skip(rest, at < rest.len ? at + 1 : at);
}

static struct ph_mime_params take_params(struct ph_bytes rest, struct ph_arena *arena)
{
    struct ph_mime_params params = {NULL, 0};
    unsigned capacity = 0;
    rest = skip_blanks(rest);
    while (rest.len > 0 && params.count < PH_MIME_PARAMS_MAX) {
        if (params.count == capacity) {
            capacity = capacity == 0 ? 2 : capacity * 4;
            struct ph_mime_param *list = ph_arena_alloc(arena, capacity * sizeof *list);
            if (params.count > 0) {
                memcpy(list, params.list, params.count * sizeof *list);
            }
            params.list = list;
        }
        if (rest.ptr[0] == ';') {
            rest = skip(rest, 1);
        } else if (take_param(&rest, arena, &params.list[params.count])) {
            params.count++;
        } else {
            rest = skip_to_semicolon(rest);
        }
        rest = skip_blanks(rest);
    }
    return params;
}

bool ph_content_type_parse(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *out_type,
                           struct ph_bytes *out_subtype, struct ph_mime_params *out_params)
{
    struct ph_bytes rest = skip_blanks(value);
    struct ph_bytes type = take_token(&rest);
    struct ph_bytes subtype = {NULL, 0};
    rest = skip_blanks(rest);
    if (type.len > 0 && rest.len > 0 && rest.ptr[0] == '/') {
        rest = skip_blanks(skip(rest, 1));
        subtype = take_token(&rest);
    }
    if (subtype.len == 0 && ph_bytes_ieq(type, PH_BYTES("text"))) {
        subtype = PH_BYTES("plain");
    } else if (subtype.len == 0 && ph_bytes_ieq(type, PH_BYTES("multipart"))) {
        subtype = PH_BYTES("mixed");
    }
    if (type.len == 0 || subtype.len == 0) {
        return false;
    }
    *out_type = ph_arena_bytes(arena, type);
    *out_subtype = ph_arena_bytes(arena, subtype);
    *out_params = take_params(rest, arena);
    return true;
}

bool ph_disposition_parse(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *out_disposition,
                          struct ph_mime_params *out_params)
{
    struct ph_bytes rest = skip_blanks(value);
    struct ph_bytes disposition = take_token(&rest);
    if (disposition.len == 0) {
        return false;
    }
    *out_disposition = ph_arena_bytes(arena, disposition);
    *out_params = take_params(rest, arena);
    return true;
}

struct ph_bytes ph_content_words(struct ph_bytes value, struct ph_arena *arena)
{
    uint8_t *text = ph_arena_alloc(arena, value.len);
    size_t len = 0;
    for (struct ph_bytes rest = skip_blanks(value); rest.len > 0; rest = skip_blanks(skip(rest, 1))) {
        text[len++] = rest.ptr[0];
    }
    return len == 0 ? (struct ph_bytes){NULL, 0} : (struct ph_bytes){text, len};
}

struct ph_bytes ph_content_text(struct ph_bytes value, struct ph_arena *arena)
{
    uint8_t *text = ph_arena_alloc(arena, value.len);
    size_t len = 0;
    for (size_t at = 0; at < value.len; at++) {
        uint8_t c = value.ptr[at];
        if (c != '\0' && c != '\r' && c != '\n') {
            text[len++] = c;
        }
    }
    struct ph_bytes trimmed = ph_bytes_trim(ph_bytes_of(text, len));
    return trimmed.len == 0 ? (struct ph_bytes){NULL, 0} : trimmed;
}
