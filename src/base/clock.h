/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and randomness as parameters, so that a test can set both.
 *
 * Real time is Unix time; monotonic time has no epoch and never goes back. Both may be read from any thread.
 */
#ifndef PH_BASE_CLOCK_H
#define PH_BASE_CLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ph_clock {
    uint64_t (*real_us)(void *ctx);
    uint64_t (*mono_us)(void *ctx);
    void *ctx;
};

struct ph_rand {
    void (*fill)(void *ctx, void *out, size_t len);
    void *ctx;
};

extern const struct ph_clock ph_clock_system;
/* The kernel's generator; good for secrets. */
extern const struct ph_rand ph_rand_system;

static inline uint64_t ph_real_us(const struct ph_clock *clock)
{
    return clock->real_us(clock->ctx);
}

static inline uint64_t ph_mono_us(const struct ph_clock *clock)
{
    return clock->mono_us(clock->ctx);
}

static inline uint64_t ph_mono_ms(const struct ph_clock *clock)
{
    return clock->mono_us(clock->ctx) / 1000;
}

static inline void ph_rand_fill(const struct ph_rand *rand, void *out, size_t len)
{
    rand->fill(rand->ctx, out, len);
}

/* A clock that stands still until a test moves it; any thread may set the fields at any time. */
struct ph_clock_manual {
    _Atomic uint64_t real_us;
    _Atomic uint64_t mono_us;
};
struct ph_clock ph_clock_from_manual(struct ph_clock_manual *manual);

#endif
