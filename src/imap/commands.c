/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command of the server: what it is called, how its arguments are read, who answers it, when it may be said.
 */
#include "imap/parse.h"

enum {
    NOBODY = PH_IMAP_NOT_AUTHENTICATED,
    USER = PH_IMAP_AUTHENTICATED | PH_IMAP_SELECTED,
    MAILBOX = PH_IMAP_SELECTED,
    ANY = NOBODY | USER,
    UID = PH_IMAP_ROW_UID,
    HOLDS = PH_IMAP_ROW_HOLDS_EXPUNGE,
    WRITES = PH_IMAP_ROW_WRITES,
    SECRET = PH_IMAP_ROW_SECRET,
    QUIET = PH_IMAP_ROW_QUIET,
    NEWS = PH_IMAP_ROW_ASKS_FOR_NEWS,
};

static const struct ph_imap_row rows[] = {
    /* name, parser, handler, states, flags */
    {"CAPABILITY", NULL, ph_imap_capability, ANY, 0},
    {"NOOP", NULL, ph_imap_noop, ANY, NEWS},
    {"LOGOUT", NULL, ph_imap_logout, ANY, QUIET},
    {"ID", ph_imap_parse_id, ph_imap_id, ANY, 0},
    {"STARTTLS", NULL, ph_imap_starttls, NOBODY, 0},
    {"LOGIN", ph_imap_parse_login, ph_imap_login, NOBODY, SECRET},
    {"AUTHENTICATE", ph_imap_parse_authenticate, ph_imap_authenticate, NOBODY, SECRET},
    {"ENABLE", ph_imap_parse_enable, ph_imap_enable, USER, 0},
    {"NAMESPACE", NULL, ph_imap_namespace, USER, 0},
    {"SELECT", ph_imap_parse_select, ph_imap_select, USER, QUIET},
    {"EXAMINE", ph_imap_parse_select, ph_imap_select, USER, QUIET},
    {"CREATE", ph_imap_parse_create, ph_imap_create, USER, 0},
    {"DELETE", ph_imap_parse_mailbox, ph_imap_delete, USER, 0},
    {"RENAME", ph_imap_parse_rename, ph_imap_rename, USER, 0},
    {"SUBSCRIBE", ph_imap_parse_mailbox, ph_imap_subscribe, USER, 0},
    {"UNSUBSCRIBE", ph_imap_parse_mailbox, ph_imap_unsubscribe, USER, 0},
    {"LIST", ph_imap_parse_list, ph_imap_list, USER, 0},
    {"LSUB", ph_imap_parse_lsub, ph_imap_lsub, USER, 0},
    {"STATUS", ph_imap_parse_status, ph_imap_status, USER, 0},
    {"APPEND", ph_imap_parse_append, ph_imap_append_refused, USER, 0},
    {"IDLE", NULL, ph_imap_idle, USER, NEWS},
    {"CHECK", NULL, ph_imap_noop, MAILBOX, NEWS},
    {"CLOSE", NULL, ph_imap_close, MAILBOX, QUIET},
    {"UNSELECT", NULL, ph_imap_unselect_command, MAILBOX, QUIET},
    {"FETCH", ph_imap_parse_fetch, ph_imap_fetch, MAILBOX, UID | HOLDS},
    {"STORE", ph_imap_parse_store, ph_imap_store, MAILBOX, UID | HOLDS | WRITES},
    {"COPY", ph_imap_parse_copy, ph_imap_copy, MAILBOX, UID},
    {"MOVE", ph_imap_parse_copy, ph_imap_move, MAILBOX, UID | WRITES},
    {"EXPUNGE", ph_imap_parse_expunge, ph_imap_expunge, MAILBOX, UID | WRITES},
    {"SEARCH", ph_imap_parse_search, ph_imap_search, MAILBOX, UID | HOLDS},
    {"SORT", ph_imap_parse_sort, ph_imap_sort, MAILBOX, UID | HOLDS},
    {"THREAD", ph_imap_parse_thread, ph_imap_thread, MAILBOX, UID | HOLDS},
};

const struct ph_imap_row *ph_imap_row_find(struct ph_bytes name, bool is_uid)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool may_be = !is_uid || (rows[i].flags & PH_IMAP_ROW_UID) != 0;
        if (may_be && ph_bytes_ieq(name, ph_bytes_str(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}
