/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses as a peer writes them: no crash, and a canonical form that is its own canonical form. */
#include <stdlib.h>

#include "auth/accounts.h"
#include "auth/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    struct ph_bytes first;
    struct ph_bytes second;
    if (ph_address_canonical(ph_bytes_of(data, size), &arena, &first, NULL) == PH_OK) {
        if (first.len > PH_ADDRESS_MAX || ph_address_canonical(first, &arena, &second, NULL) != PH_OK ||
            !ph_bytes_eq(first, second)) {
            abort();
        }
    }
    ph_arena_fini(&arena);
    return 0;
}
