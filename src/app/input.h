/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command reads: a password, a message, a yes.
 */
#ifndef PH_APP_INPUT_H
#define PH_APP_INPUT_H

#include "app/cli.h"
#include "blob/spool.h"

/* Reads what CALL's command wants into CONTENT: a password by prompt without echo, or the first line of standard input;
 * or the message on standard input. */
int ph_input_content(const struct ph_cli_call *call, struct ph_spool *content,
                     struct ph_error *err) PH_MUST_USE;

/* Asks QUESTION on the terminal, naming the answer that an empty line means; LINE gets what was typed, without its end. */
int ph_input_ask(const char *question, const char *fallback, struct ph_buf *line,
                 struct ph_error *err) PH_MUST_USE;

/* Asks on a terminal whether to go on, where the command is one to ask about. PH_EDENIED: no. Where nobody can be
 * asked, the answer is yes. */
int ph_input_confirm(const struct ph_cli_call *call, struct ph_error *err) PH_MUST_USE;

#endif
