/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's side of `posthouse export`, which is a loop of these two; no commands of their own.
 *
 *     export mailboxes {user} -> an item for each: {name, uid_validity, uid_next, messages}
 *     export messages {user, mailbox, after} -> messages by UID, from the one behind AFTER: an item
 *         {uid, id, octets, flags, keywords, uidl, date, saved}, then the octets. An item {uid, error} takes back what came
 *         of the message before. The result says {more}: there are more behind the last.
 */
#include <stdlib.h>

#include "admin/operations-private.h"
#include "store/counter.h"
#include "store/message_id.h"
#include "store/pop3_metadata.h"

enum { READ_BYTES = 65536, ANSWER_BYTES = 4 << 20 };

static const struct ph_access administrator = {.is_administrator = true};

static int each_mailbox(const struct ph_mailbox *mailbox, void *ctx)
{
    struct ph_operation *op = ctx;
    uint64_t uid = 0;
    uint64_t modseq = 0;
    struct ph_pop3_entry *entries = NULL;
    size_t count = 0;
    int result = ph_store_counters_get(op->admin->db, &mailbox->id, &uid, &modseq, op->err);
    if (result == PH_OK) {
        result =
            ph_store_pop3_metadata_list(op->admin->db, &mailbox->id, SIZE_MAX, &entries, &count, op->err);
    }
    free(entries);
    return result != PH_OK
               ? result
               : ph_op_item(op, json_pack("{s:o, s:I, s:I, s:I}", "name", ph_op_string(mailbox->name),
                                          "uid_validity", (json_int_t)mailbox->uid_validity, "uid_next",
                                          (json_int_t)uid + 1, "messages", (json_int_t)count));
}

int ph_op_export_mailboxes(struct ph_operation *op)
{
    struct ph_bytes user;
    int result = ph_op_user(op, &user);
    return result == PH_OK
               ? ph_mailbox_list(op->admin->mailboxes, &administrator, user, each_mailbox, op, op->err)
               : result;
}

static int send_content(struct ph_operation *op, const struct ph_mailbox *mailbox,
                        const struct ph_message_listed *message, uint64_t *out_sent, struct ph_error *err)
{
    struct ph_message_reader reader;
    int result =
        ph_message_open(op->admin->mailboxes, &administrator, mailbox, &message->message_id, &reader, err);
    if (result != PH_OK) {
        return result;
    }
    char id[PH_UUID_TEXT_LEN + 1];
    ph_uuid_format(&message->message_id, id);
    struct ph_bytes uidl =
        message->kept.uidl.len > 0 ? message->kept.uidl : ph_bytes_of(id, PH_UUID_TEXT_LEN);
    result = ph_op_item(
        op, json_pack("{s:I, s:s, s:I, s:I, s:o, s:o, s:I, s:I}", "uid", (json_int_t)message->uid, "id", id,
                      "octets", (json_int_t)reader.size, "flags", (json_int_t)message->kept.flags, "keywords",
                      ph_op_string(message->kept.keywords), "uidl", ph_op_string(uidl), "date",
                      (json_int_t)message->internal_date_ms, "saved", (json_int_t)message->save_date_ms));
    struct ph_buf piece = PH_BUF((size_t)4 * READ_BYTES);
    bool has_more = true;
    while (result == PH_OK && has_more) {
        ph_buf_clear(&piece);
        result = ph_message_read(op->admin->mailboxes, &reader, READ_BYTES, &piece, err);
        has_more = piece.len > 0;
        if (result == PH_OK && has_more) {
            result = op->sink->octets(op->sink->ctx, ph_buf_view(&piece), err);
            *out_sent += piece.len;
        }
    }
    ph_buf_fini(&piece);
    ph_message_close(&reader);
    return result;
}

static int send_message(struct ph_operation *op, const struct ph_mailbox *mailbox,
                        const struct ph_message_listed *message, uint64_t *out_sent)
{
    struct ph_error err = {0};
    int result = send_content(op, mailbox, message, out_sent, &err);
    if (result == PH_ENOTFOUND) {
        return PH_OK; /* deleted since the listing */
    }
    if (result == PH_ECORRUPT) {
        return ph_op_item(op, json_pack("{s:I, s:o}", "uid", (json_int_t)message->uid, "error",
                                        ph_op_string(ph_bytes_str(err.text))));
    }
    if (err.code != PH_OK) {
        *op->err = err;
    }
    return result;
}

int ph_op_export_messages(struct ph_operation *op)
{
    struct ph_bytes user;
    struct ph_bytes name = {0};
    struct ph_mailbox mailbox;
    int result = ph_op_user(op, &user);
    if (result == PH_OK) {
        result = ph_op_text(op, "mailbox", &name);
    }
    if (result == PH_OK) {
        result =
            ph_mailbox_open(op->admin->mailboxes, &administrator, user, name, &op->arena, &mailbox, op->err);
    }
    if (result != PH_OK) {
        return result;
    }
    uint64_t after = (uint64_t)json_integer_value(json_object_get(op->request->arguments, "after"));
    struct ph_message_page *page = ph_arena_alloc(&op->arena, sizeof *page);
    result = ph_store_message_id_page(op->admin->db, &mailbox.id, after, &op->arena, page, op->err);
    uint64_t sent = 0;
    size_t i = 0;
    for (; result == PH_OK && i < page->count && sent < ANSWER_BYTES; i++) {
        result = send_message(op, &mailbox, &page->list[i], &sent);
    }
    bool has_more = i < page->count || page->count == PH_MESSAGE_PAGE_ROWS;
    json_object_set_new(op->result, "more", json_boolean(has_more));
    json_object_set_new(op->result, "last", json_integer(i == 0 ? 0 : (json_int_t)page->list[i - 1].uid));
    return result;
}
