/* SPDX-License-Identifier: Apache-2.0 */
/* A prefix of what is no header stays none; a header is the same whatever follows it; nothing is read past the end. */
#include <stdlib.h>

#include "net/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static int parse(const uint8_t *data, size_t len, struct ph_proxy_header *out_header)
{
    /* A copy of its own, so that a read past the end is seen. */
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    check(copy != NULL);
    if (len > 0) {
        memcpy(copy, data, len);
    }
    int result = ph_proxy_parse(ph_bytes_of(copy, len), out_header);
    free(copy);
    return result;
}

static bool are_same(const struct ph_address *a, const struct ph_address *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0 && a->port == b->port && a->family == b->family;
}

static bool are_equal(const struct ph_proxy_header *a, const struct ph_proxy_header *b)
{
    return a->is_local == b->is_local && are_same(&a->source, &b->source) &&
           are_same(&a->destination, &b->destination);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_proxy_header whole;
    int result = parse(data, size, &whole);
    check(result == PH_EINVALID || (result >= 0 && (size_t)result <= size && result <= PH_PROXY_HEADER_MAX));
    check(result > 0 || size <= PH_PROXY_HEADER_MAX || result == PH_EINVALID);
    for (size_t len = 0; len < size && len < 300; len++) {
        struct ph_proxy_header header;
        int piece = parse(data, len, &header);
        if (result > 0) {
            check(piece == (len < (size_t)result ? 0 : result));
            check(piece == 0 || are_equal(&header, &whole));
        } else {
            check(piece == PH_EINVALID ? result == PH_EINVALID : piece == 0);
        }
    }
    if (result > 0 && !whole.is_local) {
        char text[PH_ADDRESS_TEXT_MAX];
        ph_address_format(&whole.source, text);
        ph_address_format(&whole.destination, text);
        ph_address_format_literal(&whole.source, text);
    }
    return 0;
}
