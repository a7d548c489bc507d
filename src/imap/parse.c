/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's frame: tag, name, and that nothing is left over. RFC 9051 section 9, command.
 */
#include "imap/parse.h"

static bool is_tag_char(uint8_t c)
{
    return c > ' ' && c < 0x7F && strchr("(){%*\"\\+", c) == NULL;
}

static bool take_tag(struct ph_imap_reader *reader, struct ph_bytes *out_tag)
{
    size_t len = 0;
    while (len < reader->rest.len && is_tag_char(reader->rest.ptr[len])) {
        len++;
    }
    if (len == 0 || len > PH_IMAP_TAG_MAX || len == reader->rest.len || reader->rest.ptr[len] != ' ') {
        return false;
    }
    *out_tag = ph_bytes_first(reader->rest, len);
    reader->rest = ph_bytes_from(reader->rest, len + 1);
    return true;
}

const char *ph_imap_parse(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    *out_command = (struct ph_imap_command){.tag = PH_BYTES("*")};
    struct ph_bytes name;
    if (!take_tag(reader, &out_command->tag)) {
        return "A tag and a blank come first";
    }
    if (!ph_imap_atom(reader, &name)) {
        return "A command's name comes behind the tag";
    }
    if (ph_bytes_ieq(name, PH_BYTES("UID"))) {
        out_command->is_uid = true;
        if (!ph_imap_take(reader, ' ') || !ph_imap_atom(reader, &name)) {
            return "A command's name comes behind UID";
        }
    }
    out_command->row = ph_imap_row_find(name, out_command->is_uid);
    if (out_command->row == NULL) {
        return "Unknown command";
    }
    const char *complaint = NULL;
    if (out_command->row->parse != NULL) {
        complaint = out_command->row->parse(reader, out_command);
    }
    if (complaint == NULL && !ph_imap_at_end(reader)) {
        complaint = "There is more than the command's arguments";
    }
    return complaint;
}
