/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9051 section 9, RFC 3501 section 9; UTF-8 in quoted strings is IMAP4rev2's.
 *
 * Strict: what the grammar does not have is refused. A literal's length was believed by the framing (frame.h) already; here it is checked again, against the text.
 */
#include "imap/reader.h"

#include "base/mutf7.h"
#include "base/utf8.h"
#include "mailbox/name.h"

void ph_imap_reader_init(struct ph_imap_reader *reader, struct ph_bytes text, struct ph_arena *arena,
                         bool is_utf8)
{
    *reader = (struct ph_imap_reader){
        .rest = text,
        .arena = arena,
        .is_utf8 = is_utf8,
        .items_left = PH_IMAP_ITEMS_MAX,
        .depth_left = PH_IMAP_DEPTH_MAX,
    };
}

bool ph_imap_peek(const struct ph_imap_reader *reader, char c)
{
    return reader->rest.len > 0 && reader->rest.ptr[0] == (uint8_t)c;
}

bool ph_imap_take(struct ph_imap_reader *reader, char c)
{
    if (!ph_imap_peek(reader, c)) {
        return false;
    }
    reader->rest = ph_bytes_from(reader->rest, 1);
    return true;
}

bool ph_imap_spend(struct ph_imap_reader *reader)
{
    if (reader->items_left == 0) {
        return false;
    }
    reader->items_left--;
    return true;
}

size_t ph_imap_count_blanks(const struct ph_imap_reader *reader, size_t max)
{
    size_t count = 1;
    for (size_t i = 0; i < reader->rest.len && count < max; i++) {
        count += reader->rest.ptr[i] == ' ';
    }
    return count;
}

/* ---- Atoms ---- */

static bool is_atom_char(uint8_t c)
{
    return c > ' ' && c < 0x7F && strchr("(){%*\"\\]", c) == NULL;
}

static bool is_astring_char(uint8_t c)
{
    return is_atom_char(c) || c == ']';
}

static bool is_list_char(uint8_t c)
{
    return is_astring_char(c) || c == '%' || c == '*';
}

static bool take_while(struct ph_imap_reader *reader, bool (*is_it)(uint8_t c), struct ph_bytes *out_text)
{
    size_t len = 0;
    while (len < reader->rest.len && is_it(reader->rest.ptr[len])) {
        len++;
    }
    *out_text = ph_bytes_first(reader->rest, len);
    reader->rest = ph_bytes_from(reader->rest, len);
    return len > 0;
}

bool ph_imap_atom(struct ph_imap_reader *reader, struct ph_bytes *out_atom)
{
    return take_while(reader, is_atom_char, out_atom);
}

bool ph_imap_word(struct ph_imap_reader *reader, const char *name)
{
    struct ph_imap_reader ahead = *reader;
    struct ph_bytes word;
    if (!ph_imap_atom(&ahead, &word) || !ph_bytes_ieq(word, ph_bytes_str(name))) {
        return false;
    }
    *reader = ahead;
    return true;
}

/* ---- Strings ---- */

static bool take_quoted(struct ph_imap_reader *reader, struct ph_bytes *out_string)
{
    struct ph_bytes rest = ph_bytes_from(reader->rest, 1);
    size_t end = 0;
    bool has_escape = false;
    while (end < rest.len && rest.ptr[end] != '"') {
        uint8_t c = rest.ptr[end];
        if (c == '\\') {
            has_escape = true;
            end++;
            if (end >= rest.len || (rest.ptr[end] != '"' && rest.ptr[end] != '\\')) {
                return false;
            }
        } else if (c == '\0' || c == '\r' || c == '\n') {
            return false;
        }
        end++;
    }
    if (end >= rest.len) {
        return false;
    }
    struct ph_bytes inside = ph_bytes_first(rest, end);
    reader->rest = ph_bytes_from(rest, end + 1);
    *out_string = inside;
    if (has_escape) {
        uint8_t *plain = ph_arena_alloc(reader->arena, inside.len);
        size_t len = 0;
        for (size_t i = 0; i < inside.len; i++) {
            i += inside.ptr[i] == '\\';
            plain[len++] = inside.ptr[i];
        }
        *out_string = ph_bytes_of(plain, len);
    }
    return ph_utf8_is_valid(*out_string);
}

