/* SPDX-License-Identifier: Apache-2.0 */
#include "store/pop3_listing.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_CAPACITY = 32 };

static const size_t TEXT_BYTES_MAX = UINT32_MAX;

void ph_pop3_listing_init(struct ph_pop3_listing *listing, size_t max, bool wants_uidls)
{
    *listing =
        (struct ph_pop3_listing){.max = max, .wants_uidls = wants_uidls, .text = PH_BUF(TEXT_BYTES_MAX)};
}

void ph_pop3_listing_fini(struct ph_pop3_listing *listing)
{
    free(listing->entries);
    free(listing->uidls);
    ph_buf_fini(&listing->text);
    ph_pop3_listing_init(listing, 0, false);
}

/* ---- Filling ---- */

static struct ph_pop3_entry *add_entry(struct ph_pop3_listing *listing)
{
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? FIRST_CAPACITY : listing->capacity * 2;
        listing->entries = ph_realloc(listing->entries, listing->capacity * sizeof *listing->entries);
    }
    return &listing->entries[listing->count++];
}

/* Of the entry that was added last. */
static int add_uidl(struct ph_pop3_listing *listing, struct ph_bytes uidl, struct ph_error *err)
{
    size_t entry = listing->count - 1;
    if (listing->uidl_count == listing->uidl_capacity) {
        listing->uidl_capacity = listing->uidl_capacity == 0 ? FIRST_CAPACITY : listing->uidl_capacity * 2;
        listing->uidls = ph_realloc(listing->uidls, listing->uidl_capacity * sizeof *listing->uidls);
    }
    listing->uidls[listing->uidl_count++] =
        (struct ph_pop3_uidl){(uint32_t)entry, (uint32_t)listing->text.len};
    ph_buf_bytes(&listing->text, uidl);
    ph_buf_byte(&listing->text, '\0');
    return listing->text.has_overflowed || entry > UINT32_MAX
               ? ph_fail(err, PH_ELIMIT, "pop3metadata: a mailbox with more UIDLs than fit")
               : PH_OK;
}

int ph_pop3_listing_take(struct ph_pop3_listing *listing, struct ph_rows *rows, struct ph_error *err)
{
    int result = PH_OK;
    while (result == PH_OK && listing->count < listing->max && (result = ph_rows_next(rows, err)) == 1) {
        struct ph_pop3_entry *entry = add_entry(listing);
        int64_t size;
        if (!ph_row_uuid(rows, 0, &entry->message_id) || !ph_row_i64(rows, 1, &size) || size < 0) {
            return ph_fail(err, PH_ECORRUPT, "pop3metadata: a row without messageId or size");
        }
        entry->size = (uint64_t)size;
        result = PH_OK;
        struct ph_bytes uidl;
        if (listing->wants_uidls && ph_row_bytes(rows, 2, &uidl)) {
            result = add_uidl(listing, uidl, err);
        }
    }
    return result;
}

/* ---- Merging ---- */

struct source {
    const struct ph_pop3_listing *listing;
    size_t next;
    size_t next_uidl;
};

static int move_one(struct source *from, struct ph_pop3_listing *to, bool is_wanted, struct ph_error *err)
{
    const struct ph_pop3_listing *listing = from->listing;
    size_t at = from->next++;
    const char *uidl = NULL;
    if (from->next_uidl < listing->uidl_count && listing->uidls[from->next_uidl].entry == at) {
        uidl = (const char *)listing->text.ptr + listing->uidls[from->next_uidl++].offset;
    }
    if (!is_wanted || to->count >= to->max) {
        return PH_OK;
    }
    *add_entry(to) = listing->entries[at];
    return uidl == NULL ? PH_OK : add_uidl(to, ph_bytes_str(uidl), err);
}

int ph_pop3_listing_merge(struct ph_pop3_listing *listing, const struct ph_pop3_listing *other,
                          struct ph_error *err)
{
    if (other->count == 0) {
        return PH_OK;
    }
    struct ph_pop3_listing both;
    struct source a = {.listing = listing};
    struct source b = {.listing = other};
    ph_pop3_listing_init(&both, listing->max, listing->wants_uidls);
    int result = PH_OK;
    while (result == PH_OK && (a.next < listing->count || b.next < other->count)) {
        int order = a.next == listing->count ? 1
                    : b.next == other->count ? -1
                                             : ph_uuid_compare(&listing->entries[a.next].message_id,
                                                               &other->entries[b.next].message_id);
        result = move_one(order <= 0 ? &a : &b, &both, true, err);
        if (result == PH_OK && order == 0) {
            result = move_one(&b, &both, false, err);
        }
    }
    ph_pop3_listing_fini(listing);
    *listing = both;
    return result;
}

/* ---- Handing over ---- */

void ph_pop3_listing_give(struct ph_pop3_listing *listing, struct ph_pop3_entry **out_entries,
                          size_t *out_count, struct ph_pop3_uidls *out_uidls)
{
    *out_entries = NULL;
    *out_count = listing->count;
    if (listing->count > 0) {
        *out_entries = ph_realloc(listing->entries, listing->count * sizeof *listing->entries);
        listing->entries = NULL;
    }
    if (out_uidls != NULL) {
        *out_uidls = (struct ph_pop3_uidls){0};
        if (listing->uidl_count > 0) {
            out_uidls->list = ph_realloc(listing->uidls, listing->uidl_count * sizeof *listing->uidls);
            out_uidls->count = listing->uidl_count;
            out_uidls->text = ph_realloc(listing->text.ptr, listing->text.len);
            listing->uidls = NULL;
            listing->text = PH_BUF(0);
        }
    }
    ph_pop3_listing_fini(listing);
}

void ph_pop3_uidls_free(struct ph_pop3_uidls *uidls)
{
    free(uidls->list);
    free(uidls->text);
    *uidls = (struct ph_pop3_uidls){0};
}

const char *ph_pop3_uidls_find(const struct ph_pop3_uidls *uidls, size_t at)
{
    size_t low = 0;
    size_t high = uidls->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (uidls->list[middle].entry < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < uidls->count && uidls->list[low].entry == at ? uidls->text + uidls->list[low].offset : NULL;
}
