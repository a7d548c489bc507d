/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/field_reader.h"

void ph_field_reader_begin(struct ph_field_reader *reader, unsigned wanted, bool takes_lf, bool stops_at_dash)
{
    struct ph_buf field = reader->field;
    *reader =
        (struct ph_field_reader){.wanted = wanted, .takes_lf = takes_lf, .stops_at_dash = stops_at_dash};
    reader->field = field;
    reader->field.max = PH_FIELD_BYTES_MAX;
    ph_buf_clear(&reader->field);
}

void ph_field_reader_fini(struct ph_field_reader *reader)
{
    ph_buf_fini(&reader->field);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static void keep(struct ph_field_reader *reader, struct ph_bytes octets)
{
    if (reader->name == NULL) {
        return;
    }
    ph_buf_bytes(&reader->field, octets);
    if (reader->field.has_overflowed) {
        reader->lost |= reader->name->uses;
        reader->name = NULL;
    }
}

/* The name of a line, from what stands before its colon. */
static const struct ph_field_name *wanted_name(const struct ph_field_reader *reader)
{
    size_t len = reader->head_len;
    while (len > 0 && is_blank(reader->head[len - 1])) {
        len--;
    }
    const struct ph_field_name *name = ph_field_name_find(ph_bytes_of(reader->head, len));
    return name != NULL && (name->uses & reader->wanted) != 0 ? name : NULL;
}

static void begin_field(struct ph_field_reader *reader)
{
    reader->name = wanted_name(reader);
    reader->is_behind_cr = false;
    reader->state = PH_FIELD_IN_LINE;
    ph_buf_clear(&reader->field);
    keep(reader, ph_bytes_of(reader->head, reader->head_len));
    keep(reader, PH_BYTES(":"));
}

/* The name of a line at once, where it is all there. */
static bool read_whole_name(struct ph_field_reader *reader, struct ph_bytes *rest)
{
    struct ph_bytes start = ph_bytes_first(*rest, sizeof reader->head);
    size_t len = ph_bytes_find(start, ':');
    if (len == start.len || ph_bytes_find(ph_bytes_first(start, len), '\n') < len) {
        return false;
    }
    memcpy(reader->head, start.ptr, len);
    reader->head_len = (unsigned)len;
    *rest = ph_bytes_from(*rest, len + 1);
    begin_field(reader);
    return true;
}

/* The octets of a line up to its colon. */
static void read_name(struct ph_field_reader *reader, struct ph_bytes *rest)
{
    size_t at = 0;
    if (reader->head_len == 0 && read_whole_name(reader, rest)) {
        return;
    }
    while (at < rest->len && reader->state == PH_FIELD_IN_NAME) {
        uint8_t octet = rest->ptr[at++];
        bool is_behind_cr = reader->head_len > 0 && reader->head[reader->head_len - 1] == '\r';
        if (octet == ':') {
            begin_field(reader);
        } else if (octet == '\n' && (reader->takes_lf || is_behind_cr)) {
            reader->state = PH_FIELD_AT_LINE;
        } else if (reader->head_len == sizeof reader->head) {
            const struct ph_field_name *name = wanted_name(reader);
            reader->lost |= name != NULL ? name->uses : 0;
            reader->is_behind_cr = octet == '\r';
            reader->state = PH_FIELD_IN_LINE;
        } else {
            reader->head[reader->head_len++] = octet;
        }
    }
    *rest = ph_bytes_from(*rest, at);
}

/* To the end of the line, which is behind its colon, or is no field. */
static void read_line(struct ph_field_reader *reader, struct ph_bytes *rest)
{
    size_t at = 0;
    bool is_ended = false;
    while (at < rest->len && !is_ended) {
        size_t lf = at + ph_bytes_find(ph_bytes_from(*rest, at), '\n');
        bool is_behind_cr = lf > 0 ? rest->ptr[lf - 1] == '\r' : reader->is_behind_cr;
        is_ended = lf < rest->len && (reader->takes_lf || is_behind_cr);
        at = lf < rest->len ? lf + 1 : lf;
    }
    keep(reader, ph_bytes_first(*rest, at));
    reader->is_behind_cr = at > 0 && rest->ptr[at - 1] == '\r';
    if (is_ended) {
        reader->state = PH_FIELD_AT_LINE;
    }
    *rest = ph_bytes_from(*rest, at);
}

/* The first octet of a line tells what it is. */
static enum ph_field_event begin_line(struct ph_field_reader *reader, struct ph_bytes *rest)
{
    uint8_t octet = rest->ptr[0];
    if (is_blank(octet)) {
        reader->is_behind_cr = false;
        reader->state = PH_FIELD_IN_LINE;
        return PH_FIELD_MORE;
    }
    if (reader->name != NULL) {
        return PH_FIELD_WHOLE;
    }
    if (octet == '-' && reader->stops_at_dash && !reader->passes_dash) {
        return PH_FIELD_DASH;
    }
    reader->passes_dash = false;
    reader->head_len = 0;
    reader->state = PH_FIELD_IN_NAME;
    if (octet == '\n' && reader->takes_lf) {
        *rest = ph_bytes_from(*rest, 1);
        reader->state = PH_FIELD_ENDED;
        return PH_FIELD_END;
    }
    if (octet == '\r') {
        *rest = ph_bytes_from(*rest, 1);
        reader->state = PH_FIELD_AT_CR;
    }
    return PH_FIELD_MORE;
}

enum ph_field_event ph_field_reader_feed(struct ph_field_reader *reader, struct ph_bytes *rest)
{
    while (rest->len > 0) {
        enum ph_field_event event = PH_FIELD_MORE;
        switch (reader->state) {
        case PH_FIELD_AT_LINE: event = begin_line(reader, rest); break;
        case PH_FIELD_IN_NAME: read_name(reader, rest); break;
        case PH_FIELD_IN_LINE: read_line(reader, rest); break;
        case PH_FIELD_AT_CR:
            if (rest->ptr[0] == '\n') {
                *rest = ph_bytes_from(*rest, 1);
                reader->state = PH_FIELD_ENDED;
                return PH_FIELD_END;
            }
            reader->head[reader->head_len++] = '\r';
            reader->state = PH_FIELD_IN_NAME;
            break;
        case PH_FIELD_ENDED: *rest = ph_bytes_from(*rest, rest->len); break;
        }
        if (event == PH_FIELD_WHOLE) {
            reader->given = reader->name;
            reader->name = NULL;
        }
        if (event != PH_FIELD_MORE) {
            return event;
        }
    }
    return PH_FIELD_MORE;
}

bool ph_field_reader_end(struct ph_field_reader *reader)
{
    bool is_whole = reader->name != NULL;
    reader->given = reader->name;
    reader->name = NULL;
    reader->state = PH_FIELD_ENDED;
    return is_whole;
}

struct ph_bytes ph_field_reader_value(const struct ph_field_reader *reader)
{
    struct ph_bytes field = ph_buf_view(&reader->field);
    struct ph_bytes value = ph_bytes_from(field, ph_bytes_find(field, ':') + 1);
    if (value.len > 0 && value.ptr[value.len - 1] == '\n') {
        value.len -= value.len > 1 && value.ptr[value.len - 2] == '\r' ? 2 : 1;
    }
    return value;
}
