/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine for many machines: Apache Cassandra, through the driver of db/cassandra-driver.
 *
 * Any number of processes work on one keyspace at once; none owns anything. What a plan and a read mean here is in
 * db/plan.h ("Rounds") and db/db.h; what each statement is in CQL, and at which consistency level, in cql_*.def.
 *
 * Bounded: at most `requests_max` requests are under way and `queue_max` wait to be; a read or a plan beyond that fails
 * at once, and so does one that has waited for half the request timeout, with PH_EUNAVAILABLE. So while Cassandra
 * does not answer, no caller waits for longer than one and a half times the timeout, and nothing piles up. When it
 * answers again the driver finds that out itself.
 *
 * Promised of a plan that was reported done: profile lwt-free: a quorum of the local datacenter has it; the others get
 * it, also after a link was cut. Profile lwt: a quorum of all replicas has it, and what is conditional was agreed on by
 * all datacenters; without a majority of the replicas nothing is written.
 */
#ifndef PH_DB_CASSANDRA_CASSANDRA_H
#define PH_DB_CASSANDRA_CASSANDRA_H

#include "db/cassandra/keyspace.h"
#include "db/db.h"

enum {
    PH_CASSANDRA_REQUESTS_MAX = 256,
    PH_CASSANDRA_REQUEST_MS = 5000,
    PH_CASSANDRA_CONNECT_MS = 5000,
};

struct ph_cassandra_options {
    struct ph_cql_options driver; /* its timeouts: 0 for those above */
    struct ph_cassandra_keyspace keyspace;
    unsigned requests_max; /* 0: as above */
    unsigned queue_max;    /* 0: four times as many */
    bool
        prepares_when_used; /* a statement is prepared when it is first used, which blocks; else all at once */
    bool leaves_schema;     /* the schema is not looked at */
    const struct ph_clock *clock;
    const struct ph_log *log;
};

/* Fails after the connect timeout where no node of the local datacenter answers (PH_EUNAVAILABLE): whoever starts the
 * server tries again. PH_EINVALID: the keyspace is not as the options say; what is missing is in the log, a line
 * each. PH_EDENIED: the login. */
int ph_cassandra_open(const struct ph_cassandra_options *options, struct ph_db **out_db,
                      struct ph_error *err) PH_MUST_USE;

/* Of a database that is a Cassandra; NULL of another. For schema, tasks and figures. */
struct ph_cql_session *ph_cassandra_session(struct ph_db *db);
const struct ph_cassandra_keyspace *ph_cassandra_keyspace_of(struct ph_db *db);

#endif
