/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a sender address is: the user's name itself, with a subaddress or without, or an address of nobody else
 * whose mail goes to this user alone (an alias, a catch-all). Somebody who forwards all mail to a user stays the
 * owner of the address; a group is nobody's.
 */
#include "smtp/session.h"

/* ADDRESS without "+tag"; itself where it has none. */
static struct ph_bytes without_subaddress(struct ph_bytes address, char separator, struct ph_arena *arena)
{
    struct ph_bytes local;
    struct ph_bytes domain;
    if (separator == '\0' || !ph_address_split(address, &local, &domain)) {
        return address;
    }
    size_t at = ph_bytes_find(local, (uint8_t)separator);
    if (at == 0 || at == local.len) {
        return address;
    }
    return ph_bytes_str(ph_arena_printf(arena, "%.*s@%.*s", (int)at, (const char *)local.ptr, (int)domain.len,
                                        (const char *)domain.ptr));
}

int ph_smtp_check_sender(const struct ph_smtp_context *context, struct ph_bytes user, struct ph_bytes sender,
                         struct ph_arena *arena, struct ph_error *err)
{
    struct ph_bytes canonical;
    struct ph_targets targets;
    if (ph_address_canonical(sender, arena, &canonical, err) != PH_OK) {
        return ph_fail(err, PH_EDENIED, "not an address of a user");
    }
    struct ph_bytes base = without_subaddress(canonical, context->subaddress_separator, arena);
    if (ph_bytes_eq(canonical, user) || ph_bytes_eq(base, user)) {
        return PH_OK;
    }
    int rc = ph_user_check(context->accounts, canonical, err);
    if (rc == PH_ENOTFOUND && !ph_bytes_eq(base, canonical)) {
        rc = ph_user_check(context->accounts, base, err);
    }
    if (rc == PH_OK) {
        return ph_fail(err, PH_EDENIED, "the address of another user");
    }
    if (rc == PH_ENOTFOUND) {
        rc = ph_recipient_expand(context->accounts, context->subaddress_separator, canonical, arena, &targets,
                                 err);
    }
    if (rc == PH_OK && targets.count == 1 && ph_bytes_eq(targets.list[0].user, user)) {
        return PH_OK;
    }
    bool is_answer =
        rc == PH_OK || rc == PH_ENOTFOUND || rc == PH_EDENIED || rc == PH_EINVALID || rc == PH_ELIMIT;
    return is_answer ? ph_fail(err, PH_EDENIED, "not an address of this user") : rc;
}
