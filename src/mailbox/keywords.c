/* SPDX-License-Identifier: Apache-2.0 */
/* Sets are found by a hash of their text: a mailbox that was imported may have thousands. */
#include "mailbox/keywords.h"

#include <stdlib.h>

#include "base/mem.h"

enum { FIRST_PLACES = 16, WORDS_MAX = 1024 };

void ph_keywords_fini(struct ph_keywords *keywords)
{
    for (unsigned i = 0; i < keywords->set_count; i++) {
        free((void *)(uintptr_t)keywords->sets[i].ptr);
    }
    free(keywords->sets);
    free(keywords->words);
    free(keywords->places);
    *keywords = (struct ph_keywords){0};
}

static uint32_t hash_of(struct ph_bytes text)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < text.len; i++) {
        hash = (hash ^ text.ptr[i]) * 16777619U;
    }
    return hash ^ hash >> 15;
}

/* Where TEXT's number stands, or where it would. */
static uint16_t *place_of(const struct ph_keywords *keywords, struct ph_bytes text)
{
    unsigned mask = keywords->place_count - 1;
    for (unsigned i = hash_of(text) & mask;; i = (i + 1) & mask) {
        uint16_t set = keywords->places[i];
        if (set == 0 || ph_bytes_eq(keywords->sets[set - 1], text)) {
            return &keywords->places[i];
        }
    }
}

static void grow(struct ph_keywords *keywords)
{
    keywords->place_count = keywords->place_count == 0 ? FIRST_PLACES : keywords->place_count * 2;
    free(keywords->places);
    keywords->places = ph_zalloc(keywords->place_count * sizeof keywords->places[0]);
    keywords->sets = ph_realloc(keywords->sets, (keywords->place_count / 2) * sizeof keywords->sets[0]);
    for (unsigned i = 0; i < keywords->set_count; i++) {
        *place_of(keywords, keywords->sets[i]) = (uint16_t)(i + 1);
    }
}

static void put_words(struct ph_keywords *keywords, struct ph_bytes text)
{
    for (;;) {
        struct ph_bytes word = ph_bytes_next_word(&text);
        if (word.len == 0 || keywords->word_count == WORDS_MAX) {
            return;
        }
        bool is_known = false;
        for (unsigned i = 0; i < keywords->word_count && !is_known; i++) {
            is_known = ph_bytes_ieq(keywords->words[i], word);
        }
        if (!is_known) {
            keywords->words =
                ph_realloc(keywords->words, (keywords->word_count + 1) * sizeof keywords->words[0]);
            keywords->words[keywords->word_count++] = word;
        }
    }
}

bool ph_keywords_put(struct ph_keywords *keywords, struct ph_bytes words, uint16_t *out_set)
{
    *out_set = 0;
    if (words.len == 0) {
        return true;
    }
    if (keywords->set_count >= keywords->place_count / 2) {
        grow(keywords);
    }
    uint16_t *place = place_of(keywords, words);
    if (*place == 0) {
        if (keywords->set_count == PH_KEYWORD_SETS_MAX) {
            return false;
        }
        struct ph_bytes kept = ph_bytes_of(ph_bytes_dup(words), words.len);
        keywords->sets[keywords->set_count++] = kept;
        *place = (uint16_t)keywords->set_count;
        put_words(keywords, kept);
    }
    *out_set = *place;
    return true;
}

struct ph_bytes ph_keywords_get(const struct ph_keywords *keywords, uint16_t set)
{
    return set == 0 ? (struct ph_bytes){NULL, 0} : keywords->sets[set - 1];
}
