/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file layer that keeps the locks of read transactions.
 *
 * Each read takes a shared lock on a slot of the log's index and gives it back, by a system call each: two for every
 * statement. Here a lock that nobody holds any more is kept in the name of the process, so that the next read takes it
 * without a call, and is given back when somebody of this process wants the slot for himself (to move the slot's mark,
 * to checkpoint). Within the process that is the same as without; to another process it looks like one more reader.
 *
 * Another process may read the file as ever (sqlite3 -readonly); only its own checkpoint may not get to start the log
 * anew, which is the server's business anyway. The locks are the kernel's, of the process: none outlives it.
 *
 * All connections to a database that this process has open go through this layer.
 */
#ifndef PH_DB_SQLITE_KEPT_LOCKS_H
#define PH_DB_SQLITE_KEPT_LOCKS_H

/* Registers the layer on top of SQLite's default one, when called first, and returns its name. Threads: any. */
const char *ph_kept_locks_layer(void);

#endif
