/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user(name; password, alg, and ours: domain, scram_*): accounts and how they prove themselves. Names are
 * canonical addresses.
 *
 * `alg` says what `password` is. The columns of SCRAM stand or are absent together: a row that James wrote has
 * none.
 */
#ifndef PH_STORE_USER_H
#define PH_STORE_USER_H

#include "store/page.h"

struct ph_user_row {
    struct ph_bytes name;
    struct ph_bytes password;
    struct ph_bytes alg;
    struct ph_bytes scram_salt;
    uint32_t scram_iterations;
    struct ph_bytes scram_stored_key;
    struct ph_bytes scram_server_key;
    bool has_scram;
};

/* The row's views are the arena's. Columns that are NULL are empty. PH_ENOTFOUND. */
int ph_store_user_get(struct ph_db *db, struct ph_bytes name, struct ph_arena *arena,
                      struct ph_user_row *out_row, struct ph_error *err) PH_MUST_USE;
/* The same in two steps, for ph_db_query_each; PARAMS lives as long as the read. */
struct ph_db_read ph_store_user_read(struct ph_bytes name, struct ph_value params[1]);
int ph_store_user_take(struct ph_rows *rows, struct ph_bytes name, struct ph_arena *arena,
                       struct ph_user_row *out_row, struct ph_error *err) PH_MUST_USE;
/* PH_OK or PH_ENOTFOUND. */
int ph_store_user_check(struct ph_db *db, struct ph_bytes name, struct ph_error *err) PH_MUST_USE;
/* The page of names behind AFTER (empty: the first), in order; of one domain, or of all with an empty DOMAIN. */
int ph_store_user_page(struct ph_db *db, struct ph_bytes domain, struct ph_bytes after,
                       struct ph_arena *arena, struct ph_store_names *out_names,
                       struct ph_error *err) PH_MUST_USE;

/* The plan fails with PH_ECONFLICT where the user exists or the domain does not. */
void ph_store_user_add(struct ph_plan *plan, const struct ph_user_row *row, struct ph_bytes domain);
/* Both fail the plan with PH_ENOTFOUND where the user does not exist. */
void ph_store_user_set_password(struct ph_plan *plan, const struct ph_user_row *row);
/* As ph_store_user_set_password, if the password is still SEEN, which it was at SEEN_US of Unix time; else nothing is
 * changed, and nothing is said. */
void ph_store_user_renew(struct ph_plan *plan, const struct ph_user_row *row, struct ph_bytes seen,
                         uint64_t seen_us);
void ph_store_user_remove(struct ph_plan *plan, struct ph_bytes name);

#endif
