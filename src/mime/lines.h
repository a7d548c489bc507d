/* SPDX-License-Identifier: Apache-2.0 */
/* Line ends in many octets, counted 16 octets at a time. */
#ifndef PH_MIME_LINES_H
#define PH_MIME_LINES_H

#include "base/bytes.h"

/* How many LF there are. */
uint64_t ph_lines_count(struct ph_bytes text);

/* The octets up to and with the first LF that has "--" behind it, or, at the end of TEXT, '-'; or all. Adds how many LF
 * they have to *COUNT. */
size_t ph_lines_to_dashes(struct ph_bytes text, uint64_t *count);

#endif
