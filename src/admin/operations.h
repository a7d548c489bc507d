/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administrative operations: what the command line does to a store, whether a running server does it (asked through
 * the admin socket) or the command itself has the store open.
 *
 * One table has every operation by the name of its command ("user add"). Arguments are a JSON object whose keys are
 * the words of the command line in lower case. Lists and octets go to a sink as they come, so that no answer is
 * held as a whole; what remains is the result, a JSON object.
 *
 * Threads: any. Blocking: yes, for as long as the store or a password hash takes.
 * Errors: PH_ENOTFOUND what was named, PH_ECONFLICT it exists, PH_EDENIED, PH_EINVALID the arguments, PH_ELIMIT,
 * PH_EBUSY, PH_EUNAVAILABLE, PH_EUNKNOWN_OUTCOME; the text is for the administrator.
 */
#ifndef PH_ADMIN_OPERATIONS_H
#define PH_ADMIN_OPERATIONS_H

#include <jansson.h>

#include "auth/auth.h"
#include "blob/segment_store.h"
#include "blob/spool.h"
#include "delivery/delivery.h"
#include "mailbox/mailbox.h"
#include "net/pool.h"

/* The layers that operations work on; all borrowed. */
struct ph_admin {
    struct ph_db *db;
    struct ph_blob_store *blobs;
    struct ph_accounts *accounts;
    struct ph_auth *auth;
    struct ph_mailboxes *mailboxes;
    struct ph_deliveries *deliveries;
    struct ph_pool *pool; /* NULL: no server, the command line has the store open */
    const struct ph_clock *clock;
    const struct ph_log *log;
    const char *engine; /* "sqlite", "cassandra" */
    const char *data_dir;
    const char *version;
    uint64_t started_us; /* real time */
    uint64_t message_max_bytes;
    json_t *(*describe_store)(struct ph_db *db); /* of a store that is not on this machine; else NULL */
};

struct ph_admin_request {
    const char *operation;
    const json_t *arguments;  /* an object */
    struct ph_spool *content; /* a message or a password; NULL without */
};

/* Where an answer goes. A failure ends the operation with that result. */
struct ph_admin_sink {
    void *ctx;
    int (*item)(void *ctx, json_t *item, struct ph_error *err);
    int (*octets)(void *ctx, struct ph_bytes octets, struct ph_error *err);
};

/* *OUT_RESULT is an object that the caller releases; NULL where it fails. */
int ph_admin_run(struct ph_admin *admin, const struct ph_admin_request *request,
                 const struct ph_admin_sink *sink, json_t **out_result, struct ph_error *err) PH_MUST_USE;

/* True for a name in the table. */
bool ph_admin_has(const char *operation);

#endif
