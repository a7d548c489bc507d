/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH, SORT and THREAD, for the files that answer them: search_key.c judges a message by what is known of it, search_scan.c reads
 * texts, search.c goes through the messages, search_answer.c writes what was found; sort.c and thread.c put it in order.
 *
 * A message is judged with as little as will do: what the view knows, then its row, then its header, then its text. Each key answers
 * yes, no or unknown; what is unknown is asked again with more. So a SEARCH of flags and dates costs no statement, and one
 * that names a sender reads no message.
 */
#ifndef PH_IMAP_SEARCH_H
#define PH_IMAP_SEARCH_H

#include "imap/fetch.h"
#include "mime/charset.h"
#include "mime/fold.h"

enum ph_imap_truth { PH_IMAP_NO, PH_IMAP_YES, PH_IMAP_UNKNOWN };

enum { PH_IMAP_TEXT_KEYS_MAX = 32 }; /* BODY and TEXT in one command */

/* ---- search_key.c: pure ---- */

/* What is known of one message. */
struct ph_imap_facts {
    uint32_t number;
    const struct ph_view_message *message;
    unsigned flags; /* with PH_FLAG_RECENT */
    struct ph_bytes keywords;
    int64_t now_ms;
    const struct ph_view_row *row; /* NULL: not read yet */
    bool has_fields;               /* the covered fields */
    struct ph_bytes fields;
    bool has_header; /* the whole header */
    struct ph_bytes header;
    const bool *found; /* of each text key, in the message's text; NULL: not read yet */
};

struct ph_imap_search_needs {
    bool fields; /* the column of covered fields */
    bool header;
    bool row;
    unsigned text_count; /* BODY and TEXT */
    struct ph_bytes texts[PH_IMAP_TEXT_KEYS_MAX];
};

/* Makes KEY ready: sets become ranges, texts are folded, BODY and TEXT are numbered (key->number). NULL, or the text of a NO. CHARSET: of the
 * texts. COUNT and LARGEST_UID: of the mailbox; SAVED: "$". */
struct ph_imap_search_mailbox {
    uint32_t count;
    uint32_t largest_uid;
    const struct ph_imap_set *saved; /* of UIDs */
};
const char *ph_imap_search_prepare(struct ph_imap_search_key *key, struct ph_bytes charset,
                                   const struct ph_imap_search_mailbox *mailbox, struct ph_arena *arena,
                                   struct ph_imap_search_needs *needs);

enum ph_imap_truth ph_imap_search_judge(const struct ph_imap_search_key *key,
                                        const struct ph_imap_facts *facts);

/* The day that a Date field names, as it stands there. False where it names none. */
bool ph_imap_sent_day(struct ph_bytes fields, int32_t *out_day);
/* The value of the first field NAME. */
bool ph_imap_field_find(struct ph_bytes fields, struct ph_bytes name, struct ph_bytes *out_value);

/* ---- search_scan.c ---- */

/* Looks for texts in the header and the body of one message, decoded; a piece a call. */
struct ph_imap_scan {
    struct ph_fold_search searches[PH_IMAP_TEXT_KEYS_MAX];
    bool found[PH_IMAP_TEXT_KEYS_MAX];
    unsigned count;
    const struct ph_part *part; /* at hand; NULL: none yet, or the end */
    bool is_begun;
    bool is_in_part;
    uint64_t offset; /* in the message */
    uint64_t left;   /* of the part */
    struct ph_transfer transfer;
    struct ph_charset charset;
    struct ph_buf decoded;
    struct ph_buf text;
};

void ph_imap_scan_init(struct ph_imap_scan *scan, const struct ph_imap_search_needs *needs);
void ph_imap_scan_fini(struct ph_imap_scan *scan);
/* For the next message. */
void ph_imap_scan_reset(struct ph_imap_scan *scan, const struct ph_imap_search_needs *needs);
/* 1: all of it is read, or every text was found; 0: there is more; negative: failed. FETCHING has the message. */
int ph_imap_scan_step(struct ph_conn *conn, struct ph_imap_session *session, struct ph_imap_scan *scan,
                      struct ph_imap_fetching *fetching, struct ph_error *err) PH_MUST_USE;

/* ---- search.c ---- */

enum { PH_IMAP_ANSWER_MAX = 64 * 1024 * 1024 }; /* millions of numbers */

enum ph_imap_ordering { PH_IMAP_ORDER_NONE, PH_IMAP_ORDER_SORT, PH_IMAP_ORDER_THREAD };

struct ph_imap_order; /* sort.c, thread.c: what is kept of each message found */

struct ph_imap_searching {
    const struct ph_imap_search *search;
    enum ph_imap_ordering ordering;
    struct ph_imap_search_needs needs;
    int64_t now_ms;
    uint32_t count;  /* messages of the snapshot */
    uint8_t *truths; /* of enum ph_imap_truth, by number - 1 */
    uint32_t next;   /* in the first round: the number to judge */
    struct ph_view_rows *rows;
    struct ph_imap_fetching fetching; /* the message that is read */
    struct ph_imap_scan scan;
    bool is_scanning;
    bool has_header;
    struct ph_buf header;
    struct ph_buf answer;
    size_t answered; /* octets of it that are written */
    int failed;      /* a class; PH_OK */
    struct ph_imap_order *order;
};

/* ---- search_answer.c ---- */

/* What was found, in order: sequence numbers. */
struct ph_imap_found {
    const uint32_t *numbers;
    size_t count;
};
/* Appends SEARCH, SORT or ESEARCH (RFC 4731), and settles what "$" is from now on (RFC 5182). */
void ph_imap_search_answer(struct ph_buf *out, struct ph_imap_session *session,
                           const struct ph_imap_search *search, bool is_sorted,
                           const struct ph_imap_found *found);

/* ---- sort.c, thread.c ---- */

struct ph_imap_order *ph_imap_order_new(const struct ph_imap_search *search, bool is_thread);
void ph_imap_order_free(struct ph_imap_order **order);
/* What the order needs of one message. FIELDS: covered fields, or the header. */
void ph_imap_order_add(struct ph_imap_order *order, uint32_t number, const struct ph_view_row *row,
                       struct ph_bytes fields, struct ph_arena *arena);
/* The numbers in order; the order's. */
struct ph_imap_found ph_imap_order_sort(struct ph_imap_order *order);
/* Appends "(1)(2 3)": sequence numbers, or UIDs. */
void ph_imap_order_thread(struct ph_imap_order *order, struct ph_buf *out, const struct ph_view_session *view,
                          bool is_uid);

#endif
