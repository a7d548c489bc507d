/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a keyspace is: its name, its profile, and whether an Apache James works on it too. All nodes of a keyspace
 * agree on these, so it remembers them, in its table `settings`, by plain writes.
 *
 * Profile `lwt`: UIDs and MODSEQs by compare-and-set, conditional inserts, SERIAL reads, as James does by default.
 * Profile `lwt-free`: no conditional statement at all; LOCAL_QUORUM; random UIDs and MODSEQs.
 *
 * What is written here is on a quorum of every datacenter before the call returns; a reader asks a quorum of its own.
 * All calls that take a session block.
 */
#ifndef PH_DB_CASSANDRA_KEYSPACE_H
#define PH_DB_CASSANDRA_KEYSPACE_H

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "db/cassandra-driver/driver.h"

enum ph_cassandra_profile { PH_CASSANDRA_LWT, PH_CASSANDRA_LWT_FREE };

struct ph_cassandra_keyspace {
    const char *name; /* as ph_cassandra_keyspace_name_is_valid wants it */
    enum ph_cassandra_profile profile;
    bool is_shared; /* with James */
};

/* Lower case letters, digits and _, a letter first, 48 at most: what needs no quotes. */
static inline bool ph_cassandra_keyspace_name_is_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len > 0 && len <= 48 && name[len] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}
static inline const char *ph_cassandra_profile_name(enum ph_cassandra_profile profile)
{
    return profile == PH_CASSANDRA_LWT ? "lwt" : "lwt-free";
}

/* Variants of a keyspace, as masks: a table or a statement says which it is for. */
enum ph_cassandra_variant {
    PH_CASSANDRA_LWT_OWN = 1,
    PH_CASSANDRA_FREE_OWN = 2,
    PH_CASSANDRA_LWT_JAMES = 4,
    PH_CASSANDRA_FREE_JAMES = 8,
};
static inline unsigned ph_cassandra_variant(const struct ph_cassandra_keyspace *keyspace)
{
    unsigned own = keyspace->profile == PH_CASSANDRA_LWT ? PH_CASSANDRA_LWT_OWN : PH_CASSANDRA_FREE_OWN;
    return keyspace->is_shared ? own << 2 : own;
}

struct ph_cassandra_remembered {
    bool is_there; /* false: nothing was ever written; the rest is meaningless */
    enum ph_cassandra_profile profile;
    bool is_shared;
};

/* PH_EINVALID: there is no keyspace NAME, or it has no table `settings`. PH_ECORRUPT: a profile that is none. */
int ph_cassandra_remembered_read(struct ph_cql_session *session, const char *name,
                                 struct ph_cassandra_remembered *out_remembered,
                                 struct ph_error *err) PH_MUST_USE;
int ph_cassandra_remembered_write(struct ph_cql_session *session,
                                  const struct ph_cassandra_keyspace *keyspace,
                                  struct ph_error *err) PH_MUST_USE;
/* PH_OK, or PH_EINVALID with what differs. */
int ph_cassandra_remembered_agree(const struct ph_cassandra_remembered *remembered,
                                  const struct ph_cassandra_keyspace *keyspace,
                                  struct ph_error *err) PH_MUST_USE;

/* What the driver said, as an error: TEXT of STATUS, for what was being done. */
int ph_cassandra_fail(struct ph_error *err, enum ph_cql_status status, bool is_write, const char *what,
                      const char *text);

#endif
