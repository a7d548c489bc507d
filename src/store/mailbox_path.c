/* SPDX-License-Identifier: Apache-2.0 */
#include "store/mailbox_path.h"

struct ph_db_read ph_store_mailbox_read(const struct ph_mailbox_row *row, struct ph_value params[2])
{
    params[0] = ph_text(row->user);
    params[1] = ph_text(row->name);
    return (struct ph_db_read){PH_STMT_MAILBOX_PATH_GET, 2, params};
}

int ph_store_mailbox_take(struct ph_rows *rows, struct ph_mailbox_row *row, struct ph_error *err)
{
    int result = ph_rows_next(rows, err);
    if (result == 1) {
        int64_t uid_validity = 0;
        bool is_whole = ph_row_uuid(rows, 0, &row->id);
        (void)ph_row_i64(rows, 1, &uid_validity);
        row->uid_validity = (uint32_t)uid_validity;
        result = is_whole ? PH_OK : ph_fail(err, PH_ECORRUPT, "mailboxPathV3: a row without mailboxId");
    } else if (result == 0) {
        result = ph_fail(err, PH_ENOTFOUND, "no mailbox %.*s of %.*s", (int)row->name.len,
                         (const char *)row->name.ptr, (int)row->user.len, (const char *)row->user.ptr);
    }
    return result;
}

int ph_store_mailbox_get(struct ph_db *db, struct ph_mailbox_row *row, struct ph_error *err)
{
    struct ph_rows *rows;
    int result =
        ph_db_query(db, &rows, err, PH_STMT_MAILBOX_PATH_GET, ph_text(row->user), ph_text(row->name));
    if (result == PH_OK) {
        result = ph_store_mailbox_take(rows, row, err);
        ph_rows_end(&rows);
    }
    return result;
}

int ph_store_mailbox_list(struct ph_db *db, struct ph_bytes user,
                          int (*each)(const struct ph_mailbox_row *row, void *ctx), void *ctx,
                          struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_MAILBOX_PATH_LIST, ph_text(user));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_mailbox_row row = {.user = user};
        int64_t uid_validity = 0;
        (void)ph_row_i64(rows, 2, &uid_validity);
        row.uid_validity = (uint32_t)uid_validity;
        if (!ph_row_bytes(rows, 0, &row.name) || !ph_row_uuid(rows, 1, &row.id)) {
            result = ph_fail(err, PH_ECORRUPT, "mailboxPathV3: a row without mailboxId");
            break;
        }
        result = each(&row, ctx);
        if (result != 0) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}

static void add(struct ph_plan *plan, enum ph_stmt path, const struct ph_mailbox_row *row, int if_exists)
{
    ph_plan_require(plan, if_exists, PH_STAGE_TRUTH, path, ph_text(row->user), ph_text(row->name),
                    ph_uuid_value(&row->id), ph_i64(row->uid_validity));
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_MAILBOX_INSERT, ph_uuid_value(&row->id),
                ph_text(row->user), ph_text(row->name), ph_i64(row->uid_validity));
}

void ph_store_mailbox_add(struct ph_plan *plan, const struct ph_mailbox_row *row, int if_exists)
{
    add(plan, PH_STMT_MAILBOX_PATH_INSERT, row, if_exists);
}

void ph_store_mailbox_keep(struct ph_plan *plan, const struct ph_mailbox_row *row)
{
    add(plan, PH_STMT_MAILBOX_PATH_KEEP, row, PH_EBUSY);
}

void ph_store_mailbox_set_uid_validity(struct ph_plan *plan, const struct ph_mailbox_row *row)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_MAILBOX_PATH_SET_UIDVALIDITY,
                    ph_text(row->user), ph_text(row->name), ph_i64(row->uid_validity),
                    ph_uuid_value(&row->id));
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_MAILBOX_SET_UIDVALIDITY, ph_uuid_value(&row->id),
                ph_i64(row->uid_validity));
}

void ph_store_mailbox_remove(struct ph_plan *plan, const struct ph_mailbox_row *row)
{
    ph_plan_add(plan, PH_STAGE_REMOVE_PROJECTION, PH_STMT_MAILBOX_DELETE, ph_uuid_value(&row->id));
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_MAILBOX_PATH_DELETE, ph_text(row->user),
                ph_text(row->name));
}

void ph_store_mailbox_rename(struct ph_plan *plan, const struct ph_mailbox_row *old,
                             const struct ph_mailbox_row *new)
{
    ph_plan_require(plan, PH_ECONFLICT, PH_STAGE_TRUTH, PH_STMT_MAILBOX_PATH_INSERT, ph_text(new->user),
                    ph_text(new->name), ph_uuid_value(&new->id), ph_i64(new->uid_validity));
    ph_plan_add(plan, PH_STAGE_PROJECTION, PH_STMT_MAILBOX_RENAME, ph_uuid_value(&new->id),
                ph_text(new->name));
    ph_plan_add(plan, PH_STAGE_REMOVE_TRUTH, PH_STMT_MAILBOX_PATH_DELETE, ph_text(old->user),
                ph_text(old->name));
}

int ph_store_mailbox_id_is_of_another(struct ph_db *db, const struct ph_mailbox_row *row, bool *out_is,
                                      struct ph_error *err)
{
    struct ph_rows *rows;
    struct ph_bytes name;
    *out_is = false;
    int result = ph_db_query(db, &rows, err, PH_STMT_MAILBOX_NAME_GET, ph_uuid_value(&row->id));
    if (result != PH_OK) {
        return result;
    }
    result = ph_rows_next(rows, err);
    if (result == 1) {
        *out_is = ph_row_bytes(rows, 0, &name) && !ph_bytes_eq(name, row->name);
        result = PH_OK;
    }
    ph_rows_end(&rows);
    return result;
}
