/* SPDX-License-Identifier: Apache-2.0 */
#include "store/user.h"

static struct ph_bytes column(const struct ph_rows *rows, unsigned at, struct ph_arena *arena)
{
    struct ph_bytes value;
    return ph_row_bytes(rows, at, &value) ? ph_arena_bytes(arena, value) : (struct ph_bytes){0};
}

struct ph_db_read ph_store_user_read(struct ph_bytes name, struct ph_value params[1])
{
    params[0] = ph_text(name);
    return (struct ph_db_read){PH_STMT_USER_GET, 1, params};
}

int ph_store_user_take(struct ph_rows *rows, struct ph_bytes name, struct ph_arena *arena,
                       struct ph_user_row *out_row, struct ph_error *err)
{
    int result = ph_rows_next(rows, err);
    if (result == 1) {
        int64_t iterations = 0;
        *out_row = (struct ph_user_row){
            .name = ph_arena_bytes(arena, name),
            .password = column(rows, 0, arena),
            .alg = column(rows, 1, arena),
            .scram_salt = column(rows, 2, arena),
            .scram_stored_key = column(rows, 4, arena),
            .scram_server_key = column(rows, 5, arena),
        };
        out_row->has_scram = ph_row_i64(rows, 3, &iterations) && iterations > 0 && iterations <= UINT32_MAX &&
                             out_row->scram_salt.len > 0 && out_row->scram_stored_key.len > 0 &&
                             out_row->scram_server_key.len > 0;
        out_row->scram_iterations = out_row->has_scram ? (uint32_t)iterations : 0;
        result = PH_OK;
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "no user %.*s", (int)name.len, (const char *)name.ptr);
    }
    return result;
}

int ph_store_user_get(struct ph_db *db, struct ph_bytes name, struct ph_arena *arena,
                      struct ph_user_row *out_row, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_USER_GET, ph_text(name));
    if (result == PH_OK) {
        result = ph_store_user_take(rows, name, arena, out_row, err);
        ph_rows_end(&rows);
    }
    return result;
}

int ph_store_user_check(struct ph_db *db, struct ph_bytes name, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_USER_CHECK, ph_text(name));
    return result == PH_OK ? ph_store_rows_check(&rows, "user", name, err) : result;
}

int ph_store_user_page(struct ph_db *db, struct ph_bytes domain, struct ph_bytes after,
                       struct ph_arena *arena, struct ph_store_names *out_names, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = domain.len == 0 ? ph_db_query(db, &rows, err, PH_STMT_USER_PAGE, ph_text(after),
                                               ph_i64(PH_STORE_PAGE_ROWS))
                                 : ph_db_query(db, &rows, err, PH_STMT_USER_PAGE_OF_DOMAIN, ph_text(after),
                                               ph_i64(PH_STORE_PAGE_ROWS), ph_text(domain));
    return result == PH_OK ? ph_store_names_take(&rows, arena, "user", out_names, err) : result;
}

static struct ph_value scram_value(const struct ph_user_row *row, struct ph_bytes value)
{
    return row->has_scram ? ph_blob(value) : ph_null();
}

void ph_store_user_add(struct ph_plan *plan, const struct ph_user_row *row, struct ph_bytes domain)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_USER_INSERT, ph_text(row->name),
                    ph_text(domain), ph_text(row->password), ph_text(row->alg),
                    scram_value(row, row->scram_salt),
                    row->has_scram ? ph_i64(row->scram_iterations) : ph_null(),
                    scram_value(row, row->scram_stored_key), scram_value(row, row->scram_server_key));
}

void ph_store_user_set_password(struct ph_plan *plan, const struct ph_user_row *row)
{
    ph_plan_require(plan, PH_ENOTFOUND, PH_STAGE_TRUTH, PH_STMT_USER_UPDATE_PASSWORD, ph_text(row->name),
                    ph_text(row->password), ph_text(row->alg), scram_value(row, row->scram_salt),
                    row->has_scram ? ph_i64(row->scram_iterations) : ph_null(),
                    scram_value(row, row->scram_stored_key), scram_value(row, row->scram_server_key));
}

void ph_store_user_renew(struct ph_plan *plan, const struct ph_user_row *row, struct ph_bytes seen,
                         uint64_t seen_us)
{
    ph_plan_add(plan, PH_STAGE_TRUTH, PH_STMT_USER_RENEW, ph_text(row->name), ph_text(row->password),
                ph_text(row->alg), scram_value(row, row->scram_salt),
                row->has_scram ? ph_i64(row->scram_iterations) : ph_null(),
                scram_value(row, row->scram_stored_key), scram_value(row, row->scram_server_key),
                ph_text(seen), ph_i64((int64_t)seen_us));
}

void ph_store_user_remove(struct ph_plan *plan, struct ph_bytes name)
{
    ph_plan_require(plan, PH_ENOTFOUND, PH_STAGE_REMOVE_TRUTH, PH_STMT_USER_DELETE, ph_text(name));
}
