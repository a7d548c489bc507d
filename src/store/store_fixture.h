/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: a store of the embedded engine in a directory of its own, which goes with it.
 */
#ifndef PH_STORE_STORE_FIXTURE_H
#define PH_STORE_STORE_FIXTURE_H

#include "db/db.h"

struct ph_store_fixture {
    char directory[64];
    struct ph_log log; /* errors, on standard error */
    struct ph_db *db;
    struct ph_arena arena;
    struct ph_error err;
};

/* Fails the test that runs where it cannot. */
void ph_store_fixture_open(struct ph_store_fixture *fixture);
void ph_store_fixture_close(struct ph_store_fixture *fixture);

/* How many statements ran so far, all names together. */
uint64_t ph_store_fixture_statements(struct ph_store_fixture *fixture);

#endif
