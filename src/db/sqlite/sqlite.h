/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded engine: one SQLite file, DIRECTORY/posthouse.db.
 *
 * A store is open in one process at a time; DIRECTORY/lock says which (flock, with the process id in it). One
 * thread writes: it takes all plans that wait and commits them together. Readers have connections of their own and
 * wait for nobody. The write-ahead log is moved into the file by a thread of its own.
 *
 * Promised: a plan reported done is synced to disk, and survives kill -9 and loss of power.
 */
#ifndef PH_DB_SQLITE_SQLITE_H
#define PH_DB_SQLITE_SQLITE_H

#include "db/db.h"

struct ph_sqlite_options {
    const char *directory;       /* made where it is missing (its last level), for the owner alone */
    unsigned page_bytes;         /* of a store that is made now: 1024, 2048 or 4096; 0: the default */
    uint64_t database_bytes_max; /* then plans that need room fail with PH_ELIMIT; 0: no limit but the disk */
    unsigned batch_max;          /* plans in one transaction; 0: 512 */
    uint64_t checkpoint_bytes;   /* of log before it is moved into the file; 0: the default */
    const struct ph_clock *clock;
    const struct ph_log *log;
};

/* PH_EBUSY: another process has it (ERR says which). PH_EINVALID: not a store of ours, or a newer one's.
 * PH_ECORRUPT, PH_EDENIED, PH_EUNAVAILABLE, PH_ELIMIT. */
int ph_sqlite_open(const struct ph_sqlite_options *options, struct ph_db **out_db,
                   struct ph_error *err) PH_MUST_USE;

/* ---- The schema of a store that is not open ---- */

/* Called for what is lacking, with the statement that adds it. */
typedef void ph_sqlite_schema_each(const char *text, const char *statement, void *ctx);

/* What the store in DIRECTORY lacks of the tables and columns that this program needs; with IS_UPGRADE it is added, in one
 * transaction, and no other process may have the store open (PH_EBUSY). A store that is not there lacks nothing. */
int ph_sqlite_schema_work(const char *directory, bool is_upgrade, ph_sqlite_schema_each *each, void *ctx,
                          struct ph_error *err) PH_MUST_USE;

#endif
