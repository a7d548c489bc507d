/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5321 section 4.5.2, transparency. Lines are found by memchr; content is given out in runs as long as no dot has
 * to be left out, so that a whole piece of input is most often one run.
 */
#include "smtp/data.h"

/* Passes over text up to a line end or the end of the input; returns where it stopped, and sets the state. */
static size_t pass_line(struct ph_smtp_data *data, struct ph_bytes input, size_t at)
{
    struct ph_bytes rest = ph_bytes_from(input, at);
    size_t lf = ph_bytes_find(rest, '\n');
    bool is_ended = lf < rest.len && lf > 0 && rest.ptr[lf - 1] == '\r';
    size_t text_len = is_ended ? lf - 1 : lf;
    size_t cr = data->has_bare_newline ? text_len : ph_bytes_find(ph_bytes_first(rest, text_len), '\r');
    if (lf == rest.len) {
        bool is_cr_last = rest.len > 0 && rest.ptr[rest.len - 1] == '\r';
        data->has_bare_newline = data->has_bare_newline || cr + 1 < rest.len;
        data->state = is_cr_last ? PH_SMTP_DATA_CR : PH_SMTP_DATA_IN_LINE;
        return input.len;
    }
    data->has_bare_newline = data->has_bare_newline || cr < text_len || !is_ended;
    data->state = is_ended ? PH_SMTP_DATA_LINE_START : PH_SMTP_DATA_IN_LINE;
    return at + lf + 1;
}

static void give(struct ph_bytes input, size_t from, size_t to, ph_smtp_data_sink *sink, void *ctx)
{
    if (to > from) {
        sink(ctx, ph_bytes_first(ph_bytes_from(input, from), to - from));
    }
}

size_t ph_smtp_data_feed(struct ph_smtp_data *data, struct ph_bytes input, ph_smtp_data_sink *sink, void *ctx)
{
    size_t at = 0;
    size_t run = 0; /* content from here on is not given out yet */
    while (at < input.len && data->state != PH_SMTP_DATA_END) {
        uint8_t octet = input.ptr[at];
        switch (data->state) {
        case PH_SMTP_DATA_LINE_START:
            if (octet == '.') {
                give(input, run, at, sink, ctx);
                run = ++at;
                data->state = PH_SMTP_DATA_DOT;
                break;
            }
            at = pass_line(data, input, at);
            break;
        case PH_SMTP_DATA_IN_LINE: at = pass_line(data, input, at); break;
        case PH_SMTP_DATA_CR:
            if (octet == '\n') {
                at++;
                data->state = PH_SMTP_DATA_LINE_START;
                break;
            }
            data->has_bare_newline = true;
            at = pass_line(data, input, at);
            break;
        case PH_SMTP_DATA_DOT:
            if (octet == '\r') {
                run = ++at;
                data->state = PH_SMTP_DATA_DOT_CR;
                break;
            }
            at = pass_line(data, input, at);
            break;
        case PH_SMTP_DATA_DOT_CR:
            if (octet == '\n') {
                run = ++at;
                data->state = PH_SMTP_DATA_END;
                break;
            }
            sink(ctx, PH_BYTES("\r"));
            data->has_bare_newline = true;
            at = pass_line(data, input, at);
            break;
        case PH_SMTP_DATA_END: break;
        }
    }
    give(input, run, at, sink, ctx);
    return at;
}

void ph_smtp_newlines_feed(struct ph_smtp_newlines *newlines, struct ph_bytes content)
{
    if (newlines->has_bare_newline || content.len == 0) {
        return;
    }
    if (newlines->is_behind_cr && content.ptr[0] != '\n') {
        newlines->has_bare_newline = true;
        return;
    }
    size_t at = newlines->is_behind_cr ? 1 : 0;
    newlines->is_behind_cr = false;
    while (at < content.len) {
        struct ph_bytes rest = ph_bytes_from(content, at);
        size_t lf = ph_bytes_find(rest, '\n');
        size_t cr = ph_bytes_find(ph_bytes_first(rest, lf), '\r');
        if (lf == rest.len) {
            newlines->is_behind_cr = cr + 1 == rest.len;
            newlines->has_bare_newline = cr + 1 < rest.len;
            return;
        }
        if (cr + 1 != lf) {
            newlines->has_bare_newline = true;
            return;
        }
        at += lf + 1;
    }
}

void ph_smtp_newlines_finish(struct ph_smtp_newlines *newlines)
{
    newlines->has_bare_newline = newlines->has_bare_newline || newlines->is_behind_cr;
    newlines->is_behind_cr = false;
}
