/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything between a configuration and the protocols: the store and what stands on it. The server opens it, and
 * so does a command that finds no server.
 *
 * Opening takes the embedded store's lock; on Cassandra any number of processes may be at work. Closing goes in the reverse order; no session may be left then.
 */
#ifndef PH_APP_LAYERS_H
#define PH_APP_LAYERS_H

#include "admin/operations.h"
#include "app/config.h"

struct ph_layers {
    const struct ph_config *config; /* borrowed until the layers are closed */
    const struct ph_log *log;
    char *spool_directory;
    struct ph_uuid_gen ids;
    bool has_ids;
    bool is_brief;
    struct ph_db *db;
    struct ph_blob_store *blobs;
    struct ph_accounts *accounts;
    struct ph_auth *auth;
    struct ph_mailboxes *mailboxes;
    struct ph_deliveries *deliveries;
};

/* IS_BRIEF: for one command, not for a server. PH_EBUSY: another process has the store, which ERR names. After a failure everything is closed again. */
int ph_layers_open(struct ph_layers *layers, const struct ph_config *config, const struct ph_log *log,
                   bool is_brief, struct ph_error *err) PH_MUST_USE;
void ph_layers_close(struct ph_layers *layers);

/* Whether the embedded store answers a read now. Blocks as long as it does not. Of one that is elsewhere true: nothing gets
 * better by starting anew where it does not answer. */
bool ph_layers_answer(struct ph_layers *layers);

/* What operations work on; pool and started_us are left for a server to fill. */
struct ph_admin ph_layers_admin(const struct ph_layers *layers);

/* LOG as the configuration wants it, on standard error. */
void ph_layers_log(const struct ph_config *config, struct ph_log *out_log);

/* "sqlite" or "cassandra". */
const char *ph_layers_engine(const struct ph_config *config);

/* "DATA_DIR/NAME"; the caller frees it. */
char *ph_layers_path(const struct ph_config *config, const char *name);

#endif
