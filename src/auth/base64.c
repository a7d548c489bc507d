/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsodium's base64 takes the same time for each character of its alphabet, which suits passwords, and refuses bits
 * behind the end. What is added here: the exact size, so that a full buffer is told from a malformed text; and a
 * look at octets past ASCII, some of which libsodium 1.0.18 takes for letters where char is signed.
 */
#include <sodium.h>

#include "auth/auth.h"
#include "base/utf8.h"

int ph_base64_decode(struct ph_bytes text, struct ph_buf *out)
{
    if (text.len == 0) {
        return PH_OK;
    }
    if (text.len % 4 != 0 || !ph_utf8_is_ascii(text)) {
        return PH_EINVALID;
    }
    size_t padding = (text.ptr[text.len - 1] == '=' ? 1U : 0U) + (text.ptr[text.len - 2] == '=' ? 1U : 0U);
    size_t size = text.len / 4 * 3 - padding;
    uint8_t *at = ph_buf_reserve(out, size);
    if (at == NULL) {
        return PH_ELIMIT;
    }
    size_t len = 0;
    if (sodium_base642bin(at, size, (const char *)text.ptr, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0) {
        return PH_EINVALID;
    }
    out->len += len;
    return PH_OK;
}

void ph_base64_encode(struct ph_bytes bytes, struct ph_buf *out)
{
    if (bytes.len == 0) {
        return;
    }
    if (bytes.len > out->max) {
        out->has_overflowed = true;
        return;
    }
    /* Its NUL needs room too. */
    size_t size = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *at = (char *)ph_buf_reserve(out, size);
    if (at != NULL) {
        sodium_bin2base64(at, size, bytes.ptr, bytes.len, sodium_base64_VARIANT_ORIGINAL);
        out->len += size - 1;
    }
}
