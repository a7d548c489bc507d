/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOGIN-DELAY (RFC 2449 section 6.5): how long after a login the same user may log in again. Kept in memory, for
 * this process alone: after a restart everybody may log in at once.
 *
 * Memory: one small entry for each user who logged in within the delay.
 * Threads: any. Never blocks.
 */
#ifndef PH_POP3_LOGIN_DELAY_H
#define PH_POP3_LOGIN_DELAY_H

#include "base/bytes.h"
#include "base/clock.h"

struct ph_login_delays;

/* SECONDS at least 1. */
struct ph_login_delays *ph_login_delays_new(unsigned seconds, const struct ph_clock *clock);
void ph_login_delays_free(struct ph_login_delays **delays);

/* The delay that is announced. */
unsigned ph_login_delays_seconds(const struct ph_login_delays *delays);
bool ph_login_delays_may_login(struct ph_login_delays *delays, struct ph_bytes user);
/* USER has logged in now. */
void ph_login_delays_note(struct ph_login_delays *delays, struct ph_bytes user);

#endif
