/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dictionaries that stored headers may need. A record names its dictionary by number, so one that was ever
 * released stays here, octet for octet. tools/train-dictionary makes them.
 */
#ifndef PH_BLOB_DICTIONARY_H
#define PH_BLOB_DICTIONARY_H

#include "base/bytes.h"

enum { PH_HEADER_DICTIONARY_1_BYTES = 16384 };
extern const uint8_t ph_header_dictionary_1[PH_HEADER_DICTIONARY_1_BYTES];

/* Dictionaries are numbered from 1 to PH_DICTIONARY_COUNT; the last is for new content. */
enum { PH_DICTIONARY_COUNT = 1 };

/* NUMBER from 1 to PH_DICTIONARY_COUNT. */
struct ph_bytes ph_dictionary(uint32_t number);

#endif
