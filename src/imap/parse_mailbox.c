/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about mailboxes: RFC 9051 section 6.3, with LIST as RFC 5258, 5819, 6154 and 8440 have it, and the
 * parameters of SELECT (RFC 7162).
 */
#include "imap/parse.h"
#include "mailbox/name.h"

static const char bad_name[] = "Invalid name of a mailbox";

enum { PATTERNS_MAX = 64 };

/* ---- Names ---- */

const char *ph_imap_parse_mailbox(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_mailbox_args *args = &out_command->mailbox;
    *args = (struct ph_imap_mailbox_args){0};
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_mailbox(reader, &args->mailbox);
    return is_good ? NULL : bad_name;
}

const char *ph_imap_parse_rename(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_mailbox_args *args = &out_command->mailbox;
    *args = (struct ph_imap_mailbox_args){0};
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_mailbox(reader, &args->mailbox) &&
                   ph_imap_take(reader, ' ') && ph_imap_mailbox(reader, &args->to);
    return is_good ? NULL : bad_name;
}

static const struct {
    const char *name;
    unsigned use;
} uses[] = {
    {"All", PH_IMAP_USE_ALL},         {"Archive", PH_IMAP_USE_ARCHIVE},     {"Drafts", PH_IMAP_USE_DRAFTS},
    {"Flagged", PH_IMAP_USE_FLAGGED}, {"Junk", PH_IMAP_USE_JUNK},           {"Sent", PH_IMAP_USE_SENT},
    {"Trash", PH_IMAP_USE_TRASH},     {"Important", PH_IMAP_USE_IMPORTANT},
};

const char *ph_imap_use_name(unsigned use)
{
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (uses[i].use == use) {
            return uses[i].name;
        }
    }
    return NULL;
}

static bool take_use(struct ph_imap_reader *reader, unsigned *use)
{
    if (!ph_imap_take(reader, '\\')) {
        return false;
    }
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (ph_imap_word(reader, uses[i].name)) {
            *use |= uses[i].use;
            return true;
        }
    }
    return false;
}

/* " (USE (\Drafts \Sent))" */
static bool take_create_params(struct ph_imap_reader *reader, struct ph_imap_mailbox_args *args)
{
    args->has_use = true;
    if (!ph_imap_take(reader, '(') || !ph_imap_word(reader, "USE") || !ph_imap_take(reader, ' ') ||
        !ph_imap_take(reader, '(')) {
        return false;
    }
    if (!ph_imap_take(reader, ')')) {
        do {
            if (!take_use(reader, &args->use)) {
                return false;
            }
        } while (ph_imap_take(reader, ' '));
        if (!ph_imap_take(reader, ')')) {
            return false;
        }
    }
    return ph_imap_take(reader, ')');
}

const char *ph_imap_parse_create(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_mailbox_args *args = &out_command->mailbox;
    const char *complaint = ph_imap_parse_mailbox(reader, out_command);
    if (complaint != NULL) {
        return complaint;
    }
    size_t len = args->mailbox.len;
    if (len > 1 && args->mailbox.ptr[len - 1] == PH_MAILBOX_DELIMITER) {
        args->mailbox.len--;
        args->ends_in_delimiter = true;
    }
    if (ph_imap_take(reader, ' ') && !take_create_params(reader, args)) {
        return "[USEATTR] Invalid parameters of CREATE";
    }
    return NULL;
}

/* ---- SELECT, EXAMINE ---- */

/* "(67890007 20050715194045000 41:211,214:541 (1 41))" */
static bool take_qresync(struct ph_imap_reader *reader, struct ph_imap_select *select)
{
    select->has_qresync = true;
    if (!ph_imap_take(reader, ' ') || !ph_imap_take(reader, '(') ||
        !ph_imap_number(reader, &select->uid_validity) || !ph_imap_take(reader, ' ') ||
        !ph_imap_number64(reader, &select->modseq)) {
        return false;
    }
    if (ph_imap_take(reader, ' ') && !ph_imap_peek(reader, '(')) {
        select->has_known_uids = true;
        if (!ph_imap_set(reader, &select->known_uids)) {
            return false;
        }
        if (ph_imap_take(reader, ')')) {
            return true;
        }
        if (!ph_imap_take(reader, ' ')) {
            return false;
        }
    } else if (ph_imap_take(reader, ')')) {
        return true;
    }
    select->has_match = true;
    return ph_imap_take(reader, '(') && ph_imap_set(reader, &select->match_numbers) &&
           ph_imap_take(reader, ' ') && ph_imap_set(reader, &select->match_uids) &&
           ph_imap_take(reader, ')') && ph_imap_take(reader, ')');
}

