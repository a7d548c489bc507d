/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/charset.h"

#include <errno.h>

#include "base/utf8.h"

enum { OUT_BYTES = 512, REPLACEMENT = 0xFFFD };

/* ---- Names ---- */

/* What mail calls a charset, and what iconv knows or holds more of. */
static const struct {
    const char *name;
    const char *known;
} aliases[] = {
    {"big5", "BIG5-HKSCS"},
    {"cp950", "BIG5-HKSCS"},
    {"x-big5", "BIG5-HKSCS"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"x-gbk", "GB18030"},
    {"cp936", "GB18030"},
    {"ks_c_5601-1987", "CP949"},
    {"euc-kr", "CP949"},
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"x-sjis", "CP932"},
    {"windows-31j", "CP932"},
    {"iso-2022-jp", "ISO-2022-JP-2"},
    {"iso-8859-8-i", "ISO-8859-8"},
    {"iso-8859-8-e", "ISO-8859-8"},
    {"x-mac-roman", "MACINTOSH"},
    {"tis-620", "WINDOWS-874"},
    {"iso-8859-11", "WINDOWS-874"},
    {"cp1250", "WINDOWS-1250"},
    {"cp1251", "WINDOWS-1251"},
    {"latin2", "ISO-8859-2"},
    {"latin5", "ISO-8859-9"},
    {"latin9", "ISO-8859-15"},
    {"ibm850", "CP850"},
    {"ibm866", "CP866"},
};

static const char *const utf8_names[] = {"utf-8", "utf8", "unicode-1-1-utf-8"};
static const char *const guessed_names[] = {"",        "us-ascii", "ascii", "ansi_x3.4-1968",
                                            "default", "x-unknown"};
static const char *const windows_names[] = {"iso-8859-1", "iso8859-1",    "iso_8859-1", "latin1",
                                            "latin-1",    "windows-1252", "cp1252",     "x-ansi"};

static bool is_among(struct ph_bytes name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(list[i]))) {
            return true;
        }
    }
    return false;
}

#define IS_AMONG(name, list) is_among((name), (list), sizeof(list) / sizeof((list)[0]))

/* Others that mail comes in. Not all of iconv: many of its converters nobody has looked at for decades. Nor UTF-7, which
 * browsers gave up for good reasons. */
static const char *const iconv_names[] = {
    "big5-hkscs",   "cp850",         "cp866",        "cp932",        "cp949",        "euc-jp",
    "gb18030",      "iso-2022-jp-2", "iso-2022-kr",  "iso-8859-2",   "iso-8859-3",   "iso-8859-4",
    "iso-8859-5",   "iso-8859-6",    "iso-8859-7",   "iso-8859-8",   "iso-8859-9",   "iso-8859-10",
    "iso-8859-13",  "iso-8859-14",   "iso-8859-15",  "iso-8859-16",  "koi8-r",       "koi8-u",
    "macintosh",    "utf-16",        "utf-16be",     "utf-16le",     "utf-32",       "utf-32be",
    "utf-32le",     "windows-1250",  "windows-1251", "windows-1253", "windows-1254", "windows-1255",
    "windows-1256", "windows-1257",  "windows-1258", "windows-874",
};

static const char *iconv_name(struct ph_bytes name)
{
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(aliases[i].name))) {
            return aliases[i].known;
        }
    }
    for (size_t i = 0; i < sizeof iconv_names / sizeof iconv_names[0]; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(iconv_names[i]))) {
            return iconv_names[i];
        }
    }
    return NULL;
}

bool ph_charset_open(struct ph_charset *charset, struct ph_bytes name)
{
    *charset = (struct ph_charset){.kind = PH_CHARSET_UTF8};
    if (IS_AMONG(name, utf8_names)) {
        return true;
    }
    if (IS_AMONG(name, windows_names)) {
        charset->kind = PH_CHARSET_WINDOWS_1252;
        return true;
    }
    charset->is_guess = true;
    if (IS_AMONG(name, guessed_names)) {
        return name.len > 0;
    }
    const char *known = iconv_name(name);
    if (known != NULL) {
        charset->handle = iconv_open("UTF-8", known);
        if (charset->handle != (iconv_t)-1) {
            charset->kind = PH_CHARSET_ICONV;
            charset->is_guess = false;
            charset->unit_bytes = ph_bytes_istarts(name, PH_BYTES("utf-16"))   ? 2
                                  : ph_bytes_istarts(name, PH_BYTES("utf-32")) ? 4
                                                                               : 1;
            return true;
        }
    }
    return false;
}

