/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An address is looked up in this order, and the first that is there decides:
 *
 *     a user with this name         his forwards, or himself where he has none
 *     aliases and groups            all their targets
 *     local+tag                     the same two for the local part without tag; the tag chooses no mailbox
 *     the domain's catch-all        its targets
 *
 * Targets are looked up the same way, breadth first. Each address is looked up once, so a loop ends by itself;
 * what it leads to besides is delivered. A target whose domain is not local (any more) is passed over: nothing
 * leaves this server here.
 */
#include "delivery/recipient.h"

struct set {
    struct ph_bytes *slots; /* the arena's; len 0: free */
    size_t size;            /* a power of two, or 0 */
    size_t count;
};

struct item {
    struct item *next;
    struct ph_bytes address;
    unsigned depth;
};

struct expansion {
    struct ph_accounts *accounts;
    struct ph_arena *arena;
    struct ph_error *err;
    char separator;
    struct item *first;
    struct item **last;
    struct set seen;
    struct set users;
    struct item *found; /* the users, in the order found */
    struct item **last_found;
    /* Of the address at hand. */
    unsigned depth;
    struct ph_bytes user; /* whose forwards are read; empty while aliases are */
    unsigned mappings;
};

enum { SEEN_MAX = 4 * PH_EXPANSION_TARGETS_MAX };

/* ---- A set of names ---- */

static size_t hash(struct ph_bytes name)
{
    uint64_t sum = 0xCBF29CE484222325U; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++) {
        sum = (sum ^ name.ptr[i]) * 0x100000001B3U;
    }
    return (size_t)(sum ^ (sum >> 32));
}

static struct ph_bytes *slot_of(struct set *set, struct ph_bytes name)
{
    size_t at = hash(name) & (set->size - 1);
    while (set->slots[at].len > 0 && !ph_bytes_eq(set->slots[at], name)) {
        at = (at + 1) & (set->size - 1);
    }
    return &set->slots[at];
}

/* False where it is there already. NAME must live as long as the set. */
static bool set_add(struct set *set, struct ph_bytes name, struct ph_arena *arena)
{
    if (2 * (set->count + 1) > set->size) {
        struct set bigger = {.size = set->size == 0 ? 16 : 2 * set->size, .count = set->count};
        bigger.slots = ph_arena_zalloc(arena, bigger.size * sizeof bigger.slots[0]);
        for (size_t i = 0; i < set->size; i++) {
            if (set->slots[i].len > 0) {
                *slot_of(&bigger, set->slots[i]) = set->slots[i];
            }
        }
        *set = bigger;
    }
    struct ph_bytes *slot = slot_of(set, name);
    if (slot->len > 0) {
        return false;
    }
    *slot = name;
    set->count++;
    return true;
}

/* ---- The way from address to users ---- */

static int too_far(struct expansion *x)
{
    return ph_fail(x->err, PH_ELIMIT, "expands to more than %d addresses or through more than %d mappings",
                   PH_EXPANSION_TARGETS_MAX, PH_EXPANSION_DEPTH_MAX);
}

static int push(struct expansion *x, struct ph_bytes address)
{
    struct item *item = ph_arena_alloc(x->arena, sizeof *item);
    *item = (struct item){.address = ph_arena_bytes(x->arena, address), .depth = x->depth + 1};
    if (!set_add(&x->seen, item->address, x->arena)) {
        return PH_OK;
    }
    if (item->depth > PH_EXPANSION_DEPTH_MAX || x->seen.count > SEEN_MAX) {
        return too_far(x);
    }
    *x->last = item;
    x->last = &item->next;
    return PH_OK;
}

static int deliver_to(struct expansion *x, struct ph_bytes user)
{
    struct item *item = ph_arena_zalloc(x->arena, sizeof *item);
    item->address = ph_arena_bytes(x->arena, user);
    if (!set_add(&x->users, item->address, x->arena)) {
        return PH_OK;
    }
    *x->last_found = item;
    x->last_found = &item->next;
    return x->users.count > PH_EXPANSION_TARGETS_MAX ? too_far(x) : PH_OK;
}

static int take_mapping(const struct ph_mapping *mapping, void *ctx)
{
    struct expansion *x = ctx;
    bool is_forward = mapping->type == PH_MAPPING_FORWARD;
    if (is_forward != (x->user.len > 0)) {
        return PH_OK;
    }
    x->mappings++;
    if (is_forward && ph_bytes_eq(mapping->target, x->user)) {
        return deliver_to(x, x->user);
    }
    return push(x, mapping->target);
}

/* Follows the forwards of USER, or with an empty USER the aliases of SOURCE. */
static int follow(struct expansion *x, struct ph_bytes source, struct ph_bytes user)
{
    x->user = user;
    x->mappings = 0;
    return ph_mapping_list(x->accounts, source, take_mapping, x, x->err);
}

/* The user or the aliases of this name; PH_ENOTFOUND where it has neither. */
static int resolve_name(struct expansion *x, struct ph_bytes address)
{
    int result = ph_user_check(x->accounts, address, x->err);
    if (result == PH_OK) {
        result = follow(x, address, address);
        return result == PH_OK && x->mappings == 0 ? deliver_to(x, address) : result;
    }
    if (result == PH_ENOTFOUND) {
        result = follow(x, address, (struct ph_bytes){0});
        return result == PH_OK && x->mappings == 0 ? PH_ENOTFOUND : result;
    }
    return result;
}

