/* SPDX-License-Identifier: Apache-2.0 */
#include "app/notify.h"

#include <systemd/sd-daemon.h>
#include <time.h>

/* A socket that cannot be written to is no reason to stop. */

void ph_notify_ready(void)
{
    (void)sd_notify(0, "READY=1\nSTATUS=Serving");
}

void ph_notify_reloading(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=Reloading",
                     (unsigned long long)now.tv_sec * 1000000U + (unsigned long long)now.tv_nsec / 1000U);
}

void ph_notify_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

void ph_notify_alive(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

void ph_notify_failed(const char *reason)
{
    (void)sd_notifyf(0, "STATUS=%s", reason);
}

uint64_t ph_notify_interval_us(void)
{
    uint64_t limit_us = 0;
    return sd_watchdog_enabled(0, &limit_us) > 0 ? limit_us / 2 : 0;
}
