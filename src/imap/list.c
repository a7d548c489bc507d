/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LIST and LSUB: RFC 9051 section 6.3.9, RFC 3501 section 6.3.9, with RFC 5258 (selection and return options), 5819 (STATUS), 6154
 * (SPECIAL-USE).
 *
 * All names of the user are gathered first, those that exist, those that are subscribed, and the levels above them; sorted
 * by levels, so that what lies below a name stands right behind it. Then each is looked at: does it match, is it wanted.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "imap/pattern.h"
#include "imap/session.h"
#include "mailbox/name.h"
#include "mailbox/subscriptions.h"

enum { NAMES_MAX = 100000 };

struct entry {
    struct ph_bytes name;
    struct ph_mailbox mailbox; /* if it exists */
    bool exists;
    bool is_subscribed;
    bool has_children;
    bool has_subscribed_children;
};

struct listing {
    const struct ph_imap_list *args;
    bool is_lsub;
    struct ph_arena *arena;
    struct ph_bytes *patterns;
    struct entry *entries;
    size_t count;
    size_t capacity;
    size_t next;
    bool has_failed; /* a STATUS did */
};

/* ---- Gathering ---- */

static struct entry *add_entry(struct listing *listing, struct ph_bytes name)
{
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? 64 : listing->capacity * 2;
        listing->entries = ph_realloc(listing->entries, listing->capacity * sizeof listing->entries[0]);
    }
    struct entry *entry = &listing->entries[listing->count++];
    *entry = (struct entry){.name = ph_arena_bytes(listing->arena, name)};
    return entry;
}

/* The levels above NAME: they may have no mailbox of their own. */
static void add_levels(struct listing *listing, struct ph_bytes name)
{
    for (size_t len = 1; len < name.len; len++) {
        if (name.ptr[len] == PH_MAILBOX_DELIMITER) {
            (void)add_entry(listing, ph_bytes_first(name, len));
        }
    }
}

static int add_mailbox(const struct ph_mailbox *mailbox, void *ctx)
{
    struct listing *listing = ctx;
    if (listing->count >= NAMES_MAX) {
        return PH_ELIMIT;
    }
    add_levels(listing, mailbox->name);
    struct entry *entry = add_entry(listing, mailbox->name);
    entry->mailbox = *mailbox;
    entry->mailbox.name = entry->name;
    entry->exists = true;
    return 0;
}

static int add_subscription(struct ph_bytes name, void *ctx)
{
    struct listing *listing = ctx;
    if (listing->count >= NAMES_MAX) {
        return PH_ELIMIT;
    }
    add_levels(listing, name);
    add_entry(listing, name)->is_subscribed = true;
    return 0;
}

/* A delimiter before every other octet: what is below a name follows it. */
static int by_levels(const void *a, const void *b)
{
    struct ph_bytes left = ((const struct entry *)a)->name;
    struct ph_bytes right = ((const struct entry *)b)->name;
    size_t len = left.len < right.len ? left.len : right.len;
    for (size_t i = 0; i < len; i++) {
        int l = left.ptr[i] == PH_MAILBOX_DELIMITER ? 0 : left.ptr[i];
        int r = right.ptr[i] == PH_MAILBOX_DELIMITER ? 0 : right.ptr[i];
        if (l != r) {
            return l - r;
        }
    }
    return left.len < right.len ? -1 : left.len > right.len;
}

/* One entry for each name. */
static void join(struct listing *listing)
{
    size_t count = 0;
    qsort(listing->entries, listing->count, sizeof listing->entries[0], by_levels);
    for (size_t i = 0; i < listing->count; i++) {
        const struct entry *entry = &listing->entries[i];
        struct entry *last = count > 0 ? &listing->entries[count - 1] : NULL;
        if (last == NULL || !ph_bytes_eq(last->name, entry->name)) {
            listing->entries[count++] = *entry;
            continue;
        }
        last->is_subscribed |= entry->is_subscribed;
        if (entry->exists) {
            last->exists = true;
            last->mailbox = entry->mailbox;
        }
    }
    listing->count = count;
}

