/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>
#include <time.h>

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U;
}

static uint64_t system_real_us(void *ctx)
{
    (void)ctx;
    return read_us(CLOCK_REALTIME);
}

static uint64_t system_mono_us(void *ctx)
{
    (void)ctx;
    return read_us(CLOCK_MONOTONIC);
}

static void system_fill(void *ctx, void *out, size_t len)
{
    (void)ctx;
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got > 0) {
            at += got;
            len -= (size_t)got;
        } else if (errno != EINTR) {
            abort(); /* a kernel or a sandbox without getrandom: no secret could be made */
        }
    }
}

const struct ph_clock ph_clock_system = {system_real_us, system_mono_us, NULL};
const struct ph_rand ph_rand_system = {system_fill, NULL};

static uint64_t manual_real_us(void *ctx)
{
    return atomic_load(&((struct ph_clock_manual *)ctx)->real_us);
}

static uint64_t manual_mono_us(void *ctx)
{
    return atomic_load(&((struct ph_clock_manual *)ctx)->mono_us);
}

struct ph_clock ph_clock_from_manual(struct ph_clock_manual *manual)
{
    return (struct ph_clock){manual_real_us, manual_mono_us, manual};
}
