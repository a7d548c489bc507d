/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client sends, framed and parsed as a session does it: in pieces and at once the same commands come out; literals are
 * where the frame says; what was parsed keeps the budgets, and its views can be read. The first octet chooses the length of
 * pieces and whether names are UTF-8.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "imap/frame.h"
#include "imap/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Every octet is read, for the sanitizers. */
static size_t touch(struct ph_bytes text)
{
    size_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        sum += text.ptr[i];
    }
    return sum;
}

static size_t check_set(const struct ph_imap_set *set)
{
    check(set->count <= PH_IMAP_ITEMS_MAX);
    for (size_t i = 0; i < set->count; i++) {
        (void)(set->ranges[i].first + set->ranges[i].last);
    }
    struct ph_imap_set settled = *set;
    ph_imap_set_settle(&settled, 1000);
    for (size_t i = 0; i < settled.count; i++) {
        check(settled.ranges[i].first > 0 && settled.ranges[i].first <= settled.ranges[i].last);
        check(i == 0 || settled.ranges[i - 1].last < settled.ranges[i].first);
    }
    return set->count;
}

static size_t check_keys(const struct ph_imap_search_key *key, unsigned depth)
{
    size_t count = 0;
    check(depth <= 2 * PH_IMAP_DEPTH_MAX + 2); /* each level may be a NOT, or an AND, of its own */
    for (; key != NULL; key = key->next) {
        (void)(touch(key->name) + touch(key->text));
        if (key->kind == PH_IMAP_KEY_SET || key->kind == PH_IMAP_KEY_UID) {
            check_set(&key->set);
        }
        count += 1 + check_keys(key->children, depth + 1);
    }
    return count;
}

static void check_fetch(const struct ph_imap_fetch *fetch)
{
    check_set(&fetch->set);
    for (size_t i = 0; i < fetch->item_count; i++) {
        const struct ph_imap_section *section = &fetch->items[i].section;
        for (size_t part = 0; part < section->part_count; part++) {
            check(section->parts[part] > 0);
        }
        for (size_t field = 0; field < section->field_count; field++) {
            (void)touch(section->fields[field]);
        }
    }
}

/* Commands that are fuzzed deeper than their parser, by how they are parsed. */
static void check_command(const struct ph_imap_command *command, ph_imap_parser *parse)
{
    if (parse == ph_imap_parse_fetch) {
        check_fetch(&command->fetch);
    } else if (parse == ph_imap_parse_search || parse == ph_imap_parse_sort ||
               parse == ph_imap_parse_thread) {
        check(command->search.key != NULL);
        check(check_keys(command->search.key, 0) <= 2 * PH_IMAP_ITEMS_MAX + 1);
    } else if (parse == ph_imap_parse_store) {
        check(command->store.flags.keyword_count <= PH_IMAP_KEYWORDS_MAX);
        check_set(&command->store.set);
    } else if (parse == ph_imap_parse_copy) {
        check(ph_utf8_is_valid(command->copy.mailbox));
    } else if (parse == ph_imap_parse_mailbox || parse == ph_imap_parse_create ||
               parse == ph_imap_parse_rename) {
        check(ph_utf8_is_valid(command->mailbox.mailbox) && ph_utf8_is_valid(command->mailbox.to));
    } else if (parse == ph_imap_parse_list) {
        for (size_t i = 0; i < command->list.pattern_count; i++) {
            check(ph_utf8_is_valid(command->list.patterns[i]));
        }
    } else if (parse == ph_imap_parse_login) {
        (void)(touch(command->login.user) + touch(command->login.password));
    } else if (parse == ph_imap_parse_id || parse == ph_imap_parse_enable) {
        for (size_t i = 0; i < command->words.count; i++) {
            (void)touch(command->words.words[i]);
        }
    }
}

static void parse(struct ph_bytes text, bool is_utf8)
{
    struct ph_arena arena;
    struct ph_imap_reader reader;
    struct ph_imap_command command;
    ph_arena_init(&arena, 0);
    /* A copy of its own, so that a step behind its end is seen. */
    uint8_t *copy = malloc(text.len + 1);
    memcpy(copy, text.len == 0 ? (const uint8_t *)"" : text.ptr, text.len);
    ph_imap_reader_init(&reader, ph_bytes_of(copy, text.len), &arena, is_utf8);
    const char *complaint = ph_imap_parse(&reader, &command);
    check(command.tag.len > 0 && command.tag.len <= PH_IMAP_TAG_MAX);
    check(touch(command.tag) > 0);
    if (complaint == NULL) {
        check(command.row != NULL && ph_imap_at_end(&reader));
        check_command(&command, command.row->parse);
    }
    free(copy);
    ph_arena_fini(&arena);
}

/* The commands in INPUT, of which PIECE more octets are there each time; returns a number that stands for where they end. */
static size_t frame(struct ph_bytes input, size_t piece, bool is_utf8, bool parses)
{
    size_t scanned = 0;
    size_t available = 0;
    size_t ends = 0;
    size_t start = 0;
    while (start < input.len) {
        struct ph_imap_literal literal = {0};
        size_t len = 0;
        struct ph_bytes rest = ph_bytes_from(ph_bytes_first(input, available), start);
        enum ph_imap_frame found = ph_imap_frame(rest, PH_IMAP_COMMAND_MAX, &scanned, &literal, &len);
        check(len <= rest.len);
        if (found == PH_IMAP_FRAME_LITERAL) {
            if (literal.len > PH_IMAP_COMMAND_MAX - literal.at) {
                return ends * 31 + 1;
            }
            scanned = literal.at + (size_t)literal.len;
        } else if (found == PH_IMAP_FRAME_NEEDS_MORE) {
            if (available == input.len) {
                return ends;
            }
            available = available + piece < input.len ? available + piece : input.len;
        } else if (found == PH_IMAP_FRAME_TOO_LONG) {
            return ends * 31 + 2;
        } else {
            if (found == PH_IMAP_FRAME_READY && parses) {
                parse(ph_bytes_first(rest, len - 2), is_utf8);
            }
            start += len;
            scanned = 0;
            ends = ends * 31 + start;
        }
    }
    return ends;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct ph_bytes input = {data + 1, size - 1};
    bool is_utf8 = data[0] >= 128;
    size_t whole = frame(input, input.len + 1, is_utf8, true);
    check(frame(input, data[0] % 16U + 1, is_utf8, false) == whole || input.len > PH_IMAP_COMMAND_MAX);
    return 0;
}
