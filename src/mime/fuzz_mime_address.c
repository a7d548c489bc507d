/* SPDX-License-Identifier: Apache-2.0 */
/* A list of addresses of any octets: what comes out is clean, groups that begin end, and memory is in proportion. */
#include <stdlib.h>

#include "mime/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static size_t check_text(struct ph_bytes text)
{
    check(text.len == 0 || text.ptr != NULL);
    for (size_t i = 0; i < text.len; i++) {
        check(text.ptr[i] != '\0' && text.ptr[i] != '\r' && text.ptr[i] != '\n');
    }
    return text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_arena arena;
    struct ph_mime_address_reader reader = ph_mime_addresses(ph_bytes_of(data, size));
    struct ph_mime_address address;
    bool is_in_group = false;
    size_t total = 0;
    size_t count = 0;
    ph_arena_init(&arena, 0);
    while (ph_mime_address_next(&reader, &arena, &address)) {
        count++;
        total += check_text(address.name) + check_text(address.route) + check_text(address.mailbox) +
                 check_text(address.host);
        if (address.kind == PH_MIME_ADDRESS_MAILBOX) {
            check(address.mailbox.ptr != NULL && address.host.ptr != NULL);
        } else {
            check(is_in_group == (address.kind == PH_MIME_ADDRESS_GROUP_END));
            check(address.host.ptr == NULL && address.name.ptr == NULL);
            is_in_group = !is_in_group;
        }
    }
    check(!is_in_group);
    check(count <= 2 * size + 1 && total <= 2 * size);
    ph_arena_fini(&arena);
    return 0;
}
