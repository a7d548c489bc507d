/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a file layer under SQLite that makes the Nth write, sync or truncation fail.
 */
#ifndef PH_DB_SQLITE_FAULT_VFS_H
#define PH_DB_SQLITE_FAULT_VFS_H

#include <stdbool.h>

enum ph_fault { PH_FAULT_WRITE, PH_FAULT_FULL, PH_FAULT_SYNC };

/* Makes it SQLite's default layer; once. */
void ph_fault_vfs_register(void);
/* The operation number AT from now (from 1) fails, and TIMES - 1 after it. PH_FAULT_SYNC counts syncs, the others
 * writes and truncations. */
void ph_fault_arm(enum ph_fault fault, unsigned at, unsigned times);
/* Whether it came to that. Nothing fails any more. */
bool ph_fault_disarm(void);

#endif
