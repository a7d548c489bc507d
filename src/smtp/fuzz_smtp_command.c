/* SPDX-License-Identifier: Apache-2.0 */
/* A command line through every parser that may see it, as the server would call them. */
#include <stdlib.h>

#include "base/utf8.h"
#include "smtp/line.h"
#include "smtp/parameters.h"
#include "smtp/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_path(const struct ph_smtp_path *path)
{
    check(path->len <= sizeof path->address);
    check(ph_utf8_is_valid(ph_smtp_path_address(path)));
    for (size_t i = 0; i < path->len; i++) {
        check(path->address[i] >= ' ' && path->address[i] != 0x7F);
    }
}

static void parse_line(struct ph_bytes line)
{
    struct ph_bytes verb;
    struct ph_bytes argument;
    if (!ph_smtp_line_split(line, &verb, &argument)) {
        return;
    }
    uint64_t chunk = 0;
    bool is_last = false;
    (void)ph_smtp_is_hello_name(argument);
    (void)!ph_smtp_parse_chunk(argument, &chunk, &is_last);
    struct ph_smtp_path path;
    struct ph_smtp_mail_parameters mail;
    struct ph_bytes rest = argument;
    if (ph_smtp_take_keyword(&rest, PH_BYTES("FROM:")) && ph_smtp_parse_reverse_path(&rest, &path) == PH_OK) {
        check_path(&path);
        (void)!ph_smtp_parse_mail_parameters(rest, true, &mail);
    }
    rest = argument;
    if (ph_smtp_take_keyword(&rest, PH_BYTES("TO:")) && ph_smtp_parse_forward_path(&rest, &path) == PH_OK) {
        check(path.len > 0);
        check_path(&path);
        (void)!ph_smtp_parse_rcpt_parameters(rest, path.is_utf8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ph_bytes input = {data, size};
    while (input.len > 0) {
        struct ph_bytes line;
        size_t consumed = 0;
        enum ph_smtp_line_status status = ph_smtp_line_next(input, PH_SMTP_LINE_MAX_RCPT, &line, &consumed);
        check(consumed <= input.len);
        if (status == PH_SMTP_LINE_OK) {
            check(line.len + 2 == consumed);
            parse_line(line);
        } else if (status == PH_SMTP_LINE_TOO_LONG) {
            status = ph_smtp_line_skip(input, &consumed);
            check(consumed <= input.len);
        }
        if (status == PH_SMTP_LINE_MORE) {
            break;
        }
        input = ph_bytes_from(input, consumed);
    }
    return 0;
}
