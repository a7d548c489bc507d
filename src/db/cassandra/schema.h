/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of a keyspace: made, compared with what is needed, and brought up to it in place. What is needed stands
 * in schema_tables.def.
 *
 * A comparison finds tables, columns and types that are missing, each with the statement that adds it, and such as
 * are there with another type or key, which no statement mends. What is there beyond the need is nobody's business:
 * James's other tables, an operator's columns, table options.
 *
 * Everything blocks: a table takes a second or more, until all nodes agree. Doing it again changes nothing.
 */
#ifndef PH_DB_CASSANDRA_SCHEMA_H
#define PH_DB_CASSANDRA_SCHEMA_H

#include <stddef.h>

#include "db/cassandra/keyspace.h"

struct ph_schema_finding {
    const char *text;      /* "table pop3metadata: no column uidl" */
    const char *statement; /* what adds it; NULL: nothing can */
};
struct ph_schema_findings {
    struct ph_schema_finding *list;
    size_t count;
    size_t unmendable; /* those without a statement */
};
void ph_schema_findings_free(struct ph_schema_findings *findings);

/* Of the tables that KEYSPACE's variant needs. PH_EINVALID: there is no such keyspace. */
int ph_cassandra_schema_check(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                              struct ph_schema_findings *out_findings, struct ph_error *err) PH_MUST_USE;

struct ph_replication {
    const char *datacenter;
    unsigned factor;
};

/* The keyspace with NetworkTopologyStrategy, where it is not there yet; then as an upgrade. */
int ph_cassandra_schema_create(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                               const struct ph_replication *replication, size_t replication_count,
                               struct ph_schema_findings *out_done, struct ph_error *err) PH_MUST_USE;

/* Adds what is missing, and remembers what KEYSPACE is, if nothing is remembered. With IS_CHANGE also where it was
 * something else, if it can become that. OUT_DONE: what was found and done. PH_EINVALID: something cannot be mended, or
 * the keyspace is another, and nothing was done. */
int ph_cassandra_schema_upgrade(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                                bool is_change, struct ph_schema_findings *out_done,
                                struct ph_error *err) PH_MUST_USE;

/* For a start: everything is there, and the keyspace is what KEYSPACE says. PH_EINVALID otherwise; OUT_FINDINGS says
 * what is missing, if that is it. */
int ph_cassandra_schema_verify(struct ph_cql_session *session, const struct ph_cassandra_keyspace *keyspace,
                               struct ph_schema_findings *out_findings, struct ph_error *err) PH_MUST_USE;

#endif
