/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

struct ph_arena_chunk {
    struct ph_arena_chunk *next;
    size_t used;
    size_t cap;
    _Alignas(max_align_t) uint8_t data[];
};

enum { DEFAULT_CHUNK_BYTES = 4096 };

void ph_arena_init(struct ph_arena *arena, size_t chunk_bytes)
{
    arena->chunks = NULL;
    arena->chunk_bytes = chunk_bytes == 0 ? DEFAULT_CHUNK_BYTES : chunk_bytes;
}

void ph_arena_reset(struct ph_arena *arena)
{
    struct ph_arena_chunk *chunk = arena->chunks;
    while (chunk != NULL && (chunk->next != NULL || chunk->cap > arena->chunk_bytes)) {
        struct ph_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
    if (chunk != NULL) {
        chunk->used = 0;
    }
    arena->chunks = chunk;
}

void ph_arena_fini(struct ph_arena *arena)
{
    ph_arena_reset(arena);
    free(arena->chunks);
    arena->chunks = NULL;
}

void *ph_arena_alloc(struct ph_arena *arena, size_t len)
{
    const size_t align = _Alignof(max_align_t);
    if (len > PTRDIFF_MAX / 2) {
        abort(); /* a size computed wrongly; rounding it up would wrap around */
    }
    size_t rounded = (len + align - 1) / align * align;
    struct ph_arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->cap - chunk->used < rounded) {
        size_t cap = rounded > arena->chunk_bytes ? rounded : arena->chunk_bytes;
        chunk = ph_alloc(sizeof *chunk + cap);
        chunk->used = 0;
        chunk->cap = cap;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *at = chunk->data + chunk->used;
    chunk->used += rounded;
    return at;
}

void *ph_arena_zalloc(struct ph_arena *arena, size_t len)
{
    return memset(ph_arena_alloc(arena, len), 0, len);
}

void *ph_arena_copy(struct ph_arena *arena, const void *ptr, size_t len)
{
    void *copy = ph_arena_alloc(arena, len);
    if (len > 0) {
        memcpy(copy, ptr, len);
    }
    return copy;
}

char *ph_arena_strdup(struct ph_arena *arena, struct ph_bytes text)
{
    char *copy = ph_arena_alloc(arena, text.len + 1);
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    copy[text.len] = '\0';
    return copy;
}

struct ph_bytes ph_arena_bytes(struct ph_arena *arena, struct ph_bytes bytes)
{
    return ph_bytes_of(ph_arena_copy(arena, bytes.ptr, bytes.len), bytes.len);
}

char *ph_arena_printf(struct ph_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    size_t need = len < 0 ? 1 : (size_t)len + 1;
    char *text = ph_arena_alloc(arena, need);
    text[0] = '\0';
    vsnprintf(text, need, fmt, again);
    va_end(again);
    return text;
}
