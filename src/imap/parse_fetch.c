/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FETCH: RFC 9051 section 6.4.5, RFC 3516 (BINARY), RFC 7162 (CHANGEDSINCE, VANISHED), RFC 8474, 8514, 8970, 9394.
 */
#include "imap/parse.h"

enum {
    FETCH_ITEMS_MAX = 256,
    PARTS_MAX = 128, /* numbers in a section */
    FIELDS_MAX = 512,
    MACRO_ITEMS = 5,
};

static const char bad_set[] = "A set of messages comes first";
static const char bad_items[] = "Invalid items to fetch";

/* ---- Sections ---- */

/* "1.2.3", and the dot behind it if a text follows. */
static bool take_parts(struct ph_imap_reader *reader, struct ph_imap_section *section, bool *out_has_dot)
{
    uint32_t numbers[PARTS_MAX];
    *out_has_dot = false;
    while (reader->rest.len > 0 && reader->rest.ptr[0] >= '0' && reader->rest.ptr[0] <= '9') {
        if (section->part_count == PARTS_MAX || !ph_imap_number(reader, &numbers[section->part_count]) ||
            numbers[section->part_count++] == 0) {
            return false;
        }
        *out_has_dot = ph_imap_take(reader, '.');
        if (!*out_has_dot) {
            break;
        }
    }
    section->parts = ph_arena_copy(reader->arena, numbers, section->part_count * sizeof numbers[0]);
    return true;
}

