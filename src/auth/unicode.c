/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libunistring normalizes (it is what libidn2 stands on), libidn knows SASLprep. libidn works on copies that it frees
 * unwiped; a password of printable ASCII, which is nearly every one, never gets there.
 */
#include "auth/unicode.h"

#include <stdlib.h>
#include <stringprep.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/mem.h"
#include "base/utf8.h"

static bool is_printable_ascii(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7E) {
            return false;
        }
    }
    return true;
}

struct ph_bytes ph_unicode_nfc(struct ph_bytes text, struct ph_arena *arena)
{
    if (ph_utf8_is_ascii(text)) {
        return text;
    }
    size_t len = 0;
    uint8_t *normal = u8_normalize(UNINORM_NFC, text.ptr, text.len, NULL, &len);
    if (normal == NULL) {
        /* Memory is all that can be missing. */
        abort();
    }
    struct ph_bytes result = ph_arena_bytes(arena, ph_bytes_of(normal, len));
    free(normal);
    return result;
}

bool ph_unicode_has_unsafe(struct ph_bytes text)
{
    static const struct {
        ucs4_t first;
        ucs4_t last;
    } unsafe[] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0x200E, 0x200F}, {0x2028, 0x202E},
        {0x2066, 0x2069}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB},
    };
    for (size_t at = 0; at < text.len;) {
        ucs4_t c = 0;
        at += (size_t)u8_mbtouc(&c, text.ptr + at, text.len - at);
        for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0]; i++) {
            if (c >= unsafe[i].first && c <= unsafe[i].last) {
                return true;
            }
        }
    }
    return false;
}

int ph_unicode_saslprep(struct ph_bytes text, enum ph_saslprep use, struct ph_buf *out, struct ph_error *err)
{
    if (text.len == 0) {
        return ph_fail(err, PH_EINVALID, "empty text");
    }
    if (text.len > out->max) {
        return ph_fail(err, PH_ELIMIT, "text longer than %zu octets", out->max);
    }
    if (is_printable_ascii(text)) {
        ph_buf_bytes(out, text);
        return out->has_overflowed ? ph_fail(err, PH_ELIMIT, "text longer than %zu octets", out->max) : PH_OK;
    }
    if (!ph_utf8_is_valid(text) || ph_bytes_find(text, 0) < text.len) {
        return ph_fail(err, PH_EINVALID, "text is not UTF-8 or holds NUL");
    }
    char *copy = ph_bytes_dup(text);
    char *prepared = NULL;
    int status = stringprep_profile(copy, &prepared, "SASLprep",
                                    use == PH_SASLPREP_STORED ? STRINGPREP_NO_UNASSIGNED : 0);
    ph_wipe_free(&copy);
    int result = PH_OK;
    if (status != STRINGPREP_OK) {
        result = ph_fail(err, PH_EINVALID, "SASLprep refuses the text: %s",
                         stringprep_strerror((Stringprep_rc)status));
    } else if (prepared[0] == '\0') {
        result = ph_fail(err, PH_EINVALID, "SASLprep leaves nothing of the text");
    } else {
        ph_buf_str(out, prepared);
        if (out->has_overflowed) {
            result = ph_fail(err, PH_ELIMIT, "text longer than %zu octets", out->max);
        }
    }
    ph_wipe_free(&prepared);
    return result;
}
