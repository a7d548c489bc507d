/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users. A name that SASLprep changes is refused: its owner could never log in, because clients prepare names so
 * (RFC 4616 section 2, RFC 5802 section 5.1).
 *
 * Beside the Argon2id hash stand the keys of SCRAM, which is PBKDF2: whoever steals the store attacks the weaker of
 * the two. That is the price of SCRAM, and why its iterations are eight times the minimum. Where James shares the
 * store there is neither, but a hash that James verifies.
 */
#include "auth/accounts-private.h"

#include "auth/address.h"
#include "auth/james_password.h"
#include "auth/scram.h"
#include "base/mem.h"
#include "store/mapping.h"

enum { PREPARED_NAME_MAX = 4 * PH_ADDRESS_MAX };

int ph_accounts_check_user(struct ph_accounts *accounts, struct ph_bytes user, struct ph_error *err)
{
    bool is_there = false;
    if (!ph_name_cache_get(accounts->names, PH_NAME_USER, user, NULL, &is_there, NULL)) {
        uint64_t mark = ph_name_cache_mark(accounts->names);
        int result = ph_store_user_check(accounts->db, user, err);
        if (result == PH_OK || result == PH_ENOTFOUND) {
            ph_name_cache_put(accounts->names, mark, PH_NAME_USER, user, result == PH_OK,
                              (struct ph_bytes){0});
        }
        return result;
    }
    return is_there ? PH_OK
                    : ph_fail(err, PH_ENOTFOUND, "no user %.*s", (int)user.len, (const char *)user.ptr);
}

int ph_user_check(struct ph_accounts *accounts, struct ph_bytes user, struct ph_error *err)
{
    struct ph_arena arena;
    ph_arena_init(&arena, 0);
    int result = ph_address_canonical(user, &arena, &user, err);
    result = result == PH_OK ? ph_accounts_check_user(accounts, user, err)
                             : ph_fail(err, PH_ENOTFOUND, "no such user: it breaks the rules of names");
    ph_arena_fini(&arena);
    return result;
}

/* The keys of SCRAM beside a hash of our own: James would not change them with the password. */
static void derive_scram(struct ph_accounts *accounts, struct ph_bytes prepared, struct ph_arena *arena,
                         struct ph_user_row *row)
{
    uint8_t salt[PH_SCRAM_SALT_BYTES];
    struct ph_scram_keys keys;
    ph_rand_fill(accounts->rand, salt, sizeof salt);
    ph_scram_derive(prepared, ph_bytes_of(salt, sizeof salt), PH_SCRAM_ITERATIONS, &keys);
    row->has_scram = true;
    row->scram_salt = ph_arena_bytes(arena, ph_bytes_of(salt, sizeof salt));
    row->scram_iterations = PH_SCRAM_ITERATIONS;
    row->scram_stored_key = ph_arena_bytes(arena, ph_bytes_of(keys.stored_key, sizeof keys.stored_key));
    row->scram_server_key = ph_arena_bytes(arena, ph_bytes_of(keys.server_key, sizeof keys.server_key));
    ph_wipe(&keys, sizeof keys);
}

/* Fills what proves ROW's user; the views are the arena's. */
static int hash_prepared(struct ph_accounts *accounts, struct ph_bytes prepared, struct ph_arena *arena,
                         struct ph_user_row *row, struct ph_error *err)
{
    char hash[PH_PASSWORD_HASH_MAX];
    int result = accounts->is_shared_with_james ? ph_james_password_hash(row->name, prepared, hash, err)
                                                : ph_password_hash(prepared, &accounts->cost, hash, err);
    if (result != PH_OK) {
        return result;
    }
    row->password = ph_bytes_str(ph_arena_strdup(arena, ph_bytes_str(hash)));
    if (accounts->is_shared_with_james) {
        row->alg = ph_bytes_str(ph_james_password_algorithm);
    } else {
        row->alg = ph_bytes_str(ph_password_alg);
        derive_scram(accounts, prepared, arena, row);
    }
    return PH_OK;
}

static int hash_password(struct ph_accounts *accounts, struct ph_bytes password, struct ph_arena *arena,
                         struct ph_user_row *row, struct ph_error *err)
{
    struct ph_buf prepared = PH_BUF(PH_PASSWORD_MAX);
    int result = ph_password_prepare(password, PH_SASLPREP_STORED, &prepared, err);
    if (result == PH_OK) {
        result = hash_prepared(accounts, ph_buf_view(&prepared), arena, row, err);
    }
    ph_buf_wipe(&prepared);
    return result;
}

int ph_accounts_renew(struct ph_accounts *accounts, const struct ph_user_row *seen, uint64_t seen_us,
                      struct ph_bytes prepared, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_user_row row = {.name = seen->name};
    ph_arena_init(&arena, 0);
    int result = hash_prepared(accounts, prepared, &arena, &row, err);
    if (result == PH_OK) {
        ph_plan_init(&plan, &arena);
        ph_store_user_renew(&plan, &row, seen->password, seen_us);
        result = ph_db_apply(accounts->db, &plan, err);
    }
    ph_arena_fini(&arena);
    return result;
}

