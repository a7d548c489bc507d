/* SPDX-License-Identifier: Apache-2.0 */
#include "store/domain.h"

int ph_store_domain_check(struct ph_db *db, struct ph_bytes domain, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_DOMAIN_GET, ph_text(domain));
    return result == PH_OK ? ph_store_rows_check(&rows, "domain", domain, err) : result;
}

int ph_store_domain_page(struct ph_db *db, struct ph_bytes after, struct ph_arena *arena,
                         struct ph_store_names *out_names, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_DOMAIN_PAGE, ph_text(after), ph_i64(PH_STORE_PAGE_ROWS));
    return result == PH_OK ? ph_store_names_take(&rows, arena, "domains", out_names, err) : result;
}

void ph_store_domain_add(struct ph_plan *plan, struct ph_bytes domain)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_DOMAIN_INSERT, ph_text(domain));
}

void ph_store_domain_remove(struct ph_plan *plan, struct ph_bytes domain)
{
    ph_plan_require(plan, PH_EBUSY, PH_STAGE_REMOVE_TRUTH, PH_STMT_DOMAIN_DELETE_UNUSED, ph_text(domain));
}
