/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a long command to the store: the admin socket where a server runs, else the store itself, held open
 * from the first operation to the last.
 *
 * A command that reads and writes files of its own stays who it is, mostly root; only where it works on the store
 * itself does it act as the store's owner, so that the server can read what it makes there.
 * Threads: one.
 */
#ifndef PH_APP_CHANNEL_H
#define PH_APP_CHANNEL_H

#include "admin/operations.h"
#include "app/config.h"

struct ph_channel;

/* Waits a while for a store that another command has. CONFIG is borrowed. */
int ph_channel_open(const struct ph_config *config, struct ph_channel **out_channel,
                    struct ph_error *err) PH_MUST_USE;
void ph_channel_close(struct ph_channel **channel);

/* As ph_admin_run; takes over the reference to ARGUMENTS. SINK NULL: nothing but the result is expected. */
int ph_channel_ask(struct ph_channel *channel, const char *operation, json_t *arguments,
                   struct ph_spool *content, const struct ph_admin_sink *sink, json_t **out_result,
                   struct ph_error *err) PH_MUST_USE;

#endif
