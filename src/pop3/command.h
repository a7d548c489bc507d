/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a POP3 client says, as lines and commands: pure functions over octets, fuzzed by fuzz_pop3_command.c.
 *
 * A command is `keyword *(SP param) CRLF` (RFC 2449 section 3). A line may also end with a bare LF, as people type
 * it into a terminal: nothing in POP3 can be smuggled by that, for a client's octets never become another's
 * command. Views point into the input.
 */
#ifndef PH_POP3_COMMAND_H
#define PH_POP3_COMMAND_H

#include "base/bytes.h"

enum {
    /* RFC 2449 section 4 asks for 255. User names and passwords may be longer than that leaves room for, and a
     * SASL initial response holds both in base64. */
    PH_POP3_COMMAND_MAX = 4096,
    /* A SASL answer, as RFC 5034 section 4 leaves to the mechanisms; the number is RFC 4954's. */
    PH_POP3_SASL_LINE_MAX = 12288,
    PH_POP3_WORDS_MAX = 2,
};

enum ph_pop3_line {
    PH_POP3_LINE_NEEDS_MORE, /* no end of line yet, and there is room */
    PH_POP3_LINE_READY,
    PH_POP3_LINE_TOO_LONG,
    PH_POP3_LINE_HAS_NUL,
};

/* Takes one line off INPUT. MAX counts the octets with the line's end. *OUT_LINE is without it. *OUT_CONSUMED is 0
 * where more is needed, and all of INPUT where the line is too long. */
enum ph_pop3_line ph_pop3_line_take(struct ph_bytes input, size_t max, struct ph_bytes *out_line,
                                    size_t *out_consumed);

struct ph_pop3_command {
    struct ph_bytes keyword;                  /* as written; may be empty */
    struct ph_bytes text;                     /* all behind the first blank: for PASS, whose blanks count */
    struct ph_bytes words[PH_POP3_WORDS_MAX]; /* the first words of the text */
    unsigned word_count;                      /* all of them, also those that words[] has no room for */
};

/* Every line is some command. */
void ph_pop3_command_parse(struct ph_bytes line, struct ph_pop3_command *out_command);

#endif
