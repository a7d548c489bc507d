/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of an INBOX, read while its user logs in: what opening the maildrop would read a round trip later.
 */
#include "auth/auth.h"
#include "mailbox/mailbox-private.h"

static const struct ph_bytes inbox = {(const uint8_t *)"INBOX", 5};

static bool read_inbox(void *ctx, struct ph_bytes user, struct ph_value params[PH_AUTH_BESIDE_PARAMS],
                       struct ph_db_read *out_read, uint64_t *out_ticket)
{
    struct ph_mailboxes *mailboxes = ctx;
    struct ph_mailbox_row row = {.user = user, .name = inbox};
    if (ph_path_cache_get(mailboxes->paths, &row, out_ticket)) {
        return false;
    }
    *out_read = ph_store_mailbox_read(&row, params);
    return true;
}

static void take_inbox(void *ctx, struct ph_bytes user, struct ph_rows *rows, uint64_t ticket)
{
    struct ph_mailboxes *mailboxes = ctx;
    struct ph_mailbox_row row = {.user = user, .name = inbox};
    struct ph_error ignored;
    if (ph_store_mailbox_take(rows, &row, &ignored) == PH_OK) {
        ph_path_cache_put(mailboxes->paths, &row, ticket);
    }
}

void ph_mailboxes_attend_logins(struct ph_mailboxes *mailboxes, struct ph_auth *auth)
{
    if (mailboxes->has_nodes) {
        const struct ph_auth_beside beside = {mailboxes, read_inbox, take_inbox};
        ph_auth_set_beside(auth, &beside);
    }
}
