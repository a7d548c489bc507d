/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes: what every protocol uses, and the one place that says who may do what.
 *
 * A mailbox belongs to a user and has a name ("INBOX" in any case, stored as INBOX). Its id is computed from the
 * two where this server makes it. A message has an id (TimeUUID) in every mailbox that holds it, and a UID only once the UID policy
 * has given one.
 * Threads: any. Blocking: reads of the store.
 */
#ifndef PH_MAILBOX_MAILBOX_H
#define PH_MAILBOX_MAILBOX_H

#include "blob/blob.h"
#include "store/message_row.h"

struct ph_mailboxes;

/* Where UIDs and MODSEQs come from: mailbox/uid_policy.h. */
enum ph_uids {
    PH_UIDS_OWNER, /* counted by this process, which alone has the store */
    PH_UIDS_RANDOM,
    PH_UIDS_LWT, /* compare and set */
};

struct ph_mailboxes_options {
    struct ph_db *db;
    struct ph_blob_store *blobs;
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
    const struct ph_rand *rand; /* NULL: the system's */
    enum ph_uids uids;
    /* Only of a store that several nodes share and no James: store/pop3_floor.h. */
    bool keeps_floors;
    unsigned floor_age_ms;    /* 0: the default */
    unsigned floor_deletions; /* 0: the default */
};

int ph_mailboxes_new(const struct ph_mailboxes_options *options, struct ph_mailboxes **out_mailboxes,
                     struct ph_error *err) PH_MUST_USE;
void ph_mailboxes_free(struct ph_mailboxes **mailboxes);

struct ph_auth;
/* Where other nodes have the store too: whoever logs in has his INBOX found beside the row of the user. */
void ph_mailboxes_attend_logins(struct ph_mailboxes *mailboxes, struct ph_auth *auth);

/* On whose behalf something is done. Every entry point takes one; PH_EDENIED where it may not. */
struct ph_access {
    struct ph_bytes user;  /* canonical name of the authenticated user */
    bool is_administrator; /* the command line, delivery */
};

struct ph_mailbox {
    struct ph_uuid id;
    struct ph_bytes user; /* whose it is */
    struct ph_bytes name; /* both the arena's that it was opened with */
    uint32_t uid_validity;
};

/* PH_ENOTFOUND. INBOX of any user is found as if it existed. */
int ph_mailbox_open(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                    struct ph_bytes name, struct ph_arena *arena, struct ph_mailbox *out_mailbox,
                    struct ph_error *err) PH_MUST_USE;
/* PH_ECONFLICT where it exists, PH_EINVALID for a name that breaks the rules (empty, control characters, longer than 255 octets, not UTF-8, empty levels). */
int ph_mailbox_create(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes name, struct ph_error *err) PH_MUST_USE;
/* With all messages in it. PH_ENOTFOUND. INBOX can only be emptied, not deleted: PH_EDENIED. */
int ph_mailbox_delete(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes name, struct ph_error *err) PH_MUST_USE;
/* Calls EACH for every mailbox of USER, INBOX first; stops with its result where that is not 0. */
int ph_mailbox_list(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                    int (*each)(const struct ph_mailbox *mailbox, void *ctx), void *ctx,
                    struct ph_error *err) PH_MUST_USE;
/* Everything of a user, when the account is removed. */
int ph_mailbox_delete_all(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                          struct ph_bytes user, struct ph_error *err) PH_MUST_USE;

/* ---- Messages ---- */

/* What a message is given in a mailbox. */
struct ph_numbers {
    uint64_t uid; /* 0: none yet */
    uint64_t modseq;
};

/* A message to add: content already put as blobs in the same plan. */
struct ph_append {
    struct ph_uuid message_id;
    struct ph_blob_id header_blob;
    struct ph_blob_id body_blob;
    uint64_t header_bytes; /* bodyStartOctet */
    uint64_t total_bytes;  /* fullContentOctets */
    int64_t internal_date_ms;
    struct ph_bytes envelope; /* as ph_summary_finish gives them (mime/summary.h); copied into the plan */
    struct ph_bytes bodystructure;
    bool has_summary;     /* they were made; ptr NULL then means that the column would be too large */
    bool has_message_row; /* messageV3 stands already in this plan (one message id in several mailboxes) */
    bool create_mailbox;  /* where it does not exist; INBOX always is made */
    const struct ph_append_origin *origin; /* NULL: a delivery */
    struct ph_numbers *out_numbers; /* NULL, or filled in by the plan before its completion is called */
};