void ph_charset_close(struct ph_charset *charset)
{
    if (charset->kind == PH_CHARSET_ICONV) {
        iconv_close(charset->handle);
    }
    *charset = (struct ph_charset){.kind = PH_CHARSET_UTF8};
}

/* libc takes a converter out of memory some time after its last handle is closed; so these never are. What the aliases name
 * is among them. */
void ph_charset_keep_all(void)
{
    enum { NAMES = sizeof iconv_names / sizeof iconv_names[0] };
    static iconv_t kept[NAMES];
    for (size_t i = 0; i < NAMES; i++) {
        kept[i] = iconv_open("UTF-8", iconv_names[i]);
    }
    (void)kept;
}

bool ph_charset_is_known(struct ph_bytes name)
{
    struct ph_charset charset;
    bool is_known = ph_charset_open(&charset, name);
    ph_charset_close(&charset);
    return is_known;
}

/* ---- UTF-8 and windows-1252 ---- */

static void put_code(struct ph_buf *out, uint32_t code)
{
    uint8_t octets[3];
    if (code < 0x80) {
        ph_buf_byte(out, (uint8_t)code);
    } else if (code < 0x800) {
        octets[0] = (uint8_t)(0xC0 | code >> 6);
        octets[1] = (uint8_t)(0x80 | (code & 0x3F));
        ph_buf_append(out, octets, 2);
    } else {
        octets[0] = (uint8_t)(0xE0 | code >> 12);
        octets[1] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
        octets[2] = (uint8_t)(0x80 | (code & 0x3F));
        ph_buf_append(out, octets, 3);
    }
}

static void put_windows_1252(struct ph_buf *out, uint8_t octet)
{
    static const uint16_t from_80[32] = {
        0x20AC,      REPLACEMENT, 0x201A, 0x0192, 0x201E, 0x2026,      0x2020, 0x2021,
        0x02C6,      0x2030,      0x0160, 0x2039, 0x0152, REPLACEMENT, 0x017D, REPLACEMENT,
        REPLACEMENT, 0x2018,      0x2019, 0x201C, 0x201D, 0x2022,      0x2013, 0x2014,
        0x02DC,      0x2122,      0x0161, 0x203A, 0x0153, REPLACEMENT, 0x017E, 0x0178};
    put_code(out, octet >= 0x80 && octet < 0xA0 ? from_80[octet - 0x80] : octet);
}

static size_t ascii_len(struct ph_bytes text)
{
    size_t len = 0;
    while (len < text.len && text.ptr[len] < 0x80) {
        len++;
    }
    return len;
}

/* How long the character is that begins with OCTET, as far as that tells. */
static size_t utf8_len(uint8_t octet)
{
    return octet >= 0xF0 && octet < 0xF5 ? 4 : octet >= 0xE0 ? 3 : octet >= 0xC2 ? 2 : 1;
}

/* An octet that begins no character. */
static void put_bad(const struct ph_charset *charset, struct ph_buf *out, uint8_t octet)
{
    if (charset->is_guess) {
        put_windows_1252(out, octet);
    } else {
        put_code(out, REPLACEMENT);
    }
}

