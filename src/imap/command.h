/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client asked for, after parsing: plain structs in the command's arena. The parser (parse.h) has checked
 * the grammar and the budgets; whether a mailbox or a message exists is for the handlers.
 *
 * Names of mailboxes are UTF-8 here, whatever the client wrote; "inbox" in any case is INBOX.
 */
#ifndef PH_IMAP_COMMAND_H
#define PH_IMAP_COMMAND_H

#include "imap/set.h"

/* ---- Flags ---- */

/* PH_FLAG_ANSWERED and others of store/message_row.h, without PH_FLAG_RECENT, which no client may set. */
struct ph_imap_flags {
    unsigned system;
    struct ph_bytes *keywords; /* as written, each once (ASCII case is folded for that) */
    size_t keyword_count;
};

/* ---- FETCH ---- */

enum ph_imap_fetch_kind {
    PH_IMAP_FETCH_FLAGS,
    PH_IMAP_FETCH_UID,
    PH_IMAP_FETCH_INTERNALDATE,
    PH_IMAP_FETCH_RFC822_SIZE,
    PH_IMAP_FETCH_ENVELOPE,
    PH_IMAP_FETCH_BODY, /* without section: the structure without extension data */
    PH_IMAP_FETCH_BODYSTRUCTURE,
    PH_IMAP_FETCH_SECTION,     /* BODY[...], and RFC822 and its kin: see name */
    PH_IMAP_FETCH_BINARY,      /* section.parts alone */
    PH_IMAP_FETCH_BINARY_SIZE, /* the same */
    PH_IMAP_FETCH_MODSEQ,      /* RFC 7162 */
    PH_IMAP_FETCH_SAVEDATE,    /* RFC 8514 */
    PH_IMAP_FETCH_EMAILID,     /* RFC 8474 */
    PH_IMAP_FETCH_THREADID,    /* RFC 8474 */
    PH_IMAP_FETCH_PREVIEW,     /* RFC 8970 */
};

enum ph_imap_section_text {
    PH_IMAP_TEXT_ALL, /* BODY[] or BODY[1.2] */
    PH_IMAP_TEXT_HEADER,
    PH_IMAP_TEXT_HEADER_FIELDS,
    PH_IMAP_TEXT_HEADER_FIELDS_NOT,
    PH_IMAP_TEXT_TEXT,
    PH_IMAP_TEXT_MIME, /* only behind part numbers */
};

struct ph_imap_section {
    enum ph_imap_section_text text;
    uint32_t *parts; /* 1.2.3; none of them 0 */
    size_t part_count;
    struct ph_bytes *fields; /* of HEADER.FIELDS: names as written */
    size_t field_count;
};

struct ph_imap_fetch_item {
    enum ph_imap_fetch_kind kind;
    /* How the answer names it: "BODY[...]" is NULL, and the handler writes the section; "RFC822", "RFC822.HEADER" and
     * "RFC822.TEXT" are answered under these names. */
    const char *name;
    struct ph_imap_section section;
    bool is_peek;     /* \Seen is not set */
    bool is_lazy;     /* of PREVIEW */
    bool has_partial; /* <offset.length> */
    uint64_t offset;
    uint64_t length; /* not 0 */
};

struct ph_imap_fetch {
    struct ph_imap_set set;
    struct ph_imap_fetch_item *items; /* ALL, FAST and FULL are spelled out; the same item may stand twice */
    size_t item_count;
    bool has_changed_since; /* RFC 7162: implies MODSEQ */
    bool wants_vanished;
    uint64_t changed_since;
    bool
        has_page; /* RFC 9394, PARTIAL: the messages from page_first to page_last, counted from the end if negative */
    int64_t page_first;
    int64_t page_last;
};

/* ---- STORE, COPY, MOVE, EXPUNGE ---- */

enum ph_imap_store_action { PH_IMAP_STORE_REPLACE, PH_IMAP_STORE_ADD, PH_IMAP_STORE_REMOVE };

struct ph_imap_store {
    struct ph_imap_set set;
    enum ph_imap_store_action action;
    bool is_silent;
    struct ph_imap_flags flags;
    bool has_unchanged_since;
    uint64_t unchanged_since;
};

struct ph_imap_copy { /* MOVE too */
    struct ph_imap_set set;
    struct ph_bytes mailbox;
};

struct ph_imap_expunge {
    bool has_set; /* UID EXPUNGE (RFC 4315) */
    struct ph_imap_set set;
};

