/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ASCII is folded as it is passed; runs of other characters by libunistring, cut where a character begins that combines with
 * nothing before it, so that the same text is folded alike wherever it stands.
 */
#include "mime/fold.h"

#include <stdlib.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>

#include "base/utf8.h"

enum {
    RUN_BYTES = 256,     /* of other characters at once */
    FOLDED_BYTES = 1024, /* for most of those */
    PIECE_BYTES = 4096,  /* of a text that is searched */
    GROWTH_MAX = 18,
    CHARACTER_MAX = 4,
};

static void put_ascii(struct ph_bytes text, struct ph_buf *out)
{
    uint8_t *to = ph_buf_reserve(out, text.len);
    if (to == NULL) {
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        to[i] = c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
    }
    out->len += text.len;
}

static void put_folded(const uint8_t *text, size_t len, struct ph_buf *out)
{
    uint8_t folded[FOLDED_BYTES];
    size_t folded_len = sizeof folded;
    uint8_t *result = u8_casefold(text, len, NULL, UNINORM_NFKD, folded, &folded_len);
    if (result == NULL) {
        abort(); /* no memory: the text is UTF-8 */
    }
    ph_buf_append(out, result, folded_len);
    if (result != folded) {
        free(result);
    }
}

/* The run of characters that are not ASCII at the front of *REST. */
static void put_run(struct ph_bytes *rest, struct ph_buf *out)
{
    uint8_t run[RUN_BYTES];
    size_t len = 0;
    while (rest->len > 0 && rest->ptr[0] >= 0x80) {
        struct ph_bytes next = *rest;
        uint32_t code = 0;
        bool is_good = ph_utf8_next(&next, &code);
        struct ph_bytes character =
            is_good ? ph_bytes_first(*rest, rest->len - next.len) : PH_BYTES("\xEF\xBF\xBD");
        bool is_full = len + 2 * CHARACTER_MAX > sizeof run;
        if (len > RUN_BYTES / 2 && (is_full || !is_good || uc_combining_class(code) == 0)) {
            put_folded(run, len, out);
            len = 0;
        }
        memcpy(run + len, character.ptr, character.len);
        len += character.len;
        *rest = next;
    }
    put_folded(run, len, out);
}

void ph_fold(struct ph_bytes text, struct ph_buf *out)
{
    while (text.len > 0) {
        size_t ascii = 0;
        while (ascii < text.len && text.ptr[ascii] < 0x80) {
            ascii++;
        }
        put_ascii(ph_bytes_first(text, ascii), out);
        text = ph_bytes_from(text, ascii);
        if (text.len > 0) {
            put_run(&text, out);
        }
    }
}

/* ---- Search ---- */

void ph_fold_search_init(struct ph_fold_search *search, struct ph_bytes folded_needle)
{
    *search = (struct ph_fold_search){.needle = folded_needle, .is_found = folded_needle.len == 0};
    ph_buf_init(&search->text, folded_needle.len + (PIECE_BYTES + CHARACTER_MAX) * GROWTH_MAX);
}

void ph_fold_search_fini(struct ph_fold_search *search)
{
    ph_buf_fini(&search->text);
}

/* Folds TEXT behind what is left, looks, and keeps what may be the needle's beginning. */
static void look(struct ph_fold_search *search, struct ph_bytes text)
{
    struct ph_buf *folded = &search->text;
    ph_fold(text, folded);
    search->is_found = folded->len >= search->needle.len &&
                       memmem(folded->ptr, folded->len, search->needle.ptr, search->needle.len) != NULL;
    if (folded->len >= search->needle.len) {
        ph_buf_consume(folded, folded->len - (search->needle.len - 1));
    }
}

/* The octets at the end of TEXT that may be the beginning of a character. */
static size_t cut_len(struct ph_bytes text)
{
    for (size_t len = 1; len < CHARACTER_MAX && len <= text.len; len++) {
        uint8_t c = text.ptr[text.len - len];
        if (c >= 0xC0) {
            size_t whole = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
            return len < whole ? len : 0;
        }
        if (c < 0x80) {
            break;
        }
    }
    return 0;
}

static void look_at_tail(struct ph_fold_search *search)
{
    uint8_t tail[CHARACTER_MAX];
    size_t len = search->tail_len;
    memcpy(tail, search->tail, sizeof tail);
    search->tail_len = 0;
    look(search, ph_bytes_of(tail, len));
}

void ph_fold_search_feed(struct ph_fold_search *search, struct ph_bytes text)
{
    while (text.len > 0 && search->tail_len > 0 && !search->is_found) {
        bool continues = (text.ptr[0] & 0xC0) == 0x80;
        if (continues) {
            search->tail[search->tail_len++] = text.ptr[0];
            text = ph_bytes_from(text, 1);
        }
        if (!continues || cut_len(ph_bytes_of(search->tail, search->tail_len)) == 0) {
            look_at_tail(search);
        }
    }
    while (text.len > 0 && !search->is_found) {
        struct ph_bytes piece = ph_bytes_first(text, PIECE_BYTES);
        size_t cut = cut_len(piece);
        if (piece.len == text.len) {
            memcpy(search->tail, piece.ptr + piece.len - cut, cut);
            search->tail_len = (unsigned)cut;
        }
        look(search, ph_bytes_first(piece, piece.len - cut));
        text = ph_bytes_from(text, piece.len == text.len ? piece.len : piece.len - cut);
    }
}

void ph_fold_search_break(struct ph_fold_search *search)
{
    if (search->tail_len > 0 && !search->is_found) {
        look_at_tail(search);
    }
    ph_buf_clear(&search->text);
}
