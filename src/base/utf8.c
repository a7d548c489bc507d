/* SPDX-License-Identifier: Apache-2.0 */
/* The table of well-formed sequences is RFC 3629 section 4. */
#include "base/utf8.h"

static bool is_in(uint8_t octet, uint8_t low, uint8_t high)
{
    return octet >= low && octet <= high;
}

/* The length of the sequence at the front of TEXT, 0 if there is none. */
static size_t sequence_len(struct ph_bytes text)
{
    uint8_t first = text.ptr[0];
    uint8_t second_low = 0x80;
    uint8_t second_high = 0xBF;
    size_t len;
    if (first < 0x80) {
        return 1;
    }
    if (is_in(first, 0xC2, 0xDF)) {
        len = 2;
    } else if (is_in(first, 0xE0, 0xEF)) {
        len = 3;
        second_low = first == 0xE0 ? 0xA0 : 0x80;
        second_high = first == 0xED ? 0x9F : 0xBF;
    } else if (is_in(first, 0xF0, 0xF4)) {
        len = 4;
        second_low = first == 0xF0 ? 0x90 : 0x80;
        second_high = first == 0xF4 ? 0x8F : 0xBF;
    } else {
        return 0;
    }
    if (text.len < len || !is_in(text.ptr[1], second_low, second_high)) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!is_in(text.ptr[i], 0x80, 0xBF)) {
            return 0;
        }
    }
    return len;
}

bool ph_utf8_next(struct ph_bytes *rest, uint32_t *out_code)
{
    static const uint8_t first_bits[] = {0xFF, 0x7F, 0x1F, 0x0F, 0x07};
    size_t len = sequence_len(*rest);
    uint32_t code = rest->ptr[0] & first_bits[len];
    for (size_t i = 1; i < len; i++) {
        code = code << 6 | (rest->ptr[i] & 0x3FU);
    }
    *rest = ph_bytes_from(*rest, len == 0 ? 1 : len);
    *out_code = code;
    return len > 0;
}

bool ph_utf8_is_valid(struct ph_bytes text)
{
    uint32_t code;
    while (text.len > 0) {
        if (!ph_utf8_next(&text, &code)) {
            return false;
        }
    }
    return true;
}

bool ph_utf8_is_ascii(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}
