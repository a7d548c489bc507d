/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Domains, users and address mappings: who exists here and where mail for an address goes.
 *
 * Names are canonical inside: an address is local-part@domain; the domain lower case, U-labels for internationalized ones (IDNA 2008, so that
 * A-labels and U-labels are one); the local part of a user compares without case for ASCII and is stored lower case, NFC.
 * Threads: any. Blocking: the store. Recently looked-up names are cached for a short time and dropped by changes made through this object.
 */
#ifndef PH_AUTH_ACCOUNTS_H
#define PH_AUTH_ACCOUNTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "db/db.h"

struct ph_accounts;

struct ph_accounts_options {
    struct ph_db *db;
    const struct ph_clock *clock;
    const struct ph_rand *rand;
    unsigned argon2_memory_kib;
    unsigned argon2_passes;
    bool is_shared_with_james; /* passwords are set in a form that James verifies, and never renewed */
};

int ph_accounts_new(const struct ph_accounts_options *options, struct ph_accounts **out_accounts,
                    struct ph_error *err) PH_MUST_USE;
void ph_accounts_free(struct ph_accounts **accounts);

/* The canonical form of an address or user name; PH_EINVALID with the rule it breaks (RFC 5321 sizes: local part 64, domain 255 octets). */
int ph_address_canonical(struct ph_bytes address, struct ph_arena *arena, struct ph_bytes *out_address,
                         struct ph_error *err) PH_MUST_USE;
/* Splits at the last @. */
bool ph_address_split(struct ph_bytes address, struct ph_bytes *out_local, struct ph_bytes *out_domain);

int ph_domain_add(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err) PH_MUST_USE;
/* PH_EBUSY while it has users. */
int ph_domain_remove(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err) PH_MUST_USE;
/* PH_OK or PH_ENOTFOUND. */
int ph_domain_check(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err) PH_MUST_USE;
int ph_domain_list(struct ph_accounts *accounts, int (*each)(struct ph_bytes domain, void *ctx), void *ctx,
                   struct ph_error *err) PH_MUST_USE;

/* Passwords are hashed on the calling thread: tens of milliseconds. */
int ph_user_add(struct ph_accounts *accounts, struct ph_bytes user, struct ph_bytes password,
                struct ph_error *err) PH_MUST_USE;
int ph_user_set_password(struct ph_accounts *accounts, struct ph_bytes user, struct ph_bytes password,
                         struct ph_error *err) PH_MUST_USE;
/* The account only; its mailboxes are the caller's to delete first. */
int ph_user_remove(struct ph_accounts *accounts, struct ph_bytes user, struct ph_error *err) PH_MUST_USE;
int ph_user_check(struct ph_accounts *accounts, struct ph_bytes user, struct ph_error *err) PH_MUST_USE;
int ph_user_list(struct ph_accounts *accounts, struct ph_bytes domain_or_empty,
                 int (*each)(struct ph_bytes user, void *ctx), void *ctx, struct ph_error *err) PH_MUST_USE;

/* ALIAS: mail for the address goes to the target instead. GROUP: to all targets. FORWARD: the user's own copy goes to the targets instead (to
 * keep a copy, the user is a target too). A catch-all is an ALIAS of "@domain", asked only where nothing else matches. */
enum ph_mapping_type { PH_MAPPING_ALIAS, PH_MAPPING_GROUP, PH_MAPPING_FORWARD };
struct ph_mapping {
    struct ph_bytes source;
    struct ph_bytes target;
    enum ph_mapping_type type;
};
/* Targets must be addresses of local domains: PH_EDENIED otherwise. A mapping onto itself alone is PH_EINVALID. */
int ph_mapping_add(struct ph_accounts *accounts, const struct ph_mapping *mapping,
                   struct ph_error *err) PH_MUST_USE;
int ph_mapping_remove(struct ph_accounts *accounts, const struct ph_mapping *mapping,
                      struct ph_error *err) PH_MUST_USE;
/* Of one source address, or of all with an empty SOURCE. */
int ph_mapping_list(struct ph_accounts *accounts, struct ph_bytes source_or_empty,
                    int (*each)(const struct ph_mapping *mapping, void *ctx), void *ctx,
                    struct ph_error *err) PH_MUST_USE;

#endif
