/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small allocations: they succeed or the process aborts with a line on standard error. Anything whose size a
 * peer chooses goes through a struct ph_buf, which has a maximum.
 */
#ifndef PH_BASE_MEM_H
#define PH_BASE_MEM_H

#include <stddef.h>

void *ph_alloc(size_t len) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *ph_zalloc(size_t len) __attribute__((malloc, returns_nonnull, warn_unused_result));
void *ph_realloc(void *ptr, size_t len) __attribute__((returns_nonnull, warn_unused_result));
char *ph_strdup(const char *text) __attribute__((malloc, returns_nonnull, warn_unused_result));

/* Overwrites LEN octets so that the compiler does not leave it out: for secrets. PTR may be NULL with LEN 0. */
void ph_wipe(void *ptr, size_t len);

/* Wipes and frees a NUL-terminated secret; NULL is allowed. Sets the caller's pointer to NULL. */
void ph_wipe_free(char **secret);

#endif
