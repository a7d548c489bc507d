/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says, as RFC 9051 section 9 writes it: strings, flags, dates, names of sections, sets of numbers.
 * Pure functions that append to a buffer.
 */
#ifndef PH_IMAP_FORMAT_H
#define PH_IMAP_FORMAT_H

#include "imap/command.h"

/* Quoted where that is possible, else a literal. A NUL, which neither may hold, is left out. */
void ph_imap_put_string(struct ph_buf *out, struct ph_bytes text);
/* The same; NIL where the pointer is NULL. */
void ph_imap_put_nstring(struct ph_buf *out, struct ph_bytes text);
/* An atom where that is possible. */
void ph_imap_put_astring(struct ph_buf *out, struct ph_bytes text);
/* "{17}" and the end of the line: SIZE octets are to follow. */
void ph_imap_put_literal(struct ph_buf *out, uint64_t size);

/* "\Seen $Work", no parentheses. FLAGS: of enum ph_flag; KEYWORDS: separated by blanks. */
void ph_imap_put_flags(struct ph_buf *out, unsigned flags, struct ph_bytes keywords);
/* "\Seen", of one flag. NULL for what is none. */
const char *ph_imap_flag_name(unsigned flag);

/* "17-Jul-1996 02:44:25 +0000", with its quotes. */
void ph_imap_put_date_time(struct ph_buf *out, int64_t unix_ms);

/* How an answer names what was asked for: "BODY[1.HEADER.FIELDS (From)]<0>", "BINARY[1]", "RFC822". */
void ph_imap_put_section(struct ph_buf *out, const struct ph_imap_fetch_item *item);

/* "4:7,9" of numbers that come one by one, each larger than the one before; behind them, ph_imap_put_run_end. Zeroed is ready. */
struct ph_imap_run {
    uint32_t first; /* 0: none yet */
    uint32_t last;
    bool is_behind; /* something was written */
};
void ph_imap_put_run(struct ph_buf *out, struct ph_imap_run *run, uint32_t number);
void ph_imap_put_run_end(struct ph_buf *out, struct ph_imap_run *run);

#endif
