/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often a login may fail: by address and by user, within a window.
 *
 * After some failures answers come late, doubling to a maximum; after many, logins are refused without a look until
 * the window has passed. The window of a counter begins with its first failure. See throttle.c for what an attacker
 * can and cannot do. This says how long to wait; who waits is the caller's matter.
 *
 * An IPv6 address counts by its /64, which is what one customer gets. A unix socket has no address: its logins
 * count by user alone.
 * Threads: any. Bounded memory.
 */
#ifndef PH_AUTH_THROTTLE_H
#define PH_AUTH_THROTTLE_H

#include "base/clock.h"
#include "net/address.h"

struct ph_throttle;

struct ph_throttle_options {
    const struct ph_clock *clock;
    const struct ph_rand *rand;
    unsigned failures_before_delay;
    unsigned delay_ms_max;
    unsigned failures_max;
    unsigned window_seconds;
    unsigned entries_max; /* of each table; 0: 65,536 */
};

struct ph_throttle *ph_throttle_new(const struct ph_throttle_options *options);
void ph_throttle_free(struct ph_throttle **throttle);

/* Who tries to log in as whom, as keyed hashes. */
struct ph_attempt {
    uint8_t address[16];
    uint8_t user[16];
    uint8_t pair[16];
    bool has_address;
};
void ph_throttle_attempt(const struct ph_throttle *throttle, const struct ph_address *peer,
                         struct ph_bytes user, struct ph_attempt *out_attempt);

/* PH_OK or PH_ELIMIT; *OUT_DELAY_MS is how late the answer shall be, whatever it is. */
int ph_throttle_check(struct ph_throttle *throttle, const struct ph_attempt *attempt,
                      unsigned *out_delay_ms) PH_MUST_USE;
void ph_throttle_failed(struct ph_throttle *throttle, const struct ph_attempt *attempt);
void ph_throttle_succeeded(struct ph_throttle *throttle, const struct ph_attempt *attempt);

#endif
