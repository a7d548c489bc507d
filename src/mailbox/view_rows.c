/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of messages that a client asks for, a page at a time: what lies together is read by one statement, gaps and all,
 * as long as a gap is shorter than what another statement would cost.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "mailbox/message_summary.h"
#include "mailbox/view_session.h"
#include "store/message_listing.h"

enum { PAGE_ROWS = 64, GAP_MAX = 8 };

struct wanted {
    uint32_t number;
    const struct ph_view_message *message; /* the list's */
    struct ph_message_row row;             /* where is_there */
    bool is_there;
};

struct ph_view_rows {
    struct ph_view_session *session;
    struct ph_view_list *list; /* what the client knew when it asked */
    unsigned wants;
    struct ph_uid_range *ranges;
    size_t range_count;
    size_t range;          /* the one that the next message is in */
    bool is_inside;        /* index is where the range begins, or behind */
    uint32_t index;        /* of the next message to look at, in the list */
    struct ph_arena arena; /* of the page */
    struct wanted page[PAGE_ROWS];
    unsigned page_count;
    unsigned page_at;
    unsigned filled; /* while a page is read: those before it had their row, or have none */
    struct ph_summary summary;
    bool has_summary;
};

int ph_view_rows_begin(struct ph_view_session *session, const struct ph_uid_range *uids, size_t count,
                       unsigned wants, struct ph_view_rows **out_rows, struct ph_error *err)
{
    (void)err;
    struct ph_view_rows *rows = ph_zalloc(sizeof *rows);
    rows->session = session;
    rows->list = ph_view_list_ref(session->seen);
    rows->wants = wants;
    rows->ranges = ph_alloc((count + 1) * sizeof rows->ranges[0]);
    memcpy(rows->ranges, uids, count * sizeof rows->ranges[0]);
    rows->range_count = count;
    ph_arena_init(&rows->arena, 64U << 10);
    *out_rows = rows;
    return PH_OK;
}

void ph_view_rows_end(struct ph_view_rows **rows)
{
    struct ph_view_rows *one = *rows;
    if (one == NULL) {
        return;
    }
    *rows = NULL;
    if (one->has_summary) {
        ph_summary_fini(&one->summary);
    }
    ph_arena_fini(&one->arena);
    ph_view_list_unref(&one->list);
    free(one->ranges);
    free(one);
}

/* ---- A page ---- */

/* The next message that is asked for; NULL: none. */
static const struct ph_view_message *next_wanted(struct ph_view_rows *rows, uint32_t *out_number)
{
    uint32_t count = ph_view_list_count(rows->list);
    while (rows->range < rows->range_count) {
        const struct ph_uid_range *range = &rows->ranges[rows->range];
        if (!rows->is_inside) {
            uint32_t first = ph_view_list_find(rows->list, range->first);
            rows->index = first > rows->index ? first : rows->index;
            rows->is_inside = true;
        }
        if (rows->index >= count) {
            return NULL;
        }
        const struct ph_view_message *message = ph_view_list_at(rows->list, rows->index);
        if (message->uid <= range->last) {
            *out_number = ++rows->index;
            return message;
        }
        rows->is_inside = false;
        rows->range++;
    }
    return NULL;
}

static size_t choose_page(struct ph_view_rows *rows, struct ph_listing_run runs[PAGE_ROWS])
{
    size_t run_count = 0;
    rows->page_count = 0;
    rows->page_at = 0;
    rows->filled = 0;
    while (rows->page_count < PAGE_ROWS) {
        uint32_t number = 0;
        const struct ph_view_message *message = next_wanted(rows, &number);
        if (message == NULL) {
            break;
        }
        if (run_count > 0 && number - rows->page[rows->page_count - 1].number <= GAP_MAX) {
            runs[run_count - 1].last = message->uid;
        } else {
            runs[run_count++] = (struct ph_listing_run){message->uid, message->uid};
        }
        rows->page[rows->page_count++] = (struct wanted){.number = number, .message = message};
    }
    return run_count;
}

static void keep_blob(struct ph_arena *arena, struct ph_bytes *blob)
{
    if (blob->ptr != NULL) {
        *blob = ph_arena_bytes(arena, *blob);
    }
}

static int take_row(const struct ph_message_row *row, void *ctx, struct ph_error *err)
{
    (void)err;
    struct ph_view_rows *rows = ctx;
    while (rows->filled < rows->page_count && rows->page[rows->filled].message->uid < row->uid) {
        rows->filled++;
    }
    if (rows->filled == rows->page_count) {
        return PH_OK;
    }
    struct wanted *wanted = &rows->page[rows->filled];
    if (wanted->message->uid == row->uid && ph_uuid_eq(&wanted->message->id, &row->message_id)) {
        wanted->row = *row;
        wanted->is_there = true;
        keep_blob(&rows->arena, &wanted->row.envelope);
        keep_blob(&rows->arena, &wanted->row.bodystructure);
    }
    return PH_OK;
}

