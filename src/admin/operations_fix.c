/* SPDX-License-Identifier: Apache-2.0 */
/* Makes maildrops true again, on a store that several nodes share. */
#include "admin/operations-private.h"
#include "task/fix_pop3.h"

enum { ROWS_PER_SECOND = 500, RATE_MAX = 10000000 };

static int found(const struct ph_fix_pop3_finding *finding, void *ctx, struct ph_error *err)
{
    struct ph_operation *op = ctx;
    char mailbox[PH_UUID_TEXT_LEN + 1];
    char message[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&finding->mailbox, mailbox);
    ph_uuid_format(&finding->message, message);
    const char *kind = ph_fix_pop3_kind_name(finding->kind);
    const char *state = finding->is_fixed ? "repaired" : "found";
    (void)err;
    struct ph_log_line line;
    ph_log_begin(&line, op->admin->log, PH_LOG_WARNING, "check-found");
    ph_log_str(&line, "kind", kind);
    ph_log_str(&line, "state", state);
    ph_log_str(&line, "mailbox", mailbox);
    ph_log_str(&line, "message", message);
    ph_log_end(&line);
    json_t *item = json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "state", state, "mailbox", mailbox,
                             "message", message);
    if (!finding->is_fixed) {
        json_object_set_new(item, "repair", json_string(ph_fix_pop3_kind_repair(finding->kind)));
    }
    return ph_op_item(op, item);
}

/* So that whoever asked sees how far it is, and the task sees whether anybody still wants to. */
static int went_on(const struct ph_fix_pop3_counts *counts, void *ctx, struct ph_error *err)
{
    struct ph_operation *op = ctx;
    (void)err;
    return ph_op_item(op, json_pack("{s:{s:I, s:I, s:I, s:I}}", "progress", "maildrop_rows",
                                    (json_int_t)counts->maildrop_rows, "message_rows",
                                    (json_int_t)counts->message_rows, "found", (json_int_t)counts->found,
                                    "repaired", (json_int_t)counts->fixed));
}

int ph_op_fix_pop3(struct ph_operation *op)
{
    const json_t *arguments = op->request->arguments;
    struct ph_fix_pop3_options options = {
        .db = op->admin->db,
        .clock = op->admin->clock,
        .keeps_floors = ph_mailboxes_keep_floors(op->admin->mailboxes),
        .is_dry_run = json_is_true(json_object_get(arguments, "dry-run")),
        .starts_anew = json_is_true(json_object_get(arguments, "anew")),
        .found = found,
        .went_on = went_on,
        .ctx = op,
    };
    int result = ph_op_number_or(op, "rate", ROWS_PER_SECOND, RATE_MAX, &options.rows_per_second);
    struct ph_fix_pop3_counts counts = {0};
    if (result == PH_OK) {
        result = ph_fix_pop3_run(&options, &counts, op->err);
    }
    json_object_update_new(op->result,
                           json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "maildrop_rows",
                                     (json_int_t)counts.maildrop_rows, "message_rows",
                                     (json_int_t)counts.message_rows, "doubted", (json_int_t)counts.doubted,
                                     "found", (json_int_t)counts.found, "repaired", (json_int_t)counts.fixed,
                                     "resumed", counts.was_resumed ? 1 : 0));
    return result;
}
