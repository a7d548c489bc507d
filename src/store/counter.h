/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageCounter and modseq: the highest UID and MODSEQ of each mailbox that may be in use. (Their columns are
 * called nextUid and nextModseq; the next number is one above.)
 */
#ifndef PH_STORE_COUNTER_H
#define PH_STORE_COUNTER_H

#include "db/db.h"

/* 0 for a mailbox that has none. */
int ph_store_counters_get(struct ph_db *db, const struct ph_uuid *mailbox, uint64_t *out_uid,
                          uint64_t *out_modseq, struct ph_error *err) PH_MUST_USE;

/* Never lowers. Before anything that uses the number. */
void ph_store_uid_raise(struct ph_plan *plan, const struct ph_uuid *mailbox, uint64_t uid);
void ph_store_modseq_raise(struct ph_plan *plan, const struct ph_uuid *mailbox, uint64_t modseq);
void ph_store_counters_remove(struct ph_plan *plan, const struct ph_uuid *mailbox);

#endif
