/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokens of IMAP (RFC 9051 section 9) off the front of a command's text: pure functions.
 *
 * The text is a whole command without its final CRLF, literals inside as they came: "{3}" CRLF and three octets.
 * Each function returns whether it took what it is named for; if not, the reader stands somewhere and the command is refused.
 * Budget: the text itself (PH_IMAP_COMMAND_MAX), items of a list (PH_IMAP_ITEMS_MAX in a command), depth.
 */
#ifndef PH_IMAP_READER_H
#define PH_IMAP_READER_H

#include "imap/command.h"

enum {
    PH_IMAP_COMMAND_MAX = 60 * 1024, /* with its literals, but for messages */
    PH_IMAP_ITEMS_MAX = 8192,        /* of all lists and sets of a command together */
    PH_IMAP_DEPTH_MAX = 64,          /* parentheses, NOT and OR of SEARCH */
    PH_IMAP_TAG_MAX = 128,
    PH_IMAP_KEYWORDS_MAX = 64, /* in one flag list */
};

struct ph_imap_reader {
    struct ph_bytes rest;
    struct ph_arena *arena; /* of what is taken; views may point into the text, too */
    bool is_utf8;           /* names of mailboxes are UTF-8: ENABLE said so */
    unsigned items_left;
    unsigned depth_left;
};

void ph_imap_reader_init(struct ph_imap_reader *reader, struct ph_bytes text, struct ph_arena *arena,
                         bool is_utf8);

static inline bool ph_imap_at_end(const struct ph_imap_reader *reader)
{
    return reader->rest.len == 0;
}

/* Whether C is next; it is taken then. */
bool ph_imap_take(struct ph_imap_reader *reader, char c);
bool ph_imap_peek(const struct ph_imap_reader *reader, char c);
/* One of the budget's items. */
bool ph_imap_spend(struct ph_imap_reader *reader);
/* At least as many as the items of a list that may follow, MAX at most: for arrays. */
size_t ph_imap_count_blanks(const struct ph_imap_reader *reader, size_t max);

bool ph_imap_atom(struct ph_imap_reader *reader, struct ph_bytes *out_atom);
/* An atom that may hold ']'; of a mailbox for LIST also '%' and '*'. */
bool ph_imap_astring(struct ph_imap_reader *reader, struct ph_bytes *out_string);
bool ph_imap_list_pattern(struct ph_imap_reader *reader, struct ph_bytes *out_pattern);
bool ph_imap_string(struct ph_imap_reader *reader, struct ph_bytes *out_string);
/* NIL is a view without octets and without pointer. */
bool ph_imap_nstring(struct ph_imap_reader *reader, struct ph_bytes *out_string);
bool ph_imap_mailbox(struct ph_imap_reader *reader, struct ph_bytes *out_name);
/* The word NAME, in any case, as a whole. Nothing is taken if another stands there. */
bool ph_imap_word(struct ph_imap_reader *reader, const char *name);

bool ph_imap_number(struct ph_imap_reader *reader, uint32_t *out_number);
bool ph_imap_number64(struct ph_imap_reader *reader, uint64_t *out_number); /* at most 2^63 - 1 */
bool ph_imap_set(struct ph_imap_reader *reader, struct ph_imap_set *out_set);
/* "-100:-1"; both of one sign, none 0. */
bool ph_imap_page(struct ph_imap_reader *reader, int64_t *out_first, int64_t *out_last);
/* "(\Seen $Work)", and without parentheses, as STORE may have it. */
bool ph_imap_flag_list(struct ph_imap_reader *reader, struct ph_imap_flags *out_flags);
/* "1-Feb-1994", with quotes or without: days since 1970-01-01. */
bool ph_imap_date(struct ph_imap_reader *reader, int32_t *out_day);
/* "17-Jul-1996 02:44:25 -0700" in quotes: milliseconds since 1970. */
bool ph_imap_date_time(struct ph_imap_reader *reader, int64_t *out_ms);

#endif
