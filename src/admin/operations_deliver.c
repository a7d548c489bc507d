/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message from standard input into local mailboxes. All recipients get it, or none, so that whoever failed may
 * simply try again.
 */
#include "admin/operations-private.h"
#include "delivery/newline.h"

enum { PIECE_BYTES = 32768 };

static void delivered(void *ctx, int result)
{
    ph_op_wait_done(ctx, result);
}

/* Says of every recipient that cannot be, in one text; the class is the last one's, with the temporary ones first. */
static int add_recipients(struct ph_operation *op, struct ph_delivery *delivery)
{
    const json_t *list = json_object_get(op->request->arguments, "rcpt");
    size_t count = json_array_size(list);
    if (count == 0) {
        return ph_fail(op->err, PH_EINVALID, "expected recipients, found none");
    }
    struct ph_buf text = PH_BUF(1024);
    int worst = PH_OK;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_array_get(list, i);
        struct ph_bytes address = ph_bytes_of(json_string_value(value), json_string_length(value));
        unsigned index = 0;
        struct ph_error err = {0};
        int result = ph_delivery_add_recipient(delivery, address, &index, &err);
        if (result == PH_EUNAVAILABLE || result == PH_EUNKNOWN_OUTCOME) {
            ph_buf_fini(&text);
            return ph_fail(op->err, result, "%s", err.text);
        }
        if (result != PH_OK) {
            worst = result;
            ph_buf_printf(&text, "%s%.*s: %s", text.len == 0 ? "" : "; ", (int)address.len,
                          (const char *)address.ptr, err.text);
        }
    }
    if (worst != PH_OK) {
        (void)ph_fail(op->err, worst, "%s; nothing was delivered", ph_buf_cstr(&text));
    }
    ph_buf_fini(&text);
    return worst;
}

static int write_message(struct ph_operation *op, struct ph_delivery *delivery)
{
    struct ph_spool *content = op->request->content;
    struct ph_buf lines = PH_BUF((size_t)2 * PIECE_BYTES);
    uint8_t *piece = ph_arena_alloc(&op->arena, PIECE_BYTES);
    struct ph_newline newline = {0};
    uint8_t last = '\n';
    int result = PH_OK;
    for (uint64_t at = 0; result == PH_OK && content != NULL && at < content->size;) {
        uint64_t left = content->size - at;
        size_t len = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        result = ph_spool_read(content, at, piece, len, op->err);
        if (result == PH_OK) {
            ph_buf_clear(&lines);
            ph_newline_convert(&newline, ph_bytes_of(piece, len), &lines);
            last = piece[len - 1];
            result = ph_delivery_write(delivery, ph_buf_view(&lines), op->err);
        }
        at += len;
    }
    if (result == PH_OK && last != '\n') {
        result = ph_delivery_write(delivery, PH_BYTES("\r\n"), op->err);
    }
    ph_buf_fini(&lines);
    return result;
}

static int submit(struct ph_operation *op, struct ph_delivery *delivery)
{
    const struct ph_trace trace = {.protocol = "local", .tls = "", .helo = PH_BYTES("localhost")};
    struct ph_op_wait wait;
    ph_op_wait_init(&wait);
    ph_delivery_submit(delivery, &trace, delivered, &wait);
    int result = ph_op_wait_end(&wait);
    if (result != PH_OK) {
        return ph_fail(op->err, result, "%s", ph_delivery_error(delivery)->text);
    }
    json_object_set_new(op->result, "id", json_string(ph_delivery_id(delivery)));
    for (unsigned i = 0; i < ph_delivery_recipient_count(delivery); i++) {
        if (ph_delivery_recipient_result(delivery, i) != PH_OK) {
            return ph_fail(op->err, PH_ECONFLICT,
                           "recipient %u was left out: this message has been in that mailbox before", i + 1);
        }
    }
    return PH_OK;
}

/* An address, the name of a user of this machine, or nothing: it will stand in a Return-Path field. */
static int take_sender(struct ph_operation *op, struct ph_bytes *out_sender)
{
    int result = ph_op_text_or(op, "sender", PH_BYTES(""), out_sender);
    if (result == PH_OK && ph_bytes_eq(*out_sender, PH_BYTES("<>"))) {
        *out_sender = (struct ph_bytes){0};
    }
    if (result != PH_OK || out_sender->len == 0) {
        return result;
    }
    struct ph_bytes address = *out_sender;
    if (ph_bytes_find(address, '@') == address.len) {
        address = ph_bytes_str(
            ph_arena_printf(&op->arena, "%.*s@localhost", (int)address.len, (const char *)address.ptr));
    }
    struct ph_error err = {0};
    result = ph_address_canonical(address, &op->arena, &address, &err);
    return result == PH_OK ? PH_OK : ph_fail(op->err, result, "sender: %s", err.text);
}

int ph_op_deliver(struct ph_operation *op)
{
    struct ph_bytes sender;
    int result = take_sender(op, &sender);
    if (result != PH_OK) {
        return result;
    }
    struct ph_delivery *delivery = ph_delivery_new(op->admin->deliveries, sender);
    result = add_recipients(op, delivery);
    if (result == PH_OK) {
        result = write_message(op, delivery);
    }
    if (result == PH_OK) {
        result = submit(op, delivery);
    }
    ph_delivery_free(&delivery);
    return result;
}
