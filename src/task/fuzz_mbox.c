/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mbox parser on any octets, in pieces of any size: whatever the pieces, it sees the same messages; and what it took
 * apart, written and taken apart again, is the same.
 */
#include <stdlib.h>

#include "task/mbox.h"

/* The first octet sizes the pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_apart(struct ph_bytes text, size_t piece, struct ph_buf *out)
{
    struct ph_mbox mbox;
    ph_mbox_init(&mbox);
    struct ph_bytes rest = ph_bytes_first(text, piece);
    size_t given = rest.len;
    for (;;) {
        struct ph_bytes bytes = {0};
        enum ph_mbox_event event = ph_mbox_next(&mbox, &rest, given == text.len, &bytes);
        if (event == PH_MBOX_OVER || event == PH_MBOX_WRONG) {
            break;
        }
        if (event == PH_MBOX_MORE) {
            size_t more = text.len - given < piece ? text.len - given : piece;
            given += more;
            rest = (struct ph_bytes){text.ptr + (given - more - rest.len), rest.len + more};
        } else if (event == PH_MBOX_DATA) {
            ph_buf_bytes(out, bytes);
        } else {
            ph_buf_byte(out, event == PH_MBOX_BEGIN ? 1 : 2);
        }
    }
    ph_buf_printf(out, "%u %llu %u", mbox.message.flags, (unsigned long long)mbox.message.uid,
                  mbox.message.uid_validity);
    ph_mbox_fini(&mbox);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct ph_bytes text = {data + 1, size - 1};
    struct ph_buf whole = PH_BUF(SIZE_MAX);
    struct ph_buf pieces = PH_BUF(SIZE_MAX);
    take_apart(text, text.len + 1, &whole);
    take_apart(text, (size_t)data[0] + 1, &pieces);
    if (!ph_bytes_eq(ph_buf_view(&whole), ph_buf_view(&pieces))) {
        abort();
    }
    ph_buf_fini(&whole);
    ph_buf_fini(&pieces);
    return 0;
}