static bool is_below(struct ph_bytes name, struct ph_bytes above)
{
    return name.len > above.len && name.ptr[above.len] == PH_MAILBOX_DELIMITER &&
           ph_bytes_starts(name, above);
}

/* What is subscribed and gone is nobody's child. */
static void find_children(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++) {
        struct entry *entry = &listing->entries[i];
        for (size_t above = i; above-- > 0 && (entry->exists || entry->is_subscribed);) {
            struct entry *parent = &listing->entries[above];
            if (is_below(entry->name, parent->name)) {
                parent->has_children |= entry->exists;
                parent->has_subscribed_children |= entry->is_subscribed;
            }
            if (ph_bytes_find(parent->name, PH_MAILBOX_DELIMITER) == parent->name.len) {
                break; /* the top of this branch */
            }
        }
    }
}

/* ---- Special uses ---- */

static const struct {
    const char *name;
    unsigned use;
} uses[] = {
    {"Archive", PH_IMAP_USE_ARCHIVE}, {"Drafts", PH_IMAP_USE_DRAFTS}, {"Junk", PH_IMAP_USE_JUNK},
    {"Spam", PH_IMAP_USE_JUNK},       {"Sent", PH_IMAP_USE_SENT},     {"Trash", PH_IMAP_USE_TRASH},
};

unsigned ph_imap_use_of(struct ph_bytes name)
{
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        if (ph_bytes_eq(name, ph_bytes_str(uses[i].name))) {
            return uses[i].use;
        }
    }
    return 0;
}

/* ---- Answering ---- */

