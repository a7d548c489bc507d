/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorted by length, then by octets, and looked up by length: two or three comparisons a word. The order is part of the stored
 * format: version 1 of it has exactly these.
 */
#include "mime/structure_words.h"

/* clang-format off */
static const char *const words[] = {
    "no",
    "csv",
    "gif",
    "ics",
    "jpg",
    "mp4",
    "pdf",
    "png",
    "xml",
    "yes",
    "zip",
    "7BIT",
    "7bit",
    "8BIT",
    "8bit",
    "big5",
    "heic",
    "html",
    "jpeg",
    "json",
    "name",
    "size",
    "text",
    "type",
    "webp",
    "UTF-8",
    "audio",
    "delsp",
    "fixed",
    "image",
    "mixed",
    "name*",
    "plain",
    "sha-1",
    "start",
    "utf-8",
    "video",
    "BASE64",
    "GB2312",
    "base64",
    "binary",
    "digest",
    "flowed",
    "format",
    "gb2312",
    "inline",
    "koi8-r",
    "method",
    "micalg",
    "msword",
    "report",
    "rfc822",
    "signed",
    "REQUEST",
    "charset",
    "message",
    "related",
    "sha-256",
    "svg+xml",
    "US-ASCII",
    "boundary",
    "calendar",
    "filename",
    "protocol",
    "us-ascii",
    "encrypted",
    "filename*",
    "multipart",
    "text/html",
    "ISO-8859-1",
    "attachment",
    "iso-8859-1",
    "pgp-sha256",
    "pgp-sha512",
    "pkcs7-mime",
    "smime-type",
    "text/plain",
    "ISO-2022-JP",
    "ISO-8859-15",
    "alternative",
    "application",
    "iso-2022-jp",
    "iso-8859-15",
    "report-type",
    "octet-stream",
    "vnd.ms-excel",
    "windows-1251",
    "windows-1252",
    "creation-date",
    "pgp-encrypted",
    "pgp-signature",
    "rfc822-headers",
    "delivery-status",
    "pkcs7-signature",
    "QUOTED-PRINTABLE",
    "Quoted-Printable",
    "quoted-printable",
    "modification-date",
    "x-pkcs7-signature",
    "multipart/alternative",
    "disposition-notification",
    "application/pgp-signature",
    "application/pkcs7-signature",
    "vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vnd.openxmlformats-officedocument.wordprocessingml.document",
    "vnd.openxmlformats-officedocument.presentationml.presentation",};
/* clang-format on */

enum { WORD_COUNT = sizeof words / sizeof words[0], LENGTH_MAX = 22 };
_Static_assert((int)WORD_COUNT < (int)PH_STRUCTURE_WORDS_MAX,
               "a code is less than what begins the lengths of literals");

/* Where the words of a length begin, from 0 to LENGTH_MAX + 1; longer ones stand behind. */
static const uint8_t starts[LENGTH_MAX + 2] = {0,  0,  0,  1,  11, 25, 37, 53, 59, 65, 69,  77,
                                               84, 88, 91, 92, 94, 97, 99, 99, 99, 99, 100, 100};

unsigned ph_structure_word_code(struct ph_bytes text)
{
    if (text.len == 0) {
        return 0;
    }
    unsigned from = text.len <= LENGTH_MAX ? starts[text.len] : starts[LENGTH_MAX + 1];
    unsigned to = text.len <= LENGTH_MAX ? starts[text.len + 1] : WORD_COUNT;
    for (unsigned i = from; i < to; i++) {
        if (words[i][0] == (char)text.ptr[0] && ph_bytes_eq(ph_bytes_str(words[i]), text)) {
            return i + 1;
        }
    }
    return 0;
}

bool ph_structure_word(unsigned code, struct ph_bytes *out_text)
{
    if (code == 0 || code > WORD_COUNT) {
        return false;
    }
    *out_text = ph_bytes_str(words[code - 1]);
    return true;
}
