/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether octets are UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing past U+10FFFF.
 */
#ifndef PH_BASE_UTF8_H
#define PH_BASE_UTF8_H

#include "base/bytes.h"

bool ph_utf8_is_valid(struct ph_bytes text);
/* No octet above 127. */
bool ph_utf8_is_ascii(struct ph_bytes text);

#endif
