/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mappings: one name for several users, several names for one. They are stored as James stores them, type in front of
 * the target; a source "@domain" is the local part "*". Mappings of types that are James's alone are passed over.
 *
 * An address is a user, or an alias or group, never both: a mapping that nobody asks for would be a trap. A forward
 * belongs to a user.
 *
 * The mappings of one source are cached as one text, a NUL behind each.
 */
#include "auth/accounts-private.h"

#include "auth/address.h"
#include "store/mapping.h"

static const struct {
    enum ph_mapping_type type;
    const char *prefix;
} types[] = {
    {PH_MAPPING_ALIAS, "alias:"},
    {PH_MAPPING_GROUP, "group:"},
    {PH_MAPPING_FORWARD, "forward:"},
};
enum { TYPE_COUNT = sizeof types / sizeof types[0] };

/* False for a type that is not ours. */
static bool parse_mapping(struct ph_bytes text, struct ph_mapping *out_mapping)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        struct ph_bytes prefix = ph_bytes_str(types[i].prefix);
        if (ph_bytes_starts(text, prefix)) {
            out_mapping->type = types[i].type;
            out_mapping->target = ph_bytes_from(text, prefix.len);
            return true;
        }
    }
    return false;
}

static struct ph_bytes format_mapping(const struct ph_mapping *mapping, struct ph_arena *arena)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].type == mapping->type) {
            return ph_bytes_str(ph_arena_printf(arena, "%s%.*s", types[i].prefix, (int)mapping->target.len,
                                                (const char *)mapping->target.ptr));
        }
    }
    return (struct ph_bytes){0};
}

/* ---- Reading ---- */

static int collect(struct ph_bytes mapping, void *ctx)
{
    struct ph_buf *text = ctx;
    ph_buf_bytes(text, mapping);
    ph_buf_byte(text, '\0');
    return 0;
}

enum { MAPPINGS_BYTES_MAX = 4 * 1024 * 1024 };

/* All mappings of the canonical SOURCE ("@domain" too) as one text. */
static int read_mappings(struct ph_accounts *accounts, struct ph_bytes source, struct ph_arena *arena,
                         struct ph_bytes *out_text, struct ph_error *err)
{
    bool is_there = false;
    *out_text = (struct ph_bytes){0};
    if (ph_accounts_is_reserved(source) ||
        ph_name_cache_get(accounts->names, PH_NAME_MAPPINGS, source, arena, &is_there, out_text)) {
        return PH_OK;
    }
    struct ph_bytes local;
    struct ph_bytes domain;
    (void)ph_address_split(source, &local, &domain);
    uint64_t mark = ph_name_cache_mark(accounts->names);
    struct ph_buf text = PH_BUF(MAPPINGS_BYTES_MAX);
    int result = ph_store_mapping_get(accounts->db, local.len == 0 ? PH_BYTES("*") : local, domain, collect,
                                      &text, err);
    if (result == PH_OK && text.has_overflowed) {
        result = ph_fail(err, PH_ELIMIT, "%.*s has more than %d octets of mappings", (int)source.len,
                         (const char *)source.ptr, MAPPINGS_BYTES_MAX);
    }
    if (result == PH_OK) {
        *out_text = ph_arena_bytes(arena, ph_buf_view(&text));
        ph_name_cache_put(accounts->names, mark, PH_NAME_MAPPINGS, source, out_text->len > 0, *out_text);
    }
    ph_buf_fini(&text);
    return result;
}

static bool next_mapping(struct ph_bytes *rest, struct ph_mapping *out_mapping)
{
    while (rest->len > 0) {
        struct ph_bytes one = ph_bytes_first(*rest, ph_bytes_find(*rest, 0));
        *rest = ph_bytes_from(*rest, one.len + 1);
        if (parse_mapping(one, out_mapping)) {
            return true;
        }
    }
    return false;
}

int ph_accounts_has_alias(struct ph_accounts *accounts, struct ph_bytes source, bool *out_has_alias,
                          struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_bytes rest;
    struct ph_mapping mapping;
    ph_arena_init(&arena, 0);
    *out_has_alias = false;
    int result = read_mappings(accounts, source, &arena, &rest, err);
    while (result == PH_OK && next_mapping(&rest, &mapping)) {
        *out_has_alias = *out_has_alias || mapping.type != PH_MAPPING_FORWARD;
    }
    ph_arena_fini(&arena);
    return result;
}

