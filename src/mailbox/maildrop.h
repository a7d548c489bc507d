/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The maildrop of RFC 1939: a user's INBOX as POP3 sees it, a list of message ids and sizes that stays the same
 * for a session.
 *
 * One listing of pop3metadata fills it (mailbox/listing.h); nothing else is read before a message is. Entries are in message id
 * order, which is the order of arrival. Numbers here count from 0; POP3's count from 1.
 *
 * The lock: at most one maildrop a user is open (RFC 1939 section 3); a second open is PH_EBUSY. In this process, and
 * where other nodes have the store too, on all of a datacenter (mailbox/node_lock.h says how far). It ends with
 * ph_maildrop_close, whatever happened before.
 *
 * Threads: one session at a time. A maildrop belongs to its session.
 */
#ifndef PH_MAILBOX_MAILDROP_H
#define PH_MAILBOX_MAILDROP_H

#include "mailbox/mailbox.h"
#include "mailbox/node_lock.h"
#include "store/pop3_listing.h"

enum { PH_MAILDROP_UIDL_MAX = 70 }; /* RFC 1939 section 7 */

struct ph_maildrop_entry {
    struct ph_uuid id;
    uint64_t size; /* octets with CRLF, before dot-stuffing */
};

struct ph_maildrop {
    struct ph_mailboxes *mailboxes;
    char *user;
    struct ph_mailbox mailbox;
    struct ph_maildrop_entry *entries;
    size_t count;
    struct ph_pop3_uidls uidls; /* of the few that do not show their id */
    bool has_late;              /* pop3late may have some of them: see store/pop3_floor.h */
    struct ph_node_lock lock;
};

/* PH_EBUSY: another session has it. PH_EDENIED, PH_EUNAVAILABLE. */
int ph_maildrop_open(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                     struct ph_maildrop **out_drop, struct ph_error *err) PH_MUST_USE;
/* Releases the lock. NULL inside is allowed. */
void ph_maildrop_close(struct ph_maildrop **drop);

/* The unique id of message AT: what it had on the server that it came from, else its message id. No two of a maildrop
 * are the same. SPACE is where the id is written if need be. */
struct ph_bytes ph_maildrop_uidl(const struct ph_maildrop *drop, size_t at, char space[PH_UUID_TEXT_LEN + 1]);

/* Opens message AT, of which at least PART is to be read. PH_ENOTFOUND: it is gone; its stale row is then removed, so
 * that the next session is clean. PH_EUNAVAILABLE also where it may have come from another node so lately that not
 * all of it is here yet. */
int ph_maildrop_read(struct ph_maildrop *drop, size_t at, enum ph_message_part part,
                     struct ph_message_reader *out_reader, struct ph_error *err) PH_MUST_USE;

/* To be called at the session's commands: the lock across nodes is kept by them. Never blocks. */
void ph_maildrop_renew(struct ph_maildrop *drop);
/* Whether an orderly end has something to write even if no message is marked: ph_maildrop_delete then, with NULL. */
bool ph_maildrop_has_end(const struct ph_maildrop *drop);

/* Deletes the messages whose bit is set in IS_DELETED (count bools; NULL: none), a thousand in a plan: all but the last thousand
 * are gone before this returns, the last when DONE is called, on a thread of the store, as ph_db_submit says, or before
 * this returns when there is nothing to do; the maildrop must stay open until then. RESULT is PH_OK only if every message
 * marked is gone (those that were gone before count as gone); else some may be. */
void ph_maildrop_delete(struct ph_maildrop *drop, const bool *is_deleted, void (*done)(void *ctx, int result),
                        void *ctx);

#endif
