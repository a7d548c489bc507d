/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH, SORT and THREAD: RFC 9051 section 6.4.4, RFC 5256, 4731, 5182, 5032, 5957, 7162, 8474, 8514, 9394.
 *
 * Keys become a tree; each parenthesis, NOT and OR costs a level of the budget, so the handlers may walk it by recursion.
 */
#include "imap/parse.h"
#include "store/message_row.h"

enum argument {
    NOTHING,
    ASTRING,
    FIELD_AND_ASTRING,
    DATE,
    NUMBER64,
    POSITIVE,
    KEYWORD,
    SET,
    OBJECT_ID,
    MODSEQ,
    ONE_KEY,
    TWO_KEYS,
};

static const struct key {
    const char *word;
    enum ph_imap_search_kind kind;
    enum argument argument;
    bool is_not; /* NOT of the key */
    unsigned flag;
    const char *field;
} keys[] = {
    {"ALL", PH_IMAP_KEY_ALL, NOTHING, false, 0, NULL},
    {"ANSWERED", PH_IMAP_KEY_FLAG, NOTHING, false, PH_FLAG_ANSWERED, NULL},
    {"UNANSWERED", PH_IMAP_KEY_FLAG, NOTHING, true, PH_FLAG_ANSWERED, NULL},
    {"DELETED", PH_IMAP_KEY_FLAG, NOTHING, false, PH_FLAG_DELETED, NULL},
    {"UNDELETED", PH_IMAP_KEY_FLAG, NOTHING, true, PH_FLAG_DELETED, NULL},
    {"DRAFT", PH_IMAP_KEY_FLAG, NOTHING, false, PH_FLAG_DRAFT, NULL},
    {"UNDRAFT", PH_IMAP_KEY_FLAG, NOTHING, true, PH_FLAG_DRAFT, NULL},
    {"FLAGGED", PH_IMAP_KEY_FLAG, NOTHING, false, PH_FLAG_FLAGGED, NULL},
    {"UNFLAGGED", PH_IMAP_KEY_FLAG, NOTHING, true, PH_FLAG_FLAGGED, NULL},
    {"SEEN", PH_IMAP_KEY_FLAG, NOTHING, false, PH_FLAG_SEEN, NULL},
    {"UNSEEN", PH_IMAP_KEY_FLAG, NOTHING, true, PH_FLAG_SEEN, NULL},
    {"RECENT", PH_IMAP_KEY_FLAG, NOTHING, false, PH_FLAG_RECENT, NULL},
    {"OLD", PH_IMAP_KEY_FLAG, NOTHING, true, PH_FLAG_RECENT, NULL},
    {"NEW", PH_IMAP_KEY_NEW, NOTHING, false, 0, NULL},
    {"KEYWORD", PH_IMAP_KEY_KEYWORD, KEYWORD, false, 0, NULL},
    {"UNKEYWORD", PH_IMAP_KEY_KEYWORD, KEYWORD, true, 0, NULL},
    {"BEFORE", PH_IMAP_KEY_BEFORE, DATE, false, 0, NULL},
    {"ON", PH_IMAP_KEY_ON, DATE, false, 0, NULL},
    {"SINCE", PH_IMAP_KEY_SINCE, DATE, false, 0, NULL},
    {"SENTBEFORE", PH_IMAP_KEY_SENTBEFORE, DATE, false, 0, NULL},
    {"SENTON", PH_IMAP_KEY_SENTON, DATE, false, 0, NULL},
    {"SENTSINCE", PH_IMAP_KEY_SENTSINCE, DATE, false, 0, NULL},
    {"SAVEDBEFORE", PH_IMAP_KEY_SAVEDBEFORE, DATE, false, 0, NULL},
    {"SAVEDON", PH_IMAP_KEY_SAVEDON, DATE, false, 0, NULL},
    {"SAVEDSINCE", PH_IMAP_KEY_SAVEDSINCE, DATE, false, 0, NULL},
    {"SAVEDATESUPPORTED", PH_IMAP_KEY_SAVEDATESUPPORTED, NOTHING, false, 0, NULL},
    {"OLDER", PH_IMAP_KEY_OLDER, POSITIVE, false, 0, NULL},
    {"YOUNGER", PH_IMAP_KEY_YOUNGER, POSITIVE, false, 0, NULL},
    {"LARGER", PH_IMAP_KEY_LARGER, NUMBER64, false, 0, NULL},
    {"SMALLER", PH_IMAP_KEY_SMALLER, NUMBER64, false, 0, NULL},
    {"BCC", PH_IMAP_KEY_HEADER, ASTRING, false, 0, "Bcc"},
    {"CC", PH_IMAP_KEY_HEADER, ASTRING, false, 0, "Cc"},
    {"FROM", PH_IMAP_KEY_HEADER, ASTRING, false, 0, "From"},
    {"SUBJECT", PH_IMAP_KEY_HEADER, ASTRING, false, 0, "Subject"},
    {"TO", PH_IMAP_KEY_HEADER, ASTRING, false, 0, "To"},
    {"HEADER", PH_IMAP_KEY_HEADER, FIELD_AND_ASTRING, false, 0, NULL},
    {"BODY", PH_IMAP_KEY_BODY, ASTRING, false, 0, NULL},
    {"TEXT", PH_IMAP_KEY_TEXT, ASTRING, false, 0, NULL},
    {"UID", PH_IMAP_KEY_UID, SET, false, 0, NULL},
    {"MODSEQ", PH_IMAP_KEY_MODSEQ, MODSEQ, false, 0, NULL},
    {"EMAILID", PH_IMAP_KEY_EMAILID, OBJECT_ID, false, 0, NULL},
    {"THREADID", PH_IMAP_KEY_THREADID, OBJECT_ID, false, 0, NULL},
    {"NOT", PH_IMAP_KEY_NOT, ONE_KEY, false, 0, NULL},
    {"OR", PH_IMAP_KEY_OR, TWO_KEYS, false, 0, NULL},
};

