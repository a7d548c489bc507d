/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every command of the server: what it is called, who answers it, when it may be said, with how many arguments.
 *
 * USER and PASS take the rest of the line, blanks included (RFC 1939 section 7), so any number of words.
 */
#include "pop3/session.h"

enum {
    ANY = PH_POP3_WORDS_ANY,
    LOGIN = PH_POP3_AUTHORIZATION,
    DROP = PH_POP3_TRANSACTION,
    BOTH = PH_POP3_AUTHORIZATION | PH_POP3_TRANSACTION,
};

static const struct ph_pop3_row rows[] = {
    /* name, handler, states, least and most words, secret, usage */
    {"USER", ph_pop3_user, LOGIN, 1, ANY, true, "-ERR Usage: USER name"},
    {"PASS", ph_pop3_pass, LOGIN, 0, ANY, true, "-ERR Usage: PASS password"},
    {"AUTH", ph_pop3_auth, LOGIN, 0, 2, true, "-ERR Usage: AUTH [mechanism [initial-response]]"},
    {"STLS", ph_pop3_stls, LOGIN, 0, 0, false, "-ERR Usage: STLS"},
    {"UTF8", ph_pop3_utf8, LOGIN, 0, 0, false, "-ERR Usage: UTF8"},
    {"CAPA", ph_pop3_capa, BOTH, 0, 0, false, "-ERR Usage: CAPA"},
    {"LANG", ph_pop3_lang, BOTH, 0, 1, false, "-ERR Usage: LANG [language]"},
    {"STAT", ph_pop3_stat, DROP, 0, 0, false, "-ERR Usage: STAT"},
    {"LIST", ph_pop3_list, DROP, 0, 1, false, "-ERR Usage: LIST [message]"},
    {"UIDL", ph_pop3_uidl, DROP, 0, 1, false, "-ERR Usage: UIDL [message]"},
    {"RETR", ph_pop3_retr, DROP, 1, 1, false, "-ERR Usage: RETR message"},
    {"TOP", ph_pop3_top, DROP, 2, 2, false, "-ERR Usage: TOP message lines"},
    {"DELE", ph_pop3_dele, DROP, 1, 1, false, "-ERR Usage: DELE message"},
    {"NOOP", ph_pop3_noop, DROP, 0, 0, false, "-ERR Usage: NOOP"},
    {"RSET", ph_pop3_rset, DROP, 0, 0, false, "-ERR Usage: RSET"},
    {"QUIT", ph_pop3_quit, BOTH, 0, 0, false, "-ERR Usage: QUIT"},
};

const struct ph_pop3_row *ph_pop3_row_find(struct ph_bytes keyword)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (ph_bytes_ieq(keyword, ph_bytes_str(rows[i].name))) {
            return &rows[i];
        }
    }
    return NULL;
}
