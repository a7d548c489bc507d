/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of any octets made UTF-8: encoded words, parameters, subjects, transfer encodings, charsets, folding, HTML, previews.
 * What comes out is clean UTF-8; in pieces the same as in one. The first octet chooses.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "mime/base_subject.h"
#include "mime/charset.h"
#include "mime/content_value.h"
#include "mime/encoded_word.h"
#include "mime/fold.h"
#include "mime/html_text.h"
#include "mime/preview.h"
#include "mime/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 24 };

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_clean(struct ph_bytes text)
{
    check(ph_utf8_is_valid(text));
    for (size_t i = 0; i < text.len; i++) {
        check(text.ptr[i] != '\0' && text.ptr[i] != '\r' && text.ptr[i] != '\n');
    }
}

static void check_header_text(struct ph_bytes text)
{
    struct ph_buf out = PH_BUF(OUT_MAX);
    struct ph_buf again = PH_BUF(OUT_MAX);
    ph_encoded_words_decode(text, &out);
    check(!out.has_overflowed && out.len <= 4 * text.len);
    check_clean(ph_buf_view(&out));
    ph_buf_clear(&out);
    (void)ph_base_subject(text, &out);
    check_clean(ph_buf_view(&out));
    ph_fold(ph_buf_view(&out), &again);
    check(ph_utf8_is_valid(ph_buf_view(&again)) && again.len <= 18 * out.len);
    ph_buf_fini(&out);
    ph_buf_fini(&again);
}

static void check_params(struct ph_bytes text)
{
    static const char *const names[] = {"name", "filename", "charset", ""};
    struct ph_part part = {0};
    struct ph_arena arena;
    struct ph_buf out = PH_BUF(OUT_MAX);
    ph_arena_init(&arena, 0);
    (void)ph_content_type_parse(text, &arena, &part.type, &part.subtype, &part.params);
    (void)ph_disposition_parse(text, &arena, &part.disposition, &part.disposition_params);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        ph_buf_clear(&out);
        (void)ph_mime_param_decode(&part.params, ph_bytes_str(names[i]), &out);
        check_clean(ph_buf_view(&out));
    }
    ph_buf_clear(&out);
    (void)ph_part_filename(&part, &out);
    check_clean(ph_buf_view(&out));
    (void)ph_content_words(text, &arena);
    (void)ph_content_text(text, &arena);
    ph_buf_fini(&out);
    ph_arena_fini(&arena);
}

static void transfer(struct ph_bytes text, const char *encoding, size_t piece, struct ph_buf *out)
{
    struct ph_transfer state;
    (void)ph_transfer_init(&state, ph_bytes_str(encoding));
    for (size_t at = 0; at < text.len; at += piece) {
        ph_transfer_feed(&state, ph_bytes_first(ph_bytes_from(text, at), piece), out);
    }
    ph_transfer_finish(&state, out);
}

static void convert(struct ph_bytes text, const char *name, size_t piece, struct ph_buf *out)
{
    struct ph_charset charset;
    (void)ph_charset_open(&charset, ph_bytes_str(name));
    for (size_t at = 0; at < text.len; at += piece) {
        ph_charset_convert(&charset, ph_bytes_first(ph_bytes_from(text, at), piece), out);
    }
    ph_charset_finish(&charset, out);
    ph_charset_close(&charset);
}

static void strip(struct ph_bytes text, const char *name, size_t piece, struct ph_buf *out)
{
    struct ph_html_text html = {0};
    (void)name;
    for (size_t at = 0; at < text.len; at += piece) {
        ph_html_text_feed(&html, ph_bytes_first(ph_bytes_from(text, at), piece), out);
    }
    ph_html_text_finish(&html, out);
    check(out->len <= text.len);
}

static void check_preview(struct ph_bytes text, bool is_html)
{
    struct ph_part part = {.type = PH_BYTES("text"), .octets = text.len};
    struct ph_buf out = PH_BUF(PH_PREVIEW_OCTETS);
    part.subtype = is_html ? PH_BYTES("html") : PH_BYTES("plain");
    check(ph_preview_part(&part) == &part);
    ph_preview_put(&part, text, &out);
    check(!out.has_overflowed);
    check_clean(ph_buf_view(&out));
    ph_buf_fini(&out);
}

static void check_pieces(struct ph_bytes text,
                         void (*make)(struct ph_bytes text, const char *name, size_t piece,
                                      struct ph_buf *out),
                         const char *name, size_t piece, bool is_utf8)
{
    struct ph_buf whole = PH_BUF(OUT_MAX);
    struct ph_buf pieces = PH_BUF(OUT_MAX);
    make(text, name, text.len + 1, &whole);
    make(text, name, piece, &pieces);
    check(ph_bytes_eq(ph_buf_view(&whole), ph_buf_view(&pieces)));
    check(!is_utf8 || ph_utf8_is_valid(ph_buf_view(&whole)));
    ph_buf_fini(&whole);
    ph_buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {"base64", "quoted-printable"};
    static const char *const charsets[] = {
        "",       "utf-8",       "iso-8859-1",   "gb2312",      "shift_jis",  "utf-16",
        "euc-jp", "iso-2022-jp", "windows-1251", "iso-2022-kr", "big5-hkscs", "utf-16le"};
    if (size < 2) {
        return 0;
    }
    unsigned choice = data[0] % 18U;
    size_t piece = data[1] % 16U + 1U;
    struct ph_bytes text = {data + 2, size - 2};
    if (choice < 2) {
        check_pieces(text, transfer, encodings[choice], piece, false);
    } else if (choice < 2 + sizeof charsets / sizeof charsets[0]) {
        check_pieces(text, convert, charsets[choice - 2], piece, true);
    } else if (choice == 14) {
        check_header_text(text);
    } else if (choice == 15) {
        check_params(text);
    } else if (choice == 16) {
        check_pieces(text, strip, "", piece, false);
    } else {
        check_preview(text, data[1] % 2 == 0);
    }
    return 0;
}