/* ---- Keys ---- */

static struct ph_imap_search_key *new_key(struct ph_imap_reader *reader, enum ph_imap_search_kind kind)
{
    struct ph_imap_search_key *key = ph_arena_zalloc(reader->arena, sizeof *key);
    key->kind = kind;
    return key;
}

/* RFC 7162 section 3.1.5: "MODSEQ "/flags/\\draft" all 620162338". All flags have one MODSEQ here. */
static bool take_modseq(struct ph_imap_reader *reader, uint64_t *out_modseq)
{
    if (ph_imap_peek(reader, '"')) {
        struct ph_bytes entry;
        if (!ph_imap_string(reader, &entry) || !ph_bytes_istarts(entry, PH_BYTES("/flags/")) ||
            !ph_imap_take(reader, ' ') ||
            !(ph_imap_word(reader, "all") || ph_imap_word(reader, "priv") ||
              ph_imap_word(reader, "shared")) ||
            !ph_imap_take(reader, ' ')) {
            return false;
        }
    }
    return ph_imap_number64(reader, out_modseq);
}

static bool take_number(struct ph_imap_reader *reader, enum argument argument, uint64_t *out_number)
{
    uint32_t number = 0;
    switch (argument) {
    case NUMBER64: return ph_imap_number64(reader, out_number);
    case MODSEQ: return take_modseq(reader, out_number);
    default: break;
    }
    bool is_taken = ph_imap_number(reader, &number) && (argument != POSITIVE || number > 0);
    *out_number = number;
    return is_taken;
}

static bool take_key(struct ph_imap_reader *reader, struct ph_imap_search *search,
                     struct ph_imap_search_key **out_key);

static bool take_children(struct ph_imap_reader *reader, struct ph_imap_search *search, unsigned count,
                          struct ph_imap_search_key *key)
{
    struct ph_imap_search_key **at = &key->children;
    for (unsigned i = 0; i < count; i++) {
        if ((i > 0 && !ph_imap_take(reader, ' ')) || !take_key(reader, search, at)) {
            return false;
        }
        at = &(*at)->next;
    }
    return true;
}

