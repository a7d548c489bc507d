/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/newline.h"

void ph_newline_convert(struct ph_newline *newline, struct ph_bytes text, struct ph_buf *out)
{
    while (text.len > 0) {
        size_t lf = ph_bytes_find(text, '\n');
        struct ph_bytes line = ph_bytes_first(text, lf);
        if (line.len > 0) {
            ph_buf_bytes(out, line);
            newline->is_behind_cr = line.ptr[line.len - 1] == '\r';
        }
        if (lf < text.len) {
            ph_buf_str(out, newline->is_behind_cr ? "\n" : "\r\n");
            newline->is_behind_cr = false;
            lf++;
        }
        text = ph_bytes_from(text, lf);
    }
}
