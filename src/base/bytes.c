/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include "base/mem.h"

bool ph_bytes_eq(struct ph_bytes a, struct ph_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool ph_bytes_ieq(struct ph_bytes a, struct ph_bytes b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ph_ascii_lower((char)a.ptr[i]) != ph_ascii_lower((char)b.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool ph_bytes_starts(struct ph_bytes b, struct ph_bytes prefix)
{
    return b.len >= prefix.len && ph_bytes_eq(ph_bytes_first(b, prefix.len), prefix);
}

bool ph_bytes_istarts(struct ph_bytes b, struct ph_bytes prefix)
{
    return b.len >= prefix.len && ph_bytes_ieq(ph_bytes_first(b, prefix.len), prefix);
}

size_t ph_bytes_find(struct ph_bytes b, uint8_t c)
{
    const uint8_t *at = b.len == 0 ? NULL : memchr(b.ptr, c, b.len);
    return at == NULL ? b.len : (size_t)(at - b.ptr);
}

size_t ph_bytes_find_crlf(struct ph_bytes b)
{
    size_t at = ph_bytes_find(b, '\n');
    while (at < b.len && (at == 0 || b.ptr[at - 1] != '\r')) {
        at += 1 + ph_bytes_find(ph_bytes_from(b, at + 1), '\n');
    }
    return at < b.len ? at - 1 : b.len;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct ph_bytes ph_bytes_trim(struct ph_bytes b)
{
    while (b.len > 0 && is_blank(b.ptr[0])) {
        b.ptr++;
        b.len--;
    }
    while (b.len > 0 && is_blank(b.ptr[b.len - 1])) {
        b.len--;
    }
    return b;
}

struct ph_bytes ph_bytes_next_word(struct ph_bytes *rest)
{
    size_t start = 0;
    while (start < rest->len && is_blank(rest->ptr[start])) {
        start++;
    }
    size_t end = start;
    while (end < rest->len && !is_blank(rest->ptr[end])) {
        end++;
    }
    struct ph_bytes word = ph_bytes_first(ph_bytes_from(*rest, start), end - start);
    while (end < rest->len && is_blank(rest->ptr[end])) {
        end++;
    }
    *rest = ph_bytes_from(*rest, end);
    return word;
}

bool ph_bytes_to_u64(struct ph_bytes b, uint64_t *out_value)
{
    uint64_t value = 0;
    if (b.len == 0) {
        return false;
    }
    for (size_t i = 0; i < b.len; i++) {
        if (b.ptr[i] < '0' || b.ptr[i] > '9' || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(b.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    *out_value = value;
    return true;
}

char *ph_bytes_dup(struct ph_bytes b)
{
    char *copy = ph_alloc(b.len + 1);
    if (b.len > 0) {
        memcpy(copy, b.ptr, b.len);
    }
    copy[b.len] = '\0';
    return copy;
}