static bool take_argument(struct ph_imap_reader *reader, struct ph_imap_search *search,
                          enum argument argument, struct ph_imap_search_key *key)
{
    if (argument != NOTHING && !ph_imap_take(reader, ' ')) {
        return false;
    }
    switch (argument) {
    case NOTHING: return true;
    case ASTRING: return ph_imap_astring(reader, &key->text);
    case FIELD_AND_ASTRING:
        return ph_imap_astring(reader, &key->name) && ph_imap_take(reader, ' ') &&
               ph_imap_astring(reader, &key->text);
    case DATE: return ph_imap_date(reader, &key->day);
    case KEYWORD: return ph_imap_atom(reader, &key->text);
    case OBJECT_ID: return ph_imap_astring(reader, &key->text);
    case SET: return ph_imap_set(reader, &key->set);
    case ONE_KEY: return take_children(reader, search, 1, key);
    case TWO_KEYS: return take_children(reader, search, 2, key);
    case NUMBER64:
    case POSITIVE:
    case MODSEQ: return take_number(reader, argument, &key->number);
    }
    return false;
}

/* One or more, up to the end or a parenthesis. */
static bool take_all_of(struct ph_imap_reader *reader, struct ph_imap_search *search,
                        struct ph_imap_search_key **out_key)
{
    struct ph_imap_search_key *first = NULL;
    struct ph_imap_search_key **at = &first;
    do {
        if (!take_key(reader, search, at)) {
            return false;
        }
        at = &(*at)->next;
    } while (ph_imap_take(reader, ' '));
    *out_key = first;
    if (first->next != NULL) {
        *out_key = new_key(reader, PH_IMAP_KEY_AND);
        (*out_key)->children = first;
    }
    return true;
}

static bool take_named_key(struct ph_imap_reader *reader, struct ph_imap_search *search,
                           struct ph_imap_search_key **out_key)
{
    struct ph_bytes word;
    if (!ph_imap_atom(reader, &word)) {
        return false;
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!ph_bytes_ieq(word, ph_bytes_str(keys[i].word))) {
            continue;
        }
        struct ph_imap_search_key *key = new_key(reader, keys[i].kind);
        key->flag = keys[i].flag;
        key->name = ph_bytes_str(keys[i].field);
        search->has_modseq |= keys[i].kind == PH_IMAP_KEY_MODSEQ;
        *out_key = key;
        if (keys[i].is_not) {
            *out_key = new_key(reader, PH_IMAP_KEY_NOT);
            (*out_key)->children = key;
        }
        return take_argument(reader, search, keys[i].argument, key);
    }
    return false;
}

static bool is_set_next(const struct ph_imap_reader *reader)
{
    uint8_t c = reader->rest.len > 0 ? reader->rest.ptr[0] : 0;
    return (c >= '0' && c <= '9') || c == '*' || c == '$';
}

static bool take_key(struct ph_imap_reader *reader, struct ph_imap_search *search,
                     struct ph_imap_search_key **out_key)
{
    if (reader->depth_left == 0 || !ph_imap_spend(reader)) {
        return false;
    }
    reader->depth_left--;
    bool is_taken;
    if (ph_imap_take(reader, '(')) {
        is_taken = take_all_of(reader, search, out_key) && ph_imap_take(reader, ')');
    } else if (is_set_next(reader)) {
        *out_key = new_key(reader, PH_IMAP_KEY_SET);
        is_taken = ph_imap_set(reader, &(*out_key)->set);
    } else {
        is_taken = take_named_key(reader, search, out_key);
    }
    reader->depth_left++;
    return is_taken;
}

/* ---- What stands before the keys ---- */

static bool take_return_option(struct ph_imap_reader *reader, struct ph_imap_search *search)
{
    static const struct {
        const char *word;
        unsigned option;
    } options[] = {
        {"MIN", PH_IMAP_RETURN_MIN},     {"MAX", PH_IMAP_RETURN_MAX},   {"ALL", PH_IMAP_RETURN_ALL},
        {"COUNT", PH_IMAP_RETURN_COUNT}, {"SAVE", PH_IMAP_RETURN_SAVE},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (ph_imap_word(reader, options[i].word)) {
            search->returns |= options[i].option;
            return true;
        }
    }
    search->returns |= PH_IMAP_RETURN_PARTIAL;
    return ph_imap_word(reader, "PARTIAL") && ph_imap_take(reader, ' ') &&
           ph_imap_page(reader, &search->page_first, &search->page_last);
}

