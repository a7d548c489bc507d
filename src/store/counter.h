/* SPDX-License-Identifier: Apache-2.0 */
/*
 * messageCounter and modseq: the highest UID and MODSEQ of each mailbox that may be in use. (Their columns are
 * called nextUid and nextModseq; the next number is one above.)
 */
#ifndef PH_STORE_COUNTER_H
#define PH_STORE_COUNTER_H

#include "db/db.h"

enum ph_counter { PH_COUNTER_UID, PH_COUNTER_MODSEQ };

/* Of one; false in *OUT_EXISTS, and 0, for a mailbox that has none. */
int ph_store_counter_get(struct ph_db *db, enum ph_counter counter, const struct ph_uuid *mailbox,
                         uint64_t *out_number, bool *out_exists, struct ph_error *err) PH_MUST_USE;
/* Compare and set: the plan fails with PH_ECONFLICT where the number is not FROM any more (0: where there is one). */
void ph_store_counter_advance(struct ph_plan *plan, enum ph_counter counter, const struct ph_uuid *mailbox,
                              uint64_t from, uint64_t to);

/* 0 for a mailbox that has none. */
int ph_store_counters_get(struct ph_db *db, const struct ph_uuid *mailbox, uint64_t *out_uid,
                          uint64_t *out_modseq, struct ph_error *err) PH_MUST_USE;

/* Never lowers. Before anything that uses the number. */
void ph_store_uid_raise(struct ph_plan *plan, const struct ph_uuid *mailbox, uint64_t uid);
void ph_store_modseq_raise(struct ph_plan *plan, const struct ph_uuid *mailbox, uint64_t modseq);
void ph_store_counters_remove(struct ph_plan *plan, const struct ph_uuid *mailbox);

#endif
