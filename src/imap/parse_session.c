/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LOGIN and AUTHENTICATE (RFC 9051 section 6.2, SASL-IR), ENABLE (RFC 5161), ID (RFC 2971).
 */
#include "imap/parse.h"

enum {
    ID_FIELDS_MAX = 30, /* RFC 2971 section 3.3 */
    ENABLE_MAX = 64,
};

const char *ph_imap_parse_login(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_login *login = &out_command->login;
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_astring(reader, &login->user) &&
                   ph_imap_take(reader, ' ') && ph_imap_astring(reader, &login->password);
    return is_good ? NULL : "Usage: LOGIN user password";
}

static bool is_base64_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=';
}

const char *ph_imap_parse_authenticate(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_authenticate *authenticate = &out_command->authenticate;
    *authenticate = (struct ph_imap_authenticate){0};
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_atom(reader, &authenticate->mechanism);
    if (is_good && ph_imap_take(reader, ' ')) {
        size_t len = 0;
        while (len < reader->rest.len && is_base64_char(reader->rest.ptr[len])) {
            len++;
        }
        authenticate->has_initial = true;
        authenticate->initial = ph_bytes_first(reader->rest, len);
        reader->rest = ph_bytes_from(reader->rest, len);
        is_good = len > 0;
    }
    return is_good ? NULL : "Usage: AUTHENTICATE mechanism [initial-response]";
}

const char *ph_imap_parse_enable(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_words *words = &out_command->words;
    *words = (struct ph_imap_words){ph_arena_alloc(reader->arena, ENABLE_MAX * sizeof(struct ph_bytes)), 0};
    while (ph_imap_take(reader, ' ')) {
        if (words->count == ENABLE_MAX || !ph_imap_atom(reader, &words->words[words->count++])) {
            return "Usage: ENABLE capability ...";
        }
    }
    return words->count > 0 ? NULL : "Usage: ENABLE capability ...";
}

const char *ph_imap_parse_id(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    static const char usage[] = "Usage: ID NIL, or ID (field value ...), thirty fields at most";
    struct ph_imap_words *words = &out_command->words;
    size_t max = (size_t)2 * ID_FIELDS_MAX;
    *words = (struct ph_imap_words){ph_arena_alloc(reader->arena, max * sizeof(struct ph_bytes)), 0};
    if (!ph_imap_take(reader, ' ')) {
        return usage;
    }
    if (!ph_imap_take(reader, '(')) {
        return ph_imap_word(reader, "NIL") ? NULL : usage;
    }
    if (ph_imap_take(reader, ')')) {
        return NULL; /* not in the grammar, but said by some */
    }
    do {
        if (words->count + 2 > max || !ph_imap_string(reader, &words->words[words->count]) ||
            !ph_imap_take(reader, ' ') || !ph_imap_nstring(reader, &words->words[words->count + 1])) {
            return usage;
        }
        words->count += 2;
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')') ? NULL : usage;
}
