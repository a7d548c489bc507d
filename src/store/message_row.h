/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message in one mailbox, as the rows of imapUidTable and messageIdTable carry it, and without its mailbox as
 * messageV3 does. What a row does not have stays absent: null is not zero.
 */
#ifndef PH_STORE_MESSAGE_ROW_H
#define PH_STORE_MESSAGE_ROW_H

#include "blob/blob_id.h"

enum ph_flag {
    PH_FLAG_ANSWERED = 1,
    PH_FLAG_DELETED = 2,
    PH_FLAG_DRAFT = 4,
    PH_FLAG_FLAGGED = 8,
    PH_FLAG_RECENT = 16,
    PH_FLAG_SEEN = 32,
};

/* What a message brings along from another store. */
struct ph_message_kept {
    unsigned flags;           /* of enum ph_flag */
    struct ph_bytes keywords; /* IMAP's atoms, separated by blanks; empty: none */
    struct ph_bytes uidl;     /* as RFC 1939 section 7 wants it; empty: the message id */
};

struct ph_message_row {
    struct ph_uuid message_id;
    struct ph_uuid mailbox_id;
    uint64_t uid;
    uint64_t modseq;
    int64_t internal_date_ms;
    int64_t save_date_ms;
    uint64_t body_start_octet;
    uint64_t full_content_octets;
    struct ph_blob_id header_content;
    struct ph_blob_id body_content;
    struct ph_bytes
        envelope; /* mime/summary.h; ptr NULL: absent; empty: looked at, and too large for the column */
    struct ph_bytes bodystructure;
    const struct ph_message_kept
        *kept; /* only of a row to add: NULL is a delivery, recent and nothing else */
    bool has_uid;
    bool has_internal_date;
    bool has_save_date; /* read; of a row to add save_date_ms always stands */
    bool is_late;       /* pop3late has it too: see store/pop3_floor.h */
    bool has_body_start_octet;
    bool has_full_content_octets;
    bool has_header_content;
    bool has_body_content;
};

/* Whether a whole read needs nothing but this row and the content. */
static inline bool ph_message_row_is_complete(const struct ph_message_row *row)
{
    return row->has_internal_date && row->has_body_start_octet && row->has_full_content_octets &&
           row->has_header_content && row->has_body_content;
}

/* Fills what ROW lacks from five columns from FIRST on: internalDate, bodyStartOctet, fullContentOctets,
 * headerContent, bodyContent. */
void ph_message_row_fill(struct ph_message_row *row, const struct ph_rows *rows, unsigned first);

#endif
