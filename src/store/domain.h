/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domains(domain): the domains that are local. Names are canonical.
 */
#ifndef PH_STORE_DOMAIN_H
#define PH_STORE_DOMAIN_H

#include "store/page.h"

/* PH_OK or PH_ENOTFOUND. */
int ph_store_domain_check(struct ph_db *db, struct ph_bytes domain, struct ph_error *err) PH_MUST_USE;
/* The page of names behind AFTER (empty: the first), in order. */
int ph_store_domain_page(struct ph_db *db, struct ph_bytes after, struct ph_arena *arena,
                         struct ph_store_names *out_names, struct ph_error *err) PH_MUST_USE;

/* The plan fails with PH_ECONFLICT where it exists. */
void ph_store_domain_add(struct ph_plan *plan, struct ph_bytes domain);
/* The plan fails with PH_EBUSY where the domain has users (or does not exist). */
void ph_store_domain_remove(struct ph_plan *plan, struct ph_bytes domain);

#endif
