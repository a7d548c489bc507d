/* SPDX-License-Identifier: Apache-2.0 */
#include "task/dovecot_keywords.h"

#include "base/arena.h"

bool ph_keyword_is_valid(struct ph_bytes keyword)
{
    if (keyword.len == 0 || keyword.len > PH_KEYWORD_MAX) {
        return false;
    }
    for (size_t i = 0; i < keyword.len; i++) {
        uint8_t c = keyword.ptr[i];
        if (c <= 0x20 || c >= 0x7F || strchr("(){%*\"\\]", c) != NULL) {
            return false;
        }
    }
    return true;
}

void ph_dovecot_keywords_parse(struct ph_dovecot_keywords *keywords, struct ph_bytes text)
{
    *keywords = (struct ph_dovecot_keywords){0};
    while (text.len > 0) {
        size_t end = ph_bytes_find(text, '\n');
        struct ph_bytes line = ph_bytes_first(text, end);
        text = ph_bytes_from(text, end + 1);
        uint64_t index;
        struct ph_bytes number = ph_bytes_next_word(&line);
        if (ph_bytes_to_u64(number, &index) && index < PH_MAILDIR_KEYWORDS && ph_keyword_is_valid(line)) {
            keywords->names[index] = line;
        } else {
            keywords->broken += end > 0 ? 1 : 0;
        }
    }
}

bool ph_dovecot_keywords_put(const struct ph_dovecot_keywords *keywords, uint32_t bits, struct ph_buf *out)
{
    bool is_whole = true;
    for (unsigned i = 0; i < PH_MAILDIR_KEYWORDS; i++) {
        if ((bits & 1U << i) == 0) {
            continue;
        }
        if (keywords->names[i].len == 0) {
            is_whole = false;
            continue;
        }
        if (out->len > 0) {
            ph_buf_byte(out, ' ');
        }
        ph_buf_bytes(out, keywords->names[i]);
    }
    return is_whole;
}

int ph_dovecot_keywords_bit(struct ph_dovecot_keywords *keywords, struct ph_bytes keyword,
                            struct ph_arena *arena)
{
    for (int i = 0; i < PH_MAILDIR_KEYWORDS; i++) {
        if (keywords->names[i].len == 0) {
            keywords->names[i] = ph_arena_bytes(arena, keyword);
            return i;
        }
        if (ph_bytes_ieq(keywords->names[i], keyword)) {
            return i;
        }
    }
    return -1;
}

void ph_dovecot_keywords_write(const struct ph_dovecot_keywords *keywords, struct ph_buf *out)
{
    for (unsigned i = 0; i < PH_MAILDIR_KEYWORDS && keywords->names[i].len > 0; i++) {
        ph_buf_u64(out, i);
        ph_buf_byte(out, ' ');
        ph_buf_bytes(out, keywords->names[i]);
        ph_buf_byte(out, '\n');
    }
}
