/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line that ends in "{N}", "{N+}" or "~{N}" is continued by a literal, whatever stands before: in no other place may
 * a brace end a line, since a quoted string cannot hold a line's end.
 */
#include "imap/frame.h"

static bool read_literal(struct ph_bytes line, struct ph_imap_literal *out_literal)
{
    if (line.len < 3 || line.ptr[line.len - 1] != '}') {
        return false;
    }
    const uint8_t *open = memrchr(line.ptr, '{', line.len);
    if (open == NULL) {
        return false;
    }
    size_t at = (size_t)(open - line.ptr);
    struct ph_bytes number = ph_bytes_first(ph_bytes_from(line, at + 1), line.len - at - 2);
    out_literal->is_sync = number.len == 0 || number.ptr[number.len - 1] != '+';
    number.len -= !out_literal->is_sync;
    out_literal->is_binary = at > 0 && line.ptr[at - 1] == '~';
    return ph_bytes_to_u64(number, &out_literal->len) && out_literal->len <= INT64_MAX;
}

enum ph_imap_frame ph_imap_frame(struct ph_bytes input, size_t max, size_t *scanned,
                                 struct ph_imap_literal *out_literal, size_t *out_len)
{
    *out_len = 0;
    if (*scanned > input.len) {
        return PH_IMAP_FRAME_NEEDS_MORE; /* of a literal */
    }
    struct ph_bytes rest = ph_bytes_from(input, *scanned);
    size_t end = ph_bytes_find(rest, '\n');
    if (end == rest.len) {
        return input.len >= max ? PH_IMAP_FRAME_TOO_LONG : PH_IMAP_FRAME_NEEDS_MORE;
    }
    *out_len = *scanned + end + 1;
    if (*out_len > max) {
        return PH_IMAP_FRAME_TOO_LONG;
    }
    struct ph_bytes line = ph_bytes_first(rest, end);
    if (end == 0 || line.ptr[end - 1] != '\r' || ph_bytes_find(line, '\0') < end) {
        return PH_IMAP_FRAME_BAD_LINE;
    }
    line.len--;
    if (read_literal(line, out_literal)) {
        out_literal->at = *out_len;
        return PH_IMAP_FRAME_LITERAL;
    }
    return PH_IMAP_FRAME_READY;
}