/* "user+tag@domain" without "+tag"; false where there is none, or the local part is quoted. */
static bool without_tag(const struct expansion *x, struct ph_bytes address, struct ph_bytes *out_address)
{
    struct ph_bytes local;
    struct ph_bytes domain;
    (void)ph_address_split(address, &local, &domain);
    size_t at = ph_bytes_find(local, (uint8_t)x->separator);
    if (x->separator == '\0' || at == 0 || at == local.len || local.ptr[0] == '"') {
        return false;
    }
    uint8_t *text = ph_arena_alloc(x->arena, at + 1 + domain.len);
    memcpy(text, local.ptr, at);
    text[at] = '@';
    memcpy(text + at + 1, domain.ptr, domain.len);
    *out_address = ph_bytes_of(text, at + 1 + domain.len);
    return true;
}

static int resolve(struct expansion *x, struct ph_bytes address)
{
    struct ph_bytes local;
    struct ph_bytes domain;
    struct ph_bytes base;
    (void)ph_address_split(address, &local, &domain);
    int result = ph_domain_check(x->accounts, domain, x->err);
    if (result != PH_OK) {
        return result == PH_ENOTFOUND ? PH_EDENIED : result;
    }
    result = resolve_name(x, address);
    if (result == PH_ENOTFOUND && without_tag(x, address, &base)) {
        result = resolve_name(x, base);
    }
    if (result == PH_ENOTFOUND) {
        struct ph_bytes catch_all = ph_bytes_from(address, local.len);
        result = follow(x, catch_all, (struct ph_bytes){0});
        if (result == PH_OK && x->mappings == 0) {
            result = PH_ENOTFOUND;
        }
    }
    return result;
}

/* ---- postmaster without a domain, RFC 5321 section 4.5.1 ---- */

struct postmaster {
    struct expansion *x;
    struct ph_bytes address;
    bool is_there;
};

static int is_alias(const struct ph_mapping *mapping, void *ctx)
{
    (void)mapping;
    *(bool *)ctx = true;
    return PH_OK;
}

static int try_domain(struct ph_bytes domain, void *ctx)
{
    struct postmaster *postmaster = ctx;
    struct expansion *x = postmaster->x;
    if (postmaster->is_there) {
        return PH_OK;
    }
    postmaster->address =
        ph_bytes_str(ph_arena_printf(x->arena, "postmaster@%.*s", (int)domain.len, (const char *)domain.ptr));
    int result = ph_user_check(x->accounts, postmaster->address, x->err);
    if (result == PH_OK) {
        postmaster->is_there = true;
    } else if (result == PH_ENOTFOUND) {
        result = ph_mapping_list(x->accounts, postmaster->address, is_alias, &postmaster->is_there, x->err);
    }
    return result;
}

/* The postmaster of the first domain that has one. */
static int find_postmaster(struct expansion *x, struct ph_bytes *out_address)
{
    struct postmaster postmaster = {.x = x};
    int result = ph_domain_list(x->accounts, try_domain, &postmaster, x->err);
    if (result == PH_OK && !postmaster.is_there) {
        result = ph_fail(x->err, PH_ENOTFOUND, "no domain has a postmaster");
    }
    *out_address = postmaster.address;
    return result;
}

/* ---- */

static void fill_targets(const struct expansion *x, struct ph_targets *out_targets)
{
    out_targets->count = 0;
    out_targets->list = ph_arena_alloc(x->arena, x->users.count * sizeof out_targets->list[0]);
    for (const struct item *item = x->found; item != NULL; item = item->next) {
        out_targets->list[out_targets->count++] =
            (struct ph_target){.user = item->address, .mailbox = PH_BYTES("INBOX")};
    }
}

int ph_recipient_expand(struct ph_accounts *accounts, char subaddress_separator, struct ph_bytes address,
                        struct ph_arena *arena, struct ph_targets *out_targets, struct ph_error *err)
{
    struct expansion x = {
        .accounts = accounts, .arena = arena, .err = err, .separator = subaddress_separator};
    x.last = &x.first;
    x.last_found = &x.found;
    struct ph_bytes canonical;
    int result = ph_bytes_ieq(address, PH_BYTES("postmaster"))
                     ? find_postmaster(&x, &canonical)
                     : ph_address_canonical(address, arena, &canonical, err);
    if (result != PH_OK) {
        return result;
    }
    (void)set_add(&x.seen, canonical, arena);
    result = resolve(&x, canonical);
    if (result == PH_EDENIED) {
        return ph_fail(err, PH_EDENIED, "the domain is not local");
    }
    for (struct item *item = x.first; item != NULL && (result == PH_OK || result == PH_ENOTFOUND);
         item = item->next) {
        x.depth = item->depth;
        result = resolve(&x, item->address);
        if (result == PH_EDENIED) {
            result = PH_OK;
        }
    }
    if (result != PH_OK && result != PH_ENOTFOUND) {
        return result;
    }
    if (x.users.count == 0) {
        return ph_fail(err, PH_ENOTFOUND, "nobody has this address");
    }
    fill_targets(&x, out_targets);
    return PH_OK;
}
