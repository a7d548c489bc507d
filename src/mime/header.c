/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/header.h"

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* The length of the first line with its CRLF, or of everything where none is ended. */
static size_t line_len(struct ph_bytes text)
{
    size_t len = ph_bytes_find_crlf(text);
    return len == text.len ? len : len + 2;
}

static struct ph_bytes without_crlf(struct ph_bytes line)
{
    bool is_ended = line.len >= 2 && line.ptr[line.len - 2] == '\r' && line.ptr[line.len - 1] == '\n';
    return ph_bytes_first(line, is_ended ? line.len - 2 : line.len);
}

/* RFC 5322 section 3.6.8: printable ASCII but the colon. */
static bool is_name(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 33 || text.ptr[i] > 126) {
            return false;
        }
    }
    return text.len > 0;
}

bool ph_header_next(struct ph_bytes *rest, struct ph_header_field *out_field)
{
    size_t len = line_len(*rest);
    if (len == 0 || ph_bytes_starts(*rest, PH_BYTES("\r\n"))) {
        return false;
    }
    struct ph_bytes first = without_crlf(ph_bytes_first(*rest, len));
    while (len < rest->len && is_blank(rest->ptr[len])) {
        len += line_len(ph_bytes_from(*rest, len));
    }
    size_t colon = ph_bytes_find(first, ':');
    struct ph_bytes name = ph_bytes_first(first, colon);
    while (name.len > 0 && is_blank(name.ptr[name.len - 1])) {
        name.len--;
    }
    bool is_field = colon < first.len && is_name(name);
    out_field->whole = ph_bytes_first(*rest, len);
    out_field->name = is_field ? name : (struct ph_bytes){NULL, 0};
    out_field->value = without_crlf(is_field ? ph_bytes_from(out_field->whole, colon + 1) : out_field->whole);
    *rest = ph_bytes_from(*rest, len);
    return true;
}

void ph_header_end_feed(struct ph_header_end *end, struct ph_bytes octets)
{
    if (!end->is_begun && octets.len > 0) {
        end->is_begun = true;
        end->matched = 2;
    }
    size_t at = 0;
    while (at < octets.len && !end->is_found) {
        /* Only a line's end is worth a look at single octets. */
        if (end->matched == 0) {
            at += ph_bytes_find(ph_bytes_from(octets, at), '\r');
            if (at == octets.len) {
                break;
            }
        }
        uint8_t octet = octets.ptr[at++];
        uint8_t wanted = end->matched % 2 == 0 ? '\r' : '\n';
        if (octet == wanted) {
            end->matched++;
        } else {
            end->matched = octet == '\r' ? 1 : 0;
        }
        end->is_found = end->matched == 4;
    }
    end->offset += at;
}
