/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rrt(user, domain / mapping): where mail for an address goes. The source is split into local part and domain,
 * "*" as local part stands for every address of the domain that has nothing else. A mapping is a target behind
 * its type: "alias:bob@example.org". Types of James that are not ours (regex:, domain:, error:, or none) are read
 * as text; whoever reads them passes them over.
 */
#ifndef PH_STORE_MAPPING_H
#define PH_STORE_MAPPING_H

#include "store/page.h"

struct ph_mapping_row {
    struct ph_bytes user;
    struct ph_bytes domain;
    struct ph_bytes mapping;
};

struct ph_mapping_rows {
    struct ph_mapping_row list[PH_STORE_PAGE_ROWS]; /* the arena's */
    size_t count;                                   /* fewer than PH_STORE_PAGE_ROWS: the last page */
};

/* Every mapping of one source: EACH's first result that is not 0 ends it and is returned. MAPPING lives during
 * the call. */
int ph_store_mapping_get(struct ph_db *db, struct ph_bytes user, struct ph_bytes domain,
                         int (*each)(struct ph_bytes mapping, void *ctx), void *ctx,
                         struct ph_error *err) PH_MUST_USE;
/* The page behind AFTER (empty parts: the first), in order. */
int ph_store_mapping_page(struct ph_db *db, const struct ph_mapping_row *after, struct ph_arena *arena,
                          struct ph_mapping_rows *out_rows, struct ph_error *err) PH_MUST_USE;

/* The plan fails with PH_ECONFLICT where it exists. */
void ph_store_mapping_add(struct ph_plan *plan, const struct ph_mapping_row *row);
/* The plan fails with PH_ENOTFOUND where it does not exist. */
void ph_store_mapping_remove(struct ph_plan *plan, const struct ph_mapping_row *row);
void ph_store_mapping_remove_source(struct ph_plan *plan, struct ph_bytes user, struct ph_bytes domain);
void ph_store_mapping_remove_domain(struct ph_plan *plan, struct ph_bytes domain);

#endif