static int check_name(struct ph_bytes user, struct ph_error *err)
{
    struct ph_buf prepared = PH_BUF(PREPARED_NAME_MAX);
    int result = ph_unicode_saslprep(user, PH_SASLPREP_STORED, &prepared, err);
    if (result == PH_OK && !ph_bytes_eq(ph_buf_view(&prepared), user)) {
        result = ph_fail(err, PH_EINVALID, "SASLprep changes the name, so nobody could log in with it");
    }
    if (result == PH_OK && ph_accounts_is_reserved(user)) {
        result = ph_fail(err, PH_EINVALID, "* is no user's name");
    }
    ph_buf_fini(&prepared);
    return result;
}

/* USER is canonical. Cheap refusals first; the conditions that count are those of the statement. */
static int may_add(struct ph_accounts *accounts, struct ph_bytes user, struct ph_bytes domain,
                   struct ph_error *err)
{
    bool has_alias = false;
    int result = check_name(user, err);
    if (result == PH_OK) {
        result = ph_accounts_check_domain(accounts, domain, err);
    }
    if (result == PH_OK) {
        result = ph_store_user_check(accounts->db, user, NULL);
        result = result == PH_OK
                     ? ph_fail(err, PH_ECONFLICT, "user %.*s exists", (int)user.len, (const char *)user.ptr)
                 : result == PH_ENOTFOUND ? PH_OK
                                          : ph_fail(err, result, "store: is there such a user");
    }
    if (result == PH_OK) {
        result = ph_accounts_has_alias(accounts, user, &has_alias, err);
    }
    if (result == PH_OK && has_alias) {
        result = ph_fail(err, PH_ECONFLICT, "%.*s is an alias", (int)user.len, (const char *)user.ptr);
    }
    return result;
}

int ph_user_add(struct ph_accounts *accounts, struct ph_bytes user, struct ph_bytes password,
                struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_user_row row = {0};
    struct ph_bytes local;
    struct ph_bytes domain;
    ph_arena_init(&arena, 0);
    int result = ph_address_canonical(user, &arena, &row.name, err);
    if (result == PH_OK) {
        (void)ph_address_split(row.name, &local, &domain);
        result = may_add(accounts, row.name, domain, err);
    }
    if (result == PH_OK) {
        result = hash_password(accounts, password, &arena, &row, err);
    }
    if (result == PH_OK) {
        ph_plan_init(&plan, &arena);
        ph_store_user_add(&plan, &row, domain);
        result = ph_db_apply(accounts->db, &plan, err);
        ph_name_cache_drop(accounts->names, PH_NAME_USER, row.name);
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_user_set_password(struct ph_accounts *accounts, struct ph_bytes user, struct ph_bytes password,
                         struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_user_row row = {0};
    ph_arena_init(&arena, 0);
    int result = ph_address_canonical(user, &arena, &row.name, err);
    if (result == PH_OK) {
        result = ph_store_user_check(accounts->db, row.name, err);
    }
    if (result == PH_OK) {
        result = hash_password(accounts, password, &arena, &row, err);
    }
    if (result == PH_OK) {
        ph_plan_init(&plan, &arena);
        ph_store_user_set_password(&plan, &row);
        result = ph_db_apply(accounts->db, &plan, err);
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_user_remove(struct ph_accounts *accounts, struct ph_bytes user, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_bytes local;
    struct ph_bytes domain;
    ph_arena_init(&arena, 0);
    int result = ph_address_canonical(user, &arena, &user, err);
    if (result == PH_OK) {
        (void)ph_address_split(user, &local, &domain);
        ph_plan_init(&plan, &arena);
        ph_store_mapping_remove_source(&plan, local, domain);
        ph_store_user_remove(&plan, user);
        result = ph_db_apply(accounts->db, &plan, err);
        ph_name_cache_drop(accounts->names, PH_NAME_USER, user);
        ph_name_cache_drop(accounts->names, PH_NAME_MAPPINGS, user);
    }
    if (result == PH_ENOTFOUND) {
        ph_fail(err, result, "no user %.*s", (int)user.len, (const char *)user.ptr);
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_user_list(struct ph_accounts *accounts, struct ph_bytes domain_or_empty,
                 int (*each)(struct ph_bytes user, void *ctx), void *ctx, struct ph_error *err)
{
    struct ph_store_names page;
    struct ph_bytes after = {0};
    struct ph_arena arenas[3]; /* of this page, of the one before, where AFTER lies; of the domain */
    unsigned turn = 0;
    int result = PH_OK;
    for (unsigned i = 0; i < 3; i++) {
        ph_arena_init(&arenas[i], 0);
    }
    if (domain_or_empty.len > 0) {
        result = ph_domain_canonical(domain_or_empty, &arenas[2], &domain_or_empty, err);
    }
    page.count = PH_STORE_PAGE_ROWS;
    while (result == PH_OK && page.count == PH_STORE_PAGE_ROWS) {
        ph_arena_reset(&arenas[turn]);
        result = ph_store_user_page(accounts->db, domain_or_empty, after, &arenas[turn], &page, err);
        for (size_t i = 0; result == PH_OK && i < page.count; i++) {
            after = page.list[i];
            result = each(page.list[i], ctx);
        }
        turn = 1 - turn;
    }
    for (unsigned i = 0; i < 3; i++) {
        ph_arena_fini(&arenas[i]);
    }
    return result;
}
