/* SPDX-License-Identifier: Apache-2.0 */
/* Fills what old rows lack. */
#include "admin/operations-private.h"
#include "task/denormalize.h"

enum { ROWS_PER_SECOND = 500, RATE_MAX = 10000000 };

static int unreadable(const struct ph_uuid *mailbox, const struct ph_uuid *message,
                      const struct ph_error *why, void *ctx)
{
    struct ph_operation *op = ctx;
    char mailbox_text[PH_UUID_TEXT_LEN + 1];
    char message_text[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(mailbox, mailbox_text);
    ph_uuid_format(message, message_text);
    struct ph_log_line line;
    ph_log_begin(&line, op->admin->log, PH_LOG_WARNING, "check-found");
    ph_log_str(&line, "kind", "content-unreadable");
    ph_log_str(&line, "mailbox", mailbox_text);
    ph_log_str(&line, "message", message_text);
    ph_log_error(&line, why);
    ph_log_end(&line);
    return ph_op_item(op, json_pack("{s:s, s:s, s:s, s:s}", "kind", "content-unreadable", "state", "found",
                                    "mailbox", mailbox_text, "message", message_text));
}

/* So that whoever asked sees how far it is, and the task sees whether anybody still wants to. */
static int went_on(const struct ph_denormalize_counts *counts, void *ctx)
{
    struct ph_operation *op = ctx;
    return ph_op_item(op, json_pack("{s:{s:I, s:I, s:I}}", "progress", "rows", (json_int_t)counts->rows,
                                    "incomplete", (json_int_t)counts->incomplete, "filled",
                                    (json_int_t)counts->filled));
}

int ph_op_denormalize(struct ph_operation *op)
{
    const json_t *arguments = op->request->arguments;
    struct ph_denormalize_options options = {
        .mailboxes = op->admin->mailboxes,
        .clock = op->admin->clock,
        .is_dry_run = json_is_true(json_object_get(arguments, "dry-run")),
        .starts_anew = json_is_true(json_object_get(arguments, "anew")),
        .unreadable = unreadable,
        .went_on = went_on,
        .ctx = op,
    };
    int result = ph_op_number_or(op, "rate", ROWS_PER_SECOND, RATE_MAX, &options.rows_per_second);
    struct ph_denormalize_counts counts = {0};
    if (result == PH_OK) {
        result = ph_denormalize_run(&options, &counts, op->err);
    }
    json_object_update_new(op->result,
                           json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "rows", (json_int_t)counts.rows,
                                     "incomplete", (json_int_t)counts.incomplete, "filled",
                                     (json_int_t)counts.filled, "found", (json_int_t)counts.incomplete,
                                     "repaired", (json_int_t)counts.filled, "unreadable",
                                     (json_int_t)counts.unreadable, "resumed", counts.was_resumed ? 1 : 0));
    return result;
}
