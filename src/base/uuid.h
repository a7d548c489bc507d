/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UUIDs, above all TimeUUIDs (version 1), which name messages, mailboxes and blobs.
 *
 * A struct ph_uuid holds the sixteen octets in the order of the text form. Time order is not octet order:
 * ph_uuid_compare compares time first, as Cassandra's timeuuid type does (which breaks ties by signed octets, we by
 * unsigned ones), and ph_uuid_to_sortable gives octets whose memcmp order for TimeUUIDs is that order, which is how
 * SQLite keeps them.
 *
 * Source: RFC 4122, sections 4.1 and 4.2.
 */
#ifndef PH_BASE_UUID_H
#define PH_BASE_UUID_H

#include <pthread.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

enum { PH_UUID_BYTES = 16, PH_UUID_TEXT_LEN = 36 };

struct ph_uuid {
    uint8_t b[PH_UUID_BYTES];
};

/* Makes TimeUUIDs. The node is random for each generator (so for each process), with the multicast bit set as
 * RFC 4122 section 4.5 asks; the time never goes back and never repeats, also where the clock does either.
 * Threads: any. */
struct ph_uuid_gen {
    pthread_mutex_t lock;
    const struct ph_clock *clock;
    uint64_t last_ticks; /* 100 ns since 1582-10-15 */
    uint8_t tail[8];     /* variant and clock sequence, node */
};

void ph_uuid_gen_init(struct ph_uuid_gen *gen, const struct ph_clock *clock, const struct ph_rand *rand);
void ph_uuid_gen_fini(struct ph_uuid_gen *gen);
struct ph_uuid ph_uuid_gen_next(struct ph_uuid_gen *gen);
/* What comes next is later than SEEN, an id that is stored already: ids stay in the order of being made also where
 * the clock was set back between two runs. */
void ph_uuid_gen_advance(struct ph_uuid_gen *gen, const struct ph_uuid *seen);

/* The same TimeUUID for the same three parts, everywhere and for ever: two datacenters that make the same
 * mailbox make the same row. The time part is a hash too and says nothing. */
struct ph_uuid ph_uuid_from_name(struct ph_bytes name_space, struct ph_bytes owner, struct ph_bytes name);

/* Lower-case text with its NUL. */
void ph_uuid_format(const struct ph_uuid *id, char out_text[PH_UUID_TEXT_LEN + 1]);
/* Accepts either case, exactly 36 octets; PH_EINVALID otherwise. */
int ph_uuid_parse(struct ph_bytes text, struct ph_uuid *out_id) PH_MUST_USE;

bool ph_uuid_eq(const struct ph_uuid *a, const struct ph_uuid *b);
/* <0, 0, >0 by time, then by the remaining octets. */
int ph_uuid_compare(const struct ph_uuid *a, const struct ph_uuid *b);
bool ph_uuid_is_time(const struct ph_uuid *id);
/* Unix time in microseconds; only meaningful for a TimeUUID that a generator made. */
uint64_t ph_uuid_unix_us(const struct ph_uuid *id);

/* The lowest TimeUUID of a microsecond, as Cassandra orders them: a bound, no name for anything. */
struct ph_uuid ph_uuid_first_of_us(uint64_t unix_us);

/* The high time bits first; the reverse is exact. */
void ph_uuid_to_sortable(const struct ph_uuid *id, uint8_t out[PH_UUID_BYTES]);
void ph_uuid_from_sortable(const uint8_t in[PH_UUID_BYTES], struct ph_uuid *out_id);

#endif