static bool matches(const struct listing *listing, struct ph_bytes name)
{
    for (size_t i = 0; i < listing->args->pattern_count; i++) {
        if (ph_imap_pattern_matches(listing->patterns[i], name)) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct listing *listing, const struct entry *entry, bool *out_has_childinfo)
{
    unsigned options = listing->args->options;
    *out_has_childinfo = false;
    if (!matches(listing, entry->name)) {
        return false;
    }
    if (listing->is_lsub) {
        return entry->is_subscribed || entry->has_subscribed_children;
    }
    if ((options & PH_IMAP_LIST_SUBSCRIBED) != 0) {
        bool is_parent = (options & PH_IMAP_LIST_RECURSIVEMATCH) != 0 && entry->has_subscribed_children;
        *out_has_childinfo = is_parent;
        return entry->is_subscribed || is_parent;
    }
    if ((options & PH_IMAP_LIST_SPECIAL_USE) != 0) {
        return entry->exists && ph_imap_use_of(entry->name) != 0;
    }
    return entry->exists || entry->has_children;
}

static void put_attribute(struct ph_buf *out, const char **separator, const char *attribute)
{
    ph_buf_str(out, *separator);
    ph_buf_str(out, attribute);
    *separator = " ";
}

static void put_entry(struct ph_conn *conn, const struct ph_imap_session *session,
                      const struct listing *listing, const struct entry *entry, bool has_childinfo)
{
    struct ph_buf *out = ph_conn_out(conn);
    const char *separator = "";
    unsigned options = listing->args->options;
    bool tells_subscribed = (options & (PH_IMAP_LIST_SUBSCRIBED | PH_IMAP_LIST_RETURN_SUBSCRIBED)) != 0;
    ph_buf_str(out, listing->is_lsub ? "* LSUB (" : "* LIST (");
    if (listing->is_lsub && !entry->is_subscribed) {
        put_attribute(out, &separator, "\\Noselect");
    } else if (!listing->is_lsub) {
        if (!entry->exists) {
            put_attribute(out, &separator, listing->args->is_extended ? "\\NonExistent" : "\\Noselect");
        }
        if (tells_subscribed && entry->is_subscribed) {
            put_attribute(out, &separator, "\\Subscribed");
        }
        put_attribute(out, &separator, entry->has_children ? "\\HasChildren" : "\\HasNoChildren");
        unsigned use = entry->exists ? ph_imap_use_of(entry->name) : 0;
        if (use != 0) {
            put_attribute(out, &separator, "\\");
            ph_buf_str(out, ph_imap_use_name(use));
        }
    }
    ph_buf_printf(out, ") \"%c\" ", PH_MAILBOX_DELIMITER);
    ph_imap_put_mailbox(out, session, entry->name);
    ph_buf_str(out, has_childinfo ? " (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n" : "\r\n");
}

static enum ph_step put_some(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct listing *listing = session->work;
    bool wants_status = (listing->args->options & PH_IMAP_LIST_RETURN_STATUS) != 0;
    while (listing->next < listing->count && !ph_conn_out_is_full(conn)) {
        const struct entry *entry = &listing->entries[listing->next++];
        bool has_childinfo;
        if (!is_wanted(listing, entry, &has_childinfo)) {
            continue;
        }
        put_entry(conn, session, listing, entry, has_childinfo);
        struct ph_error err = {0};
        if (wants_status && entry->exists &&
            ph_imap_put_status(conn, session, &entry->mailbox, listing->args->status_items, &err) != PH_OK) {
            ph_imap_log_trouble(conn, &err); /* RFC 5819 section 2: the line is left out */
        }
    }
    if (listing->next < listing->count) {
        session->produce = put_some;
        return PH_STEP_MORE;
    }
    return ph_imap_ok(conn, session, "That is all");
}

static void free_listing(void *work)
{
    free(((struct listing *)work)->entries);
}

static void join_patterns(struct listing *listing)
{
    const struct ph_imap_list *args = listing->args;
    listing->patterns = ph_arena_alloc(listing->arena, args->pattern_count * sizeof listing->patterns[0]);
    for (size_t i = 0; i < args->pattern_count; i++) {
        struct ph_bytes pattern = args->patterns[i];
        uint8_t *joined = ph_arena_alloc(listing->arena, args->reference.len + pattern.len + 1);
        memcpy(joined, args->reference.ptr == NULL ? (const uint8_t *)"" : args->reference.ptr,
               args->reference.len);
        memcpy(joined + args->reference.len, pattern.ptr == NULL ? (const uint8_t *)"" : pattern.ptr,
               pattern.len);
        listing->patterns[i] = ph_bytes_of(joined, args->reference.len + pattern.len);
    }
}

static enum ph_step list(struct ph_conn *conn, struct ph_imap_session *session,
                         const struct ph_imap_list *args, bool is_lsub)
{
    struct ph_mailboxes *mailboxes = ph_imap_context_of(conn)->mailboxes;
    struct ph_access access = ph_imap_access(session);
    struct listing *listing = ph_arena_zalloc(&session->arena, sizeof *listing);
    unsigned about_subscriptions = PH_IMAP_LIST_SUBSCRIBED | PH_IMAP_LIST_RETURN_SUBSCRIBED;
    *listing = (struct listing){.args = args, .is_lsub = is_lsub, .arena = &session->arena};
    session->work = listing;
    session->work_free = free_listing;
    struct ph_error err = {0};
    int result = ph_mailbox_list(mailboxes, &access, access.user, add_mailbox, listing, &err);
    if (result == PH_OK && (is_lsub || (args->options & about_subscriptions) != 0)) {
        result = ph_subscription_list(mailboxes, &access, access.user, add_subscription, listing, &err);
    }
    if (result != PH_OK) {
        err.code = result;
        return ph_imap_fail(conn, session, &err);
    }
    join(listing);
    find_children(listing);
    join_patterns(listing);
    return put_some(conn, session);
}

enum ph_step ph_imap_list(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    const struct ph_imap_list *args = &command->list;
    bool asks_for_delimiter = !args->is_extended && args->patterns[0].len == 0;
    if (asks_for_delimiter) {
        ph_buf_printf(ph_conn_out(conn), "* LIST (\\Noselect) \"%c\" \"\"\r\n", PH_MAILBOX_DELIMITER);
        return ph_imap_ok(conn, session, "That is all");
    }
    return list(conn, session, args, false);
}

enum ph_step ph_imap_lsub(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    return list(conn, session, &command->list, true);
}
