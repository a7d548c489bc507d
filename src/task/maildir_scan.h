/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One folder of a Maildir: the files in cur and new, joined with what dovecot-uidlist (or Courier's courierimapuiddb),
 * dovecot-keywords and courierpop3dsizelist say of them.
 *
 * Files come by UID; those without one behind them, in the order of their delivery.
 */
#ifndef PH_TASK_MAILDIR_SCAN_H
#define PH_TASK_MAILDIR_SCAN_H

#include "base/arena.h"
#include "task/dovecot_keywords.h"

struct ph_maildir_file {
    const char *name;
    struct ph_maildir_name parts;
    uint64_t uid; /* 0: none */
    struct ph_bytes uidl;
    struct ph_bytes guid;
    bool is_new;
};

struct ph_maildir_scan {
    struct ph_arena arena;
    struct ph_maildir_file *files;
    size_t count;
    size_t capacity;
    uint32_t uid_validity;
    uint64_t uid_next;
    bool is_dovecot;
    struct ph_dovecot_keywords keywords;
    void (*problem)(void *ctx, const char *where, const char *text);
    void *ctx;
    bool is_adding_new; /* while it reads */
};

/* DIRECTORY is the folder's, open. Zero SCAN but for problem and ctx. */
int ph_maildir_scan(struct ph_maildir_scan *scan, int directory, struct ph_error *err) PH_MUST_USE;
void ph_maildir_scan_fini(struct ph_maildir_scan *scan);

#endif
