/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail written down for another server: a Maildir with subfolders as Dovecot has them (Maildir++, dovecot-uidlist with
 * UIDs and UIDLs, dovecot-keywords, internal dates as the times of the files), or one mbox file for each mailbox in a
 * directory.
 *
 * Life: begin; for each mailbox: mailbox, then for each message: message, octets..., message_end, then mailbox_end; end.
 * After a failure only end may be called. Threads: one. Octets of a Maildir's messages are as they are stored, with CRLF;
 * in an mbox lines end with LF.
 */
#ifndef PH_TASK_EXPORT_H
#define PH_TASK_EXPORT_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "store/message_row.h"

enum ph_export_format { PH_EXPORT_MAILDIR, PH_EXPORT_MBOX };

struct ph_export_message {
    struct ph_uuid id;
    uint64_t uid;
    uint64_t octets;
    struct ph_message_kept kept;
    int64_t internal_date_ms;
    int64_t save_date_ms; /* 0: not known */
};

struct ph_exporter;

/* PATH is made; PH_ECONFLICT where it exists and has something in it. */
int ph_export_begin(enum ph_export_format format, const char *path, struct ph_exporter **out_exporter,
                    struct ph_error *err) PH_MUST_USE;
/* PH_EINVALID: a name that no file can have; the mailbox is then left out, and nothing else is called for it. */
int ph_export_mailbox(struct ph_exporter *exporter, struct ph_bytes name, uint32_t uid_validity,
                      uint64_t uid_next, struct ph_error *err) PH_MUST_USE;
int ph_export_message(struct ph_exporter *exporter, const struct ph_export_message *message,
                      struct ph_error *err) PH_MUST_USE;
int ph_export_octets(struct ph_exporter *exporter, struct ph_bytes octets, struct ph_error *err) PH_MUST_USE;
/* IS_WHOLE false: forget it. */
int ph_export_message_end(struct ph_exporter *exporter, bool is_whole, struct ph_error *err) PH_MUST_USE;
int ph_export_mailbox_end(struct ph_exporter *exporter, struct ph_error *err) PH_MUST_USE;
/* Everything on disk, unless HAS_FAILED. */
int ph_export_end(struct ph_exporter **exporter, bool has_failed, struct ph_error *err) PH_MUST_USE;

/* How many keywords found no letter: a Maildir has room for 26 in each folder. */
uint64_t ph_export_keywords_lost(const struct ph_exporter *exporter);

#endif
