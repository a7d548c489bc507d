/* SPDX-License-Identifier: Apache-2.0 */
#include "store/message_listing.h"

#include <stdlib.h>

#include "base/mem.h"

struct listing {
    const struct ph_uuid *mailbox_id;
    int (*each)(const struct ph_message_row *row, void *ctx, struct ph_error *err);
    void *ctx;
    bool wants_envelope;
    bool wants_structure;
};

/* An empty blob is there; its view has a pointer all the same. */
static void take_blob(const struct ph_rows *rows, unsigned column, struct ph_bytes *out)
{
    struct ph_bytes octets;
    if (ph_row_bytes(rows, column, &octets)) {
        *out = ph_bytes_of(octets.ptr == NULL ? (const uint8_t *)"" : octets.ptr, octets.len);
    }
}

static int take(struct ph_rows *rows, size_t index, void *ctx, struct ph_error *err)
{
    (void)index;
    const struct listing *listing = ctx;
    int result;
    while ((result = ph_rows_next(rows, err)) == 1) {
        struct ph_message_row row = {.mailbox_id = *listing->mailbox_id, .has_uid = true};
        int64_t uid;
        if (!ph_row_i64(rows, 0, &uid) || !ph_row_uuid(rows, 1, &row.message_id)) {
            return ph_fail(err, PH_ECORRUPT, "messageIdTable: a row without uid or messageId");
        }
        row.uid = (uint64_t)uid;
        ph_message_row_fill(&row, rows, 2);
        row.has_save_date = ph_row_i64(rows, 7, &row.save_date_ms);
        if (listing->wants_envelope) {
            take_blob(rows, 8, &row.envelope);
        }
        if (listing->wants_structure) {
            take_blob(rows, 9, &row.bodystructure);
        }
        result = listing->each(&row, listing->ctx, err);
        if (result != PH_OK) {
            return result;
        }
    }
    return result;
}

int ph_store_message_listing(struct ph_db *db, const struct ph_uuid *mailbox_id,
                             const struct ph_listing_run *runs, size_t count, bool wants_envelope,
                             bool wants_structure,
                             int (*each)(const struct ph_message_row *row, void *ctx, struct ph_error *err),
                             void *ctx, struct ph_error *err)
{
    enum ph_stmt stmt = wants_envelope && wants_structure ? PH_STMT_MESSAGE_ID_ROWS_SUMMARY
                        : wants_envelope                  ? PH_STMT_MESSAGE_ID_ROWS_ENVELOPE
                        : wants_structure                 ? PH_STMT_MESSAGE_ID_ROWS_STRUCTURE
                                                          : PH_STMT_MESSAGE_ID_ROWS;
    struct listing listing = {mailbox_id, each, ctx, wants_envelope, wants_structure};
    struct ph_value(*params)[3] = ph_alloc((count + 1) * sizeof *params);
    struct ph_db_read *reads = ph_alloc((count + 1) * sizeof *reads);
    for (size_t i = 0; i < count; i++) {
        params[i][0] = ph_uuid_value(mailbox_id);
        params[i][1] = ph_i64((int64_t)runs[i].first);
        params[i][2] = ph_i64((int64_t)runs[i].last);
        reads[i] = (struct ph_db_read){stmt, 3, params[i]};
    }
    int result = ph_db_query_each(db, reads, count, NULL, take, &listing, err);
    free(reads);
    free(params);
    return result;
}
