/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A maildrop's list while its rows come in: message ids, sizes, and the UIDLs that are not the id. One read fills it,
 * or two that are merged.
 */
#ifndef PH_STORE_POP3_LISTING_H
#define PH_STORE_POP3_LISTING_H

#include "base/buf.h"
#include "db/db.h"

struct ph_pop3_entry {
    struct ph_uuid message_id;
    uint64_t size;
};

/* The texts of those entries that have a UIDL of their own, beside the entries, which stay small. */
struct ph_pop3_uidl {
    uint32_t entry;  /* its index */
    uint32_t offset; /* in text, which has a NUL behind each */
};

struct ph_pop3_uidls {
    struct ph_pop3_uidl *list; /* by entry */
    size_t count;
    char *text;
};

void ph_pop3_uidls_free(struct ph_pop3_uidls *uidls);
/* The UIDL of entry AT, NULL where it has none of its own. */
const char *ph_pop3_uidls_find(const struct ph_pop3_uidls *uidls, size_t at);

struct ph_pop3_listing {
    struct ph_pop3_entry *entries; /* by message id */
    size_t count;
    size_t capacity;
    size_t max;
    bool wants_uidls;
    struct ph_pop3_uidl *uidls;
    size_t uidl_count;
    size_t uidl_capacity;
    struct ph_buf text;
};

/* Up to MAX rows. */
void ph_pop3_listing_init(struct ph_pop3_listing *listing, size_t max, bool wants_uidls);
void ph_pop3_listing_fini(struct ph_pop3_listing *listing);

/* Adds what ROWS (messageId, size, uidl, in the order of the first) still has. */
int ph_pop3_listing_take(struct ph_pop3_listing *listing, struct ph_rows *rows,
                         struct ph_error *err) PH_MUST_USE;
/* Adds what OTHER has and LISTING has not. */
int ph_pop3_listing_merge(struct ph_pop3_listing *listing, const struct ph_pop3_listing *other,
                          struct ph_error *err) PH_MUST_USE;

/* Hands over what was read, in as much memory as it needs, and ends LISTING. *OUT_ENTRIES is NULL for none. OUT_UIDLS may
 * be NULL. */
void ph_pop3_listing_give(struct ph_pop3_listing *listing, struct ph_pop3_entry **out_entries,
                          size_t *out_count, struct ph_pop3_uidls *out_uidls);

#endif
