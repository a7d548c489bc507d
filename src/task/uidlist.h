/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dovecot-uidlist: which file of a Maildir has which UID, and more. Version 1, which is Courier's courierimapuiddb
 * too, and version 3:
 *
 *     1 UIDVALIDITY NEXTUID                3 V1700000000 N12 Ge2b0...
 *     1 1699.M1P2.host:2,S                 1 P000000016553f100 W1234 :1699.M1P2.host
 *
 * In version 3 a field is a letter and a value; P is the UIDL that POP3 shows, G the GUID; the others are sizes and such.
 * A pure reader: views are of the text that it was given. Lines that break the form are passed over and counted.
 */
#ifndef PH_TASK_UIDLIST_H
#define PH_TASK_UIDLIST_H

#include "base/buf.h"

struct ph_uidlist {
    unsigned version;
    uint32_t uid_validity;
    uint64_t uid_next; /* 0: not said */
    size_t broken;     /* lines, so far */
    struct ph_bytes rest;
    uint64_t last_uid;
};

struct ph_uidlist_entry {
    uint64_t uid;         /* 1 to 2^32 - 1, ascending */
    struct ph_bytes base; /* of the file's name, without flags */
    struct ph_bytes uidl;
    struct ph_bytes guid;
    bool has_uidl; /* an empty one says: the base name */
};

/* PH_EINVALID: the first line is of no version that we know. */
int ph_uidlist_begin(struct ph_uidlist *list, struct ph_bytes text, struct ph_error *err) PH_MUST_USE;
bool ph_uidlist_next(struct ph_uidlist *list, struct ph_uidlist_entry *out_entry);

/* Version 3. */
void ph_uidlist_put_head(struct ph_buf *out, uint32_t uid_validity, uint64_t uid_next);
/* UIDL empty: none. SIZE_BYTES is the message's with CRLF. */
void ph_uidlist_put(struct ph_buf *out, uint64_t uid, struct ph_bytes uidl, uint64_t size_bytes,
                    struct ph_bytes base);

#endif
