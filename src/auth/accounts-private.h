/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of accounts share. Reading goes through the cache, changing asks the store and drops what is cached.
 */
#ifndef PH_AUTH_ACCOUNTS_PRIVATE_H
#define PH_AUTH_ACCOUNTS_PRIVATE_H

#include "auth/accounts.h"
#include "auth/name_cache.h"
#include "auth/password.h"
#include "store/user.h"

struct ph_accounts {
    struct ph_db *db;
    const struct ph_rand *rand;
    struct ph_password_cost cost;
    bool is_shared_with_james;
    struct ph_name_cache *names;
};

/* Of canonical names: PH_OK or PH_ENOTFOUND, from the cache or the store. */
int ph_accounts_check_domain(struct ph_accounts *accounts, struct ph_bytes domain,
                             struct ph_error *err) PH_MUST_USE;
int ph_accounts_check_user(struct ph_accounts *accounts, struct ph_bytes user,
                           struct ph_error *err) PH_MUST_USE;

/* Hashes PREPARED anew for the user of SEEN, whose password it is: with the hash and keys that a password set now gets.
 * A password that was set meanwhile stays. SEEN_US: when SEEN was read, of Unix time. */
int ph_accounts_renew(struct ph_accounts *accounts, const struct ph_user_row *seen, uint64_t seen_us,
                      struct ph_bytes prepared, struct ph_error *err) PH_MUST_USE;

/* Whether the canonical address SOURCE is an alias or a group. */
int ph_accounts_has_alias(struct ph_accounts *accounts, struct ph_bytes source, bool *out_has_alias,
                          struct ph_error *err) PH_MUST_USE;

/* "*" stands for all other addresses of a domain in the table of mappings, and so for none by itself. */
bool ph_accounts_is_reserved(struct ph_bytes address);

#endif
