/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes maildrops true again: pop3metadata (and pop3late) against imapUidTable, in a store that several nodes write
 * to. A delivery or a deletion that was cut in two leaves a message listed that is not there, or one that is there and
 * not listed. Neither was acknowledged, but the first shows an error to whoever fetches it and the second is not shown.
 *
 * Two passes read everything: the maildrops, then the messages, both from the last place that was finished when the
 * task ran before. Traffic looks like inconsistency, so nothing is judged at first sight: what seems wrong is read
 * again, some time later, and only what is wrong then is reported and mended; and what was mended is read once more,
 * since the message may have been deleted at that very moment.
 *
 * Threads: any; the task may run on several nodes at once, which only costs reading. Blocking: for as long as it takes.
 */
#ifndef PH_TASK_FIX_POP3_H
#define PH_TASK_FIX_POP3_H

#include "db/db.h"

/* X(NAME, "name", "what is wrong", "what is done about it") */
#define PH_FIX_POP3_KINDS(X)                                                                           \
    X(STALE, "maildrop-stale", "the maildrop has a message that is not there",                         \
      "removes it from the maildrop")                                                                  \
    X(MISSING, "maildrop-missing", "a message is missing in the maildrop", "adds it")                  \
    X(SIZE, "maildrop-size", "the maildrop says another size than the message has",                    \
      "writes the size that it has")                                                                   \
    X(HIDDEN, "maildrop-hidden", "the maildrop has a message below the floor from which it is listed", \
      "has it listed all the same")

enum ph_fix_pop3_kind {
#define PH_FIX_POP3_ENUM(name, text, meaning, repair) PH_FIX_POP3_##name,
    PH_FIX_POP3_KINDS(PH_FIX_POP3_ENUM)
#undef PH_FIX_POP3_ENUM
        PH_FIX_POP3_KIND_COUNT
};

const char *ph_fix_pop3_kind_name(enum ph_fix_pop3_kind kind);
const char *ph_fix_pop3_kind_repair(enum ph_fix_pop3_kind kind);

struct ph_fix_pop3_finding {
    enum ph_fix_pop3_kind kind;
    bool is_fixed;
    struct ph_uuid mailbox;
    struct ph_uuid message;
};

struct ph_fix_pop3_counts {
    uint64_t maildrop_rows; /* read in this run */
    uint64_t message_rows;
    uint64_t doubted; /* seemed wrong at first sight */
    uint64_t found;   /* and at second */
    uint64_t fixed;
    bool was_resumed;
};

struct ph_fix_pop3_options {
    struct ph_db *db;
    const struct ph_clock *clock;
    bool keeps_floors;        /* the maildrops have some: store/pop3_floor.h */
    bool is_dry_run;          /* nothing is written, not even how far it came */
    bool starts_anew;         /* not where the last run stopped */
    unsigned rows_per_second; /* 0: as fast as it goes */
    unsigned second_look_ms;  /* between the two looks; 0: 10,000 */
    unsigned save_ms;         /* between two notes of how far it is; 0: 15,000 */
    /* Each may be NULL. What they return that is not PH_OK ends the task; the next run goes on from there. */
    int (*found)(const struct ph_fix_pop3_finding *finding, void *ctx, struct ph_error *err);
    int (*went_on)(const struct ph_fix_pop3_counts *counts, void *ctx,
                   struct ph_error *err); /* every second or so */
    void *ctx;
};

/* PH_EINVALID: the store is not one that needs it. A failure of Cassandra is waited out for a minute. */
int ph_fix_pop3_run(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_counts *out_counts,
                    struct ph_error *err) PH_MUST_USE;

#endif