static bool take_fields(struct ph_imap_reader *reader, struct ph_imap_section *section)
{
    size_t max = ph_imap_count_blanks(reader, FIELDS_MAX);
    section->fields = ph_arena_alloc(reader->arena, max * sizeof section->fields[0]);
    if (!ph_imap_take(reader, ' ') || !ph_imap_take(reader, '(')) {
        return false;
    }
    do {
        if (section->field_count == max || !ph_imap_spend(reader) ||
            !ph_imap_astring(reader, &section->fields[section->field_count++])) {
            return false;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')');
}

static bool take_section_text(struct ph_imap_reader *reader, struct ph_imap_section *section)
{
    if (ph_imap_word(reader, "HEADER.FIELDS")) {
        section->text = PH_IMAP_TEXT_HEADER_FIELDS;
        return take_fields(reader, section);
    }
    if (ph_imap_word(reader, "HEADER.FIELDS.NOT")) {
        section->text = PH_IMAP_TEXT_HEADER_FIELDS_NOT;
        return take_fields(reader, section);
    }
    if (ph_imap_word(reader, "HEADER")) {
        section->text = PH_IMAP_TEXT_HEADER;
        return true;
    }
    if (ph_imap_word(reader, "TEXT")) {
        section->text = PH_IMAP_TEXT_TEXT;
        return true;
    }
    section->text = PH_IMAP_TEXT_MIME;
    return section->part_count > 0 && ph_imap_word(reader, "MIME");
}

/* "[1.2.HEADER.FIELDS (From)]" from the bracket on. */
static bool take_section(struct ph_imap_reader *reader, bool is_binary, struct ph_imap_section *section)
{
    bool has_dot = false;
    if (!ph_imap_take(reader, '[') || !take_parts(reader, section, &has_dot)) {
        return false;
    }
    if (!has_dot && ph_imap_take(reader, ']')) {
        return true;
    }
    bool may_have_text = !is_binary && (has_dot || section->part_count == 0);
    return may_have_text && take_section_text(reader, section) && ph_imap_take(reader, ']');
}

static bool take_partial(struct ph_imap_reader *reader, struct ph_imap_fetch_item *item)
{
    if (!ph_imap_take(reader, '<')) {
        return true;
    }
    item->has_partial = true;
    return ph_imap_number64(reader, &item->offset) && ph_imap_take(reader, '.') &&
           ph_imap_number64(reader, &item->length) && item->length > 0 && ph_imap_take(reader, '>');
}

/* ---- Items ---- */

static const struct {
    const char *word;
    struct ph_imap_fetch_item item;
    bool has_section;
    bool may_be_partial;
} items[] = {
    {.word = "FLAGS", .item = {.kind = PH_IMAP_FETCH_FLAGS}},
    {.word = "UID", .item = {.kind = PH_IMAP_FETCH_UID}},
    {.word = "INTERNALDATE", .item = {.kind = PH_IMAP_FETCH_INTERNALDATE}},
    {.word = "RFC822.SIZE", .item = {.kind = PH_IMAP_FETCH_RFC822_SIZE}},
    {.word = "ENVELOPE", .item = {.kind = PH_IMAP_FETCH_ENVELOPE}},
    {.word = "BODYSTRUCTURE", .item = {.kind = PH_IMAP_FETCH_BODYSTRUCTURE}},
    {.word = "BODY", .item = {.kind = PH_IMAP_FETCH_SECTION}, .has_section = true, .may_be_partial = true},
    {.word = "BODY.PEEK",
     .item = {.kind = PH_IMAP_FETCH_SECTION, .is_peek = true},
     .has_section = true,
     .may_be_partial = true},
    {.word = "BINARY", .item = {.kind = PH_IMAP_FETCH_BINARY}, .has_section = true, .may_be_partial = true},
    {.word = "BINARY.PEEK",
     .item = {.kind = PH_IMAP_FETCH_BINARY, .is_peek = true},
     .has_section = true,
     .may_be_partial = true},
    {.word = "BINARY.SIZE",
     .item = {.kind = PH_IMAP_FETCH_BINARY_SIZE, .is_peek = true},
     .has_section = true},
    {.word = "RFC822", .item = {.kind = PH_IMAP_FETCH_SECTION, .name = "RFC822"}},
    {.word = "RFC822.HEADER",
     .item = {.kind = PH_IMAP_FETCH_SECTION,
              .name = "RFC822.HEADER",
              .section = {.text = PH_IMAP_TEXT_HEADER},
              .is_peek = true}},
    {.word = "RFC822.TEXT",
     .item = {.kind = PH_IMAP_FETCH_SECTION, .name = "RFC822.TEXT", .section = {.text = PH_IMAP_TEXT_TEXT}}},
    {.word = "MODSEQ", .item = {.kind = PH_IMAP_FETCH_MODSEQ}},
    {.word = "SAVEDATE", .item = {.kind = PH_IMAP_FETCH_SAVEDATE}},
    {.word = "EMAILID", .item = {.kind = PH_IMAP_FETCH_EMAILID}},
    {.word = "THREADID", .item = {.kind = PH_IMAP_FETCH_THREADID}},
    {.word = "PREVIEW", .item = {.kind = PH_IMAP_FETCH_PREVIEW}},
};

/* The name of an item, which ends at a bracket too. */
static struct ph_bytes take_name(struct ph_imap_reader *reader)
{
    size_t len = 0;
    while (len < reader->rest.len) {
        uint8_t c = reader->rest.ptr[len];
        bool is_of_name =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
        if (!is_of_name) {
            break;
        }
        len++;
    }
    struct ph_bytes name = ph_bytes_first(reader->rest, len);
    reader->rest = ph_bytes_from(reader->rest, len);
    return name;
}

/* " (LAZY)" behind PREVIEW: RFC 8970 section 3.2. */
static bool take_preview_modifiers(struct ph_imap_reader *reader, struct ph_imap_fetch_item *item)
{
    if (!ph_bytes_starts(reader->rest, PH_BYTES(" ("))) {
        return true;
    }
    reader->rest = ph_bytes_from(reader->rest, 2);
    item->is_lazy = true;
    return ph_imap_word(reader, "LAZY") && ph_imap_take(reader, ')');
}

static bool finish_item(struct ph_imap_reader *reader, size_t at, struct ph_imap_fetch_item *item)
{
    if (item->kind == PH_IMAP_FETCH_PREVIEW) {
        return take_preview_modifiers(reader, item);
    }
    if (!items[at].has_section) {
        return true;
    }
    bool is_body = item->kind == PH_IMAP_FETCH_SECTION;
    if (is_body && !item->is_peek && !ph_imap_peek(reader, '[')) {
        item->kind = PH_IMAP_FETCH_BODY;
        return true;
    }
    return take_section(reader, !is_body, &item->section) &&
           (!items[at].may_be_partial || take_partial(reader, item));
}

static bool take_item(struct ph_imap_reader *reader, struct ph_imap_fetch *fetch)
{
    struct ph_bytes name = take_name(reader);
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (ph_bytes_ieq(name, ph_bytes_str(items[i].word))) {
            struct ph_imap_fetch_item *item = &fetch->items[fetch->item_count++];
            *item = items[i].item;
            return finish_item(reader, i, item);
        }
    }
    return false;
}