/* All that is whole; what may be the beginning of a character, less than four octets, is left. */
static struct ph_bytes convert_utf8(const struct ph_charset *charset, struct ph_bytes in, struct ph_buf *out)
{
    while (in.len > 0) {
        size_t len = ascii_len(in);
        ph_buf_bytes(out, ph_bytes_first(in, len));
        in = ph_bytes_from(in, len);
        if (in.len == 0) {
            break;
        }
        size_t whole = utf8_len(in.ptr[0]);
        if (in.len < whole) {
            bool may_be = true;
            for (size_t i = 1; i < in.len; i++) {
                may_be = may_be && (in.ptr[i] & 0xC0) == 0x80;
            }
            if (may_be) {
                break;
            }
        }
        uint32_t code = 0;
        struct ph_bytes rest = in;
        if (ph_utf8_next(&rest, &code)) {
            ph_buf_bytes(out, ph_bytes_first(in, in.len - rest.len));
        } else {
            put_bad(charset, out, in.ptr[0]);
        }
        in = rest;
    }
    return in;
}

/* ---- Others ---- */

static struct ph_bytes convert_iconv(struct ph_charset *charset, struct ph_bytes in, struct ph_buf *out)
{
    while (in.len > 0) {
        char converted[OUT_BYTES];
        char *to = converted;
        size_t room = sizeof converted;
        char *from = (char *)(uintptr_t)in.ptr; /* iconv does not write to it */
        size_t left = in.len;
        size_t rc = iconv(charset->handle, &from, &left, &to, &room);
        int failure = rc == (size_t)-1 ? errno : 0;
        ph_buf_append(out, converted, sizeof converted - room);
        in = ph_bytes_from(in, in.len - left);
        bool is_cut = failure == EINVAL && in.len < PH_CHARSET_TAIL_MAX;
        bool is_full = failure == E2BIG && room < sizeof converted;
        if (is_cut) {
            break;
        }
        if (failure != 0 && !is_full) {
            put_code(out, REPLACEMENT);
            in = ph_bytes_from(in, charset->unit_bytes);
        }
    }
    return in;
}

static struct ph_bytes convert_whole(struct ph_charset *charset, struct ph_bytes in, struct ph_buf *out)
{
    switch (charset->kind) {
    case PH_CHARSET_UTF8: return convert_utf8(charset, in, out);
    case PH_CHARSET_ICONV: return convert_iconv(charset, in, out);
    case PH_CHARSET_WINDOWS_1252: break;
    }
    for (size_t at = 0; at < in.len; at++) {
        size_t len = ascii_len(ph_bytes_from(in, at));
        ph_buf_bytes(out, ph_bytes_first(ph_bytes_from(in, at), len));
        at += len;
        if (at < in.len) {
            put_windows_1252(out, in.ptr[at]);
        }
    }
    return ph_bytes_from(in, in.len);
}

void ph_charset_convert(struct ph_charset *charset, struct ph_bytes in, struct ph_buf *out)
{
    /* Octet by octet until what the last piece left is whole. */
    while (charset->tail_len > 0 && in.len > 0) {
        uint8_t octets[PH_CHARSET_TAIL_MAX + 1];
        memcpy(octets, charset->tail, charset->tail_len);
        octets[charset->tail_len] = in.ptr[0];
        struct ph_bytes left = convert_whole(charset, ph_bytes_of(octets, charset->tail_len + 1U), out);
        charset->tail_len = (unsigned)left.len;
        if (left.len > 0) {
            memcpy(charset->tail, left.ptr, left.len);
        }
        in = ph_bytes_from(in, 1);
    }
    struct ph_bytes left = convert_whole(charset, in, out);
    if (left.len > 0) {
        memcpy(charset->tail, left.ptr, left.len);
        charset->tail_len = (unsigned)left.len;
    }
}

void ph_charset_finish(struct ph_charset *charset, struct ph_buf *out)
{
    for (unsigned i = 0; i < charset->tail_len; i++) {
        if (charset->kind == PH_CHARSET_UTF8) {
            put_bad(charset, out, charset->tail[i]);
        } else if (i == 0) {
            put_code(out, REPLACEMENT);
        }
    }
    charset->tail_len = 0;
    if (charset->kind == PH_CHARSET_ICONV) {
        char converted[OUT_BYTES];
        char *to = converted;
        size_t room = sizeof converted;
        if (iconv(charset->handle, NULL, NULL, &to, &room) != (size_t)-1) {
            ph_buf_append(out, converted, sizeof converted - room);
        }
    }
}
