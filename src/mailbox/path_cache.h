/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mailboxes that are known to exist, by user and name: so that a login or a delivery to an INBOX reads no row to
 * find it.
 *
 * True where one process has the store: a mailbox leaves the cache when it is deleted, and what was read before is
 * not put in behind it (see ticket). Where several have it, a mailbox that another one deleted stays known until it is
 * max_age_us old: mail that comes meanwhile is not lost, its INBOX is the one that a next delivery makes again. Bounded: where a slot is taken, the newcomer wins. Threads: any.
 */
#ifndef PH_MAILBOX_PATH_CACHE_H
#define PH_MAILBOX_PATH_CACHE_H

#include "store/mailbox_path.h"

struct ph_path_cache;

/* MAX_AGE_US: what is older was not found; 0: for ever. */
struct ph_path_cache *ph_path_cache_new(size_t slots, uint64_t max_age_us, const struct ph_clock *clock);
void ph_path_cache_free(struct ph_path_cache **cache);

/* Fills id and uid_validity of *ROW by user and name. On a miss *OUT_TICKET is for ph_path_cache_put. */
bool ph_path_cache_get(struct ph_path_cache *cache, struct ph_mailbox_row *row, uint64_t *out_ticket);
/* Nothing happens if something was dropped since the ticket was given. */
void ph_path_cache_put(struct ph_path_cache *cache, const struct ph_mailbox_row *row, uint64_t ticket);
void ph_path_cache_drop(struct ph_path_cache *cache, const struct ph_mailbox_row *row);

#endif
