/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's octets as lines and commands: every octet is consumed once, views stay inside the input, and what was
 * incomplete becomes the same line when the rest has come.
 */
#include <assert.h>
#include <stdlib.h>

#include "pop3/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct ph_bytes view, struct ph_bytes input)
{
    assert(view.len == 0 || (view.ptr >= input.ptr && view.ptr + view.len <= input.ptr + input.len));
}

static void check_command(struct ph_bytes line)
{
    struct ph_pop3_command command;
    ph_pop3_command_parse(line, &command);
    check_inside(command.keyword, line);
    check_inside(command.text, line);
    for (unsigned i = 0; i < PH_POP3_WORDS_MAX; i++) {
        check_inside(command.words[i], command.text);
        assert((command.words[i].len > 0) == (i < command.word_count));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The first octet chooses the limit, the rest is what the client sends. */
    if (size == 0) {
        return 0;
    }
    size_t max = 1 + data[0];
    struct ph_bytes rest = ph_bytes_of(data + 1, size - 1);
    while (rest.len > 0) {
        struct ph_bytes line;
        size_t consumed = 0;
        enum ph_pop3_line result = ph_pop3_line_take(rest, max, &line, &consumed);
        assert(consumed <= rest.len);
        check_inside(line, rest);
        if (result == PH_POP3_LINE_NEEDS_MORE) {
            assert(consumed == 0 && rest.len < max);
            break;
        }
        assert(consumed > 0);
        if (result == PH_POP3_LINE_TOO_LONG) {
            break;
        }
        assert(consumed <= max);
        /* One octet less is no line yet. */
        struct ph_bytes again;
        size_t none = 0;
        assert(ph_pop3_line_take(ph_bytes_first(rest, consumed - 1), max, &again, &none) ==
               PH_POP3_LINE_NEEDS_MORE);
        if (result == PH_POP3_LINE_READY) {
            check_command(line);
        }
        rest = ph_bytes_from(rest, consumed);
    }
    return 0;
}
