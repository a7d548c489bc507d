/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once: one arena for a command, reset when it is answered; one for a session.
 *
 * Pointers live until ph_arena_reset or ph_arena_fini. A reset keeps the first chunk, so that a busy thread does not
 * call malloc, and gives back the rest. Alignment is that of max_align_t. Not for sizes that a peer chooses (see base/buf.h).
 * Threads: one at a time.
 */
#ifndef PH_BASE_ARENA_H
#define PH_BASE_ARENA_H

#include "base/bytes.h"
#include "base/error.h"

struct ph_arena_chunk;

struct ph_arena {
    struct ph_arena_chunk
        *chunks; /* newest first; the oldest is kept by a reset, unless one big item made it */
    size_t chunk_bytes;
};

/* CHUNK_BYTES: how much is taken from malloc at a time; 0 for the default of 4 KiB. Takes nothing yet. */
void ph_arena_init(struct ph_arena *arena, size_t chunk_bytes);
void ph_arena_reset(struct ph_arena *arena);
void ph_arena_fini(struct ph_arena *arena);

void *ph_arena_alloc(struct ph_arena *arena, size_t len) __attribute__((returns_nonnull, warn_unused_result));
void *ph_arena_zalloc(struct ph_arena *arena, size_t len)
    __attribute__((returns_nonnull, warn_unused_result));
void *ph_arena_copy(struct ph_arena *arena, const void *ptr, size_t len) __attribute__((returns_nonnull));
/* A copy with a NUL behind it. */
char *ph_arena_strdup(struct ph_arena *arena, struct ph_bytes text) __attribute__((returns_nonnull));
struct ph_bytes ph_arena_bytes(struct ph_arena *arena, struct ph_bytes bytes);
char *ph_arena_printf(struct ph_arena *arena, const char *fmt, ...) PH_PRINTF(2, 3);

#endif
