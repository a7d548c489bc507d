/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a listing needs of a message, taken while the message comes by: the columns `envelope` and `bodystructure`.
 *
 * - `envelope`: an octet for the version, then the raw fields that mail programs list (ph_summary_covers), whole and in
 *   order. ENVELOPE, and BODY[HEADER.FIELDS (...)] of covered names, are answered from it as from the header itself,
 *   octet for octet.
 * - `bodystructure`: the tree of mime/structure.h.
 *
 * Either is absent where it would be too large (PH_ENVELOPE_BYTES_MAX, PH_BODYSTRUCTURE_BYTES_MAX): then the header, or
 * the message, is read when somebody asks. A message is never refused here: any octets have a structure.
 *
 * Use: ph_summary_init; the octets, in pieces of any size, by ph_summary_feed (which finds the end of the header as
 * ph_header_end does) or by ph_summary_header and ph_summary_body where that is known; ph_summary_finish;
 * ph_summary_clear before the next message; ph_summary_fini. It takes linear time whatever comes, and memory as the
 * limits allow: some MiB at worst, a few KiB for usual mail and between two messages. Threads: one at a time.
 *
 * One summary serves all copies of a delivery: trace fields (Return-Path, Delivered-To, Received) are not covered.
 */
#ifndef PH_MIME_SUMMARY_H
#define PH_MIME_SUMMARY_H

#include "mime/header.h"
#include "mime/structure.h"

enum {
    PH_ENVELOPE_BYTES_MAX = 16 * 1024,
    PH_BODYSTRUCTURE_BYTES_MAX = 64 * 1024,
};

/* ---- Making it ---- */

struct ph_summary_parser;

struct ph_summary {
    struct ph_summary_parser *parser; /* made with the first octet, kept by clear */
    bool is_large;
};

void ph_summary_init(struct ph_summary *summary);
void ph_summary_clear(struct ph_summary *summary);
void ph_summary_fini(struct ph_summary *summary);

/* The next octets of the message. */
void ph_summary_feed(struct ph_summary *summary, struct ph_bytes octets);
/* The next octets of the header (its empty line may come or not), and then of the body. */
void ph_summary_header(struct ph_summary *summary, struct ph_bytes octets);
void ph_summary_body(struct ph_summary *summary, struct ph_bytes octets);

/* Ends the message. FRONT: whole fields that stand before what was fed and were not fed (Date, Message-ID that a submission
 * lacked); may be empty, and may hold trace fields. Both views live until clear or fini; ptr is NULL where the column is absent. */
void ph_summary_finish(struct ph_summary *summary, struct ph_bytes front, struct ph_bytes *out_envelope,
                       struct ph_bytes *out_bodystructure);

/* For a message whose column is absent: as finish, but gives the tree, however large the column would be. The message
 * must have been fed to a summary that was made by ph_summary_init_large. The tree lives until clear or fini. */
void ph_summary_init_large(struct ph_summary *summary);
const struct ph_part *ph_summary_finish_tree(struct ph_summary *summary);

/* ---- Reading it ---- */

/* Whether `envelope` holds every field of this name that the header has. */
bool ph_summary_covers(struct ph_bytes name);

/* The fields of an `envelope` column, to be read by ph_header_next. False where it is absent or of a version that this program
 * does not know: then the header is read. */
bool ph_summary_fields(struct ph_bytes envelope, struct ph_bytes *out_fields);

#endif
