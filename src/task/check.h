/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is the store what it says it is? Looks at all of it, while it serves, and says what is wrong; repairs what follows
 * from something that is still right.
 *
 * What is looked at: the database's own structure; mailboxes against their names; the listings (messageIdTable,
 * pop3metadata) against imapUidTable, which is the truth, both ways; messageV3 and the rows of content against it; how
 * often content is referred to, and how much of each segment lives; each record of content in its segment: its header,
 * or with is_full every octet of it.
 *
 * Nothing stands still for it: a page of rows is one read, of one moment, that ends before the page is looked at. What
 * seems wrong is read again before it is reported. A repair is a plan like any other, with its own condition, and
 * what it repaired is read once more before it is called repaired.
 *
 * What a repair never does: delete a message. One whose content is damaged or gone stays listed (POP3 says [SYS/PERM]
 * for it), since whoever expects it must learn of it, and since a backup may still have it. A message that only a
 * listing still knows of is put back.
 *
 * Threads: any, one check at a time. Blocking: for as long as it takes. The result is PH_OK also where much is
 * wrong; it fails only where it cannot go on.
 */
#ifndef PH_TASK_CHECK_H
#define PH_TASK_CHECK_H

#include "blob/segment_store.h"

/* X(NAME, "name", "what is wrong", "what --repair does about it") */
#define PH_CHECK_KINDS(X)                                                                                    \
    X(DATABASE, "database", "a page of the database is damaged",                                             \
      "nothing: restore a backup, or ask SQLite's .recover")                                                 \
    X(MAILBOX_ROW, "mailbox-row", "a mailbox's row by id is missing or says something else than its name",   \
      "writes it anew from the name")                                                                        \
    X(MAILBOX_NAME, "mailbox-name", "a mailbox has no name, or its name belongs to another",                 \
      "gives it its name back; without messages it is removed")                                              \
    X(MAILBOX_UNKNOWN, "mailbox-unknown", "messages are in a mailbox that nobody knows of",                  \
      "nothing: whose it is is not known")                                                                   \
    X(UID_COUNTER, "uid-counter", "a UID in use is higher than the highest that was given", "raises it")     \
    X(MESSAGE_LOST, "message-lost", "a listing has a message that the truth has nowhere",                    \
      "puts it back, from the listing and its own row")                                                      \
    X(LISTING_STALE, "listing-stale", "the list by UID has a message that is not there",                     \
      "removes it from the list")                                                                            \
    X(LISTING_MISSING, "listing-missing", "a message is missing in the list by UID", "adds it")              \
    X(LISTING_DIFFERS, "listing-differs", "the list by UID says something else of a message than the truth", \
      "writes it anew")                                                                                      \
    X(UID_TWICE, "uid-twice", "two messages of a mailbox have the same UID", "nothing: POP3 needs no UIDs")  \
    X(MAILDROP_STALE, "maildrop-stale", "the maildrop has a message that is not there",                      \
      "removes it from the maildrop")                                                                        \
    X(MAILDROP_MISSING, "maildrop-missing", "a message is missing in the maildrop", "adds it")               \
    X(MAILDROP_SIZE, "maildrop-size", "the maildrop says another size than the message has",                 \
      "writes the size that it has")                                                                         \
    X(MESSAGE_ROW, "message-row", "a message's own row is missing", "writes it anew from the mailbox")       \
    X(MESSAGE_DIFFERS, "message-differs", "a message's own row says something else than the mailbox",        \
      "writes the lengths that the content has, where it is the same")                                       \
    X(MESSAGE_NOWHERE, "message-nowhere", "a message is in no mailbox",                                      \
      "nothing: whose it is is not known, and its content is kept")                                          \
    X(LENGTH, "length", "the lengths of a message are not those of its content",                             \
      "writes those of the content")                                                                         \
    X(CONTENT_GONE, "content-gone", "the content of a message has no row",                                   \
      "writes it anew from its record in a segment; else the message stays listed")                          \
    X(CONTENT_DAMAGED, "content-damaged", "the content of a message cannot be read from its segment",        \
      "nothing: the message stays listed; a backup may have it")                                             \
    X(CONTENT_AWAY, "content-away", "the segment with the content of a message is missing or cut off",       \
      "nothing: put the whole file back, and it is read again")                                              \
    X(CONTENT_UNUSED, "content-unused", "content belongs to no message", "nothing: it is kept")              \
    X(CONTENT_COUNT, "content-count", "content belongs to more or fewer messages than is counted",           \
      "sets the count")                                                                                      \
    X(SEGMENT_AWAY, "segment-away", "a segment with content is missing, or shorter than it was",             \
      "nothing: put the whole file back; until then POP3 says [SYS/TEMP]")                                   \
    X(SEGMENT_COUNT, "segment-count", "more or less of a segment lives than is counted", "sets the count")

enum ph_check_kind {
#define PH_CHECK_ENUM(name, text, meaning, repair) PH_CHECK_##name,
    PH_CHECK_KINDS(PH_CHECK_ENUM)
#undef PH_CHECK_ENUM
        PH_CHECK_KIND_COUNT
};

const char *ph_check_kind_name(enum ph_check_kind kind);
const char *ph_check_kind_meaning(enum ph_check_kind kind);
const char *ph_check_kind_repair(enum ph_check_kind kind);

/* One thing that is wrong, or was. Views live during the call. */
struct ph_check_finding {
    enum ph_check_kind kind;
    bool is_repaired;
    const struct ph_uuid *mailbox; /* NULL: says nothing of one; so for the others */
    const struct ph_uuid *message;
    const struct ph_uuid *content;
    uint32_t segment;     /* 0: none */
    struct ph_bytes user; /* whose mailbox it is, and its name; empty where unknown */
    struct ph_bytes name;
    const char *text; /* more about it; may be empty */
};

struct ph_check_options {
    struct ph_db *db;
    struct ph_blob_store *blobs;
    bool is_full; /* read all content */
    bool is_repairing;
    uint64_t bytes_per_second; /* of content; 0: as fast as it goes */
    /* A failure ends the check with that result. */
    int (*found)(const struct ph_check_finding *finding, void *ctx, struct ph_error *err);
    void *ctx;
};

struct ph_check_counts {
    uint64_t mailboxes;
    uint64_t messages; /* in mailboxes */
    uint64_t contents;
    uint64_t octets; /* of content that was read */
    uint64_t found;
    uint64_t repaired;
};

int ph_check_run(const struct ph_check_options *options, struct ph_check_counts *out_counts,
                 struct ph_error *err) PH_MUST_USE;

#endif
