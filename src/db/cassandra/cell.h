/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of the statement layer as the octets of Cassandra's native protocol, by the type that a column has, and
 * back.
 *
 *   integers, booleans, times   int, bigint, counter, timestamp, boolean
 *   UUIDs                       uuid, timeuuid, and text where James keeps one in text
 *   text and blobs              text, ascii, blob; set<text> as words with a blank between them
 *
 * Null is null in both directions, and never zero or empty.
 *
 * Source: CQL binary protocol v4, section 6.
 */
#ifndef PH_DB_CASSANDRA_CELL_H
#define PH_DB_CASSANDRA_CELL_H

#include "base/arena.h"
#include "db/cassandra-driver/driver.h"
#include "db/value.h"

/* What ph_cassandra_encode does not borrow from VALUE is made in ARENA. PH_EBUG: VALUE is not for a column of TYPE, or
 * does not fit. */
int ph_cassandra_encode(const struct ph_value *value, enum ph_cql_type type, struct ph_arena *arena,
                        struct ph_cql_value *out_value, struct ph_error *err) PH_MUST_USE;

struct ph_cassandra_cell {
    const uint8_t *ptr; /* NULL: null */
    size_t len;
    enum ph_cql_type type;
};

/* Octets that are not of the type's form read as null does: false, and the output is untouched. */
bool ph_cassandra_cell_i64(const struct ph_cassandra_cell *cell, int64_t *out_value);
bool ph_cassandra_cell_uuid(const struct ph_cassandra_cell *cell, struct ph_uuid *out_value);
/* Words of a set are put together in ARENA; else a view of the cell. */
bool ph_cassandra_cell_bytes(const struct ph_cassandra_cell *cell, struct ph_arena *arena,
                             struct ph_bytes *out_value);
/* By type; null for what is none of these. */
struct ph_value ph_cassandra_cell_value(const struct ph_cassandra_cell *cell, struct ph_arena *arena);

#endif
