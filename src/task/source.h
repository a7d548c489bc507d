/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail as it lies with another server: folders, and the messages in them, read one by one. An mbox file, a Maildir with
 * its subfolders (Maildir++), or a directory of .eml files.
 *
 * Whatever cannot be read is told to PROBLEM and passed over; the rest is read all the same.
 *
 * What names a message, so that a second import knows it again (key): its format, its octets, and in a Maildir the base
 * name of its file, which stays when flags change; in a directory of .eml the file's name; in an mbox the name of the
 * file and which of the equal messages in it it is, the first, the second. So a message that stands twice in the source
 * stands twice in the store, however often the import is repeated.
 *
 * Threads: one at a time.
 */
#ifndef PH_TASK_SOURCE_H
#define PH_TASK_SOURCE_H

#include "store/import_state.h"
#include "store/message_row.h"
#include "task/message_sink.h"

enum ph_source_format { PH_SOURCE_AUTO, PH_SOURCE_MBOX, PH_SOURCE_MAILDIR, PH_SOURCE_EML };

struct ph_source_options {
    const char *path;
    enum ph_source_format format; /* AUTO: by what is there */
    const char *
        uidl_format; /* see task/uidl_format.h; NULL: that of Dovecot, where it has left a dovecot-uidlist; "none" */
    const char *spool_directory;
    uint64_t message_max_bytes;
    void (*problem)(void *ctx, const char *where, const char *text);
    void *ctx;
};

struct ph_source_folder {
    struct ph_bytes name;  /* UTF-8, levels separated by '.'; INBOX for the main one */
    uint32_t uid_validity; /* 0: the source knows no UIDs */
    uint64_t uid_next;
    uint64_t messages;
};

struct ph_source_message {
    const char *where; /* for reports */
    uint8_t key[PH_IMPORT_KEY_BYTES];
    uint8_t digest[PH_DIGEST_BYTES];
    struct ph_message_kept kept;
    uint64_t uid; /* 0: none */
    int64_t internal_date_ms;
    int64_t save_date_ms;     /* 0: not known */
    struct ph_spool *content; /* in CRLF form */
};

struct ph_source;

/* PH_ENOTFOUND, PH_EDENIED, PH_EINVALID (not of this format), PH_EBUSY (an mbox that another program has locked). */
int ph_source_open(const struct ph_source_options *options, struct ph_source **out_source,
                   struct ph_error *err) PH_MUST_USE;
void ph_source_close(struct ph_source **source);

const char *ph_source_format_name(const struct ph_source *source);
/* How many messages there are, as far as one can tell beforehand. */
uint64_t ph_source_count(const struct ph_source *source);

/* 1: *OUT_FOLDER, until the next call; 0: no more; negative: it cannot go on. */
int ph_source_next_folder(struct ph_source *source, struct ph_source_folder *out_folder,
                          struct ph_error *err) PH_MUST_USE;
/* Likewise of the folder that stands. Views live until the next call. */
int ph_source_next_message(struct ph_source *source, struct ph_source_message *out_message,
                           struct ph_error *err) PH_MUST_USE;

#endif
