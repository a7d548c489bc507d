/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dates as RFC 5322 section 3.3 writes them: "Sun, 22 Nov 2026 20:35:00 +0000". Always in UTC.
 */
#ifndef PH_MIME_DATE_H
#define PH_MIME_DATE_H

#include "base/buf.h"

/* Appends the date; an hour that no calendar has (past the year 9999) is written as that of the epoch. */
void ph_date_put(struct ph_buf *out, uint64_t unix_us);

#endif