/* "{3}" or "{3+}" CRLF, and the octets; any but NUL. */
static bool take_literal(struct ph_imap_reader *reader, struct ph_bytes *out_string)
{
    struct ph_bytes rest = ph_bytes_from(reader->rest, 1);
    size_t close = ph_bytes_find(rest, '}');
    struct ph_bytes number = ph_bytes_first(rest, close);
    if (number.len > 0 && number.ptr[number.len - 1] == '+') {
        number.len--;
    }
    rest = ph_bytes_from(rest, close + 1);
    uint64_t len = 0;
    if (!ph_bytes_starts(rest, PH_BYTES("\r\n")) || !ph_bytes_to_u64(number, &len) || len > rest.len - 2) {
        return false;
    }
    rest = ph_bytes_from(rest, 2);
    *out_string = ph_bytes_of(rest.ptr == NULL ? (const uint8_t *)"" : rest.ptr, (size_t)len);
    reader->rest = ph_bytes_from(rest, (size_t)len);
    return ph_bytes_find(*out_string, '\0') == out_string->len;
}

bool ph_imap_string(struct ph_imap_reader *reader, struct ph_bytes *out_string)
{
    if (ph_imap_peek(reader, '"')) {
        return take_quoted(reader, out_string);
    }
    return ph_imap_peek(reader, '{') && take_literal(reader, out_string);
}

static bool is_string_next(const struct ph_imap_reader *reader)
{
    return ph_imap_peek(reader, '"') || ph_imap_peek(reader, '{');
}

bool ph_imap_astring(struct ph_imap_reader *reader, struct ph_bytes *out_string)
{
    return is_string_next(reader) ? ph_imap_string(reader, out_string)
                                  : take_while(reader, is_astring_char, out_string);
}

bool ph_imap_nstring(struct ph_imap_reader *reader, struct ph_bytes *out_string)
{
    if (is_string_next(reader)) {
        bool is_taken = ph_imap_string(reader, out_string);
        if (is_taken && out_string->ptr == NULL) {
            out_string->ptr = (const uint8_t *)"";
        }
        return is_taken;
    }
    *out_string = (struct ph_bytes){NULL, 0};
    return ph_imap_word(reader, "NIL");
}

/* ---- Names of mailboxes ---- */

/* What the client wrote, as UTF-8. Without UTF8=ACCEPT it is modified UTF-7, and only in the one form that the encoder gives
 * (RFC 3501 section 5.1.3): one mailbox has one name. IMAP4rev2 has UTF-8. */
static bool decode_name(struct ph_imap_reader *reader, struct ph_bytes written, struct ph_bytes *out_name)
{
    if (reader->is_utf8) {
        *out_name = written;
        return ph_utf8_is_valid(written);
    }
    if (!ph_utf8_is_ascii(written)) {
        return false;
    }
    if (ph_bytes_find(written, '&') == written.len) {
        *out_name = written;
        return true;
    }
    struct ph_buf plain = PH_BUF(PH_IMAP_COMMAND_MAX);
    struct ph_buf again = PH_BUF((size_t)3 * PH_IMAP_COMMAND_MAX);
    bool is_good = ph_mutf7_decode(written, &plain, NULL) == PH_OK;
    if (is_good) {
        ph_mutf7_encode(ph_buf_view(&plain), &again);
        is_good = ph_bytes_eq(ph_buf_view(&again), written);
        *out_name = ph_arena_bytes(reader->arena, ph_buf_view(&plain));
    }
    ph_buf_fini(&again);
    ph_buf_fini(&plain);
    return is_good;
}

bool ph_imap_mailbox(struct ph_imap_reader *reader, struct ph_bytes *out_name)
{
    struct ph_bytes written;
    if (!ph_imap_astring(reader, &written) || !decode_name(reader, written, out_name)) {
        return false;
    }
    if (ph_bytes_ieq(*out_name, PH_BYTES("INBOX"))) {
        *out_name = PH_BYTES("INBOX");
    }
    return true;
}

bool ph_imap_list_pattern(struct ph_imap_reader *reader, struct ph_bytes *out_pattern)
{
    struct ph_bytes written;
    bool is_taken = is_string_next(reader) ? ph_imap_string(reader, &written)
                                           : take_while(reader, is_list_char, &written);
    return is_taken && decode_name(reader, written, out_pattern);
}
