/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of UUIDs in a fixed space, which forgets none and takes some for members that are not (a Bloom filter): for whoever has
 * to know surely that something is not there. With ten bits for each member one in a hundred is taken for one.
 *
 * Threads: one at a time.
 */
#ifndef PH_TASK_ID_FILTER_H
#define PH_TASK_ID_FILTER_H

#include "base/uuid.h"

struct ph_id_filter {
    uint64_t *words;
    uint64_t mask; /* of the number of a bit */
};

/* BYTES: rounded up to a power of two. */
void ph_id_filter_init(struct ph_id_filter *filter, size_t bytes);
void ph_id_filter_fini(struct ph_id_filter *filter);
void ph_id_filter_clear(struct ph_id_filter *filter);
void ph_id_filter_add(struct ph_id_filter *filter, const struct ph_uuid *id);
/* False: it was not added. */
bool ph_id_filter_may_have(const struct ph_id_filter *filter, const struct ph_uuid *id);

#endif
