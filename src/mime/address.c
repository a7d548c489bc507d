/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First where an address ends (a comma or semicolon that is in no quotes, comment or brackets), then what it is made of. Each
 * octet is looked at a fixed number of times.
 */
#include "mime/address.h"

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

/* ---- Where an address ends ---- */

/* Behind a quoted string that begins at AT. */
static size_t behind_quotes(struct ph_bytes text, size_t at)
{
    for (at++; at < text.len && text.ptr[at] != '"'; at++) {
        at += text.ptr[at] == '\\' && at + 1 < text.len ? 1 : 0;
    }
    return at < text.len ? at + 1 : at;
}

/* Behind a comment that begins at AT; there may be comments in it. */
static size_t behind_comment(struct ph_bytes text, size_t at)
{
    size_t depth = 0;
    while (at < text.len) {
        uint8_t c = text.ptr[at++];
        if (c == '\\' && at < text.len) {
            at++;
        } else if (c == '(') {
            depth++;
        } else if (c == ')' && --depth == 0) {
            break;
        }
    }
    return at;
}

static size_t behind_blanks(struct ph_bytes text, size_t at)
{
    while (at < text.len && (is_space(text.ptr[at]) || text.ptr[at] == '(')) {
        at = text.ptr[at] == '(' ? behind_comment(text, at) : at + 1;
    }
    return at;
}

/* The octets up to the comma, semicolon or colon (of a group) that ends the address. */
static size_t address_len(struct ph_bytes text, bool is_in_group)
{
    bool has_at = false;
    bool is_route = false;
    size_t at = 0;
    while (at < text.len) {
        uint8_t c = text.ptr[at];
        if (c == '"') {
            at = behind_quotes(text, at);
            continue;
        }
        if (c == '(') {
            at = behind_comment(text, at);
            continue;
        }
        if (c == '<') {
            size_t next = behind_blanks(text, at + 1);
            is_route = next < text.len && text.ptr[next] == '@';
            has_at = true; /* no group's name has brackets */
        } else if (c == '>') {
            is_route = false;
        } else if (c == '@') {
            has_at = true;
        } else if (!is_route && (c == ',' || c == ';' || (c == ':' && !has_at && !is_in_group))) {
            break;
        }
        at++;
    }
    return at;
}

/* ---- What it is made of ---- */

/* Text that is put together; there is room for all of the address. */
struct text {
    uint8_t *ptr;
    size_t len;
    bool is_behind_space;
};

static struct text text_new(struct ph_arena *arena, size_t max)
{
    return (struct text){ph_arena_alloc(arena, max), 0, false};
}

static void put(struct text *text, uint8_t c)
{
    if (!is_space(c) || c == ' ' || c == '\t') {
        text->ptr[text->len++] = c;
    }
}

/* A word's octet, with one blank before it where some were passed. */
static void put_spaced(struct text *text, uint8_t c)
{
    if (text->is_behind_space && text->len > 0) {
        text->ptr[text->len++] = ' ';
    }
    text->is_behind_space = false;
    put(text, c);
}

static struct ph_bytes text_view(const struct text *text)
{
    return (struct ph_bytes){text->ptr, text->len};
}

static struct ph_bytes or_missing(struct ph_bytes text)
{
    return text.len == 0 ? (struct ph_bytes){NULL, 0} : text;
}

/* What is inside of the outer parentheses of a comment, as a name. */
static struct ph_bytes comment_text(struct ph_bytes comment, struct ph_arena *arena)
{
    struct text text = text_new(arena, comment.len);
    bool is_ended = comment.len > 1 && comment.ptr[comment.len - 1] == ')';
    for (size_t at = 1; at < comment.len - (is_ended ? 1 : 0); at++) {
        at += comment.ptr[at] == '\\' && at + 1 < comment.len ? 1 : 0;
        if (is_space(comment.ptr[at])) {
            text.is_behind_space = true;
        } else {
            put_spaced(&text, comment.ptr[at]);
        }
    }
    return or_missing(text_view(&text));
}

/* What stands before <>, or all of an address without them. */
struct words {
    struct text spaced; /* words as a phrase has them */
    struct text close;  /* as a local part and a domain have them: without blanks but those in quotes */
    size_t at_sign;     /* in `close`: where the first @ is that is in no quotes */
    bool has_at_sign;
    struct ph_bytes comment; /* the last one */
};

