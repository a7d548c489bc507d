/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/message_summary.h"

enum { PIECE_BYTES = 65536 };

int ph_message_summary(struct ph_mailboxes *mailboxes, struct ph_message_row *row, bool wants_structure,
                       struct ph_summary *summary, struct ph_bytes *out_envelope,
                       struct ph_bytes *out_structure, struct ph_error *err)
{
    struct ph_message_reader reader;
    struct ph_buf piece = PH_BUF((size_t)4 * PIECE_BYTES);
    int result = ph_message_row_open(mailboxes, row, wants_structure ? PH_MESSAGE_WHOLE : PH_MESSAGE_HEADER,
                                     &reader, err);
    ph_summary_clear(summary);
    while (result == PH_OK) {
        bool is_header = reader.header.offset < reader.header.size;
        if (!is_header && !wants_structure) {
            break;
        }
        ph_buf_clear(&piece);
        result = ph_message_read(mailboxes, &reader, PIECE_BYTES, &piece, err);
        if (result != PH_OK || piece.len == 0) {
            break;
        }
        if (is_header) {
            ph_summary_header(summary, ph_buf_view(&piece));
        } else {
            ph_summary_body(summary, ph_buf_view(&piece));
        }
    }
    ph_message_close(&reader);
    ph_buf_fini(&piece);
    if (result == PH_OK) {
        ph_summary_finish(summary, (struct ph_bytes){NULL, 0}, out_envelope, out_structure);
    }
    return result;
}

static void fill(struct ph_message_row *row, const struct ph_message_row *from)
{
    if (!row->has_internal_date && from->has_internal_date) {
        row->internal_date_ms = from->internal_date_ms;
        row->has_internal_date = true;
    }
    if (!row->has_body_start_octet && from->has_body_start_octet) {
        row->body_start_octet = from->body_start_octet;
        row->has_body_start_octet = true;
    }
    if (!row->has_full_content_octets && from->has_full_content_octets) {
        row->full_content_octets = from->full_content_octets;
        row->has_full_content_octets = true;
    }
    if (!row->has_header_content && from->has_header_content) {
        row->header_content = from->header_content;
        row->has_header_content = true;
    }
    if (!row->has_body_content && from->has_body_content) {
        row->body_content = from->body_content;
        row->has_body_content = true;
    }
    if (!row->has_save_date && from->has_save_date) {
        row->save_date_ms = from->save_date_ms;
        row->has_save_date = true;
    }
}

int ph_message_places_complete(struct ph_mailboxes *mailboxes, struct ph_message_row *row,
                               struct ph_error *err)
{
    if (ph_message_row_is_complete(row)) {
        return PH_OK;
    }
    struct ph_message_row truth;
    int result = ph_store_imap_uid_get(mailboxes->db, &row->message_id, &row->mailbox_id, &truth, err);
    if (result == PH_OK) {
        fill(row, &truth);
        result = ph_message_row_complete(mailboxes, row, err);
    }
    return result;
}
