/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the mailbox layer share.
 */
#ifndef PH_MAILBOX_MAILBOX_PRIVATE_H
#define PH_MAILBOX_MAILBOX_PRIVATE_H

#include <stdatomic.h>

#include "mailbox/floor.h"
#include "mailbox/listing.h"
#include "mailbox/mailbox.h"
#include "mailbox/maildrop_lock.h"
#include "mailbox/path_cache.h"
#include "mailbox/rights.h"
#include "mailbox/uid_policy.h"

struct ph_mailboxes {
    struct ph_db *db;
    struct ph_blob_store *blobs;
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
    struct ph_path_cache *paths;
    struct ph_uid_policy *uids;
    struct ph_maildrop_locks *maildrop_locks;
    struct ph_views *views;
    struct ph_floors *floors; /* NULL: none are kept */
    struct ph_node node;
    bool has_nodes; /* others may have the store too */
    atomic_uint last_uid_validity;
};

/* Finds USER's mailbox NAME (canonical). An INBOX that has no row yet has its id all the same, and *OUT_EXISTS says
 * false; any other is PH_ENOTFOUND. */
int ph_mailbox_find(struct ph_mailboxes *mailboxes, struct ph_bytes user, struct ph_bytes name,
                    struct ph_mailbox_row *out_row, bool *out_exists, struct ph_error *err) PH_MUST_USE;

/* The row of a mailbox that is made now. */
void ph_mailbox_row_new(struct ph_mailboxes *mailboxes, struct ph_bytes user, struct ph_bytes name,
                        struct ph_mailbox_row *out_row);

/* Another id for ROW, where that which its name gives is a mailbox's that had this name once and was renamed. */
int ph_mailbox_choose_id(struct ph_mailboxes *mailboxes, struct ph_mailbox_row *row,
                         struct ph_error *err) PH_MUST_USE;

/* Asks messageV3 for what ROW lacks, if it lacks something. PH_ENOTFOUND: the message is gone. */
int ph_message_row_complete(struct ph_mailboxes *mailboxes, struct ph_message_row *row,
                            struct ph_error *err) PH_MUST_USE;

/* The row of one message, complete or not. PH_ENOTFOUND. */
int ph_message_row_get(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox,
                       const struct ph_uuid *id, struct ph_message_row *out_row,
                       struct ph_error *err) PH_MUST_USE;

/* Opens the content of a message whose row was read. PH_ENOTFOUND: it was deleted since. */
int ph_message_row_open(struct ph_mailboxes *mailboxes, struct ph_message_row *row, enum ph_message_part part,
                        struct ph_message_reader *out_reader, struct ph_error *err) PH_MUST_USE;

/* Adds to PLAN what makes the message of SOURCE, which is complete, appear in MAILBOX too, with KEPT. OUT_NUMBERS as in
 * struct ph_append. */
int ph_append_copy(struct ph_mailboxes *mailboxes, const struct ph_message_row *source,
                   const struct ph_message_kept *kept, const struct ph_uuid *mailbox,
                   struct ph_numbers *out_numbers, struct ph_plan *plan, struct ph_error *err) PH_MUST_USE;

/* What projections may still say of a message that has no row of imapUidTable in MAILBOX. */
void ph_expunge_stale(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, const struct ph_uuid *id,
                      struct ph_plan *plan);

/* Messages that go in one plan: more are a plan for each so many, one behind the other, so that neither memory nor
 * the time for which others wait grows with their number. */
enum { PH_EXPUNGE_CHUNK = 1000 };

/* As ph_message_expunge without asking for rights; COUNT up to PH_EXPUNGE_CHUNK, read side by side. Of an id that has
 * no message it takes away what projections may still say. HAS_LATE: as ph_listing_read said; the repair puts rows into
 * pop3late that do not say so themselves.
 * OUT_FOUND NULL: nobody asks, and a store that is local is spared the reads. */
int ph_expunge(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox, const struct ph_uuid *ids,
               size_t count, bool has_late, struct ph_plan *plan, size_t *out_found,
               struct ph_error *err) PH_MUST_USE;

/* As ph_message_copy and ph_message_move without asking for rights; OUT_NUMBERS (as many as IDS, all 0) says what each has in
 * TO, 0 where it is not there. */
int ph_message_transfer(struct ph_mailboxes *mailboxes, const struct ph_mailbox *from,
                        const struct ph_uuid *ids, size_t count, const struct ph_mailbox *to, bool is_move,
                        struct ph_numbers *out_numbers, size_t *out_count, struct ph_error *err) PH_MUST_USE;

struct ph_news_item;
/* As ph_expunge of messages whose UIDs are known, of a store that is local: nothing is read. ITEMS is the plan's arena's.
 * ONLY_MARKED: the plan fails with PH_ECONFLICT where one of them is not marked \Deleted any more. *OUT_MODSEQ is set when
 * the plan is done. */
int ph_expunge_known(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox,
                     const struct ph_news_item *items, size_t count, bool only_marked, struct ph_plan *plan,
                     const struct ph_value **out_modseq, struct ph_error *err) PH_MUST_USE;

#endif