/* ---- SEARCH, SORT, THREAD ---- */

enum ph_imap_search_kind {
    PH_IMAP_KEY_ALL,
    PH_IMAP_KEY_AND,     /* children: all of them */
    PH_IMAP_KEY_OR,      /* two children */
    PH_IMAP_KEY_NOT,     /* one child */
    PH_IMAP_KEY_FLAG,    /* flag: a system flag is set (UNSEEN and others are NOT of it); RECENT too */
    PH_IMAP_KEY_NEW,     /* RECENT and not SEEN */
    PH_IMAP_KEY_KEYWORD, /* text */
    PH_IMAP_KEY_BEFORE,  /* internal date, by day: strictly before day */
    PH_IMAP_KEY_ON,
    PH_IMAP_KEY_SINCE,      /* on the day or later */
    PH_IMAP_KEY_SENTBEFORE, /* the Date field's day, as written there */
    PH_IMAP_KEY_SENTON,
    PH_IMAP_KEY_SENTSINCE,
    PH_IMAP_KEY_SAVEDBEFORE, /* RFC 8514 */
    PH_IMAP_KEY_SAVEDON,
    PH_IMAP_KEY_SAVEDSINCE,
    PH_IMAP_KEY_SAVEDATESUPPORTED,
    PH_IMAP_KEY_OLDER, /* RFC 5032: number is seconds */
    PH_IMAP_KEY_YOUNGER,
    PH_IMAP_KEY_LARGER, /* number */
    PH_IMAP_KEY_SMALLER,
    PH_IMAP_KEY_HEADER, /* name, text; BCC, CC, FROM, SUBJECT and TO are this too. An empty text: has the field */
    PH_IMAP_KEY_BODY, /* text */
    PH_IMAP_KEY_TEXT,
    PH_IMAP_KEY_SET,     /* sequence numbers */
    PH_IMAP_KEY_UID,     /* set of UIDs */
    PH_IMAP_KEY_MODSEQ,  /* number: that or above */
    PH_IMAP_KEY_EMAILID, /* text */
    PH_IMAP_KEY_THREADID,
};

struct ph_imap_search_key {
    enum ph_imap_search_kind kind;
    unsigned flag; /* of enum ph_flag */
    int32_t day;   /* days since 1970-01-01 */
    uint64_t number;
    struct ph_bytes name;
    struct ph_bytes text; /* octets in the search's charset */
    struct ph_imap_set set;
    struct ph_imap_search_key *children; /* the first */
    struct ph_imap_search_key *next;     /* the next child of the same parent */
};

enum ph_imap_return { /* RFC 4731, 5182, 9394; by | */
                      PH_IMAP_RETURN_MIN = 1,
                      PH_IMAP_RETURN_MAX = 2,
                      PH_IMAP_RETURN_ALL = 4,
                      PH_IMAP_RETURN_COUNT = 8,
                      PH_IMAP_RETURN_SAVE = 16,
                      PH_IMAP_RETURN_PARTIAL = 32,
};

enum ph_imap_sort_by {
    PH_IMAP_SORT_ARRIVAL,
    PH_IMAP_SORT_CC,
    PH_IMAP_SORT_DATE,
    PH_IMAP_SORT_FROM,
    PH_IMAP_SORT_SIZE,
    PH_IMAP_SORT_SUBJECT,
    PH_IMAP_SORT_TO,
    PH_IMAP_SORT_DISPLAYFROM, /* RFC 5957 */
    PH_IMAP_SORT_DISPLAYTO,
};

struct ph_imap_sort_criterion {
    enum ph_imap_sort_by by;
    bool is_reverse;
};

enum ph_imap_thread_by { PH_IMAP_THREAD_ORDEREDSUBJECT, PH_IMAP_THREAD_REFERENCES };

struct ph_imap_search {
    bool has_return;    /* answered by ESEARCH; RETURN () is ALL */
    unsigned returns;   /* of enum ph_imap_return */
    int64_t page_first; /* of PARTIAL: counted from the end if negative */
    int64_t page_last;
    struct ph_bytes charset;             /* empty: US-ASCII, or UTF-8 where that was enabled */
    bool has_modseq;                     /* a MODSEQ key stands somewhere */
    struct ph_imap_search_key *key;      /* never NULL */
    struct ph_imap_sort_criterion *sort; /* of SORT: at least one */
    size_t sort_count;
    enum ph_imap_thread_by thread; /* of THREAD */
};