static int read_page(struct ph_view_rows *rows, struct ph_error *err)
{
    struct ph_listing_run runs[PAGE_ROWS];
    ph_arena_reset(&rows->arena);
    size_t count = choose_page(rows, runs);
    return count == 0
               ? PH_OK
               : ph_store_message_listing(rows->session->mailboxes->db, &rows->session->view->mailbox, runs,
                                          count, (rows->wants & PH_VIEW_WANT_ENVELOPE) != 0,
                                          (rows->wants & PH_VIEW_WANT_STRUCTURE) != 0, take_row, rows, err);
}

/* ---- What a row lacks ---- */

static int complete(struct ph_view_rows *rows, struct ph_message_row *row, struct ph_error *err)
{
    struct ph_mailboxes *mailboxes = rows->session->mailboxes;
    int result = ph_message_places_complete(mailboxes, row, err);
    bool lacks_envelope = (rows->wants & PH_VIEW_WANT_ENVELOPE) != 0 && row->envelope.ptr == NULL;
    bool lacks_structure = (rows->wants & PH_VIEW_WANT_STRUCTURE) != 0 && row->bodystructure.ptr == NULL;
    if (result != PH_OK || (!lacks_envelope && !lacks_structure)) {
        return result;
    }
    if (!rows->has_summary) {
        ph_summary_init(&rows->summary);
        rows->has_summary = true;
    }
    struct ph_bytes envelope = {NULL, 0};
    struct ph_bytes structure = {NULL, 0};
    result = ph_message_summary(mailboxes, row, lacks_structure, &rows->summary, &envelope, &structure, err);
    if (result == PH_OK && lacks_envelope) {
        row->envelope = ph_arena_bytes(&rows->arena, ph_summary_column(envelope));
    }
    if (result == PH_OK && lacks_structure) {
        row->bodystructure = ph_arena_bytes(&rows->arena, ph_summary_column(structure));
    }
    return result;
}

int ph_view_rows_next(struct ph_view_rows *rows, struct ph_view_row *out_row, struct ph_error *err)
{
    if (rows->page_at == rows->page_count) {
        int result = read_page(rows, err);
        if (result != PH_OK) {
            rows->page_count = 0;
            rows->page_at = 0;
            return result;
        }
        if (rows->page_count == 0) {
            return 0;
        }
    }
    struct wanted *wanted = &rows->page[rows->page_at++];
    struct ph_message_row *row = &wanted->row;
    *out_row = (struct ph_view_row){
        .number = wanted->number,
        .is_gone = !wanted->is_there,
        .message = {.id = wanted->message->id, .uid = wanted->message->uid, .has_uid = true},
    };
    if (!wanted->is_there) {
        return 1;
    }
    struct ph_error trouble = {0};
    int result = complete(rows, row, &trouble);
    if (result == PH_ENOTFOUND) {
        out_row->is_gone = true;
        return 1;
    }
    if (result != PH_OK) {
        *err = trouble;
        return result;
    }
    out_row->message.size = row->full_content_octets;
    out_row->message.internal_date_ms = row->internal_date_ms;
    out_row->message.header_blob = row->header_content;
    out_row->message.body_blob = row->body_content;
    out_row->message.header_bytes = row->body_start_octet;
    out_row->save_date_ms = row->save_date_ms;
    out_row->has_save_date = row->has_save_date;
    out_row->envelope = row->envelope;
    out_row->has_envelope = (rows->wants & PH_VIEW_WANT_ENVELOPE) != 0 && row->envelope.len > 0;
    out_row->structure = row->bodystructure;
    out_row->has_structure = (rows->wants & PH_VIEW_WANT_STRUCTURE) != 0 && row->bodystructure.len > 0;
    return 1;
}

int ph_view_content_open(struct ph_view_session *session, const struct ph_view_row *row,
                         enum ph_message_part part, struct ph_message_reader *out_reader,
                         struct ph_error *err)
{
    struct ph_message_row message = {
        .message_id = row->message.id,
        .mailbox_id = session->view->mailbox,
        .header_content = row->message.header_blob,
        .body_content = row->message.body_blob,
        .body_start_octet = row->message.header_bytes,
        .full_content_octets = row->message.size,
    };
    if (row->is_gone) {
        *out_reader = (struct ph_message_reader){.size = 0};
        return ph_fail(err, PH_ENOTFOUND, "the message was expunged meanwhile");
    }
    return ph_message_row_open(session->mailboxes, &message, part, out_reader, err);
}