/* An address, or "@domain". */
static int canonical_source(struct ph_bytes source, struct ph_arena *arena, struct ph_bytes *out_source,
                            struct ph_error *err)
{
    if (source.len > 0 && source.ptr[0] == '@') {
        struct ph_bytes domain;
        int result = ph_domain_canonical(ph_bytes_from(source, 1), arena, &domain, err);
        if (result == PH_OK) {
            *out_source =
                ph_bytes_str(ph_arena_printf(arena, "@%.*s", (int)domain.len, (const char *)domain.ptr));
        }
        return result;
    }
    return ph_address_canonical(source, arena, out_source, err);
}

static int list_one(struct ph_accounts *accounts, struct ph_bytes source, struct ph_arena *arena,
                    int (*each)(const struct ph_mapping *mapping, void *ctx), void *ctx, struct ph_error *err)
{
    struct ph_bytes rest;
    struct ph_mapping mapping;
    int result = canonical_source(source, arena, &mapping.source, err);
    if (result == PH_OK) {
        result = read_mappings(accounts, mapping.source, arena, &rest, err);
    }
    while (result == PH_OK && next_mapping(&rest, &mapping)) {
        result = each(&mapping, ctx);
    }
    return result;
}

static int list_all(struct ph_accounts *accounts, struct ph_arena arenas[2],
                    int (*each)(const struct ph_mapping *mapping, void *ctx), void *ctx, struct ph_error *err)
{
    struct ph_mapping_rows page;
    struct ph_mapping_row after = {0};
    unsigned turn = 0;
    int result;
    do {
        struct ph_arena *arena = &arenas[turn];
        ph_arena_reset(arena);
        result = ph_store_mapping_page(accounts->db, &after, arena, &page, err);
        for (size_t i = 0; result == PH_OK && i < page.count; i++) {
            after = page.list[i];
            struct ph_mapping mapping;
            if (parse_mapping(after.mapping, &mapping)) {
                bool is_catch_all = ph_bytes_eq(after.user, PH_BYTES("*"));
                mapping.source = ph_bytes_str(ph_arena_printf(
                    arena, "%.*s@%.*s", is_catch_all ? 0 : (int)after.user.len, (const char *)after.user.ptr,
                    (int)after.domain.len, (const char *)after.domain.ptr));
                result = each(&mapping, ctx);
            }
        }
        turn = 1 - turn;
    } while (result == PH_OK && page.count == PH_STORE_PAGE_ROWS);
    return result;
}

int ph_mapping_list(struct ph_accounts *accounts, struct ph_bytes source_or_empty,
                    int (*each)(const struct ph_mapping *mapping, void *ctx), void *ctx, struct ph_error *err)
{
    struct ph_arena arenas[2];
    ph_arena_init(&arenas[0], 0);
    ph_arena_init(&arenas[1], 0);
    int result = source_or_empty.len == 0 ? list_all(accounts, arenas, each, ctx, err)
                                          : list_one(accounts, source_or_empty, &arenas[0], each, ctx, err);
    ph_arena_fini(&arenas[0]);
    ph_arena_fini(&arenas[1]);
    return result;
}

/* ---- Changing ---- */

static int has_forward(struct ph_accounts *accounts, struct ph_bytes source, struct ph_arena *arena,
                       bool *out_has_forward, struct ph_error *err)
{
    struct ph_bytes rest;
    struct ph_mapping mapping;
    *out_has_forward = false;
    int result = read_mappings(accounts, source, arena, &rest, err);
    while (result == PH_OK && next_mapping(&rest, &mapping)) {
        *out_has_forward = *out_has_forward || mapping.type == PH_MAPPING_FORWARD;
    }
    return result;
}

