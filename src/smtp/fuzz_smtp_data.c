/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first octet says where the rest is cut; whole and in pieces must give the same content, the same end and the same
 * verdict on bare newlines, and content without them must hold none.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "smtp/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void keep(void *ctx, struct ph_bytes content)
{
    ph_buf_bytes(ctx, content);
}

static size_t read_all(struct ph_bytes input, size_t piece, struct ph_smtp_data *reader,
                       struct ph_buf *content)
{
    size_t taken = 0;
    while (taken < input.len && !ph_smtp_data_is_done(reader)) {
        struct ph_bytes next = ph_bytes_first(ph_bytes_from(input, taken), piece);
        size_t got = ph_smtp_data_feed(reader, next, keep, content);
        check(got == next.len || ph_smtp_data_is_done(reader));
        taken += got;
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct ph_bytes input = {data + 1, size - 1};
    struct ph_smtp_data whole = {0};
    struct ph_smtp_data pieces = {0};
    struct ph_buf content = PH_BUF(1 << 20);
    struct ph_buf again = PH_BUF(1 << 20);
    size_t taken = read_all(input, input.len, &whole, &content);
    check(read_all(input, 1U + data[0] % 32, &pieces, &again) == taken);
    check(whole.state == pieces.state && whole.has_bare_newline == pieces.has_bare_newline);
    check(ph_bytes_eq(ph_buf_view(&content), ph_buf_view(&again)));

    if (ph_smtp_data_is_done(&whole)) {
        struct ph_smtp_newlines newlines = {0};
        ph_smtp_newlines_feed(&newlines, ph_buf_view(&content));
        ph_smtp_newlines_finish(&newlines);
        check(newlines.has_bare_newline == whole.has_bare_newline);
    }
    ph_buf_fini(&content);
    ph_buf_fini(&again);
    return 0;
}
