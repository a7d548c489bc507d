/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SORT (RFC 5256 section 3, RFC 5957) and THREAD=ORDEREDSUBJECT: pure, over what ph_imap_order_add has taken of each message.
 *
 * Texts are compared folded, octet by octet. Equal messages stay in the order of their numbers, also where a criterion is REVERSE.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "imap/order.h"
#include "mime/address.h"
#include "mime/base_subject.h"
#include "mime/encoded_word.h"
#include "task/mail_date.h"

enum {
    TEXT_MAX = 64 * 1024,
    PARENTS_MAX = 1000, /* of one message: the last ones count */
};

struct ph_imap_order *ph_imap_order_new(const struct ph_imap_search *search, bool is_thread)
{
    struct ph_imap_order *order = ph_alloc(sizeof *order);
    *order = (struct ph_imap_order){.search = search, .is_thread = is_thread};
    ph_arena_init(&order->arena, (size_t)64 * 1024);
    return order;
}

void ph_imap_order_free(struct ph_imap_order **order)
{
    if (*order != NULL) {
        ph_arena_fini(&(*order)->arena);
        free((*order)->entries);
        free((*order)->sorted);
        free(*order);
        *order = NULL;
    }
}

/* ---- What is taken of a message ---- */

static struct ph_bytes keep_folded(struct ph_imap_order *order, struct ph_bytes text)
{
    struct ph_buf folded = PH_BUF(TEXT_MAX);
    ph_fold(text, &folded);
    struct ph_bytes kept = ph_arena_bytes(&order->arena, ph_buf_view(&folded));
    ph_buf_fini(&folded);
    return kept;
}

/* The mailbox of the first address, as ENVELOPE has it; for DISPLAY its name, else the address (RFC 5957 section 3). */
static struct ph_bytes keep_address(struct ph_imap_order *order, struct ph_bytes fields, const char *name,
                                    bool is_display, struct ph_arena *arena)
{
    struct ph_bytes value;
    struct ph_mime_address address;
    if (!ph_imap_field_find(fields, ph_bytes_str(name), &value)) {
        return PH_BYTES("");
    }
    struct ph_mime_address_reader reader = ph_mime_addresses(value);
    if (!ph_mime_address_next(&reader, arena, &address)) {
        return PH_BYTES("");
    }
    if (!is_display) {
        return keep_folded(order, address.mailbox);
    }
    struct ph_buf text = PH_BUF(TEXT_MAX);
    bool is_group = address.kind == PH_MIME_ADDRESS_GROUP;
    ph_encoded_words_decode(is_group ? address.mailbox : address.name, &text);
    if (text.len == 0) {
        ph_buf_bytes(&text, address.mailbox);
        ph_buf_str(&text, "@");
        ph_buf_bytes(&text, address.host);
    }
    struct ph_bytes kept = keep_folded(order, ph_buf_view(&text));
    ph_buf_fini(&text);
    return kept;
}

static void keep_subject(struct ph_imap_order *order, struct ph_imap_order_entry *entry,
                         struct ph_bytes fields)
{
    struct ph_bytes value;
    entry->subject = PH_BYTES("");
    if (ph_imap_field_find(fields, PH_BYTES("Subject"), &value)) {
        struct ph_buf base = PH_BUF(TEXT_MAX);
        entry->is_reply = ph_base_subject(value, &base);
        entry->subject = keep_folded(order, ph_buf_view(&base));
        ph_buf_fini(&base);
    }
}

static void keep_criteria(struct ph_imap_order *order, struct ph_imap_order_entry *entry,
                          struct ph_bytes fields, struct ph_arena *arena)
{
    size_t count = order->search->sort_count;
    entry->texts = ph_arena_zalloc(&order->arena, (count + 1) * sizeof *entry->texts);
    for (size_t i = 0; i < count; i++) {
        struct ph_bytes *text = &entry->texts[i];
        switch (order->search->sort[i].by) {
        case PH_IMAP_SORT_CC: *text = keep_address(order, fields, "Cc", false, arena); break;
        case PH_IMAP_SORT_FROM: *text = keep_address(order, fields, "From", false, arena); break;
        case PH_IMAP_SORT_TO: *text = keep_address(order, fields, "To", false, arena); break;
        case PH_IMAP_SORT_DISPLAYFROM: *text = keep_address(order, fields, "From", true, arena); break;
        case PH_IMAP_SORT_DISPLAYTO: *text = keep_address(order, fields, "To", true, arena); break;
        case PH_IMAP_SORT_SUBJECT:
            keep_subject(order, entry, fields);
            *text = entry->subject;
            break;
        case PH_IMAP_SORT_ARRIVAL:
        case PH_IMAP_SORT_DATE:
        case PH_IMAP_SORT_SIZE: break;
        }
    }
}

