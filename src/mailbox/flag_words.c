/* SPDX-License-Identifier: Apache-2.0 */
#include "mailbox/flag_words.h"

static bool has_word(struct ph_bytes words, struct ph_bytes word)
{
    for (;;) {
        struct ph_bytes next = ph_bytes_next_word(&words);
        if (next.len == 0) {
            return false;
        }
        if (ph_bytes_ieq(next, word)) {
            return true;
        }
    }
}

/* Those of WORDS that are in OTHERS, or are not; each once. */
static struct ph_bytes pick_words(struct ph_arena *arena, struct ph_bytes words, struct ph_bytes others,
                                  bool are_in)
{
    uint8_t *text = ph_arena_alloc(arena, words.len + 1);
    size_t len = 0;
    for (;;) {
        struct ph_bytes word = ph_bytes_next_word(&words);
        if (word.len == 0) {
            return ph_bytes_of(text, len);
        }
        if (has_word(others, word) == are_in && !has_word(ph_bytes_of(text, len), word)) {
            if (len > 0) {
                text[len++] = ' ';
            }
            memcpy(text + len, word.ptr, word.len);
            len += word.len;
        }
    }
}

static struct ph_bytes join_words(struct ph_arena *arena, struct ph_bytes a, struct ph_bytes b)
{
    if (a.len == 0 || b.len == 0) {
        return a.len == 0 ? b : a;
    }
    return ph_bytes_str(ph_arena_printf(arena, "%.*s %.*s", (int)a.len, (const char *)a.ptr, (int)b.len,
                                        (const char *)b.ptr));
}

void ph_flag_change_find(struct ph_arena *arena, enum ph_flags_how how, unsigned flags,
                         struct ph_bytes keywords, unsigned now, struct ph_bytes had,
                         struct ph_flag_change *out_change)
{
    struct ph_bytes none = {NULL, 0};
    unsigned wanted = how == PH_FLAGS_ADD ? now | flags : how == PH_FLAGS_REMOVE ? now & ~flags : flags;
    wanted = (wanted & ~(unsigned)PH_FLAG_RECENT) | (now & PH_FLAG_RECENT);
    *out_change = (struct ph_flag_change){
        .set = wanted & ~now,
        .cleared = now & ~wanted,
        .added_keywords = how == PH_FLAGS_REMOVE ? none : pick_words(arena, keywords, had, false),
        .removed_keywords =
            how == PH_FLAGS_ADD ? none : pick_words(arena, had, keywords, how == PH_FLAGS_REMOVE),
    };
    out_change->keywords = join_words(arena, pick_words(arena, had, out_change->removed_keywords, false),
                                      out_change->added_keywords);
}
