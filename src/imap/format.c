/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text with octets above 127 goes as a literal: quoted strings of IMAP4rev1 are ASCII, literals are understood by
 * everybody.
 */
#include "imap/format.h"

#include <time.h>

#include "store/message_row.h"

enum { QUOTED_MAX = 1024 }; /* longer is a literal: some clients read lines of a fixed length */

static bool may_be_quoted(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c == '\0' || c == '\r' || c == '\n' || c > 127) {
            return false;
        }
    }
    return text.len <= QUOTED_MAX;
}

void ph_imap_put_literal(struct ph_buf *out, uint64_t size)
{
    ph_buf_byte(out, '{');
    ph_buf_u64(out, size);
    ph_buf_str(out, "}\r\n");
}

static void put_as_literal(struct ph_buf *out, struct ph_bytes text)
{
    size_t nuls = 0;
    for (size_t i = 0; i < text.len; i++) {
        nuls += text.ptr[i] == '\0' ? 1 : 0;
    }
    ph_imap_put_literal(out, text.len - nuls);
    if (nuls == 0) {
        ph_buf_bytes(out, text);
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0') {
            ph_buf_byte(out, text.ptr[i]);
        }
    }
}

void ph_imap_put_string(struct ph_buf *out, struct ph_bytes text)
{
    if (!may_be_quoted(text)) {
        put_as_literal(out, text);
        return;
    }
    ph_buf_byte(out, '"');
    size_t done = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\') {
            ph_buf_append(out, text.ptr + done, i - done);
            ph_buf_byte(out, '\\');
            done = i;
        }
    }
    ph_buf_bytes(out, ph_bytes_from(text, done));
    ph_buf_byte(out, '"');
}

void ph_imap_put_nstring(struct ph_buf *out, struct ph_bytes text)
{
    if (text.ptr == NULL) {
        ph_buf_str(out, "NIL");
    } else {
        ph_imap_put_string(out, text);
    }
}

static bool is_atom(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c <= ' ' || c > 126 || strchr("(){%*\"\\", c) != NULL) {
            return false;
        }
    }
    return text.len > 0 && !ph_bytes_ieq(text, PH_BYTES("NIL"));
}

void ph_imap_put_astring(struct ph_buf *out, struct ph_bytes text)
{
    if (is_atom(text)) {
        ph_buf_bytes(out, text);
    } else {
        ph_imap_put_string(out, text);
    }
}

static const struct {
    unsigned flag;
    const char *name;
} flag_names[] = {
    {PH_FLAG_ANSWERED, "\\Answered"}, {PH_FLAG_FLAGGED, "\\Flagged"}, {PH_FLAG_DELETED, "\\Deleted"},
    {PH_FLAG_SEEN, "\\Seen"},         {PH_FLAG_DRAFT, "\\Draft"},     {PH_FLAG_RECENT, "\\Recent"},
};

const char *ph_imap_flag_name(unsigned flag)
{
    for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++) {
        if (flag_names[i].flag == flag) {
            return flag_names[i].name;
        }
    }
    return NULL;
}

void ph_imap_put_flags(struct ph_buf *out, unsigned flags, struct ph_bytes keywords)
{
    const char *blank = "";
    for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++) {
        if ((flags & flag_names[i].flag) != 0) {
            ph_buf_str(out, blank);
            ph_buf_str(out, flag_names[i].name);
            blank = " ";
        }
    }
    if (keywords.len > 0) {
        ph_buf_str(out, blank);
        ph_buf_bytes(out, keywords);
    }
}

void ph_imap_put_date_time(struct ph_buf *out, int64_t unix_ms)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t floor_ms = unix_ms % 1000 < 0 ? unix_ms - 1000 : unix_ms;
    time_t seconds = (time_t)(floor_ms / 1000);
    struct tm tm;
    /* The grammar has four digits for a year. */
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0) {
        seconds = 0;
        gmtime_r(&seconds, &tm);
    }
    ph_buf_printf(out, "\"%2d-%s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday, months[tm.tm_mon],
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static const char *const text_names[] = {
    [PH_IMAP_TEXT_ALL] = "",
    [PH_IMAP_TEXT_HEADER] = "HEADER",
    [PH_IMAP_TEXT_HEADER_FIELDS] = "HEADER.FIELDS",
    [PH_IMAP_TEXT_HEADER_FIELDS_NOT] = "HEADER.FIELDS.NOT",
    [PH_IMAP_TEXT_TEXT] = "TEXT",
    [PH_IMAP_TEXT_MIME] = "MIME",
};

static void put_specification(struct ph_buf *out, const struct ph_imap_section *section)
{
    ph_buf_byte(out, '[');
    for (size_t i = 0; i < section->part_count; i++) {
        ph_buf_str(out, i == 0 ? "" : ".");
        ph_buf_u64(out, section->parts[i]);
    }
    if (section->text != PH_IMAP_TEXT_ALL) {
        ph_buf_str(out, section->part_count == 0 ? "" : ".");
        ph_buf_str(out, text_names[section->text]);
    }
    for (size_t i = 0; i < section->field_count; i++) {
        ph_buf_str(out, i == 0 ? " (" : " ");
        ph_imap_put_astring(out, section->fields[i]);
    }
    ph_buf_str(out, section->field_count > 0 ? ")]" : "]");
}

void ph_imap_put_section(struct ph_buf *out, const struct ph_imap_fetch_item *item)
{
    if (item->name != NULL) {
        ph_buf_str(out, item->name);
        return;
    }
    switch (item->kind) {
    case PH_IMAP_FETCH_BINARY: ph_buf_str(out, "BINARY"); break;
    case PH_IMAP_FETCH_BINARY_SIZE: ph_buf_str(out, "BINARY.SIZE"); break;
    default: ph_buf_str(out, "BODY"); break;
    }
    put_specification(out, &item->section);
    if (item->has_partial) {
        ph_buf_printf(out, "<%llu>", (unsigned long long)item->offset);
    }
}

static void end_run(struct ph_buf *out, struct ph_imap_run *run)
{
    ph_buf_str(out, run->is_behind ? "," : "");
    ph_buf_u64(out, run->first);
    if (run->last != run->first) {
        ph_buf_byte(out, ':');
        ph_buf_u64(out, run->last);
    }
    run->is_behind = true;
}

void ph_imap_put_run(struct ph_buf *out, struct ph_imap_run *run, uint32_t number)
{
    if (run->first != 0 && number == run->last + 1) {
        run->last = number;
        return;
    }
    if (run->first != 0) {
        end_run(out, run);
    }
    run->first = number;
    run->last = number;
}

void ph_imap_put_run_end(struct ph_buf *out, struct ph_imap_run *run)
{
    if (run->first != 0) {
        end_run(out, run);
    }
    *run = (struct ph_imap_run){0};
}
