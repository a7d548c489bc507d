/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading dates as mail has them: of a Date field ("Sun, 22 Nov 2026 20:35:00 +0000") and of an mbox From line ("Sun
 * Nov 22 20:35:00 2026"). Words are known by what they look like, in whatever order. A pure parser.
 */
#ifndef PH_TASK_MAIL_DATE_H
#define PH_TASK_MAIL_DATE_H

#include "base/bytes.h"

/* Unix time in milliseconds; a date without a zone is taken as UTC. False where day, month, year or time is missing or cannot be. */
bool ph_mail_date_parse(struct ph_bytes text, int64_t *out_unix_ms);

/* Appends "Sun Nov 22 20:35:00 2026" in UTC. */
struct ph_buf;
void ph_mail_date_put_asctime(struct ph_buf *out, int64_t unix_ms);

#endif
