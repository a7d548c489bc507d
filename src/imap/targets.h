/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages that a command means: its set, made ranges of UIDs that the mailbox layer takes. They belong to the
 * command's arena. A range may hold UIDs that no message has.
 */
#ifndef PH_IMAP_TARGETS_H
#define PH_IMAP_TARGETS_H

#include "imap/session.h"

struct ph_imap_targets {
    struct ph_uid_range *ranges; /* in order, not overlapping */
    size_t count;
};

/* NULL, or the text of a BAD: a sequence number that there is not (RFC 9051 section 9, seq-number). */
const char *ph_imap_targets_find(struct ph_imap_session *session, const struct ph_imap_set *set, bool is_uid,
                                 struct ph_imap_targets *out_targets);

/* The messages of the client's snapshot that are meant, by sequence number. Zeroed is ready. */
struct ph_imap_walk {
    size_t range;
    uint32_t next; /* 0: the first of the range is to be looked for */
};
/* 0: no more. */
uint32_t ph_imap_walk_next(const struct ph_view_session *view, const struct ph_imap_targets *targets,
                           struct ph_imap_walk *walk);

/* Ranges that are put together message by message, in order. Neighbours in the snapshot share a range. */
struct ph_imap_picked {
    struct ph_imap_targets targets;
    size_t room;
    uint32_t last_number;
};
void ph_imap_pick(struct ph_imap_session *session, struct ph_imap_picked *picked, uint32_t number);

/* RFC 9394: which of TOTAL results, counted from 1, the page from FIRST to LAST has; counted from the end where they are
 * negative. *OUT_FIRST is above *OUT_LAST where it has none. */
void ph_imap_page_settle(int64_t first, int64_t last, uint64_t total, uint64_t *out_first,
                         uint64_t *out_last);

#endif