size_t ph_imap_message_ids(struct ph_bytes value, struct ph_arena *arena, struct ph_bytes *out_ids,
                           size_t max)
{
    size_t count = 0;
    while (count < max) {
        value = ph_bytes_from(value, ph_bytes_find(value, '<'));
        size_t end = ph_bytes_find(value, '>');
        if (end >= value.len) {
            break;
        }
        struct ph_bytes id = ph_bytes_first(value, end + 1);
        value = ph_bytes_from(value, end + 1);
        /* Folds and blanks inside are no part of it. */
        uint8_t *clean = ph_arena_alloc(arena, id.len);
        size_t len = 0;
        for (size_t i = 0; i < id.len; i++) {
            if (id.ptr[i] > ' ' && id.ptr[i] != '"') {
                clean[len++] = id.ptr[i];
            }
        }
        if (len > 2) {
            out_ids[count++] = ph_bytes_of(clean, len);
        }
    }
    return count;
}

static void keep_parents(struct ph_imap_order *order, struct ph_imap_order_entry *entry,
                         struct ph_bytes fields)
{
    struct ph_bytes value;
    struct ph_bytes *ids = ph_alloc(PARENTS_MAX * sizeof *ids);
    entry->id = PH_BYTES("");
    if (ph_imap_field_find(fields, PH_BYTES("Message-ID"), &value) &&
        ph_imap_message_ids(value, &order->arena, ids, 1) == 1) {
        entry->id = ids[0];
    }
    size_t count = 0;
    if (ph_imap_field_find(fields, PH_BYTES("References"), &value)) {
        count = ph_imap_message_ids(value, &order->arena, ids, PARENTS_MAX);
    }
    if (count == 0 && ph_imap_field_find(fields, PH_BYTES("In-Reply-To"), &value)) {
        count = ph_imap_message_ids(value, &order->arena, ids, 1);
    }
    entry->parents = ph_arena_copy(&order->arena, ids, count * sizeof *ids);
    entry->parent_count = count;
    free(ids);
}

void ph_imap_order_add(struct ph_imap_order *order, uint32_t number, const struct ph_view_row *row,
                       struct ph_bytes fields, struct ph_arena *arena)
{
    if (order->count == order->room) {
        order->room = order->room == 0 ? 64 : order->room * 2;
        order->entries = ph_realloc(order->entries, order->room * sizeof *order->entries);
    }
    struct ph_imap_order_entry *entry = &order->entries[order->count++];
    *entry = (struct ph_imap_order_entry){
        .number = number,
        .arrived_ms = row->message.internal_date_ms,
        .sent_ms = row->message.internal_date_ms,
        .size = row->message.size,
    };
    struct ph_bytes date;
    if (ph_imap_field_find(fields, PH_BYTES("Date"), &date)) {
        (void)ph_mail_date_parse(date, &entry->sent_ms);
    }
    if (!order->is_thread) {
        keep_criteria(order, entry, fields, arena);
        return;
    }
    keep_subject(order, entry, fields);
    if (order->search->thread == PH_IMAP_THREAD_REFERENCES) {
        keep_parents(order, entry, fields);
    }
}

/* ---- SORT ---- */

static int compare_i64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static int compare_texts(struct ph_bytes a, struct ph_bytes b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int result = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
    return result != 0 ? result : (a.len < b.len ? -1 : a.len > b.len);
}

int ph_imap_order_by_date(const struct ph_imap_order_entry *a, const struct ph_imap_order_entry *b)
{
    int result = compare_i64(a->sent_ms, b->sent_ms);
    return result != 0 ? result : (a->number < b->number ? -1 : a->number > b->number);
}

