/* SPDX-License-Identifier: Apache-2.0 */
#include "store/walk.h"

static int walk(struct ph_db *db, enum ph_stmt stmt, bool is_mailbox_first, int64_t after, ph_walk_each *each,
                void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, stmt, ph_i64(after));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_walk_row row = {0};
        int64_t size;
        struct ph_uuid *first = is_mailbox_first ? &row.mailbox_id : &row.message_id;
        struct ph_uuid *second = is_mailbox_first ? &row.message_id : &row.mailbox_id;
        if (!ph_row_i64(rows, 0, &row.token) || !ph_row_uuid(rows, 1, first) ||
            !ph_row_uuid(rows, 2, second)) {
            result = ph_fail(err, PH_ECORRUPT, "%s: a row without its key", ph_stmt_info(stmt)->name);
            break;
        }
        row.has_size = ph_row_i64(rows, 3, &size) && size >= 0;
        row.size = row.has_size ? (uint64_t)size : 0;
        result = each(&row, ctx, err);
        if (result != PH_OK) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}

int ph_store_pop3_metadata_walk(struct ph_db *db, int64_t after, ph_walk_each *each, void *ctx,
                                struct ph_error *err)
{
    return walk(db, PH_STMT_POP3_METADATA_WALK, true, after, each, ctx, err);
}

int ph_store_imap_uid_walk(struct ph_db *db, int64_t after, ph_walk_each *each, void *ctx,
                           struct ph_error *err)
{
    return walk(db, PH_STMT_IMAP_UID_WALK, false, after, each, ctx, err);
}

int ph_store_imap_uid_content_walk(struct ph_db *db, int64_t after,
                                   int (*each)(const struct ph_walk_content *row, void *ctx,
                                               struct ph_error *err),
                                   void *ctx, struct ph_error *err)
{
    struct ph_rows *rows;
    int result = ph_db_query(db, &rows, err, PH_STMT_IMAP_UID_CONTENT_WALK, ph_i64(after));
    if (result != PH_OK) {
        return result;
    }
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_walk_content row = {0};
        if (!ph_row_i64(rows, 0, &row.token) || !ph_row_uuid(rows, 1, &row.message_id) ||
            !ph_row_blob_id(rows, 2, &row.header) || !ph_row_blob_id(rows, 3, &row.body)) {
            result = ph_fail(err, PH_ECORRUPT, "imapUidTable: a row that does not name its content");
            break;
        }
        result = each(&row, ctx, err);
        if (result != PH_OK) {
            break;
        }
    }
    ph_rows_end(&rows);
    return result;
}
