/* SPDX-License-Identifier: Apache-2.0 */
#include "store/page.h"

int ph_store_names_take(struct ph_rows **rows, struct ph_arena *arena, const char *table,
                        struct ph_store_names *out_names, struct ph_error *err)
{
    int result = PH_OK;
    out_names->count = 0;
    while (out_names->count < PH_STORE_PAGE_ROWS && (result = ph_rows_next(*rows, err)) == 1) {
        struct ph_bytes name;
        if (!ph_row_bytes(*rows, 0, &name)) {
            result = ph_fail(err, PH_ECORRUPT, "%s: a row without its name", table);
            break;
        }
        out_names->list[out_names->count++] = ph_arena_bytes(arena, name);
        result = PH_OK;
    }
    ph_rows_end(rows);
    return result;
}

int ph_store_rows_check(struct ph_rows **rows, const char *what, struct ph_bytes name, struct ph_error *err)
{
    int result = ph_rows_next(*rows, err);
    ph_rows_end(rows);
    if (result == 0) {
        return ph_fail(err, PH_ENOTFOUND, "no %s %.*s", what, (int)name.len, (const char *)name.ptr);
    }
    return result == 1 ? PH_OK : result;
}
