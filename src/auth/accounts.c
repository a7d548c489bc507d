/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accounts and their domains; users.c and mappings.c have the rest.
 *
 * The cache lives for seconds: with the embedded store all changes come through this object and drop what they
 * touch, with a store that others write to as well it bounds how long we do not notice.
 */
#include "auth/accounts-private.h"

#include <sodium.h>
#include <stdlib.h>

#include "auth/address.h"
#include "base/mem.h"
#include "store/domain.h"
#include "store/mapping.h"

enum { CACHE_ENTRIES = 8192, CACHE_SECONDS = 30 };

int ph_accounts_new(const struct ph_accounts_options *options, struct ph_accounts **out_accounts,
                    struct ph_error *err)
{
    if (sodium_init() < 0) {
        return ph_fail(err, PH_EUNAVAILABLE, "libsodium cannot start");
    }
    struct ph_accounts *accounts = ph_zalloc(sizeof *accounts);
    accounts->db = options->db;
    accounts->rand = options->rand;
    accounts->cost.memory_kib = options->argon2_memory_kib;
    accounts->cost.passes = options->argon2_passes;
    accounts->is_shared_with_james = options->is_shared_with_james;
    accounts->names = ph_name_cache_new(options->clock, options->rand, CACHE_ENTRIES, CACHE_SECONDS);
    *out_accounts = accounts;
    return PH_OK;
}

void ph_accounts_free(struct ph_accounts **accounts)
{
    if (*accounts != NULL) {
        ph_name_cache_free(&(*accounts)->names);
        free(*accounts);
        *accounts = NULL;
    }
}

bool ph_accounts_is_reserved(struct ph_bytes address)
{
    return ph_bytes_starts(address, PH_BYTES("*@"));
}

int ph_accounts_check_domain(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err)
{
    bool is_there = false;
    if (!ph_name_cache_get(accounts->names, PH_NAME_DOMAIN, domain, NULL, &is_there, NULL)) {
        uint64_t mark = ph_name_cache_mark(accounts->names);
        int result = ph_store_domain_check(accounts->db, domain, err);
        if (result == PH_OK || result == PH_ENOTFOUND) {
            ph_name_cache_put(accounts->names, mark, PH_NAME_DOMAIN, domain, result == PH_OK,
                              (struct ph_bytes){0});
        }
        return result;
    }
    return is_there ? PH_OK
                    : ph_fail(err, PH_ENOTFOUND, "no domain %.*s", (int)domain.len, (const char *)domain.ptr);
}

int ph_domain_check(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    int result = ph_domain_canonical(domain, &arena, &domain, err);
    result = result == PH_OK ? ph_accounts_check_domain(accounts, domain, err)
                             : ph_fail(err, PH_ENOTFOUND, "no such domain: it breaks the rules of names");
    ph_arena_fini(&arena);
    return result;
}

int ph_domain_add(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 0);
    int result = ph_domain_canonical(domain, &arena, &domain, err);
    if (result == PH_OK) {
        ph_plan_init(&plan, &arena);
        ph_store_domain_add(&plan, domain);
        result = ph_db_apply(accounts->db, &plan, err);
        ph_name_cache_drop(accounts->names, PH_NAME_DOMAIN, domain);
    }
    if (result == PH_ECONFLICT) {
        ph_fail(err, result, "domain %.*s exists", (int)domain.len, (const char *)domain.ptr);
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_domain_remove(struct ph_accounts *accounts, struct ph_bytes domain, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    ph_arena_init(&arena, 0);
    int result = ph_domain_canonical(domain, &arena, &domain, err);
    if (result == PH_OK) {
        result = ph_store_domain_check(accounts->db, domain, err);
    }
    if (result == PH_OK) {
        ph_plan_init(&plan, &arena);
        ph_store_mapping_remove_domain(&plan, domain);
        ph_store_domain_remove(&plan, domain);
        result = ph_db_apply(accounts->db, &plan, err);
        ph_name_cache_clear(accounts->names);
    }
    if (result == PH_EBUSY) {
        ph_fail(err, result, "domain %.*s has users", (int)domain.len, (const char *)domain.ptr);
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_domain_list(struct ph_accounts *accounts, int (*each)(struct ph_bytes domain, void *ctx), void *ctx,
                   struct ph_error *err)
{
    struct ph_store_names page;
    struct ph_bytes after = {0};
    struct ph_arena arenas[2]; /* of this page, and of the one before, where AFTER lies */
    unsigned turn = 0;
    int result;
    ph_arena_init(&arenas[0], 0);
    ph_arena_init(&arenas[1], 0);
    do {
        ph_arena_reset(&arenas[turn]);
        result = ph_store_domain_page(accounts->db, after, &arenas[turn], &page, err);
        for (size_t i = 0; result == PH_OK && i < page.count; i++) {
            after = page.list[i];
            result = each(page.list[i], ctx);
        }
        turn = 1 - turn;
    } while (result == PH_OK && page.count == PH_STORE_PAGE_ROWS);
    ph_arena_fini(&arenas[0]);
    ph_arena_fini(&arenas[1]);
    return result;
}
