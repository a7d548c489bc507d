/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dot-stuffing undone by a client gives the content back, wherever it was cut, and nothing in the content ends the
 * answer before its end.
 */
#include <assert.h>
#include <stdlib.h>

#include "pop3/dots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    size_t piece = 1 + data[0] % 61;
    struct ph_bytes content = ph_bytes_of(data + 1, size - 1);
    struct ph_buf out = PH_BUF(2 * size + 16);
    struct ph_dots dots = {0};
    for (size_t at = 0; at < content.len; at += piece) {
        size_t from = out.len;
        ph_buf_bytes(&out, ph_bytes_first(ph_bytes_from(content, at), piece));
        ph_dots_stuff(&dots, &out, from);
    }
    ph_dots_end(&dots, &out);
    assert(!out.has_overflowed);

    /* The client: lines by LF, one dot off those that open with one, the end at a dot alone. */
    size_t restored = 0;
    struct ph_bytes rest = ph_buf_view(&out);
    for (;;) {
        size_t len = ph_bytes_find(rest, '\n') + 1;
        assert(len <= rest.len);
        struct ph_bytes line = ph_bytes_first(rest, len);
        rest = ph_bytes_from(rest, len);
        if (ph_bytes_eq(line, PH_BYTES(".\r\n"))) {
            break;
        }
        if (ph_bytes_starts(line, PH_BYTES("."))) {
            line = ph_bytes_from(line, 1);
        }
        for (size_t i = 0; i < line.len; i++, restored++) {
            bool is_added_end = restored >= content.len;
            assert(is_added_end ? line.len - i <= 2 : line.ptr[i] == content.ptr[restored]);
        }
    }
    assert(rest.len == 0);
    assert(restored >= content.len && restored <= content.len + 2);
    ph_buf_fini(&out);
    return 0;
}
