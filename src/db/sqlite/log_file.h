/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file layer for the writer's connection that gathers what SQLite writes to the write-ahead log.
 *
 * SQLite writes each page of a transaction by two system calls; a batch of deliveries is hundreds of them, one behind
 * the other in the file. Here they gather in memory and go out by one call, at the latest before the sync that makes
 * the transaction durable. Nothing is reordered: whatever else is done with the file comes after what was gathered.
 *
 * Right only with synchronous=FULL: then a frame is synced before any other connection may know of it.
 */
#ifndef PH_DB_SQLITE_LOG_FILE_H
#define PH_DB_SQLITE_LOG_FILE_H

/* Registers the layer on top of kept_locks.h's, when called first, and returns its name. */
const char *ph_log_file_layer(void);

#endif
