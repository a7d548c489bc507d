/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *ptr)
{
    if (ptr == NULL) {
        fputs("posthouse: out of memory\n", stderr);
        abort();
    }
    return ptr;
}

void *ph_alloc(size_t len)
{
    return checked(malloc(len == 0 ? 1 : len));
}

void *ph_zalloc(size_t len)
{
    return checked(calloc(1, len == 0 ? 1 : len));
}

void *ph_realloc(void *ptr, size_t len)
{
    return checked(realloc(ptr, len == 0 ? 1 : len));
}

char *ph_strdup(const char *text)
{
    return checked(strdup(text));
}

void ph_wipe(void *ptr, size_t len)
{
    if (len > 0) {
        explicit_bzero(ptr, len);
    }
}

void ph_wipe_free(char **secret)
{
    if (*secret != NULL) {
        ph_wipe(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
    }
}
