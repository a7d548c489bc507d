/* SPDX-License-Identifier: Apache-2.0 */
/* How often each digest was seen: tells equal messages of a source apart. */
#ifndef PH_TASK_DIGEST_COUNT_H
#define PH_TASK_DIGEST_COUNT_H

#include "task/message_sink.h"

struct ph_digest_count {
    struct ph_digest_slot *slots;
    size_t slot_count; /* a power of two, or 0 */
    size_t used;
};

void ph_digest_count_fini(struct ph_digest_count *counts);
/* 1 for the first time. */
unsigned ph_digest_count_add(struct ph_digest_count *counts, const uint8_t digest[PH_DIGEST_BYTES]);

#endif
