/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret(name; value): random keys that a store keeps for its whole life, made by whoever first needs one.
 */
#ifndef PH_STORE_SECRET_H
#define PH_STORE_SECRET_H

#include "db/db.h"

/* Fills OUT_VALUE with the secret called NAME, made of RAND the first time; two that make it at once get the
 * same. PH_ECORRUPT: it has another length. */
int ph_store_secret_get(struct ph_db *db, const struct ph_rand *rand, const char *name, uint8_t *out_value,
                        size_t len, struct ph_error *err) PH_MUST_USE;

#endif
