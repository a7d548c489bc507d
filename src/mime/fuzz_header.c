/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a header are the header, octet for octet; its end is the same in pieces and as a whole. */
#include <stdlib.h>

#include "mime/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_bytes message = {data, size};
    struct ph_header_end end = {0};
    struct ph_header_end pieces = {0};
    ph_header_end_feed(&end, message);
    for (size_t at = 0; at < size; at += 3) {
        ph_header_end_feed(&pieces, ph_bytes_first(ph_bytes_from(message, at), 3));
    }
    check(end.is_found == pieces.is_found && end.offset == pieces.offset && end.offset <= size);

    struct ph_bytes header = ph_bytes_first(message, (size_t)end.offset);
    struct ph_bytes rest = header;
    struct ph_header_field field;
    size_t total = 0;
    while (ph_header_next(&rest, &field)) {
        check(field.whole.len > 0 && field.whole.ptr == header.ptr + total);
        check(field.name.len + field.value.len <= field.whole.len);
        total += field.whole.len;
    }
    check(total + (end.is_found ? 2 : 0) == header.len);
    return 0;
}