static int check_source(struct ph_accounts *accounts, const struct ph_mapping *mapping, struct ph_error *err)
{
    struct ph_bytes source = mapping->source;
    struct ph_bytes local;
    struct ph_bytes domain;
    (void)ph_address_split(source, &local, &domain);
    if (ph_accounts_is_reserved(source)) {
        return ph_fail(err, PH_EINVALID, "a catch-all is written @domain");
    }
    if (local.len == 0 && mapping->type != PH_MAPPING_ALIAS) {
        return ph_fail(err, PH_EINVALID, "a catch-all is an alias");
    }
    int result = ph_accounts_check_domain(accounts, domain, err);
    if (result != PH_OK || local.len == 0) {
        return result;
    }
    result = ph_accounts_check_user(accounts, source, err);
    if (mapping->type == PH_MAPPING_FORWARD) {
        return result;
    }
    if (result == PH_OK) {
        return ph_fail(err, PH_ECONFLICT, "%.*s is a user: a forward is what it can have", (int)source.len,
                       (const char *)source.ptr);
    }
    return result == PH_ENOTFOUND ? PH_OK : result;
}

static int check_target(struct ph_accounts *accounts, const struct ph_mapping *mapping,
                        struct ph_arena *arena, struct ph_error *err)
{
    struct ph_bytes local;
    struct ph_bytes domain;
    (void)ph_address_split(mapping->target, &local, &domain);
    int result = ph_accounts_check_domain(accounts, domain, err);
    if (result == PH_ENOTFOUND) {
        return ph_fail(err, PH_EDENIED, "%.*s is not local", (int)mapping->target.len,
                       (const char *)mapping->target.ptr);
    }
    if (result == PH_OK && ph_bytes_eq(mapping->source, mapping->target)) {
        bool keeps_a_copy = false;
        if (mapping->type == PH_MAPPING_FORWARD) {
            result = has_forward(accounts, mapping->source, arena, &keeps_a_copy, err);
        }
        if (result == PH_OK && !keeps_a_copy) {
            result = ph_fail(err, PH_EINVALID, "%.*s onto itself alone", (int)mapping->source.len,
                             (const char *)mapping->source.ptr);
        }
    }
    return result;
}

static int canonical_mapping(const struct ph_mapping *mapping, struct ph_arena *arena, struct ph_mapping *out,
                             struct ph_error *err)
{
    out->type = mapping->type;
    int result = canonical_source(mapping->source, arena, &out->source, err);
    return result == PH_OK ? ph_address_canonical(mapping->target, arena, &out->target, err) : result;
}

static int apply(struct ph_accounts *accounts, const struct ph_mapping *mapping, struct ph_arena *arena,
                 void (*change)(struct ph_plan *plan, const struct ph_mapping_row *row), struct ph_error *err)
{
    struct ph_plan plan;
    struct ph_mapping_row row = {.mapping = format_mapping(mapping, arena)};
    (void)ph_address_split(mapping->source, &row.user, &row.domain);
    if (row.user.len == 0) {
        row.user = PH_BYTES("*");
    }
    ph_plan_init(&plan, arena);
    change(&plan, &row);
    int result = ph_db_apply(accounts->db, &plan, err);
    ph_name_cache_drop(accounts->names, PH_NAME_MAPPINGS, mapping->source);
    return result;
}

int ph_mapping_add(struct ph_accounts *accounts, const struct ph_mapping *mapping, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_mapping canonical;
    ph_arena_init(&arena, 0);
    int result = canonical_mapping(mapping, &arena, &canonical, err);
    if (result == PH_OK) {
        result = check_source(accounts, &canonical, err);
    }
    if (result == PH_OK) {
        result = check_target(accounts, &canonical, &arena, err);
    }
    if (result == PH_OK) {
        result = apply(accounts, &canonical, &arena, ph_store_mapping_add, err);
        if (result == PH_ECONFLICT) {
            ph_fail(err, result, "the mapping exists");
        }
    }
    ph_arena_fini(&arena);
    return result;
}

int ph_mapping_remove(struct ph_accounts *accounts, const struct ph_mapping *mapping, struct ph_error *err)
{
    struct ph_arena arena;
    struct ph_mapping canonical;
    ph_arena_init(&arena, 0);
    int result = canonical_mapping(mapping, &arena, &canonical, err);
    if (result == PH_OK) {
        result = ph_accounts_is_reserved(canonical.source)
                     ? PH_ENOTFOUND
                     : apply(accounts, &canonical, &arena, ph_store_mapping_remove, err);
        if (result == PH_ENOTFOUND) {
            ph_fail(err, result, "no such mapping");
        }
    }
    ph_arena_fini(&arena);
    return result;
}
