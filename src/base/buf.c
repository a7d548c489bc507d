/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

void ph_buf_init(struct ph_buf *buf, size_t max)
{
    *buf = PH_BUF(max);
}

void ph_buf_fini(struct ph_buf *buf)
{
    free(buf->ptr);
    *buf = PH_BUF(buf->max);
}

void ph_buf_wipe(struct ph_buf *buf)
{
    ph_wipe(buf->ptr, buf->cap);
    ph_buf_fini(buf);
}

void ph_buf_clear(struct ph_buf *buf)
{
    buf->len = 0;
    buf->has_overflowed = false;
}

uint8_t *ph_buf_reserve(struct ph_buf *buf, size_t len)
{
    if (len > buf->max - buf->len) {
        buf->has_overflowed = true;
        return NULL;
    }
    size_t need = buf->len + len;
    if (need > buf->cap || buf->ptr == NULL) {
        size_t cap = buf->cap == 0 ? 63 : buf->cap * 2 + 1;
        if (cap < need) {
            cap = need;
        }
        if (cap > buf->max) {
            cap = buf->max;
        }
        /* And one for the NUL of ph_buf_cstr and vsnprintf. */
        buf->ptr = ph_realloc(buf->ptr, cap + 1);
        buf->cap = cap;
    }
    return buf->ptr + buf->len;
}

void ph_buf_append(struct ph_buf *buf, const void *ptr, size_t len)
{
    if (len == 0) {
        return;
    }
    uint8_t *at = ph_buf_reserve(buf, len);
    if (at != NULL) {
        memcpy(at, ptr, len);
        buf->len += len;
    }
}

void ph_buf_bytes(struct ph_buf *buf, struct ph_bytes bytes)
{
    ph_buf_append(buf, bytes.ptr, bytes.len);
}

void ph_buf_str(struct ph_buf *buf, const char *text)
{
    ph_buf_append(buf, text, strlen(text));
}

void ph_buf_byte(struct ph_buf *buf, uint8_t byte)
{
    ph_buf_append(buf, &byte, 1);
}

void ph_buf_u64(struct ph_buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    ph_buf_append(buf, digits + at, sizeof digits - at);
}

void ph_buf_printf(struct ph_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len > 0) {
        uint8_t *at = ph_buf_reserve(buf, (size_t)len);
        if (at != NULL) {
            vsnprintf((char *)at, (size_t)len + 1, fmt, again);
            buf->len += (size_t)len;
        }
    }
    va_end(again);
}

void ph_buf_consume(struct ph_buf *buf, size_t len)
{
    if (len >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->ptr, buf->ptr + len, buf->len - len);
    buf->len -= len;
}

const char *ph_buf_cstr(struct ph_buf *buf)
{
    if (buf->ptr == NULL) {
        return "";
    }
    buf->ptr[buf->len] = '\0';
    return (const char *)buf->ptr;
}