/* ---- Mailboxes ---- */

struct ph_imap_select {
    struct ph_bytes mailbox;
    bool has_condstore;
    bool has_qresync; /* RFC 7162 section 3.2.5 */
    uint32_t uid_validity;
    uint64_t modseq;
    bool has_known_uids;
    struct ph_imap_set known_uids;
    bool has_match; /* known sequence numbers and their UIDs, of equal counts */
    struct ph_imap_set match_numbers;
    struct ph_imap_set match_uids;
};

enum ph_imap_use { /* RFC 6154; by | */
                   PH_IMAP_USE_ALL = 1,
                   PH_IMAP_USE_ARCHIVE = 2,
                   PH_IMAP_USE_DRAFTS = 4,
                   PH_IMAP_USE_FLAGGED = 8,
                   PH_IMAP_USE_JUNK = 16,
                   PH_IMAP_USE_SENT = 32,
                   PH_IMAP_USE_TRASH = 64,
                   PH_IMAP_USE_IMPORTANT = 128, /* RFC 8457 */
};

struct ph_imap_mailbox_args { /* CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE */
    struct ph_bytes mailbox;
    struct ph_bytes to; /* of RENAME */
    unsigned use;       /* of CREATE: enum ph_imap_use */
    bool has_use;
    bool ends_in_delimiter; /* of CREATE: "foo." asks for a name that will have children */
};

enum ph_imap_status_item { /* by | */
                           PH_IMAP_STATUS_MESSAGES = 1,
                           PH_IMAP_STATUS_RECENT = 2,
                           PH_IMAP_STATUS_UIDNEXT = 4,
                           PH_IMAP_STATUS_UIDVALIDITY = 8,
                           PH_IMAP_STATUS_UNSEEN = 16,
                           PH_IMAP_STATUS_DELETED = 32,
                           PH_IMAP_STATUS_SIZE = 64,
                           PH_IMAP_STATUS_HIGHESTMODSEQ = 128,
                           PH_IMAP_STATUS_MAILBOXID = 256,
                           PH_IMAP_STATUS_APPENDLIMIT = 512,
};

struct ph_imap_status {
    struct ph_bytes mailbox;
    unsigned items;
};

enum ph_imap_list_option {                              /* RFC 5258, 6154, 5819; by | */
                           PH_IMAP_LIST_SUBSCRIBED = 1, /* selection */
                           PH_IMAP_LIST_REMOTE = 2,
                           PH_IMAP_LIST_RECURSIVEMATCH = 4,
                           PH_IMAP_LIST_SPECIAL_USE = 8,
                           PH_IMAP_LIST_RETURN_SUBSCRIBED = 16, /* return */
                           PH_IMAP_LIST_RETURN_CHILDREN = 32,
                           PH_IMAP_LIST_RETURN_SPECIAL_USE = 64,
                           PH_IMAP_LIST_RETURN_STATUS = 128,
                           PH_IMAP_LIST_RETURN_MYRIGHTS = 256,
};

struct ph_imap_list {
    bool is_extended;
    struct ph_bytes reference;
    struct ph_bytes *patterns;
    size_t pattern_count;
    unsigned options;
    unsigned status_items; /* of RETURN (STATUS (...)) */
};

/* ---- The rest ---- */

struct ph_imap_login {
    struct ph_bytes user;
    struct ph_bytes password;
};

struct ph_imap_authenticate {
    struct ph_bytes mechanism;
    bool has_initial;
    struct ph_bytes initial; /* still base64; "=" is an empty one */
};

struct ph_imap_words { /* ENABLE: capabilities; ID: field and value in turn, NIL is an empty view */
    struct ph_bytes *words;
    size_t count;
};

struct ph_imap_row;

struct ph_imap_command {
    struct ph_bytes tag;
    const struct ph_imap_row *row;
    bool is_uid; /* behind UID: sets are of UIDs, and answers name them */
    union {
        struct ph_imap_fetch fetch;
        struct ph_imap_store store;
        struct ph_imap_copy copy;
        struct ph_imap_expunge expunge;
        struct ph_imap_search search;
        struct ph_imap_select select;
        struct ph_imap_mailbox_args mailbox;
        struct ph_imap_status status;
        struct ph_imap_list list;
        struct ph_imap_login login;
        struct ph_imap_authenticate authenticate;
        struct ph_imap_words words;
    };
};

#endif
