/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading messages. The row of imapUidTable tells all that a reader needs; messageV3 is asked only for what a row
 * made elsewhere lacks.
 */
#include <stdlib.h>

#include "mailbox/mailbox-private.h"
#include "store/message.h"

int ph_message_row_complete(struct ph_mailboxes *mailboxes, struct ph_message_row *row, struct ph_error *err)
{
    int result = PH_OK;
    if (!ph_message_row_is_complete(row)) {
        result = ph_store_message_complete(mailboxes->db, row, err);
    }
    if (result == PH_OK && !ph_message_row_is_complete(row)) {
        char text[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(&row->message_id, text);
        result = ph_fail(err, PH_ECORRUPT,
                         "message %s: neither imapUidTable nor messageV3 has all its columns", text);
    }
    return result;
}

int ph_message_row_get(struct ph_mailboxes *mailboxes, const struct ph_uuid *mailbox,
                       const struct ph_uuid *id, struct ph_message_row *out_row, struct ph_error *err)
{
    int result = ph_store_imap_uid_get(mailboxes->db, id, mailbox, out_row, err);
    return result != PH_OK ? result : ph_message_row_complete(mailboxes, out_row, err);
}

static void message_of(const struct ph_message_row *row, struct ph_message *out_message)
{
    *out_message = (struct ph_message){
        .id = row->message_id,
        .uid = row->uid,
        .has_uid = row->has_uid,
        .size = row->full_content_octets,
        .internal_date_ms = row->internal_date_ms,
        .header_blob = row->header_content,
        .body_blob = row->body_content,
        .header_bytes = row->body_start_octet,
    };
}

int ph_message_get(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                   const struct ph_mailbox *mailbox, const struct ph_uuid *id, struct ph_message *out_message,
                   struct ph_error *err)
{
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_READ, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_message_row row;
    result = ph_message_row_get(mailboxes, &mailbox->id, id, &row, err);
    if (result == PH_OK) {
        message_of(&row, out_message);
    }
    return result;
}

int ph_message_list(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *mailbox,
                    int (*each)(const struct ph_message *message, void *ctx), void *ctx, struct ph_error *err)
{
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_READ, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_pop3_entry *entries;
    size_t count;
    result = ph_listing_read(mailboxes, &mailbox->id, SIZE_MAX, NULL, &entries, &count, NULL, NULL, err);
    for (size_t i = 0; result == PH_OK && i < count; i++) {
        struct ph_message_row row;
        result = ph_message_row_get(mailboxes, &mailbox->id, &entries[i].message_id, &row, err);
        if (result == PH_OK) {
            struct ph_message message;
            message_of(&row, &message);
            result = each(&message, ctx);
        } else if (result == PH_ENOTFOUND) {
            result = PH_OK; /* deleted since the listing */
        }
    }
    free(entries);
    return result;
}

/* ---- Content ---- */

static const uint64_t ARRIVAL_US = 24ULL * 3600 * 1000000;

/* Content that is not there: was the message deleted since its row was read, or is it lost? */
static int judge_missing(struct ph_mailboxes *mailboxes, const struct ph_message_row *row,
                         struct ph_error *err)
{
    struct ph_message_row now;
    int result = ph_store_imap_uid_get(mailboxes->db, &row->message_id, &row->mailbox_id, &now, err);
    if (result == PH_OK) {
        char text[PH_UUID_TEXT_LEN + 1];
        ph_uuid_format(&row->message_id, text);
        /* What comes from another datacenter comes in any order, and late after its link was down. */
        if (mailboxes->has_nodes &&
            ph_real_us(mailboxes->clock) < ph_uuid_unix_us(&row->message_id) + ARRIVAL_US) {
            return ph_fail(err, PH_EUNAVAILABLE, "message %s: its content is not here yet", text);
        }
        return ph_fail(err, PH_ECORRUPT, "message %s: its content is gone", text);
    }
    return result;
}

int ph_message_row_open(struct ph_mailboxes *mailboxes, struct ph_message_row *row, enum ph_message_part part,
                        struct ph_message_reader *out_reader, struct ph_error *err)
{
    *out_reader = (struct ph_message_reader){.size = row->full_content_octets};
    if (row->body_start_octet > row->full_content_octets) {
        return ph_fail(err, PH_ECORRUPT, "imapUidTable: a message that ends before its body starts");
    }
    uint64_t body_octets = row->full_content_octets - row->body_start_octet;
    ph_blob_reader_init(&out_reader->header, &row->header_content, row->body_start_octet);
    ph_blob_reader_init(&out_reader->body, &row->body_content, body_octets);
    struct ph_blob_reader *const readers[] = {&out_reader->header, &out_reader->body};
    int result = ph_blob_open_first(mailboxes->blobs, readers, part == PH_MESSAGE_WHOLE ? 2 : 1, err);
    if (result != PH_OK) {
        ph_message_close(out_reader);
    }
    return result == PH_ENOTFOUND ? judge_missing(mailboxes, row, err) : result;
}

int ph_message_look(struct ph_mailboxes *mailboxes, struct ph_message_reader *reader, struct ph_error *err)
{
    int result = ph_blob_look(mailboxes->blobs, &reader->header, err);
    return result == PH_OK ? ph_blob_look(mailboxes->blobs, &reader->body, err) : result;
}

void ph_message_close(struct ph_message_reader *reader)
{
    ph_blob_close(&reader->header);
    ph_blob_close(&reader->body);
}

int ph_message_open(struct ph_mailboxes *mailboxes, const struct ph_access *access,
                    const struct ph_mailbox *mailbox, const struct ph_uuid *id,
                    struct ph_message_reader *out_reader, struct ph_error *err)
{
    *out_reader = (struct ph_message_reader){.size = 0};
    int result = ph_rights_check(access, mailbox->user, PH_RIGHT_READ, err);
    if (result != PH_OK) {
        return result;
    }
    struct ph_message_row row;
    result = ph_message_row_get(mailboxes, &mailbox->id, id, &row, err);
    return result != PH_OK ? result : ph_message_row_open(mailboxes, &row, PH_MESSAGE_WHOLE, out_reader, err);
}

int ph_message_read(struct ph_mailboxes *mailboxes, struct ph_message_reader *reader, size_t max,
                    struct ph_buf *out, struct ph_error *err)
{
    /* The header alone first: who wants no more never has the body opened. */
    if (reader->header.offset < reader->header.size) {
        return ph_blob_read(mailboxes->blobs, &reader->header, max, out, err);
    }
    return ph_blob_read(mailboxes->blobs, &reader->body, max, out, err);
}
