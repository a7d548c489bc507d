/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An import: reads a source and hands its messages, in batches, to whoever has the store.
 *
 * Nothing of it is kept here: interrupted, it is simply run again, since the store knows what it has (import_store.h).
 * Threads: one. Blocking: yes.
 */
#ifndef PH_TASK_IMPORT_H
#define PH_TASK_IMPORT_H

#include "task/source.h"

/* What became of the messages; sums up. */
struct ph_import_counts {
    uint64_t found;
    uint64_t octets;
    uint64_t imported;
    uint64_t present;    /* imported before */
    uint64_t gone;       /* of those, deleted since; counted with verify alone */
    uint64_t failed;     /* not imported */
    uint64_t verified;   /* with verify */
    uint64_t differing;  /* in the store with other octets */
    uint64_t renumbered; /* imported with another UID than it had */
    uint64_t uidls_lost; /* imported without its UIDL */
};

struct ph_import_folder {
    struct ph_bytes mailbox;
    uint32_t uid_validity; /* the source's; 0: none */
    uint64_t uid_next;
};

/* Who has the store. All return an error class with which the import ends. */
struct ph_import_target {
    void *ctx;
    /* Makes the mailbox. */
    int (*begin)(void *ctx, const struct ph_import_folder *folder, bool *out_keeps_uids,
                 struct ph_error *err);
    /* Puts a batch of COUNT records (import_wire.h) and adds what became of them to COUNTS; says trouble with record
     * INDEX by TROUBLE. */
    int (*put)(void *ctx, const struct ph_import_folder *folder, struct ph_spool *batch, unsigned count,
               struct ph_import_counts *counts,
               void (*trouble)(void *trouble_ctx, unsigned index, const char *text), void *trouble_ctx,
               struct ph_error *err);
};

/* What whoever runs it hears. */
struct ph_import_listener {
    void *ctx;
    void (*progress)(void *ctx, const struct ph_import_counts *so_far);
    void (*folder)(void *ctx, const struct ph_import_folder *folder, bool keeps_uids,
                   const struct ph_import_counts *counts);
    void (*problem)(void *ctx, const char *where, const char *text);
};

struct ph_import_options {
    const char *
        mailbox; /* where INBOX goes, and the folders below it; NULL: INBOX, and folders by their own names */
    bool is_dry; /* records without octets */
    const char *spool_directory;
    uint64_t message_max_bytes;
};

/* SOURCE's own problems are its own (ph_source_options). *OUT_COUNTS is filled also where it fails. */
int ph_import_run(struct ph_source *source, const struct ph_import_options *options,
                  const struct ph_import_target *target, const struct ph_import_listener *listener,
                  struct ph_import_counts *out_counts, struct ph_error *err) PH_MUST_USE;

#endif
