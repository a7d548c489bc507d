/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every query of the program, by name. The store layer speaks in these names and knows no SQL; an engine has the
 * text for each. The names count: statements and time per name are kept by the database, so that a test can say
 * how many statements a command may cost.
 *
 * The list is statements.def: X(NAME, kind, conditions, sql). Kind READ or WRITE. Conditions IDEMPOTENT if repeating it
 * changes nothing more, CONDITIONAL if it may apply or not (and never on the path of a message). Parameters stand as ?1, ?2, ... in
 * the order of the store function's arguments. The SQL is NULL for a statement of Cassandra alone. What Cassandra runs
 * for each is in db/cassandra/cql_*.def; a name without any there is SQLite's alone. An engine that has no text for a
 * name answers PH_EINVALID.
 */
#ifndef PH_DB_STATEMENT_H
#define PH_DB_STATEMENT_H

#include <stdbool.h>

enum ph_stmt {
#define X(name, kind, condition, sql) PH_STMT_##name,
#include "db/statements.def"
#undef X
    PH_STMT_COUNT
};

enum ph_stmt_kind { PH_STMT_READ, PH_STMT_WRITE };
enum ph_stmt_condition { PH_STMT_PLAIN, PH_STMT_IDEMPOTENT, PH_STMT_CONDITIONAL };

struct ph_stmt_info {
    const char *name;
    enum ph_stmt_kind kind;
    enum ph_stmt_condition condition;
    const char *sql; /* NULL: none */
};

const struct ph_stmt_info *ph_stmt_info(enum ph_stmt stmt);

#endif
