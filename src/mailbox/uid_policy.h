/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where UIDs and MODSEQs come from. A policy is one file; the mailbox layer asks it once for each message it adds,
 * and the answer may come as late as the moment before the plan is run.
 *
 * Promised by a policy that numbers on append: within a mailbox no UID is given twice, also after a crash. By
 * `owner` also: a message that became visible later has the higher one; by `lwt`: one that was numbered later.
 */
#ifndef PH_MAILBOX_UID_POLICY_H
#define PH_MAILBOX_UID_POLICY_H

#include "store/imap_uid.h"

/* A UID that a message had on another server. It is given if it is above all that were given, or up to LIMIT, below
 * which this server gives none of its own (see reserve); whoever asks has seen that no message has it. Else the
 * message gets the next, as any other. */
struct ph_uid_wish {
    uint64_t uid; /* 0: none */
    uint64_t limit;
};

struct ph_uid_policy {
    const char *name;
    /* False: a message has no UID when it is added and gets it some other time; number is not called. */
    bool numbers_on_append;
    /* UIDs and MODSEQs are such that IMAP can use them: of 32 bits, and ascending. */
    bool has_imap_numbers;
    /* The highest numbers of MAILBOX that are in no plan under way in this process, whether or not a row has them: what
     * is read after this has all up to them. 0: none yet. May read the store. */
    int (*look)(struct ph_uid_policy *policy, const struct ph_uuid *mailbox, uint64_t *out_uid,
                uint64_t *out_modseq, struct ph_error *err);
    /* Sees to it that all SLOTS get one new UID and one new MODSEQ of MAILBOX before PLAN's statements are run.
     * May read the store. SLOTS is copied; if all of them have a NULL for the UID, none is given. */
    int (*number)(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                  const struct ph_uid_wish *wish, const struct ph_number_slots *slots, unsigned slot_count,
                  struct ph_error *err);
    /* From PLAN on MAILBOX gets UIDs above LIMIT, if none above OLD_LIMIT was given before; *OUT_LIMIT, a value of
     * the plan that is OLD_LIMIT until then, becomes LIMIT. */
    int (*reserve)(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox,
                   uint64_t old_limit, uint64_t limit, struct ph_value *out_limit, struct ph_error *err);
    /* Adds to PLAN what takes away the counters of a mailbox that it deletes. */
    void (*remove)(struct ph_uid_policy *policy, struct ph_plan *plan, const struct ph_uuid *mailbox);
    void (*free)(struct ph_uid_policy *policy);
};

/* This process owns the numbers, because it alone has the store: see uid_owner.c. */
struct ph_uid_policy *ph_uid_owner_new(struct ph_db *db);
/* Numbers without meaning, for which nobody is asked: see uid_random.c. */
struct ph_uid_policy *ph_uid_random_new(const struct ph_rand *rand);
/* As Apache James counts, by compare and set: see uid_lwt.c. */
struct ph_uid_policy *ph_uid_lwt_new(struct ph_db *db, const struct ph_rand *rand);

#endif
