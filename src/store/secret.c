/* SPDX-License-Identifier: Apache-2.0 */
#include "store/secret.h"

enum { SECRET_MAX = 64 };

static int read_secret(struct ph_db *db, const char *name, uint8_t *out_value, size_t len,
                       struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_SECRET_GET, ph_text_str(name));
    if (result != PH_OK) {
        return result;
    }
    struct ph_bytes value;
    result = ph_rows_next(rows, err);
    if (result == 0) {
        result = PH_ENOTFOUND;
    } else if (result == 1) {
        if (ph_row_bytes(rows, 0, &value) && value.len == len) {
            memcpy(out_value, value.ptr, len);
            result = PH_OK;
        } else {
            result = ph_fail(err, PH_ECORRUPT, "secret %s: not %zu octets", name, len);
        }
    }
    ph_rows_end(&rows);
    return result;
}

int ph_store_secret_get(struct ph_db *db, const struct ph_rand *rand, const char *name, uint8_t *out_value,
                        size_t len, struct ph_error *err)
{
    uint8_t fresh[SECRET_MAX];
    if (len > sizeof fresh) {
        return ph_fail(err, PH_EBUG, "secret %s: longer than %d octets", name, SECRET_MAX);
    }
    int result = read_secret(db, name, out_value, len, err);
    if (result != PH_ENOTFOUND) {
        return result;
    }
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 0);
    ph_plan_init(&plan, &arena);
    ph_rand_fill(rand, fresh, len);
    ph_plan_add(&plan, PH_STAGE_TRUTH, PH_STMT_SECRET_INSERT, ph_text_str(name),
                ph_blob(ph_bytes_of(fresh, len)));
    result = ph_db_apply(db, &plan, err);
    ph_arena_fini(&arena);
    if (result == PH_OK) {
        result = read_secret(db, name, out_value, len, err);
    }
    return result == PH_ENOTFOUND ? ph_fail(err, PH_ECORRUPT, "secret %s: written and gone", name) : result;
}
