/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One FETCH under way, for the files that answer it: fetch.c goes through the messages, fetch_item.c writes what the row has,
 * fetch_section.c finds where the octets of a section are, fetch_content.c reads them.
 *
 * A message's answer is written item by item. An item is either written at once, or it opens a source, whose
 * octets go out a piece at a time as the connection takes them. Memory: one row, one source's buffer, one arena for
 * the message at hand.
 */
#ifndef PH_IMAP_FETCH_H
#define PH_IMAP_FETCH_H

#include "imap/targets.h"
#include "mime/structure.h"
#include "mime/summary.h"
#include "mime/transfer.h"

enum {
    PH_IMAP_HEADER_MAX = 4 * 1024 * 1024,    /* as much of a header is looked at for its fields */
    PH_IMAP_RENDERED_MAX = 32 * 1024 * 1024, /* of a structure that is too large for its column */
};

enum ph_imap_source_kind {
    PH_IMAP_SOURCE_NONE,
    PH_IMAP_SOURCE_MEMORY,  /* of `memory`, from offset on */
    PH_IMAP_SOURCE_CONTENT, /* the message's octets, from offset on */
    PH_IMAP_SOURCE_DECODED, /* the same, decoded as `transfer` says; `skip` octets of the result are passed over */
};

struct ph_imap_source {
    enum ph_imap_source_kind kind;
    uint64_t offset;
    uint64_t left;     /* octets of the source; of DECODED before decoding */
    uint64_t skip;     /* DECODED */
    uint64_t promised; /* octets that the literal has yet to get */
    struct ph_transfer transfer;
};

/* Where a section's octets are. */
struct ph_imap_place {
    bool is_there; /* else NIL */
    uint64_t offset;
    uint64_t size;
    struct ph_bytes encoding; /* of a part: for BINARY */
};

/* What is the same of an item for all messages. */
struct ph_imap_planned {
    struct ph_bytes label; /* of sections: how the answers name it */
    bool is_covered;       /* fields that `envelope` has, if they are in the message */
};

struct ph_imap_fetching {
    const struct ph_imap_fetch *fetch;
    struct ph_imap_planned *planned; /* for each item */
    bool is_uid;
    bool adds_uid;    /* the client did not ask for it, and is told all the same */
    bool adds_modseq; /* the same */
    bool needs_rows;
    unsigned wants; /* of enum ph_view_want */
    bool sets_seen;

    struct ph_imap_targets targets;
    struct ph_imap_walk walk;       /* where the next chunk begins; without chunks, the next message */
    struct ph_imap_targets chunk;   /* of a FETCH that sets \Seen, or reads rows */
    struct ph_view_rows *rows;      /* of the chunk */
    struct ph_imap_walk chunk_walk; /* the messages of the chunk, where no rows are read */
    struct ph_view_write write;     /* \Seen */
    int write_result;

    /* The message at hand. */
    bool has_message;
    struct ph_view_row row; /* of a FETCH without rows: number and message.uid alone */
    size_t item;            /* the next */
    size_t started_at;      /* in the output; where nothing of the message was flushed yet */
    bool is_flushed;
    bool has_item; /* something stands behind "(" */
    struct ph_arena arena;
    bool has_reader;
    struct ph_message_reader reader;
    bool has_tree;
    const struct ph_part *tree;
    struct ph_summary summary; /* of a message without a structure column */
    struct ph_buf memory;
    struct ph_buf scratch;
    struct ph_imap_source source;

    bool has_gone;    /* some messages are not there any more */
    int failed;       /* the worst class of error; PH_OK */
    bool has_unknown; /* BINARY met an unknown encoding */
};

void ph_imap_fetching_init(struct ph_imap_fetching *fetching);
void ph_imap_fetching_fini(struct ph_imap_fetching *fetching);

/* ---- fetch_item.c ---- */

/* What the items need beyond the view, added to FETCHING->wants and needs_rows; and FETCHING->planned. */
void ph_imap_fetch_plan(struct ph_imap_session *session, struct ph_imap_fetching *fetching);
/* Writes the item, or opens a source behind its name. */
int ph_imap_fetch_item(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, const struct ph_imap_fetch_item *item,
                       struct ph_error *err) PH_MUST_USE;
void ph_imap_fetch_put_flags(struct ph_buf *out, const struct ph_imap_session *session, uint32_t number,
                             unsigned more_flags);

/* ---- fetch_section.c ---- */

int ph_imap_fetch_section(struct ph_conn *conn, struct ph_imap_session *session,
                          struct ph_imap_fetching *fetching, const struct ph_imap_fetch_item *item,
                          struct ph_error *err) PH_MUST_USE;
/* Also for SEARCH: the fields in HEADER that SECTION names, or does not name, whole, appended to OUT. */
void ph_imap_filter_fields(struct ph_bytes header, const struct ph_imap_section *section, struct ph_buf *out);

/* ---- fetch_content.c ---- */

/* The message's structure: of its row, else by parsing it. */
int ph_imap_fetch_tree(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, struct ph_error *err) PH_MUST_USE;
/* Reads SIZE octets of the message from OFFSET on into FETCHING->memory. */
int ph_imap_fetch_read(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, uint64_t offset, uint64_t size,
                       struct ph_error *err) PH_MUST_USE;
/* Appends up to MAX octets of the message from OFFSET on, at least one, to OUT. */
int ph_imap_fetch_piece(struct ph_conn *conn, struct ph_imap_session *session,
                        struct ph_imap_fetching *fetching, uint64_t offset, uint64_t max, struct ph_buf *out,
                        struct ph_error *err) PH_MUST_USE;
/* How long PLACE is when it is decoded, and whether it has a NUL. */
int ph_imap_fetch_measure(struct ph_conn *conn, struct ph_imap_session *session,
                          struct ph_imap_fetching *fetching, const struct ph_imap_place *place,
                          uint64_t *out_size, bool *out_has_nul, struct ph_error *err) PH_MUST_USE;
/* The next octets of the source to the connection's output. When there are no more, its kind is NONE. */
int ph_imap_fetch_pump(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_fetching *fetching, struct ph_error *err) PH_MUST_USE;
void ph_imap_fetch_forget_message(struct ph_imap_fetching *fetching);

#endif
