/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mapping.h"

int ph_store_mapping_get(struct ph_db *db, struct ph_bytes user, struct ph_bytes domain,
                         int (*each)(struct ph_bytes mapping, void *ctx), void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_MAPPING_GET, ph_text(user), ph_text(domain));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_bytes mapping;
        result = ph_row_bytes(rows, 0, &mapping) ? each(mapping, ctx)
                                                 : ph_fail(err, PH_ECORRUPT, "rrt: a row without mapping");
        if (result != 0) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}

int ph_store_mapping_page(struct ph_db *db, const struct ph_mapping_row *after, struct ph_arena *arena,
                          struct ph_mapping_rows *out_rows, struct ph_error *err)
{
    struct ph_rows *rows;
    out_rows->count = 0;
    int result = ph_db_query(db, &rows, err, PH_STMT_MAPPING_PAGE, ph_text(after->user),
                             ph_text(after->domain), ph_text(after->mapping), ph_i64(PH_STORE_PAGE_ROWS));
    if (result != PH_OK) {
        return result;
    }
    while (out_rows->count < PH_STORE_PAGE_ROWS && (result = ph_rows_next(rows, err)) == 1) {
        struct ph_mapping_row row;
        if (!ph_row_bytes(rows, 0, &row.user) || !ph_row_bytes(rows, 1, &row.domain) ||
            !ph_row_bytes(rows, 2, &row.mapping)) {
            result = ph_fail(err, PH_ECORRUPT, "rrt: a row without its key");
            break;
        }
        out_rows->list[out_rows->count++] =
            (struct ph_mapping_row){ph_arena_bytes(arena, row.user), ph_arena_bytes(arena, row.domain),
                                    ph_arena_bytes(arena, row.mapping)};
        result = PH_OK;
    }
    ph_rows_end(&rows);
    return result;
}

void ph_store_mapping_add(struct ph_plan *plan, const struct ph_mapping_row *row)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_MAPPING_INSERT, ph_text(row->user),
                    ph_text(row->domain), ph_text(row->mapping));
}

void ph_store_mapping_remove(struct ph_plan *plan, const struct ph_mapping_row *row)
{
    ph_plan_require(plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_MAPPING_DELETE, ph_text(row->user),
                    ph_text(row->domain), ph_text(row->mapping));
}

void ph_store_mapping_remove_source(struct ph_plan *plan, struct ph_bytes user, struct ph_bytes domain)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_MAPPING_DELETE_SOURCE, ph_text(user), ph_text(domain));
}

void ph_store_mapping_remove_domain(struct ph_plan *plan, struct ph_bytes domain)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_MAPPING_DELETE_DOMAIN, ph_text(domain));
}
