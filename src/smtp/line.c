/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5321 sections 2.3.8, 2.4, 4.1.1 and 4.5.3.1.4.
 */
#include "smtp/line.h"

enum { HELLO_MAX = 255 };

static bool has_bare_lf(struct ph_bytes input, size_t lf)
{
    return lf == 0 || input.ptr[lf - 1] != '\r';
}

enum ph_smtp_line_status ph_smtp_line_next(struct ph_bytes input, size_t max, struct ph_bytes *out_line,
                                           size_t *out_consumed)
{
    *out_consumed = 0;
    struct ph_bytes window = ph_bytes_first(input, max);
    size_t lf = ph_bytes_find(window, '\n');
    if (lf == window.len) {
        return window.len < max ? PH_SMTP_LINE_MORE : PH_SMTP_LINE_TOO_LONG;
    }
    *out_consumed = lf + 1;
    if (has_bare_lf(input, lf)) {
        return PH_SMTP_LINE_BARE_LF;
    }
    *out_line = ph_bytes_first(input, lf - 1);
    return ph_bytes_find(*out_line, '\r') < out_line->len ? PH_SMTP_LINE_BARE_CR : PH_SMTP_LINE_OK;
}

enum ph_smtp_line_status ph_smtp_line_skip(struct ph_bytes input, size_t *out_consumed)
{
    size_t lf = ph_bytes_find(input, '\n');
    if (lf < input.len) {
        *out_consumed = lf + 1;
        return has_bare_lf(input, lf) ? PH_SMTP_LINE_BARE_LF : PH_SMTP_LINE_OK;
    }
    /* A CR at the end is kept: its LF may come next. */
    bool is_cr_pending = input.len > 0 && input.ptr[input.len - 1] == '\r';
    *out_consumed = input.len - (is_cr_pending ? 1 : 0);
    return PH_SMTP_LINE_MORE;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool ph_smtp_line_split(struct ph_bytes line, struct ph_bytes *out_verb, struct ph_bytes *out_argument)
{
    for (size_t i = 0; i < line.len; i++) {
        if ((line.ptr[i] < ' ' && line.ptr[i] != '\t') || line.ptr[i] == 0x7f) {
            return false;
        }
    }
    size_t len = 0;
    while (len < line.len && is_letter(line.ptr[len])) {
        len++;
    }
    *out_verb = ph_bytes_first(line, len);
    struct ph_bytes rest = ph_bytes_from(line, len);
    *out_argument = ph_bytes_trim(rest);
    return len > 0 && (rest.len == 0 || rest.ptr[0] == ' ' || rest.ptr[0] == '\t');
}

bool ph_smtp_take_keyword(struct ph_bytes *argument, struct ph_bytes keyword)
{
    if (!ph_bytes_istarts(*argument, keyword)) {
        return false;
    }
    *argument = ph_bytes_trim(ph_bytes_from(*argument, keyword.len));
    return true;
}

int ph_smtp_parse_chunk(struct ph_bytes argument, uint64_t *out_size, bool *out_is_last)
{
    struct ph_bytes size = ph_bytes_next_word(&argument);
    struct ph_bytes last = ph_bytes_next_word(&argument);
    if (size.len == 0 || argument.len > 0) {
        return PH_EINVALID;
    }
    for (size_t i = 0; i < size.len; i++) {
        if (!is_digit(size.ptr[i])) {
            return PH_EINVALID;
        }
    }
    if (last.len > 0 && !ph_bytes_ieq(last, PH_BYTES("LAST"))) {
        return PH_EINVALID;
    }
    if (!ph_bytes_to_u64(size, out_size)) {
        *out_size = UINT64_MAX;
    }
    *out_is_last = last.len > 0;
    return PH_OK;
}

bool ph_smtp_is_hello_name(struct ph_bytes argument)
{
    if (argument.len == 0 || argument.len > HELLO_MAX) {
        return false;
    }
    bool is_literal = argument.ptr[0] == '[';
    size_t from = is_literal ? 1 : 0;
    size_t to = argument.len - from;
    if (is_literal && (argument.len < 3 || argument.ptr[argument.len - 1] != ']')) {
        return false;
    }
    for (size_t i = from; i < to; i++) {
        uint8_t c = argument.ptr[i];
        bool is_plain = is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
        if (!is_plain && !(is_literal && c == ':')) {
            return false;
        }
    }
    return true;
}
