/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of each command: pure functions over a command's text. Each takes all of them, from the blank behind
 * the command's name on, and returns NULL, or the text of a BAD.
 */
#ifndef PH_IMAP_PARSE_H
#define PH_IMAP_PARSE_H

#include "imap/reader.h"
#include "imap/session.h"

/* Tag, name and arguments. NULL, or the text of a BAD; out_command->tag is then "*" where no tag could be read. */
const char *ph_imap_parse(struct ph_imap_reader *reader, struct ph_imap_command *out_command);

/* parse_fetch.c */
ph_imap_parser ph_imap_parse_fetch;
/* parse_search.c */
ph_imap_parser ph_imap_parse_search, ph_imap_parse_sort, ph_imap_parse_thread;
/* parse_message.c */
ph_imap_parser ph_imap_parse_store, ph_imap_parse_copy, ph_imap_parse_expunge;
/* parse_mailbox.c */
ph_imap_parser ph_imap_parse_mailbox, ph_imap_parse_create, ph_imap_parse_rename, ph_imap_parse_select,
    ph_imap_parse_status, ph_imap_parse_list, ph_imap_parse_lsub;
/* append.c: always a complaint, for what has a message never comes here */
ph_imap_parser ph_imap_parse_append;
/* parse_session.c */
ph_imap_parser ph_imap_parse_login, ph_imap_parse_authenticate, ph_imap_parse_enable, ph_imap_parse_id;

#endif
