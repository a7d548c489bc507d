/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing past U+10FFFF.
 */
#ifndef PH_BASE_UTF8_H
#define PH_BASE_UTF8_H

#include "base/bytes.h"

/* Takes the first character off *REST, which is not empty. False where it begins with no UTF-8: then one octet is
 * taken, and it is *OUT_CODE. */
bool ph_utf8_next(struct ph_bytes *rest, uint32_t *out_code);

bool ph_utf8_is_valid(struct ph_bytes text);
/* No octet above 127. */
bool ph_utf8_is_ascii(struct ph_bytes text);

#endif
