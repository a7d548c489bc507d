/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of LIST: '*' is anything, '%' is anything within one level (RFC 9051 section 6.3.9). A pure function.
 */
#ifndef PH_IMAP_PATTERN_H
#define PH_IMAP_PATTERN_H

#include "base/bytes.h"

/* INBOX is matched in any case. Costs no more than the two lengths multiplied, whatever the pattern. */
bool ph_imap_pattern_matches(struct ph_bytes pattern, struct ph_bytes name);

#endif
