/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two halves of the repair of maildrops: fix_pop3.c walks and doubts, fix_pop3_look.c looks and mends.
 */
#ifndef PH_TASK_FIX_POP3_PRIVATE_H
#define PH_TASK_FIX_POP3_PRIVATE_H

#include "task/fix_pop3.h"

enum { PH_FIX_POP3_BATCH = 64 };
enum { PH_FIX_POP3_WANTS_TRUTH = 1, PH_FIX_POP3_WANTS_LISTED = 2, PH_FIX_POP3_WANTS_LATE = 4 };

/* A message in a mailbox, and what the tables say of it. */
struct ph_fix_pop3_look {
    struct ph_uuid mailbox;
    struct ph_uuid message;
    unsigned wants; /* what is to be read */
    bool has_truth;
    bool has_size; /* the truth's */
    bool is_listed;
    bool is_late;
    bool is_below_floor;
    uint64_t size;
    uint64_t listed_size;
};

/* Reads what each of LOOKS wants, COUNT up to PH_FIX_POP3_BATCH, in one round. */
int ph_fix_pop3_look_at(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_look *looks,
                        size_t count, struct ph_error *err) PH_MUST_USE;
bool ph_fix_pop3_judge(const struct ph_fix_pop3_look *look, enum ph_fix_pop3_kind *out_kind);
/* What KIND wants done about it, and a last look. *OUT_IS_FIXED false: nothing could be done. */
int ph_fix_pop3_mend(const struct ph_fix_pop3_options *options, struct ph_fix_pop3_look *look,
                     enum ph_fix_pop3_kind kind, bool *out_is_fixed, struct ph_error *err) PH_MUST_USE;

#endif
