/* SPDX-License-Identifier: Apache-2.0 */
/* Removes content that no message refers to, from a store that several nodes share. */
#include "admin/operations-private.h"
#include "task/orphans.h"

enum { ROWS_PER_SECOND = 500, RATE_MAX = 10000000, AGE_HOURS = 24, AGE_HOURS_MAX = 24 * 366 };

static int found(const struct ph_orphans_finding *finding, void *ctx, struct ph_error *err)
{
    struct ph_operation *op = ctx;
    char blob[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&finding->blob, blob);
    const char *state = finding->is_removed ? "repaired" : "found";
    (void)err;
    struct ph_log_line line;
    ph_log_begin(&line, op->admin->log, PH_LOG_WARNING, "check-found");
    ph_log_str(&line, "kind", "content-orphaned");
    ph_log_str(&line, "state", state);
    ph_log_str(&line, "blob", blob);
    ph_log_end(&line);
    json_t *item = json_pack("{s:s, s:s, s:s}", "kind", "content-orphaned", "state", state, "blob", blob);
    if (!finding->is_removed) {
        json_object_set_new(item, "repair", json_string("removes it"));
    }
    return ph_op_item(op, item);
}

static int went_on(const struct ph_orphans_counts *counts, void *ctx, struct ph_error *err)
{
    struct ph_operation *op = ctx;
    (void)err;
    return ph_op_item(op, json_pack("{s:{s:I, s:I, s:I, s:I}}", "progress", "message_rows",
                                    (json_int_t)counts->message_rows, "blobs", (json_int_t)counts->blobs,
                                    "doubted", (json_int_t)counts->doubted, "removed",
                                    (json_int_t)counts->removed));
}

int ph_op_remove_orphans(struct ph_operation *op)
{
    const json_t *arguments = op->request->arguments;
    struct ph_orphans_options options = {
        .db = op->admin->db,
        .blobs = op->admin->blobs,
        .clock = op->admin->clock,
        .is_dry_run = json_is_true(json_object_get(arguments, "dry-run")),
        .starts_anew = json_is_true(json_object_get(arguments, "anew")),
        .found = found,
        .went_on = went_on,
        .ctx = op,
    };
    unsigned hours = 0;
    int result = ph_op_number_or(op, "rate", ROWS_PER_SECOND, RATE_MAX, &options.rows_per_second);
    if (result == PH_OK) {
        result = ph_op_number_or(op, "age", AGE_HOURS, AGE_HOURS_MAX, &hours);
    }
    if (result == PH_OK && hours == 0) {
        result = ph_fail(op->err, PH_EINVALID, "--age: what is younger than an hour may yet get its message");
    }
    options.grace_ms = hours * UINT64_C(3600000);
    struct ph_orphans_counts counts = {0};
    if (result == PH_OK) {
        result = ph_orphans_run(&options, &counts, op->err);
    }
    json_object_update_new(
        op->result, json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "message_rows",
                              (json_int_t)counts.message_rows, "blobs", (json_int_t)counts.blobs, "doubted",
                              (json_int_t)counts.doubted, "found", (json_int_t)counts.found, "repaired",
                              (json_int_t)counts.removed, "resumed", counts.was_resumed ? 1 : 0));
    return result;
}
