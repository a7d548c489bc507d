/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owned, growable bytes with a hard maximum.
 *
 * Invariants: len <= cap <= max; ptr is NULL until something was appended or reserved. An append that would pass max
 * appends nothing and sets has_overflowed, which stays until ph_buf_clear: a writer appends freely and asks once at
 * the end. What is in the buffer then has a hole and is for nobody.
 * Life: ph_buf_init or PH_BUF(max); ph_buf_clear keeps the memory; ph_buf_fini gives it back and leaves an empty
 * buffer that may be used again. Views into a buffer end with the next append, clear or fini; so a buffer is never
 * appended to itself.
 */
#ifndef PH_BASE_BUF_H
#define PH_BASE_BUF_H

#include "base/bytes.h"
#include "base/error.h"

struct ph_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max;
    bool has_overflowed;
};

#define PH_BUF(max_bytes) ((struct ph_buf){NULL, 0, 0, (max_bytes), false})

void ph_buf_init(struct ph_buf *buf, size_t max);
void ph_buf_fini(struct ph_buf *buf);
/* As ph_buf_fini, with the octets overwritten first. Growing leaves copies behind: a buffer for a secret reserves
 * what it needs at once. */
void ph_buf_wipe(struct ph_buf *buf);
void ph_buf_clear(struct ph_buf *buf);

void ph_buf_append(struct ph_buf *buf, const void *ptr, size_t len);
void ph_buf_bytes(struct ph_buf *buf, struct ph_bytes bytes);
void ph_buf_str(struct ph_buf *buf, const char *text);
void ph_buf_byte(struct ph_buf *buf, uint8_t byte);
void ph_buf_u64(struct ph_buf *buf, uint64_t value);
void ph_buf_printf(struct ph_buf *buf, const char *fmt, ...) PH_PRINTF(2, 3);

/* Room for LEN more octets at the end, to be filled by the caller, who then adds to len; NULL (and
 * has_overflowed) if that would pass max. */
uint8_t *ph_buf_reserve(struct ph_buf *buf, size_t len);

/* Drops the first LEN octets, moving the rest down. */
void ph_buf_consume(struct ph_buf *buf, size_t len);

static inline struct ph_bytes ph_buf_view(const struct ph_buf *buf)
{
    return (struct ph_bytes){buf->ptr, buf->len};
}

/* The contents with a NUL behind them (not counted in len). Never NULL. */
const char *ph_buf_cstr(struct ph_buf *buf);

#endif
