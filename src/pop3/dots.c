/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two passes: the first counts, from line to line, and ends there for most mail; the second moves octets up from the back,
 * each once.
 */
#include "pop3/dots.h"

static bool opens_line(const struct ph_dots *dots, const uint8_t *start, const uint8_t *at)
{
    if (at == start) {
        return dots->at == PH_DOTS_AT_CRLF || dots->at == PH_DOTS_AT_LF;
    }
    return at[-1] == '\n';
}

static size_t count_dots(const struct ph_dots *dots, const uint8_t *start, size_t len)
{
    size_t count = start[0] == '.' && opens_line(dots, start, start) ? 1 : 0;
    const uint8_t *at = start;
    const uint8_t *end = start + len;
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL && ++at < end) {
        count += *at == '.';
    }
    return count;
}

static void note_end(struct ph_dots *dots, const uint8_t *start, size_t len)
{
    uint8_t last = start[len - 1];
    bool is_behind_cr = len >= 2 ? start[len - 2] == '\r' : dots->at == PH_DOTS_AT_CR;
    if (last == '\n') {
        dots->at = is_behind_cr ? PH_DOTS_AT_CRLF : PH_DOTS_AT_LF;
    } else {
        dots->at = last == '\r' ? PH_DOTS_AT_CR : PH_DOTS_INSIDE;
    }
}

void ph_dots_stuff(struct ph_dots *dots, struct ph_buf *out, size_t from)
{
    size_t len = out->len - from;
    if (len == 0) {
        return;
    }
    size_t count = count_dots(dots, out->ptr + from, len);
    if (count > 0 && ph_buf_reserve(out, count) != NULL) {
        out->len += count;
        uint8_t *start = out->ptr + from; /* after the reserve: the buffer may have moved */
        size_t tail = len;
        while (count > 0) {
            const uint8_t *dot = memrchr(start, '.', tail);
            size_t at = (size_t)(dot - start);
            if (opens_line(dots, start, dot)) {
                memmove(start + at + count, dot, len - at);
                count--;
                start[at + count] = '.';
                len = at;
            }
            tail = at;
        }
    }
    note_end(dots, out->ptr + from, out->len - from);
}

void ph_dots_end(struct ph_dots *dots, struct ph_buf *out)
{
    ph_buf_str(out, dots->at == PH_DOTS_AT_CRLF ? ".\r\n" : "\r\n.\r\n");
}
