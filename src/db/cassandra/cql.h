/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CQL of every statement of the program, and how it is read.
 *
 * The list is cql_*.def: CQL(ID, STMT, where, role, level, "text"). One named statement (db/statement.h) may need
 * several texts: those of the keyspace's variant (`where`) run together, each as its role says. A text has no keyspace
 * in front of its tables; that is put in.
 *
 * Parameters stand as ?1, ?2, ... and are the statement's. A letter behind the number derives a value of it:
 *   ?3p, ?3r   of a mapping, "alias:bob@example.org": "alias:", and what is behind it
 *   ?1a        an address: the parameter, "@", and the next parameter
 *   ?2n        of a boolean: 1 if it is false, else 0
 *   ?2u        as it is; null leaves its column alone in an UPDATE too
 *   ?2d        of a message id: a timestamp in microseconds, that of now, but behind all that was written of the message
 * ?0t is the time of the plan, the same for all of it, and ?0 is a timestamp in microseconds that is the smaller the later it is: with it the first write wins.
 * In EACH_WRITE and EACH_LOOSE the parameters are the columns of a row of EACH_READ.
 *
 * A null parameter leaves its column alone in an INSERT (no tombstone) and empties it in an UPDATE.
 */
#ifndef PH_DB_CASSANDRA_CQL_H
#define PH_DB_CASSANDRA_CQL_H

#include "base/error.h"
#include "db/cassandra/keyspace.h"
#include "db/statement.h"

/* X(NAME, what it does) */
#define PH_CQL_ROLES(X)                                                                                      \
    X(READ, "a read; of several, one after the other")                                                       \
    X(READ_WHOLE,                                                                                            \
      "a read that passes over rows whose last column is null: what a late update left of a row")            \
    X(READ_PAGE, "as READ_WHOLE, for a caller who takes some hundred of them")                               \
    X(READ_AFTER, "a read that is left out where ?1 is empty")                                               \
    X(READ_DOMAIN, "a read of names that passes over those that are not of the domain, the last parameter")  \
    X(WRITE, "a write")                                                                                      \
    X(CONDITIONAL, "a write that needs consensus; before the others where the plan requires it to apply")    \
    X(ABSENT, "guards the plan: fails it where there is a row")                                              \
    X(ABSENT_OTHER, "guards the plan: fails it where there is a row whose first column is not ?3")           \
    X(ABSENT_DOMAIN, "as ABSENT, of rows as READ_DOMAIN takes them")                                         \
    X(PRESENT, "guards the plan: fails it where there is no row")                                            \
    X(UNLESS, "looks before the stage; where there is a row, and it is not of ?2, WRITE_UNLESS is left out") \
    X(WRITE_UNLESS, "a write that UNLESS may leave out")                                                     \
    X(EACH_READ, "looks before the stage")                                                                   \
    X(EACH_WRITE, "a write for every row of EACH_READ, with its columns as parameters")                      \
    X(EACH_LOOSE, "as EACH_WRITE, as LOOSE")                                                                 \
    X(LOOSE, "a write that nobody waits for, whose failure fails nothing: counters")                         \
    X(NOTHING, "nothing is read, nothing is written")

enum ph_cql_role {
#define PH_CQL_ROLE_ENUM(name, text) PH_CQL_ROLE_##name,
    PH_CQL_ROLES(PH_CQL_ROLE_ENUM)
#undef PH_CQL_ROLE_ENUM
};

/* REGULAR: LOCAL_QUORUM, QUORUM in profile lwt. SERIAL: lwt's reads of what is written conditionally, else REGULAR. */
enum ph_cql_level { PH_CQL_LEVEL_REGULAR, PH_CQL_LEVEL_ONE, PH_CQL_LEVEL_SERIAL, PH_CQL_LEVEL_EACH };

enum ph_cql_id {
#define CQL(id, stmt, where, role, level, text) PH_CQL_ID_##id,
#include "db/cassandra/cql.def"
#undef CQL
    PH_CQL_ID_COUNT
};

struct ph_cql_info {
    const char *name;
    enum ph_stmt stmt;
    unsigned where; /* of enum ph_cassandra_variant */
    enum ph_cql_role role;
    enum ph_cql_level level;
    const char *text;
};

const struct ph_cql_info *ph_cql_info(enum ph_cql_id id);
const char *ph_cql_role_name(enum ph_cql_role role);
/* "LOCAL_QUORUM" and the like, of a variant. */
const char *ph_cql_level_name(enum ph_cql_level level, unsigned variant);

/* ---- A text made ready for the driver ---- */

enum { PH_CQL_PARAMS_MAX = 24 };

struct ph_cql_param {
    uint8_t number; /* from 1; 0: the falling timestamp */
    char form;      /* 0: as it is; else the letter */
};

struct ph_cql_ready {
    char *text; /* with "?" alone, tables with their keyspace; the caller's to free */
    unsigned param_count;
    struct ph_cql_param params[PH_CQL_PARAMS_MAX];
};

/* PH_EBUG for a text that is not as above. */
int ph_cql_make_ready(const char *text, const char *keyspace, struct ph_cql_ready *out_ready,
                      struct ph_error *err) PH_MUST_USE;

#endif
