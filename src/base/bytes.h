/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowed views of bytes. A struct ph_bytes owns nothing and may hold any octet; it is valid as long as what it
 * points into. An empty view has len 0 and any ptr, NULL too. Comparison "i" folds ASCII letters only.
 */
#ifndef PH_BASE_BYTES_H
#define PH_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ph_bytes {
    const uint8_t *ptr;
    size_t len;
};

/* A view of a string literal, without its NUL. */
#define PH_BYTES(literal) ((struct ph_bytes){(const uint8_t *)("" literal), sizeof(literal) - 1})

static inline struct ph_bytes ph_bytes_of(const void *ptr, size_t len)
{
    return (struct ph_bytes){(const uint8_t *)ptr, len};
}

static inline struct ph_bytes ph_bytes_str(const char *text)
{
    return (struct ph_bytes){(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
}

/* From AT to the end; empty where AT is behind the end. */
static inline struct ph_bytes ph_bytes_from(struct ph_bytes b, size_t at)
{
    return at >= b.len ? (struct ph_bytes){NULL, 0} : (struct ph_bytes){b.ptr + at, b.len - at};
}

/* The first LEN octets, fewer where there are fewer. */
static inline struct ph_bytes ph_bytes_first(struct ph_bytes b, size_t len)
{
    return (struct ph_bytes){b.ptr, len < b.len ? len : b.len};
}

static inline char ph_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool ph_bytes_eq(struct ph_bytes a, struct ph_bytes b);
bool ph_bytes_ieq(struct ph_bytes a, struct ph_bytes b);
bool ph_bytes_starts(struct ph_bytes b, struct ph_bytes prefix);
bool ph_bytes_istarts(struct ph_bytes b, struct ph_bytes prefix);

/* The index of the first C, or b.len. */
size_t ph_bytes_find(struct ph_bytes b, uint8_t c);

/* The index of the first CR LF, or b.len. */
size_t ph_bytes_find_crlf(struct ph_bytes b);

/* Without blanks and tabs at both ends. */
struct ph_bytes ph_bytes_trim(struct ph_bytes b);

/* Takes the next word, up to a blank, off *REST; blanks before and behind it are passed over. Empty at the end. */
struct ph_bytes ph_bytes_next_word(struct ph_bytes *rest);

/* Decimal digits only, the whole view, at least one and no overflow; else false and *OUT_VALUE is untouched. */
bool ph_bytes_to_u64(struct ph_bytes b, uint64_t *out_value);

/* A heap copy with a NUL behind it; the caller frees it. Octets that are NUL stay inside. */
char *ph_bytes_dup(struct ph_bytes b);

#endif