/* Reads words up to an octet of STOP; returns where that is. */
static size_t read_words(struct ph_bytes text, size_t at, const char *stop, struct words *words)
{
    while (at < text.len && (text.ptr[at] == '\0' || strchr(stop, text.ptr[at]) == NULL)) {
        uint8_t c = text.ptr[at];
        if (c == '(') {
            size_t end = behind_comment(text, at);
            words->comment = ph_bytes_of(text.ptr + at, end - at);
            words->spaced.is_behind_space = true;
            at = end;
        } else if (c == '"') {
            size_t end = behind_quotes(text, at);
            bool is_ended = end > at + 1 && text.ptr[end - 1] == '"';
            for (size_t i = at + 1; i < end - (is_ended ? 1 : 0); i++) {
                i += text.ptr[i] == '\\' && i + 1 < end ? 1 : 0;
                put_spaced(&words->spaced, text.ptr[i]);
                put(&words->close, text.ptr[i]);
            }
            at = end;
        } else if (is_space(c)) {
            words->spaced.is_behind_space = true;
            at++;
        } else {
            if (c == '@' && !words->has_at_sign) {
                words->has_at_sign = true;
                words->at_sign = words->close.len;
            }
            put_spaced(&words->spaced, c);
            put(&words->close, c);
            at++;
        }
    }
    return at;
}

static struct words words_new(struct ph_arena *arena, size_t max)
{
    return (struct words){.spaced = text_new(arena, 2 * max), .close = text_new(arena, max)};
}

/* A mailbox and its host from an addr-spec. */
static void take_addr_spec(const struct words *words, struct ph_mime_address *out_address)
{
    struct ph_bytes all = text_view(&words->close);
    out_address->mailbox = ph_bytes_first(all, words->has_at_sign ? words->at_sign : all.len);
    out_address->host = words->has_at_sign
                            ? ph_bytes_of(all.ptr + words->at_sign + 1, all.len - words->at_sign - 1)
                            : PH_BYTES("");
}

static void take_angle(struct ph_bytes text, size_t at, struct ph_arena *arena, struct ph_bytes *comment,
                       struct ph_mime_address *out_address)
{
    struct words words = words_new(arena, text.len - at);
    at = behind_blanks(text, at);
    if (at < text.len && text.ptr[at] == '@') {
        at = read_words(text, at, ":>", &words);
        out_address->route = or_missing(text_view(&words.close));
        at += at < text.len && text.ptr[at] == ':' ? 1 : 0;
        words = words_new(arena, text.len - at);
    }
    at = read_words(text, at, ">", &words);
    take_addr_spec(&words, out_address);
    struct words behind = words_new(arena, text.len - at);
    (void)read_words(text, at, "", &behind);
    *comment = behind.comment.len > 0 ? behind.comment : words.comment.len > 0 ? words.comment : *comment;
}

static void take_address(struct ph_bytes text, struct ph_arena *arena, struct ph_mime_address *out_address)
{
    *out_address = (struct ph_mime_address){.kind = PH_MIME_ADDRESS_MAILBOX};
    struct words words = words_new(arena, text.len);
    size_t at = read_words(text, 0, "<", &words);
    struct ph_bytes comment = words.comment;
    if (at < text.len) {
        out_address->name = or_missing(text_view(&words.spaced));
        take_angle(text, at + 1, arena, &comment, out_address);
    } else if (words.has_at_sign) {
        take_addr_spec(&words, out_address);
    } else {
        out_address->mailbox = text_view(&words.spaced);
        out_address->host = PH_BYTES("");
    }
    if (out_address->name.ptr == NULL && comment.len > 0) {
        out_address->name = comment_text(comment, arena);
    }
}

/* ---- The list ---- */

static void take(struct ph_mime_address_reader *reader, size_t count)
{
    reader->rest = ph_bytes_from(reader->rest, count);
}

bool ph_mime_address_next(struct ph_mime_address_reader *reader, struct ph_arena *arena,
                          struct ph_mime_address *out_address)
{
    while (true) {
        take(reader, behind_blanks(reader->rest, 0));
        bool is_at_end = reader->rest.len == 0;
        uint8_t c = is_at_end ? ';' : reader->rest.ptr[0];
        if (c == ';' && reader->is_in_group) {
            take(reader, 1);
            reader->is_in_group = false;
            *out_address = (struct ph_mime_address){.kind = PH_MIME_ADDRESS_GROUP_END};
            return true;
        }
        if (is_at_end) {
            return false;
        }
        if (c != ',' && c != ';') {
            break;
        }
        take(reader, 1);
    }
    size_t len = address_len(reader->rest, reader->is_in_group);
    struct ph_bytes text = ph_bytes_first(reader->rest, len);
    bool is_group = len < reader->rest.len && reader->rest.ptr[len] == ':';
    take_address(text, arena, out_address);
    if (is_group) {
        reader->is_in_group = true;
        out_address->kind = PH_MIME_ADDRESS_GROUP;
        out_address->host = (struct ph_bytes){NULL, 0};
        out_address->name = (struct ph_bytes){NULL, 0};
    }
    take(reader, is_group ? len + 1 : len);
    return true;
}
