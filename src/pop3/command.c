/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 1939 section 3, RFC 2449 sections 3 and 4.
 */
#include "pop3/command.h"

enum ph_pop3_line ph_pop3_line_take(struct ph_bytes input, size_t max, struct ph_bytes *out_line,
                                    size_t *out_consumed)
{
    *out_line = (struct ph_bytes){NULL, 0};
    struct ph_bytes within = ph_bytes_first(input, max);
    size_t end = ph_bytes_find(within, '\n');
    if (end == within.len) {
        bool is_too_long = input.len >= max;
        *out_consumed = is_too_long ? input.len : 0;
        return is_too_long ? PH_POP3_LINE_TOO_LONG : PH_POP3_LINE_NEEDS_MORE;
    }
    *out_consumed = end + 1;
    size_t len = end > 0 && input.ptr[end - 1] == '\r' ? end - 1 : end;
    *out_line = ph_bytes_first(input, len);
    bool has_nul = ph_bytes_find(*out_line, '\0') < len;
    return has_nul ? PH_POP3_LINE_HAS_NUL : PH_POP3_LINE_READY;
}

void ph_pop3_command_parse(struct ph_bytes line, struct ph_pop3_command *out_command)
{
    size_t keyword_len = ph_bytes_find(line, ' ');
    *out_command = (struct ph_pop3_command){
        .keyword = ph_bytes_first(line, keyword_len),
        .text = ph_bytes_from(line, keyword_len + 1),
    };
    struct ph_bytes rest = out_command->text;
    for (;;) {
        struct ph_bytes word = ph_bytes_next_word(&rest);
        if (word.len == 0) {
            return;
        }
        if (out_command->word_count < PH_POP3_WORDS_MAX) {
            out_command->words[out_command->word_count] = word;
        }
        out_command->word_count++;
    }
}
