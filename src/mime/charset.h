/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of any charset made UTF-8, in pieces. What comes out is always UTF-8, what cannot be converted is U+FFFD.
 *
 * Charsets are those of iconv that mail comes in, by the names that MIME gives them. UTF-8, US-ASCII and ISO-8859-1 (taken as windows-1252, as
 * everybody does) need no table. Text of no charset, or of one that is unknown, is UTF-8 where it is that, else
 * windows-1252.
 */
#ifndef PH_MIME_CHARSET_H
#define PH_MIME_CHARSET_H

#include <iconv.h>

#include "base/buf.h"

enum { PH_CHARSET_TAIL_MAX = 16 };

struct ph_charset {
    enum { PH_CHARSET_UTF8, PH_CHARSET_WINDOWS_1252, PH_CHARSET_ICONV } kind;
    iconv_t handle;
    uint8_t tail[PH_CHARSET_TAIL_MAX]; /* of a character that is not whole yet */
    unsigned tail_len;
    unsigned unit_bytes; /* iconv: what is passed over where it cannot go on */
    bool is_guess;       /* octets that are no UTF-8 are windows-1252 */
};

/* NAME in any case, may be empty. Always opens; false where the charset is unknown and is guessed. */
bool ph_charset_open(struct ph_charset *charset, struct ph_bytes name);
/* Appends what IN is in UTF-8, usually at most three times as long, to OUT. */
void ph_charset_convert(struct ph_charset *charset, struct ph_bytes in, struct ph_buf *out);
/* The end of the text: what is cut off there is U+FFFD. The charset is ready for the next text. */
void ph_charset_finish(struct ph_charset *charset, struct ph_buf *out);
void ph_charset_close(struct ph_charset *charset);

/* Has every charset's converter in memory from now on, until the process ends. For a process that is to give up the right to
 * load code: what is not there then is an unknown charset, or its end. */
void ph_charset_keep_all(void);

/* For SEARCH CHARSET. */
bool ph_charset_is_known(struct ph_bytes name);

#endif