/* "RETURN (MIN COUNT) " if it stands there. */
static bool take_return(struct ph_imap_reader *reader, struct ph_imap_search *search)
{
    if (!ph_imap_word(reader, "RETURN")) {
        return true;
    }
    search->has_return = true;
    if (!ph_imap_take(reader, ' ') || !ph_imap_take(reader, '(')) {
        return false;
    }
    if (!ph_imap_take(reader, ')')) {
        do {
            if (!ph_imap_spend(reader) || !take_return_option(reader, search)) {
                return false;
            }
        } while (ph_imap_take(reader, ' '));
        if (!ph_imap_take(reader, ')')) {
            return false;
        }
    }
    if (search->returns == 0) {
        search->returns = PH_IMAP_RETURN_ALL;
    }
    /* RFC 9394 section 3.1 */
    unsigned both = PH_IMAP_RETURN_ALL | PH_IMAP_RETURN_PARTIAL;
    return ph_imap_take(reader, ' ') && (search->returns & both) != both;
}

static bool begin(struct ph_imap_reader *reader, struct ph_imap_search *search)
{
    *search = (struct ph_imap_search){0};
    return ph_imap_take(reader, ' ') && take_return(reader, search);
}

static const char bad_return[] = "Invalid return options";
static const char bad_keys[] = "Invalid search keys";

const char *ph_imap_parse_search(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_search *search = &out_command->search;
    if (!begin(reader, search)) {
        return bad_return;
    }
    if (ph_imap_word(reader, "CHARSET") &&
        !(ph_imap_take(reader, ' ') && ph_imap_astring(reader, &search->charset) &&
          ph_imap_take(reader, ' '))) {
        return "Invalid charset";
    }
    return take_all_of(reader, search, &search->key) ? NULL : bad_keys;
}

/* " UTF-8 keys" */
static const char *take_charset_and_keys(struct ph_imap_reader *reader, struct ph_imap_search *search)
{
    if (!ph_imap_take(reader, ' ') || !ph_imap_astring(reader, &search->charset)) {
        return "Invalid charset";
    }
    bool is_good = ph_imap_take(reader, ' ') && take_all_of(reader, search, &search->key);
    return is_good ? NULL : bad_keys;
}

static bool take_criterion(struct ph_imap_reader *reader, struct ph_imap_sort_criterion *criterion)
{
    static const struct {
        const char *word;
        enum ph_imap_sort_by by;
    } words[] = {
        {"ARRIVAL", PH_IMAP_SORT_ARRIVAL},
        {"CC", PH_IMAP_SORT_CC},
        {"DATE", PH_IMAP_SORT_DATE},
        {"FROM", PH_IMAP_SORT_FROM},
        {"SIZE", PH_IMAP_SORT_SIZE},
        {"SUBJECT", PH_IMAP_SORT_SUBJECT},
        {"TO", PH_IMAP_SORT_TO},
        {"DISPLAYFROM", PH_IMAP_SORT_DISPLAYFROM},
        {"DISPLAYTO", PH_IMAP_SORT_DISPLAYTO},
    };
    criterion->is_reverse = ph_imap_word(reader, "REVERSE");
    if (criterion->is_reverse && !ph_imap_take(reader, ' ')) {
        return false;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (ph_imap_word(reader, words[i].word)) {
            criterion->by = words[i].by;
            return true;
        }
    }
    return false;
}

enum { CRITERIA_MAX = 32 };

const char *ph_imap_parse_sort(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    static const char bad_criteria[] = "Invalid sort criteria";
    struct ph_imap_search *search = &out_command->search;
    if (!begin(reader, search)) {
        return bad_return;
    }
    search->sort = ph_arena_alloc(reader->arena, CRITERIA_MAX * sizeof search->sort[0]);
    if (!ph_imap_take(reader, '(')) {
        return bad_criteria;
    }
    do {
        if (search->sort_count == CRITERIA_MAX ||
            !take_criterion(reader, &search->sort[search->sort_count++])) {
            return bad_criteria;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')') ? take_charset_and_keys(reader, search) : bad_criteria;
}

const char *ph_imap_parse_thread(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_search *search = &out_command->search;
    *search = (struct ph_imap_search){0};
    if (!ph_imap_take(reader, ' ')) {
        return "An algorithm comes first";
    }
    if (ph_imap_word(reader, "REFERENCES")) {
        search->thread = PH_IMAP_THREAD_REFERENCES;
    } else if (ph_imap_word(reader, "ORDEREDSUBJECT")) {
        search->thread = PH_IMAP_THREAD_ORDEREDSUBJECT;
    } else {
        return "Unknown algorithm";
    }
    return take_charset_and_keys(reader, search);
}
