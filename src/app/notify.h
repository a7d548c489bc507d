/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server tells systemd, where that asked for it ($NOTIFY_SOCKET, $WATCHDOG_USEC). Elsewhere nothing happens.
 * Threads: any.
 */
#ifndef PH_APP_NOTIFY_H
#define PH_APP_NOTIFY_H

#include <stdint.h>

void ph_notify_ready(void);
void ph_notify_reloading(void);
void ph_notify_stopping(void);
void ph_notify_alive(void);
void ph_notify_failed(const char *reason);

/* How often ph_notify_alive is due; 0: never. */
uint64_t ph_notify_interval_us(void);

#endif
