/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An mbox file taken apart: messages behind "From " lines, with the quoting of mboxrd (">From ", ">>From " lose one ">")
 * undone, and without the empty line that ends each. Lines may end with LF or CRLF; they are handed on as they are.
 *
 * A From line is one that stands at the start of the file or behind an empty line, and has a date: a line of a body
 * that only begins so, in files whose writer quoted nothing, is part of the body.
 *
 * Some programs keep what they know of a message in its header: Status, X-Status, X-Keywords, X-UID, X-IMAPbase, X-IMAP,
 * X-UIDL. These fields belong to the file and not to the message: they are read into struct ph_mbox_message and left out.
 * A message with X-IMAP is none; it holds the program's own data.
 *
 * A pure parser over whatever comes: it holds one line at most, of LOOK_BYTES; longer lines pass through.
 */
#ifndef PH_TASK_MBOX_H
#define PH_TASK_MBOX_H

#include "base/buf.h"

struct ph_mbox_message {
    int64_t date_ms; /* of the From line */
    unsigned flags;  /* of enum ph_flag */
    uint64_t uid;    /* 0: not said, as the others */
    uint32_t uid_validity;
    uint64_t uid_next;
    struct ph_buf keywords; /* separated by blanks */
    struct ph_buf uidl;
    bool is_internal; /* no message */
};

enum ph_mbox_event {
    PH_MBOX_MORE,  /* wants more input than REST has */
    PH_MBOX_BEGIN, /* a message begins */
    PH_MBOX_DATA,  /* octets of it */
    PH_MBOX_END,   /* it is whole, and so is what is known of it */
    PH_MBOX_OVER,  /* the input is */
    PH_MBOX_WRONG, /* the file does not begin with a From line */
};

enum ph_mbox_state { PH_MBOX_OUTSIDE, PH_MBOX_IN_HEADER, PH_MBOX_IN_FIELD, PH_MBOX_IN_BODY };

struct ph_mbox {
    enum ph_mbox_state state;
    struct ph_mbox_message message; /* of the last BEGIN; stays until the next */
    struct ph_bytes blank;          /* an empty line that may be the end of the message */
    bool is_in_line;                /* the last piece had no line end */
    bool is_behind_blank;
};

enum { PH_MBOX_LOOK_BYTES = 2048 };

void ph_mbox_init(struct ph_mbox *mbox);
void ph_mbox_fini(struct ph_mbox *mbox);

/* Takes the next piece off the front of *REST; IS_END says that nothing comes behind. *OUT_DATA, for DATA, is a view of
 * *REST or lives as long as MBOX. For MORE the caller comes again with what is left in *REST and more behind it, at
 * least PH_MBOX_LOOK_BYTES or the end. */
enum ph_mbox_event ph_mbox_next(struct ph_mbox *mbox, struct ph_bytes *rest, bool is_end,
                                struct ph_bytes *out_data);

/* ---- Writing ---- */

/* What stands in front of a message's octets. SENDER as in an envelope. The first message of a file says the UIDVALIDITY
 * and the next UID. */
struct ph_mbox_head {
    int64_t date_ms;
    unsigned flags;
    struct ph_bytes keywords;
    struct ph_bytes uidl;
    uint64_t uid;
    uint32_t uid_validity; /* 0: not the first */
    uint64_t uid_next;
};

void ph_mbox_put_from(struct ph_buf *out, int64_t date_ms);
void ph_mbox_put_fields(struct ph_buf *out, const struct ph_mbox_head *head);

/* Makes lines of a message lines of an mbox: CRLF becomes LF, "From ", ">From " get one ">" in front. Zeroed is ready. */
struct ph_mbox_quote {
    unsigned matched; /* octets of the line that may still become a From line */
    bool is_in_line;
    bool is_behind_cr;
};

/* OUT has room for twice TEXT and PH_MBOX_LOOK_BYTES. */
void ph_mbox_quote(struct ph_mbox_quote *quote, struct ph_bytes text, struct ph_buf *out);
/* Ends the message: its last line, and the empty line behind it. */
void ph_mbox_quote_end(struct ph_mbox_quote *quote, struct ph_buf *out);

#endif
