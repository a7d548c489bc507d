/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes and the messages in them. */
#include <time.h>

#include "admin/operations-private.h"

enum { READ_BYTES = 65536, IDS_MAX = 4096 };

static const struct ph_access administrator = {.is_administrator = true};

/* ---- Mailboxes ---- */

struct counts {
    uint64_t messages;
    uint64_t octets;
};

static int count_message(const struct ph_message *message, void *ctx)
{
    struct counts *counts = ctx;
    counts->messages++;
    counts->octets += message->size;
    return 0;
}

static int each_mailbox(const struct ph_mailbox *mailbox, void *ctx)
{
    struct ph_operation *op = ctx;
    struct counts counts = {0};
    int result =
        ph_message_list(op->admin->mailboxes, &administrator, mailbox, count_message, &counts, op->err);
    if (result != PH_OK) {
        return result;
    }
    char id[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&mailbox->id, id);
    return ph_op_item(op,
                      json_pack("{s:o, s:I, s:I, s:s}", "name", ph_op_string(mailbox->name), "messages",
                                (json_int_t)counts.messages, "octets", (json_int_t)counts.octets, "id", id));
}

int ph_op_mailbox_list(struct ph_operation *op)
{
    struct ph_bytes user;
    int result = ph_op_user(op, &user);
    return result == PH_OK
               ? ph_mailbox_list(op->admin->mailboxes, &administrator, user, each_mailbox, op, op->err)
               : result;
}

int ph_op_mailbox_create(struct ph_operation *op)
{
    struct ph_bytes user;
    struct ph_bytes name;
    int result = ph_op_user(op, &user);
    if (result == PH_OK) {
        result = ph_op_text(op, "name", &name);
    }
    return result == PH_OK ? ph_mailbox_create(op->admin->mailboxes, &administrator, user, name, op->err)
                           : result;
}

int ph_op_mailbox_delete(struct ph_operation *op)
{
    struct ph_bytes user;
    struct ph_bytes name;
    int result = ph_op_user(op, &user);
    if (result == PH_OK) {
        result = ph_op_text(op, "name", &name);
    }
    return result == PH_OK ? ph_mailbox_delete(op->admin->mailboxes, &administrator, user, name, op->err)
                           : result;
}

/* ---- Messages ---- */

static int open_mailbox(struct ph_operation *op, struct ph_mailbox *out_mailbox)
{
    struct ph_bytes user;
    struct ph_bytes name = {0};
    int result = ph_op_user(op, &user);
    if (result == PH_OK) {
        result = ph_op_text_or(op, "mailbox", PH_BYTES("INBOX"), &name);
    }
    if (result == PH_OK) {
        result = ph_mailbox_open(op->admin->mailboxes, &administrator, user, name, &op->arena, out_mailbox,
                                 op->err);
    }
    return result;
}

static int parse_id(struct ph_operation *op, const json_t *value, struct ph_uuid *out_id)
{
    if (!json_is_string(value)) {
        return ph_fail(op->err, PH_EINVALID, "expected the id of a message");
    }
    struct ph_bytes text = ph_bytes_of(json_string_value(value), json_string_length(value));
    if (ph_uuid_parse(text, out_id) != PH_OK) {
        return ph_fail(op->err, PH_EINVALID, "expected the id of a message, found \"%.*s\"",
                       (int)(text.len > 60 ? 60 : text.len), (const char *)text.ptr);
    }
    return PH_OK;
}

static int each_message(const struct ph_message *message, void *ctx)
{
    char id[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&message->id, id);
    time_t seconds = (time_t)(message->internal_date_ms / 1000);
    struct tm parts;
    char date[32] = "";
    if (gmtime_r(&seconds, &parts) != NULL) {
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    return ph_op_item(
        ctx, json_pack("{s:s, s:I, s:s}", "id", id, "octets", (json_int_t)message->size, "date", date));
}

int ph_op_message_list(struct ph_operation *op)
{
    struct ph_mailbox mailbox;
    int result = open_mailbox(op, &mailbox);
    return result == PH_OK
               ? ph_message_list(op->admin->mailboxes, &administrator, &mailbox, each_message, op, op->err)
               : result;
}

int ph_op_message_show(struct ph_operation *op)
{
    struct ph_mailbox mailbox;
    struct ph_uuid id;
    struct ph_message_reader reader;
    int result = open_mailbox(op, &mailbox);
    if (result == PH_OK) {
        result = parse_id(op, json_object_get(op->request->arguments, "id"), &id);
    }
    if (result == PH_OK) {
        result = ph_message_open(op->admin->mailboxes, &administrator, &mailbox, &id, &reader, op->err);
    }
    if (result != PH_OK) {
        return result;
    }
    struct ph_buf piece = PH_BUF((size_t)4 * READ_BYTES);
    do {
        ph_buf_clear(&piece);
        result = ph_message_read(op->admin->mailboxes, &reader, READ_BYTES, &piece, op->err);
        if (result == PH_OK && piece.len > 0) {
            result = op->sink->octets(op->sink->ctx, ph_buf_view(&piece), op->err);
        }
    } while (result == PH_OK && piece.len > 0);
    ph_buf_fini(&piece);
    ph_message_close(&reader);
    return result;
}

int ph_op_message_delete(struct ph_operation *op)
{
    struct ph_mailbox mailbox;
    int result = open_mailbox(op, &mailbox);
    if (result != PH_OK) {
        return result;
    }
    const json_t *list = json_object_get(op->request->arguments, "id");
    size_t count = json_array_size(list);
    if (count == 0 || count > IDS_MAX) {
        return ph_fail(op->err, PH_EINVALID, "expected 1 to %d ids of messages", IDS_MAX);
    }
    struct ph_uuid *ids = ph_arena_alloc(&op->arena, count * sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        result = parse_id(op, json_array_get(list, i), &ids[i]);
        if (result != PH_OK) {
            return result;
        }
    }
    struct ph_plan plan;
    size_t found = 0;
    ph_plan_init(&plan, &op->arena);
    result = ph_message_expunge(op->admin->mailboxes, &administrator, &mailbox, ids, count, &plan, &found,
                                op->err);
    if (result == PH_OK) {
        result = ph_db_apply(op->admin->db, &plan, op->err);
    }
    if (result == PH_OK && found < count) {
        result = ph_fail(op->err, PH_ENOTFOUND, "%zu of %zu messages were not there", count - found, count);
    }
    json_object_set_new(op->result, "deleted", json_integer((json_int_t)found));
    return result;
}
