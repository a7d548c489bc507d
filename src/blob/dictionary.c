/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/dictionary.h"

#include <assert.h>

struct ph_bytes ph_dictionary(uint32_t number)
{
    static const struct {
        const uint8_t *ptr;
        size_t len;
    } dictionaries[PH_DICTIONARY_COUNT] = {
        {ph_header_dictionary_1, PH_HEADER_DICTIONARY_1_BYTES},
    };
    assert(number >= 1 && number <= PH_DICTIONARY_COUNT);
    return ph_bytes_of(dictionaries[number - 1].ptr, dictionaries[number - 1].len);
}
