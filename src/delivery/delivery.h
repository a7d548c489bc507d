/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an accepted message to mailboxes.
 *
 * A delivery collects the recipients of one envelope and the octets of one message, then puts the message into
 * every recipient's mailbox in one plan: content once, rows for each. Its completion with PH_OK means: on disk, in
 * every mailbox. It adds the trace header: Return-Path and Delivered-To for each mailbox, Received once
 * (RFC 5321 section 4.4).
 *
 * Life: ph_delivery_new for a transaction; ph_delivery_add_recipient for each RCPT; ph_delivery_write as content arrives;
 * ph_delivery_submit; ph_delivery_free after its completion (or instead of submit: the message is forgotten).
 * Threads: one at a time; the completion comes on a thread of the store.
 */
#ifndef PH_DELIVERY_DELIVERY_H
#define PH_DELIVERY_DELIVERY_H

#include "delivery/recipient.h"
#include "mailbox/mailbox.h"
#include "net/address.h"

struct ph_deliveries; /* what all deliveries share */
struct ph_delivery;

struct ph_deliveries_options {
    struct ph_mailboxes *mailboxes;
    struct ph_blob_store *blobs;
    struct ph_accounts *accounts;
    struct ph_uuid_gen *ids;
    const struct ph_clock *clock;
    const struct ph_log *log;
    const char *hostname;
    const char *spool_directory;
    size_t memory_max_bytes; /* of one message in memory */
    uint64_t message_max_bytes;
    uint64_t header_max_bytes;
    unsigned hops_max;         /* Received fields, RFC 5321 section 6.3 */
    char subaddress_separator; /* '+'; 0 for none */
    const char
        *postmaster; /* a local address: mail for the postmaster of a local domain that has none, and for
                                  the bare <postmaster> of RFC 5321 section 4.5.1; NULL for none */
};

int ph_deliveries_new(const struct ph_deliveries_options *options, struct ph_deliveries **out_deliveries,
                      struct ph_error *err) PH_MUST_USE;
void ph_deliveries_free(struct ph_deliveries **deliveries);

/* What the Received field says; all borrowed until ph_delivery_submit returns. */
struct ph_trace {
    const char *protocol;          /* "ESMTPSA", as RFC 3848 names it; "LMTP"; "local" for the command line */
    struct ph_bytes helo;          /* what the client said */
    const struct ph_address *peer; /* NULL: none */
    const char *tls;               /* "TLSv1.3 TLS_AES_256_GCM_SHA384" or "" */
    bool is_utf8;                  /* SMTPUTF8: header may be UTF-8 */
    bool is_submission;            /* add Date and Message-ID where they are missing (RFC 6409 section 8) */
};

struct ph_delivery *ph_delivery_new(struct ph_deliveries *deliveries, struct ph_bytes sender);

/* ADDRESS as in RCPT TO without <>; "postmaster" without a domain is one too. PH_OK, and *OUT_INDEX counts
 * recipients as the client named them, from 0. PH_ENOTFOUND: local domain, no such user. PH_EDENIED: domain not
 * local (relaying). PH_EINVALID: not an address. PH_ELIMIT: an alias expands too far. PH_EUNAVAILABLE: the store. */
int ph_delivery_add_recipient(struct ph_delivery *delivery, struct ph_bytes address, unsigned *out_index,
                              struct ph_error *err) PH_MUST_USE;
unsigned ph_delivery_recipient_count(const struct ph_delivery *delivery);

/* Octets of the message as it will be stored (dots unstuffed, lines with CRLF). PH_ELIMIT: too large; the rest
 * may be written and is forgotten, submit then fails with PH_ELIMIT. */
int ph_delivery_write(struct ph_delivery *delivery, struct ph_bytes bytes, struct ph_error *err) PH_MUST_USE;
uint64_t ph_delivery_size(const struct ph_delivery *delivery);

/* Ends the content and stores it. DONE is called exactly once: before this returns where it fails at once, else
 * on a thread of the store. RESULT: PH_OK; PH_ELIMIT: message or header too large, and will always be;
 * PH_ECONFLICT: a mail loop; PH_EBUSY: the disk is full; PH_EUNAVAILABLE: the store; PH_EUNKNOWN_OUTCOME. The plan is all or
 * nothing, so the result holds for every recipient, but for those that ph_delivery_recipient_result tells of. The
 * text is in ph_delivery_error. */
void ph_delivery_submit(struct ph_delivery *delivery, const struct ph_trace *trace,
                        void (*done)(void *ctx, int result), void *ctx);
/* After a completion with PH_OK: PH_OK, or PH_ECONFLICT where this recipient's copy was left out, because the
 * message has been in that very mailbox before (our Delivered-To stands in it). INDEX as
 * ph_delivery_add_recipient gave it. */
int ph_delivery_recipient_result(const struct ph_delivery *delivery, unsigned index);
const struct ph_error *ph_delivery_error(const struct ph_delivery *delivery);
/* The text id that the Received field carries and the log shows; stable once submitted. */
const char *ph_delivery_id(const struct ph_delivery *delivery);

void ph_delivery_free(struct ph_delivery **delivery);

#endif
