/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of one charset that stand side by side are converted as one text: many programs cut in the middle of a
 * character. Words are taken wherever they begin, in quotes and next to other text too.
 */
#include "mime/encoded_word.h"

#include "mime/charset.h"
#include "mime/transfer.h"

enum { CHARSET_NAME_MAX = 64, PIECES_MAX = PH_STRUCTURE_PARTS_MAX };

/* ---- Words ---- */

struct word {
    struct ph_bytes charset;
    bool is_base64;
    struct ph_bytes text;
    size_t len; /* of all of it */
};

static struct ph_bytes part_of(struct ph_bytes text, size_t from, size_t to)
{
    return ph_bytes_first(ph_bytes_from(text, from), to - from);
}

/* "=?charset?q?text?=" at the start of TEXT, with RFC 2231's "*language" behind the charset. *HAS_ENDS: there may be a "?=". */
static bool read_word(struct ph_bytes text, bool *has_ends, struct word *out_word)
{
    if (!*has_ends || !ph_bytes_starts(text, PH_BYTES("=?"))) {
        return false;
    }
    size_t name_len = ph_bytes_find(ph_bytes_first(ph_bytes_from(text, 2), CHARSET_NAME_MAX), '?');
    size_t at = 2 + name_len;
    if (at + 3 > text.len || text.ptr[at] != '?' || text.ptr[at + 2] != '?') {
        return false;
    }
    char encoding = ph_ascii_lower((char)text.ptr[at + 1]);
    if (encoding != 'b' && encoding != 'q') {
        return false;
    }
    struct ph_bytes rest = ph_bytes_from(text, at + 3);
    const uint8_t *end = rest.len == 0 ? NULL : memmem(rest.ptr, rest.len, "?=", 2);
    if (end == NULL) {
        *has_ends = false;
        return false;
    }
    struct ph_bytes charset = part_of(text, 2, at);
    out_word->charset = ph_bytes_first(charset, ph_bytes_find(charset, '*'));
    out_word->is_base64 = encoding == 'b';
    out_word->text = ph_bytes_first(rest, (size_t)(end - rest.ptr));
    out_word->len = at + 3 + out_word->text.len + 2;
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = ph_ascii_lower((char)c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Octets written as MARK and two hexadecimal digits, or as they are. */
static void decode_hex(struct ph_bytes text, uint8_t mark, bool has_underscores, struct ph_buf *out)
{
    for (size_t at = 0; at < text.len; at++) {
        uint8_t c = text.ptr[at];
        if (c == mark && at + 2 < text.len && hex_value(text.ptr[at + 1]) >= 0 &&
            hex_value(text.ptr[at + 2]) >= 0) {
            c = (uint8_t)(hex_value(text.ptr[at + 1]) * 16 + hex_value(text.ptr[at + 2]));
            at += 2;
        } else if (c == '_' && has_underscores) {
            c = ' ';
        }
        ph_buf_byte(out, c);
    }
}

static void decode_word(const struct word *word, struct ph_buf *out)
{
    if (!word->is_base64) {
        decode_hex(word->text, '=', true, out);
        return;
    }
    struct ph_transfer transfer;
    ph_transfer_init(&transfer, PH_BYTES("base64"));
    ph_transfer_feed(&transfer, word->text, out);
    ph_transfer_finish(&transfer, out);
}

/* ---- Text ---- */

struct decoder {
    struct ph_buf *out;
    struct ph_buf octets;    /* of the words at hand, not converted yet */
    struct ph_bytes charset; /* theirs */
    bool has_words;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes NUL, CR and LF out of what was appended from FROM on. */
static void clean(struct ph_buf *out, size_t from)
{
    size_t to = from;
    for (size_t at = from; at < out->len; at++) {
        uint8_t c = out->ptr[at];
        if (c != '\0' && c != '\r' && c != '\n') {
            out->ptr[to++] = c;
        }
    }
    out->len = to;
}

static void convert(struct ph_bytes charset_name, struct ph_bytes octets, struct ph_buf *out)
{
    struct ph_charset charset;
    size_t from = out->len;
    (void)ph_charset_open(&charset, charset_name);
    ph_charset_convert(&charset, octets, out);
    ph_charset_finish(&charset, out);
    ph_charset_close(&charset);
    clean(out, from);
}

static void flush_words(struct decoder *decoder)
{
    if (decoder->has_words) {
        convert(decoder->charset, ph_buf_view(&decoder->octets), decoder->out);
        ph_buf_clear(&decoder->octets);
        decoder->has_words = false;
    }
}

static void put_text(struct decoder *decoder, struct ph_bytes text)
{
    bool is_all_blank = true;
    for (size_t i = 0; i < text.len && is_all_blank; i++) {
        is_all_blank = is_blank(text.ptr[i]);
    }
    if (text.len == 0 || (is_all_blank && decoder->has_words)) {
        return; /* blanks between words are none of the text */
    }
    flush_words(decoder);
    convert(PH_BYTES(""), text, decoder->out);
}

static void put_word(struct decoder *decoder, const struct word *word)
{
    if (decoder->has_words && !ph_bytes_ieq(decoder->charset, word->charset)) {
        flush_words(decoder);
    }
    decoder->charset = word->charset;
    decoder->has_words = true;
    decode_word(word, &decoder->octets);
}

void ph_encoded_words_decode(struct ph_bytes text, struct ph_buf *out)
{
    if (text.len == 0 || memmem(text.ptr, text.len, "=?", 2) == NULL) {
        convert(PH_BYTES(""), text, out);
        return;
    }
    struct decoder decoder = {.out = out, .octets = PH_BUF(text.len)};
    bool has_ends = true;
    size_t from = 0;
    size_t at = 0;
    struct word word;
    while (at < text.len) {
        at += ph_bytes_find(ph_bytes_from(text, at), '=');
        if (read_word(ph_bytes_from(text, at), &has_ends, &word)) {
            put_text(&decoder, part_of(text, from, at));
            put_word(&decoder, &word);
            at += word.len;
            from = at;
        } else if (at < text.len) {
            at++;
        }
    }
    flush_words(&decoder);
    put_text(&decoder, part_of(text, from, text.len));
    ph_buf_fini(&decoder.octets);
}

/* ---- Parameters ---- */

/* "name*3*": a piece of NAME, its number, whether it is encoded. "name*" is number 0, encoded. */
static bool read_piece_name(struct ph_bytes text, struct ph_bytes name, unsigned *out_number,
                            bool *out_is_encoded)
{
    if (text.len <= name.len || !ph_bytes_istarts(text, name) || text.ptr[name.len] != '*') {
        return false;
    }
    struct ph_bytes number = ph_bytes_from(text, name.len + 1);
    uint64_t value = 0;
    *out_is_encoded = number.len == 0 || number.ptr[number.len - 1] == '*';
    if (number.len > 0 && *out_is_encoded) {
        number.len--;
    }
    bool is_whole = number.len == 0;
    if (!is_whole && (!ph_bytes_to_u64(number, &value) || value >= PIECES_MAX)) {
        return false;
    }
    *out_number = (unsigned)value;
    return true;
}

static bool find_piece(const struct ph_mime_params *params, struct ph_bytes name, unsigned number,
                       struct ph_bytes *out_value, bool *out_is_encoded)
{
    for (unsigned i = 0; i < params->count; i++) {
        unsigned found = 0;
        if (read_piece_name(params->list[i].name, name, &found, out_is_encoded) && found == number) {
            *out_value = params->list[i].value;
            return true;
        }
    }
    return false;
}

/* RFC 2231 sections 3 and 4: the first piece has "charset'language'" in front, where it is encoded. */
static bool decode_pieces(const struct ph_mime_params *params, struct ph_bytes name, struct ph_buf *out)
{
    struct ph_bytes value;
    struct ph_bytes charset = {NULL, 0};
    bool is_encoded = false;
    size_t max = 0;
    for (unsigned i = 0; i < params->count; i++) {
        max += params->list[i].value.len;
    }
    struct ph_buf octets = PH_BUF(max);
    unsigned number = 0;
    for (; find_piece(params, name, number, &value, &is_encoded); number++) {
        if (number == 0 && is_encoded) {
            size_t quote = ph_bytes_find(value, '\'');
            struct ph_bytes behind = ph_bytes_from(value, quote + 1);
            size_t second = ph_bytes_find(behind, '\'');
            if (second < behind.len) {
                charset = ph_bytes_first(value, quote);
                value = ph_bytes_from(behind, second + 1);
            }
        }
        if (is_encoded) {
            decode_hex(value, '%', false, &octets);
        } else {
            ph_buf_bytes(&octets, value);
        }
    }
    if (number > 0) {
        convert(charset, ph_buf_view(&octets), out);
    }
    ph_buf_fini(&octets);
    return number > 0;
}

bool ph_mime_param_decode(const struct ph_mime_params *params, struct ph_bytes name, struct ph_buf *out)
{
    struct ph_bytes value;
    if (decode_pieces(params, name, out)) {
        return true;
    }
    if (!ph_mime_param_get(params, name, &value)) {
        return false;
    }
    ph_encoded_words_decode(value, out);
    return true;
}

bool ph_part_filename(const struct ph_part *part, struct ph_buf *out)
{
    return ph_mime_param_decode(&part->disposition_params, PH_BYTES("filename"), out) ||
           ph_mime_param_decode(&part->params, PH_BYTES("name"), out);
}
