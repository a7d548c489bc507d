/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work for later, on one thread of its own: answers that shall come late, without anybody waiting for them.
 *
 * Each entry runs once, on that thread, when it is due; run must be short. The submitter owns its memory until run
 * is called, which may free it. ph_delays_free runs what is left at once, in the order it is due, then ends the
 * thread. Threads: any may add.
 */
#ifndef PH_AUTH_DELAY_H
#define PH_AUTH_DELAY_H

#include <stdint.h>

#include "base/error.h"

struct ph_delays;

struct ph_delayed {
    void (*run)(struct ph_delayed *delayed);
    uint64_t due_us; /* the list's */
};

int ph_delays_new(struct ph_delays **out_delays, struct ph_error *err) PH_MUST_USE;
void ph_delays_free(struct ph_delays **delays);
/* From now on everything is due at once. */
void ph_delays_hurry(struct ph_delays *delays);
void ph_delays_add(struct ph_delays *delays, struct ph_delayed *delayed, unsigned delay_ms);

#endif
