/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's half of an import: a batch of messages (task/import_wire.h) into one mailbox, in one plan.
 *
 * A message whose key was imported before is present and left as it is, whatever became of it since. So whoever was
 * interrupted sends everything again, and gets what was missing. Where the plan fails for one message, the others
 * go in one by one.
 *
 * Threads: any. Blocking: yes.
 */
#ifndef PH_TASK_IMPORT_STORE_H
#define PH_TASK_IMPORT_STORE_H

#include "mailbox/mailbox.h"

struct ph_import_store {
    struct ph_mailboxes *mailboxes;
    struct ph_blob_store *blobs;
};

struct ph_import_into {
    struct ph_bytes user;
    struct ph_bytes mailbox;
    uint32_t uid_validity; /* of the source; 0: none */
    bool is_dry;           /* nothing is written */
    bool wants_verify;     /* read back what is in the store and compare digests */
};

/* What became of a message. */
enum ph_import_fate { PH_IMPORT_NEW, PH_IMPORT_PRESENT, PH_IMPORT_FAILED };

struct ph_import_outcome {
    enum ph_import_fate fate;
    bool has_lost_uid;  /* it has one of ours instead */
    bool has_lost_uidl; /* another message shows it: this one shows its id */
    bool is_verified;
    bool is_gone;    /* imported before, and deleted since */
    const char *why; /* FAILED, or not verified; lives in ARENA */
};

/* OUTCOME is called for each message in order, counted from 0. The result is an error only where it cannot go on:
 * PH_EINVALID (no such batch), PH_EUNAVAILABLE, PH_ELIMIT (the disk is full), PH_EUNKNOWN_OUTCOME. */
int ph_import_put(const struct ph_import_store *store, const struct ph_import_into *into,
                  struct ph_spool *batch, struct ph_arena *arena,
                  void (*outcome)(void *ctx, unsigned index, const struct ph_import_outcome *outcome),
                  void *ctx, struct ph_error *err) PH_MUST_USE;

#endif