/* What a message keeps that comes from another server (see mailbox/adopt.h for the UIDs). */
struct ph_append_origin {
    struct ph_message_kept kept; /* a UIDL that another message of the mailbox has is not taken */
    int64_t save_date_ms;        /* 0: now */
    uint64_t uid;                /* 0: the next */
    uint64_t uid_limit;
};

/* Adds to PLAN what makes the message appear in USER's mailbox NAME; PH_ENOTFOUND where that does not exist and is
 * not to be made. Nothing is visible before the plan is done. A mailbox other than INBOX that is deleted meanwhile
 * stands again with this message in it: what was acknowledged is not lost. */
int ph_mailbox_append(struct ph_mailboxes *mailboxes, const struct ph_access *access, struct ph_bytes user,
                      struct ph_bytes name, const struct ph_append *message, struct ph_plan *plan,
                      struct ph_error *err) PH_MUST_USE;

/* One message's metadata, as the rows say; absent columns are absent. */
struct ph_message {
    struct ph_uuid id;
    uint64_t uid;
    bool has_uid;
    uint64_t size; /* fullContentOctets */
    int64_t internal_date_ms;
    struct ph_blob_id header_blob;
    struct ph_blob_id body_blob;
    uint64_t header_bytes;
};

int ph_message_get(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                   const struct ph_mailbox *mailbox, const struct ph_uuid *id, struct ph_message *out_message,
                   struct ph_error *err) PH_MUST_USE;
/* Every message of a mailbox in message id order. */
int ph_message_list(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *mailbox,
                    int (*each)(const struct ph_message *message, void *ctx), void *ctx,
                    struct ph_error *err) PH_MUST_USE;

/* Reading header and body as one run of octets. Every reader that was opened, or was to be, is closed. */
struct ph_message_reader {
    struct ph_blob_reader header;
    struct ph_blob_reader body;
    uint64_t size;
};
/* What will be read at least: a store that is far away fetches that much of it at once. */
enum ph_message_part { PH_MESSAGE_WHOLE, PH_MESSAGE_HEADER };
int ph_message_open(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *mailbox, const struct ph_uuid *id,
                    struct ph_message_reader *out_reader, struct ph_error *err) PH_MUST_USE;
void ph_message_close(struct ph_message_reader *reader);
/* ph_blob_look, of both. */
int ph_message_look(struct ph_mailboxes *mailboxes, struct ph_message_reader *reader,
                    struct ph_error *err) PH_MUST_USE;
/* Appends up to about MAX octets to OUT; appends nothing at the end. */
int ph_message_read(struct ph_mailboxes *mailboxes, struct ph_message_reader *reader, size_t max,
                    struct ph_buf *out, struct ph_error *err) PH_MUST_USE;

/* Adds to PLAN what takes these messages out of the mailbox, with their content where no other mailbox holds it. Ids that are not (any more) there are passed over; *OUT_FOUND counts the others. */
int ph_message_expunge(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                       const struct ph_mailbox *mailbox, const struct ph_uuid *ids, size_t count,
                       struct ph_plan *plan, size_t *out_found, struct ph_error *err) PH_MUST_USE;

/* Waits until every floor that deletions gave reason to raise has been looked at: for tests. */
void ph_mailboxes_settle(struct ph_mailboxes *mailboxes);

/* Whether maildrops are listed from a floor on: store/pop3_floor.h. */
bool ph_mailboxes_keep_floors(const struct ph_mailboxes *mailboxes);
struct ph_db *ph_mailboxes_db(struct ph_mailboxes *mailboxes);
/* Makes message ids. */
struct ph_uuid_gen *ph_mailboxes_ids(struct ph_mailboxes *mailboxes);

#endif