static int compare(const void *a, const void *b, void *ctx)
{
    const struct ph_imap_order_entry *left = a;
    const struct ph_imap_order_entry *right = b;
    const struct ph_imap_search *search = ctx;
    for (size_t i = 0; i < search->sort_count; i++) {
        int result;
        switch (search->sort[i].by) {
        case PH_IMAP_SORT_ARRIVAL: result = compare_i64(left->arrived_ms, right->arrived_ms); break;
        case PH_IMAP_SORT_DATE: result = compare_i64(left->sent_ms, right->sent_ms); break;
        case PH_IMAP_SORT_SIZE: result = left->size < right->size ? -1 : left->size > right->size; break;
        default: result = compare_texts(left->texts[i], right->texts[i]); break;
        }
        if (result != 0) {
            return search->sort[i].is_reverse ? -result : result;
        }
    }
    return left->number < right->number ? -1 : left->number > right->number;
}

struct ph_imap_found ph_imap_order_sort(struct ph_imap_order *order)
{
    struct ph_imap_search search = *order->search;
    if (order->count > 0) {
        qsort_r(order->entries, order->count, sizeof *order->entries, compare, &search);
    }
    free(order->sorted);
    order->sorted = ph_alloc((order->count + 1) * sizeof *order->sorted);
    for (size_t i = 0; i < order->count; i++) {
        order->sorted[i] = order->entries[i].number;
    }
    return (struct ph_imap_found){order->sorted, order->count};
}

/* ---- THREAD=ORDEREDSUBJECT ---- */

struct group {
    size_t first;
    size_t count;
    const struct ph_imap_order_entry *head;
};

static int by_subject(const void *a, const void *b)
{
    const struct ph_imap_order_entry *left = a;
    const struct ph_imap_order_entry *right = b;
    int result = compare_texts(left->subject, right->subject);
    return result != 0 ? result : ph_imap_order_by_date(left, right);
}

static int by_head(const void *a, const void *b)
{
    return ph_imap_order_by_date(((const struct group *)a)->head, ((const struct group *)b)->head);
}

void ph_imap_order_put_number(struct ph_buf *out, const struct ph_view_session *view, uint32_t number,
                              bool is_uid)
{
    ph_buf_u64(out, is_uid ? ph_view_at(view, number)->uid : number);
}

static void put_group(const struct ph_imap_order *order, const struct group *group, struct ph_buf *out,
                      const struct ph_view_session *view, bool is_uid)
{
    ph_buf_byte(out, '(');
    for (size_t i = 0; i < group->count; i++) {
        bool is_sibling = i > 0 && group->count > 2;
        ph_buf_str(out, i == 1 ? " " : "");
        ph_buf_str(out, is_sibling ? "(" : "");
        ph_imap_order_put_number(out, view, order->entries[group->first + i].number, is_uid);
        ph_buf_str(out, is_sibling ? ")" : "");
    }
    ph_buf_byte(out, ')');
}

static void thread_by_subject(struct ph_imap_order *order, struct ph_buf *out,
                              const struct ph_view_session *view, bool is_uid)
{
    if (order->count == 0) {
        return;
    }
    qsort(order->entries, order->count, sizeof *order->entries, by_subject);
    struct group *groups = ph_alloc(order->count * sizeof *groups);
    size_t count = 0;
    for (size_t i = 0; i < order->count; i++) {
        if (count > 0 && compare_texts(order->entries[i].subject, groups[count - 1].head->subject) == 0) {
            groups[count - 1].count++;
        } else {
            groups[count++] = (struct group){i, 1, &order->entries[i]};
        }
    }
    qsort(groups, count, sizeof *groups, by_head);
    for (size_t i = 0; i < count; i++) {
        put_group(order, &groups[i], out, view, is_uid);
    }
    free(groups);
}

void ph_imap_order_thread(struct ph_imap_order *order, struct ph_buf *out, const struct ph_view_session *view,
                          bool is_uid)
{
    if (order->search->thread == PH_IMAP_THREAD_REFERENCES) {
        ph_imap_thread_references(order, out, view, is_uid);
    } else {
        thread_by_subject(order, out, view, is_uid);
    }
}