const char *ph_imap_parse_select(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    static const char bad_params[] = "Invalid parameters of SELECT";
    struct ph_imap_select *select = &out_command->select;
    *select = (struct ph_imap_select){0};
    if (!ph_imap_take(reader, ' ') || !ph_imap_mailbox(reader, &select->mailbox)) {
        return bad_name;
    }
    if (!ph_imap_take(reader, ' ')) {
        return NULL;
    }
    if (!ph_imap_take(reader, '(')) {
        return bad_params;
    }
    do {
        if (ph_imap_word(reader, "CONDSTORE")) {
            select->has_condstore = true;
        } else if (select->has_qresync || !ph_imap_word(reader, "QRESYNC") || !take_qresync(reader, select)) {
            return bad_params;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')') ? NULL : bad_params;
}

/* ---- STATUS ---- */

static bool take_status_items(struct ph_imap_reader *reader, unsigned *out_items)
{
    static const struct {
        const char *name;
        unsigned item;
    } items[] = {
        {"MESSAGES", PH_IMAP_STATUS_MESSAGES},   {"RECENT", PH_IMAP_STATUS_RECENT},
        {"UIDNEXT", PH_IMAP_STATUS_UIDNEXT},     {"UIDVALIDITY", PH_IMAP_STATUS_UIDVALIDITY},
        {"UNSEEN", PH_IMAP_STATUS_UNSEEN},       {"DELETED", PH_IMAP_STATUS_DELETED},
        {"SIZE", PH_IMAP_STATUS_SIZE},           {"HIGHESTMODSEQ", PH_IMAP_STATUS_HIGHESTMODSEQ},
        {"MAILBOXID", PH_IMAP_STATUS_MAILBOXID}, {"APPENDLIMIT", PH_IMAP_STATUS_APPENDLIMIT},
    };
    *out_items = 0;
    if (!ph_imap_take(reader, '(')) {
        return false;
    }
    do {
        size_t at = 0;
        while (at < sizeof items / sizeof items[0] && !ph_imap_word(reader, items[at].name)) {
            at++;
        }
        if (at == sizeof items / sizeof items[0]) {
            return false;
        }
        *out_items |= items[at].item;
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')');
}

const char *ph_imap_parse_status(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_status *status = &out_command->status;
    if (!ph_imap_take(reader, ' ') || !ph_imap_mailbox(reader, &status->mailbox)) {
        return bad_name;
    }
    bool is_good = ph_imap_take(reader, ' ') && take_status_items(reader, &status->items);
    return is_good ? NULL : "Invalid items of STATUS";
}

/* ---- LIST, LSUB ---- */

struct option {
    const char *name;
    unsigned option;
};

static bool take_option(struct ph_imap_reader *reader, const struct option *options, size_t count,
                        unsigned *out_option)
{
    for (size_t i = 0; i < count; i++) {
        if (ph_imap_word(reader, options[i].name)) {
            *out_option = options[i].option;
            return true;
        }
    }
    return false;
}

/* "(SUBSCRIBED RECURSIVEMATCH)" in front. */
static const char *take_selection(struct ph_imap_reader *reader, struct ph_imap_list *list)
{
    static const struct option options[] = {
        {"SUBSCRIBED", PH_IMAP_LIST_SUBSCRIBED},
        {"REMOTE", PH_IMAP_LIST_REMOTE},
        {"RECURSIVEMATCH", PH_IMAP_LIST_RECURSIVEMATCH},
        {"SPECIAL-USE", PH_IMAP_LIST_SPECIAL_USE},
    };
    static const char complaint[] = "Invalid selection options of LIST";
    if (!ph_imap_take(reader, ')')) {
        do {
            unsigned option = 0;
            if (!take_option(reader, options, sizeof options / sizeof options[0], &option)) {
                return complaint;
            }
            list->options |= option;
        } while (ph_imap_take(reader, ' '));
        if (!ph_imap_take(reader, ')')) {
            return complaint;
        }
    }
    bool has_base = (list->options & (PH_IMAP_LIST_SUBSCRIBED | PH_IMAP_LIST_SPECIAL_USE)) != 0;
    if ((list->options & PH_IMAP_LIST_RECURSIVEMATCH) != 0 && !has_base) {
        return "RECURSIVEMATCH needs another selection option"; /* RFC 5258 section 3.1 */
    }
    return ph_imap_take(reader, ' ') ? NULL : complaint;
}

static bool take_return(struct ph_imap_reader *reader, struct ph_imap_list *list)
{
    static const struct option options[] = {
        {"SUBSCRIBED", PH_IMAP_LIST_RETURN_SUBSCRIBED},   {"CHILDREN", PH_IMAP_LIST_RETURN_CHILDREN},
        {"SPECIAL-USE", PH_IMAP_LIST_RETURN_SPECIAL_USE}, {"STATUS", PH_IMAP_LIST_RETURN_STATUS},
        {"MYRIGHTS", PH_IMAP_LIST_RETURN_MYRIGHTS},
    };
    if (!ph_imap_word(reader, "RETURN") || !ph_imap_take(reader, ' ') || !ph_imap_take(reader, '(')) {
        return false;
    }
    if (ph_imap_take(reader, ')')) {
        return true;
    }
    do {
        unsigned option = 0;
        if (!take_option(reader, options, sizeof options / sizeof options[0], &option)) {
            return false;
        }
        list->options |= option;
        if (option == PH_IMAP_LIST_RETURN_STATUS &&
            !(ph_imap_take(reader, ' ') && take_status_items(reader, &list->status_items))) {
            return false;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')');
}

static bool take_patterns(struct ph_imap_reader *reader, struct ph_imap_list *list)
{
    size_t max = ph_imap_count_blanks(reader, PATTERNS_MAX);
    list->patterns = ph_arena_alloc(reader->arena, max * sizeof list->patterns[0]);
    if (!ph_imap_take(reader, '(')) {
        return ph_imap_list_pattern(reader, &list->patterns[list->pattern_count++]);
    }
    list->is_extended = true;
    do {
        if (list->pattern_count == max ||
            !ph_imap_list_pattern(reader, &list->patterns[list->pattern_count++])) {
            return false;
        }
    } while (ph_imap_take(reader, ' '));
    return ph_imap_take(reader, ')');
}

static const char bad_patterns[] = "Usage: LIST reference pattern";

const char *ph_imap_parse_list(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_list *list = &out_command->list;
    *list = (struct ph_imap_list){0};
    if (!ph_imap_take(reader, ' ')) {
        return bad_patterns;
    }
    if (ph_imap_take(reader, '(')) {
        list->is_extended = true;
        const char *complaint = take_selection(reader, list);
        if (complaint != NULL) {
            return complaint;
        }
    }
    if (!ph_imap_mailbox(reader, &list->reference) || !ph_imap_take(reader, ' ') ||
        !take_patterns(reader, list)) {
        return bad_patterns;
    }
    if (ph_imap_take(reader, ' ')) {
        list->is_extended = true;
        return take_return(reader, list) ? NULL : "Invalid return options of LIST";
    }
    return NULL;
}

const char *ph_imap_parse_lsub(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    struct ph_imap_list *list = &out_command->list;
    *list = (struct ph_imap_list){0};
    list->patterns = ph_arena_alloc(reader->arena, sizeof list->patterns[0]);
    list->pattern_count = 1;
    bool is_good = ph_imap_take(reader, ' ') && ph_imap_mailbox(reader, &list->reference) &&
                   ph_imap_take(reader, ' ') && ph_imap_list_pattern(reader, &list->patterns[0]);
    return is_good ? NULL : "Usage: LSUB reference pattern";
}