/* ALL, FAST and FULL stand alone. */
static bool take_macro(struct ph_imap_reader *reader, struct ph_imap_fetch *fetch)
{
    static const enum ph_imap_fetch_kind full[] = {
        PH_IMAP_FETCH_FLAGS,    PH_IMAP_FETCH_INTERNALDATE, PH_IMAP_FETCH_RFC822_SIZE,
        PH_IMAP_FETCH_ENVELOPE, PH_IMAP_FETCH_BODY,
    };
    size_t count = 0;
    if (ph_imap_word(reader, "FAST")) {
        count = 3;
    } else if (ph_imap_word(reader, "ALL")) {
        count = 4;
    } else if (ph_imap_word(reader, "FULL")) {
        count = 5;
    }
    for (size_t i = 0; i < count; i++) {
        fetch->items[fetch->item_count++] = (struct ph_imap_fetch_item){.kind = full[i]};
    }
    return count > 0;
}

static bool take_items(struct ph_imap_reader *reader, struct ph_imap_fetch *fetch)
{
    size_t max = ph_imap_count_blanks(reader, FETCH_ITEMS_MAX) + MACRO_ITEMS;
    fetch->items = ph_arena_alloc(reader->arena, max * sizeof fetch->items[0]);
    if (take_macro(reader, fetch)) {
        return true;
    }
    if (!ph_imap_take(reader, '(')) {
        return take_item(reader, fetch);
    }
    do {
        if (fetch->item_count == max || !take_item(reader, fetch)) {
            return false;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')');
}

/* ---- Modifiers ---- */

static bool take_modifier(struct ph_imap_reader *reader, struct ph_imap_fetch *fetch)
{
    if (ph_imap_word(reader, "CHANGEDSINCE")) {
        fetch->has_changed_since = true;
        return ph_imap_take(reader, ' ') && ph_imap_number64(reader, &fetch->changed_since);
    }
    if (ph_imap_word(reader, "VANISHED")) {
        fetch->wants_vanished = true;
        return true;
    }
    if (ph_imap_word(reader, "PARTIAL")) {
        fetch->has_page = true;
        return ph_imap_take(reader, ' ') && ph_imap_page(reader, &fetch->page_first, &fetch->page_last);
    }
    return false;
}

static bool take_modifiers(struct ph_imap_reader *reader, struct ph_imap_fetch *fetch)
{
    if (!ph_imap_take(reader, '(')) {
        return false;
    }
    do {
        if (!ph_imap_spend(reader) || !take_modifier(reader, fetch)) {
            return false;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')');
}

const char *ph_imap_parse_fetch(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_fetch *fetch = &out_command->fetch;
    *fetch = (struct ph_imap_fetch){0};
    if (!ph_imap_take(reader, ' ') || !ph_imap_set(reader, &fetch->set) || !ph_imap_take(reader, ' ')) {
        return bad_set;
    }
    if (!take_items(reader, fetch)) {
        return bad_items;
    }
    if (ph_imap_take(reader, ' ') && !take_modifiers(reader, fetch)) {
        return "Invalid modifiers of FETCH";
    }
    if (fetch->wants_vanished && !(out_command->is_uid && fetch->has_changed_since)) {
        return "VANISHED belongs to UID FETCH with CHANGEDSINCE";
    }
    if (fetch->has_page && !out_command->is_uid) {
        return "PARTIAL belongs to UID FETCH";
    }
    return NULL;
}
