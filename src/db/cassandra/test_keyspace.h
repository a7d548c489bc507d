/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a keyspace of an executable's own, on the node that POSTHOUSE_TEST_CASSANDRA names.
 *
 * Making tables takes seconds, so a keyspace is made once, by the first test that wants it, and stays for the next run;
 * a test begins with empty tables. Its name is the executable's with the variant behind it; a process that runs beside
 * another of the same executable has a keyspace of its own.
 */
#ifndef PH_DB_CASSANDRA_TEST_KEYSPACE_H
#define PH_DB_CASSANDRA_TEST_KEYSPACE_H

#include "db/cassandra/cassandra.h"

struct ph_test_store;

/* Options for a keyspace of this variant, whose name is written to NAME. */
enum { PH_TEST_KEYSPACE_NAME_MAX = 49 };
void ph_test_keyspace_options(enum ph_cassandra_profile profile, bool is_shared,
                              char name[PH_TEST_KEYSPACE_NAME_MAX], struct ph_cassandra_options *out_options);
/* Makes it, or what it lacks, and empties its tables. */
int ph_test_keyspace_clear(const struct ph_cassandra_options *options, struct ph_error *err) PH_MUST_USE;

/* Of a test store: profile lwt-free, not shared; and profile lwt, shared with James. */
int ph_test_keyspace_open_free(struct ph_test_store *store, struct ph_error *err) PH_MUST_USE;
int ph_test_keyspace_clear_free(struct ph_test_store *store, struct ph_error *err) PH_MUST_USE;
int ph_test_keyspace_open_james(struct ph_test_store *store, struct ph_error *err) PH_MUST_USE;
int ph_test_keyspace_clear_james(struct ph_test_store *store, struct ph_error *err) PH_MUST_USE;

#endif
