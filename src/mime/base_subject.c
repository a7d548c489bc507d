/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 5256 section 2.1, steps 1 to 6. Steps 3 to 5 are taken for all blobs at once: whether "re:" stands behind them does
 * not depend on how many of them were removed. So it is linear.
 */
#include "mime/base_subject.h"

#include "mime/encoded_word.h"

static struct ph_bytes skip_blanks(struct ph_bytes text)
{
    while (text.len > 0 && text.ptr[0] == ' ') {
        text = ph_bytes_from(text, 1);
    }
    return text;
}

/* Step 1: encoded words are decoded, blanks become one. */
static void put_normalized(struct ph_bytes subject, struct ph_buf *out)
{
    size_t from = out->len;
    ph_encoded_words_decode(subject, out);
    size_t to = from;
    for (size_t at = from; at < out->len; at++) {
        uint8_t c = out->ptr[at] == '\t' ? ' ' : out->ptr[at];
        if (c != ' ' || (to > from && out->ptr[to - 1] != ' ')) {
            out->ptr[to++] = c;
        }
    }
    out->len = to;
}

/* Step 2. */
static struct ph_bytes without_trailers(struct ph_bytes text, bool *is_reply)
{
    struct ph_bytes fwd = PH_BYTES("(fwd)");
    while (text.len > 0) {
        if (text.ptr[text.len - 1] == ' ') {
            text.len--;
        } else if (text.len >= fwd.len && ph_bytes_ieq(ph_bytes_from(text, text.len - fwd.len), fwd)) {
            text.len -= fwd.len;
            *is_reply = true;
        } else {
            break;
        }
    }
    return text;
}

/* "[list] ": behind it, or TEXT itself. */
static struct ph_bytes behind_blob(struct ph_bytes text)
{
    if (text.len == 0 || text.ptr[0] != '[') {
        return text;
    }
    size_t at = 1;
    while (at < text.len && text.ptr[at] != '[' && text.ptr[at] != ']') {
        at++;
    }
    return at < text.len && text.ptr[at] == ']' ? skip_blanks(ph_bytes_from(text, at + 1)) : text;
}

/* "re:", "fw [list]:" and the like. */
static bool take_refwd(struct ph_bytes *text)
{
    struct ph_bytes rest = *text;
    if (ph_bytes_istarts(rest, PH_BYTES("fwd"))) {
        rest = ph_bytes_from(rest, 3);
    } else if (ph_bytes_istarts(rest, PH_BYTES("re")) || ph_bytes_istarts(rest, PH_BYTES("fw"))) {
        rest = ph_bytes_from(rest, 2);
    } else {
        return false;
    }
    rest = behind_blob(skip_blanks(rest));
    if (rest.len == 0 || rest.ptr[0] != ':') {
        return false;
    }
    *text = ph_bytes_from(rest, 1);
    return true;
}

/* Steps 3 to 5. */
static struct ph_bytes without_leaders(struct ph_bytes text, bool *is_reply)
{
    while (true) {
        text = skip_blanks(text);
        struct ph_bytes last = text; /* the last blob; it stays if nothing is behind it */
        struct ph_bytes rest = text;
        for (struct ph_bytes next = behind_blob(rest); next.len != rest.len; next = behind_blob(rest)) {
            last = rest;
            rest = next;
        }
        if (!take_refwd(&rest)) {
            return rest.len > 0 ? rest : last;
        }
        *is_reply = true;
        text = rest;
    }
}

bool ph_base_subject(struct ph_bytes subject, struct ph_buf *out)
{
    size_t from = out->len;
    bool is_reply = false;
    put_normalized(subject, out);
    struct ph_bytes text = ph_bytes_from(ph_buf_view(out), from);
    struct ph_bytes fwd = PH_BYTES("[fwd:");
    while (true) {
        text = without_leaders(without_trailers(text, &is_reply), &is_reply);
        bool is_wrapped = text.len > fwd.len && ph_bytes_istarts(text, fwd) && text.ptr[text.len - 1] == ']';
        if (!is_wrapped) {
            break;
        }
        text = ph_bytes_first(ph_bytes_from(text, fwd.len), text.len - fwd.len - 1);
        is_reply = true;
    }
    if (text.len > 0) {
        memmove(out->ptr + from, text.ptr, text.len);
    }
    out->len = from + text.len;
    return is_reply;
}
