/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, as calls on a thread of their own: SIGTERM and SIGINT stop, SIGHUP reloads. SIGPIPE is ignored.
 *
 * ph_signals_block comes first, before any other thread is started, so that all inherit the mask. The same thread
 * answers systemd's watchdog, as long as is_alive says so.
 */
#ifndef PH_APP_SIGNALS_H
#define PH_APP_SIGNALS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

struct ph_signals {
    void *ctx;
    void (*stop)(void *ctx, int number);
    void (*reload)(void *ctx);
    bool (*is_alive)(void *ctx); /* may block: then the watchdog is not answered */
    pthread_t thread;
};

void ph_signals_block(void);
/* SIGNALS stays where it is until ph_signals_end. */
int ph_signals_start(struct ph_signals *signals, struct ph_error *err) PH_MUST_USE;
void ph_signals_end(struct ph_signals *signals);

#endif
