/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `posthouse serve`: from a configuration to a running server, and back.
 *
 * Start: log, limits, the layers of the store, certificates, the pool, its listeners, the admin socket; then one
 * event=listening for each listener, event=ready, and READY=1. Stop: sessions end, then the layers in reverse. A
 * failed start logs event=start-failed and undoes what was done; the exit code tells why.
 */
#ifndef PH_APP_SERVER_H
#define PH_APP_SERVER_H

#include "admin/service.h"
#include "app/cli.h"
#include "app/config.h"
#include "app/layers.h"
#include "app/sandbox.h"
#include "app/signals.h"
#include "imap/imap.h"
#include "pop3/pop3.h"
#include "smtp/smtp.h"

struct ph_networks {
    struct ph_network *list;
    size_t count;
};

struct ph_server {
    const struct ph_cli_call *call; /* to load the configuration again */
    const struct ph_config *config; /* what runs */
    struct ph_log log;
    struct ph_privileges privileges;
    int landlock_version;
    int lock_fd; /* of the data directory, where the store has no lock; -1: none */
    struct ph_layers layers;
    struct ph_networks plaintext_networks;
    struct ph_networks proxy_networks;
    struct ph_login_delays *login_delays;
    struct ph_pop3_context pop3;
    struct ph_imap_context imap;
    struct ph_smtp_context smtp;
    struct ph_admin admin;
    struct ph_admin_context admin_context;
    struct ph_pool *pool;
    struct ph_signals signals;
};

/* Until it is stopped by a signal. The result is an exit code. */
int ph_server_run(struct ph_server *server, const struct ph_cli_call *call, const struct ph_config *config);

/* SIGHUP: takes over what may change while running, and logs what would need a restart (reload.c). */
void ph_server_reload(struct ph_server *server);

#endif
