/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All messages of one APPEND go into one plan: all are there, or none (RFC 3502 section 3). Their octets are kept in a spool until
 * the message is complete and then put as content; so memory does not grow with a message, and grows by some hundred octets a message.
 *
 * Lines that end in LF alone are made CRLF, as everywhere where mail comes in; a literal8 is taken as it is.
 */
#include "imap/append.h"

#include <stdlib.h>

#include "base/mem.h"
#include "blob/blob.h"
#include "delivery/newline.h"
#include "imap/parse.h"
#include "mailbox/manage.h"
#include "mime/summary.h"

enum {
    SPOOL_MEMORY_BYTES = 128 * 1024,
    PIECE_BYTES = 64 * 1024,
    MESSAGES_MAX = 1000,
    LINE_MAX_BYTES = 8 * 1024, /* between two messages */
    ARENA_BYTES = 4 * 1024,
};

/* Set when the plan is done. */
struct appended {
    struct ph_numbers numbers;
    struct appended *next;
};

struct ph_imap_append {
    struct ph_arena arena;
    struct ph_plan plan;
    struct ph_spool spool;
    struct ph_buf lines;
    struct ph_summary summary;
    struct ph_newline newline;
    struct ph_header_end header_end;
    struct ph_bytes name;
    struct ph_mailbox mailbox;

    /* The message at hand. */
    struct ph_imap_flags flags;
    int64_t date_ms;
    bool has_date;
    bool is_binary;
    bool is_wrapped; /* UTF8 (...): a parenthesis is to follow */
    uint64_t left;   /* octets of the literal that are to come */

    const char *refusal; /* a NO at the end; what comes until then is dropped */
    struct appended *first;
    struct appended **last; /* where the next one goes */
    size_t count;
    int result;
};

void ph_imap_forget_append(struct ph_imap_session *session)
{
    struct ph_imap_append *append = session->append;
    if (append != NULL) {
        ph_spool_fini(&append->spool);
        ph_buf_fini(&append->lines);
        ph_summary_fini(&append->summary);
        ph_arena_fini(&append->arena);
        free(append);
        session->append = NULL;
    }
}

static const char usage[] = "Usage: APPEND mailbox [(flags)] [date] literal";

const char *ph_imap_parse_append(struct ph_imap_reader *reader, struct ph_imap_command *out_command)
{
    (void)reader;
    (void)out_command;
    return usage;
}

enum ph_step ph_imap_append_refused(struct ph_conn *conn, struct ph_imap_session *session,
                                    const struct ph_imap_command *command)
{
    (void)command;
    return ph_imap_bad(conn, session, usage);
}

/* ---- What stands before a message ---- */

struct head {
    struct ph_imap_flags flags;
    int64_t date_ms;
    bool has_date;
    bool is_wrapped;
};

/* " (\Seen) "17-Jul-1996 02:44:25 -0700" {310}" or " UTF8 (~{310}", up to the literal's length. */
static bool take_head(struct ph_imap_reader *reader, struct head *out_head)
{
    *out_head = (struct head){0};
    if (!ph_imap_take(reader, ' ')) {
        return false;
    }
    if (ph_imap_peek(reader, '(') &&
        !(ph_imap_flag_list(reader, &out_head->flags) && ph_imap_take(reader, ' '))) {
        return false;
    }
    if (ph_imap_peek(reader, '"')) {
        out_head->has_date = true;
        if (!ph_imap_date_time(reader, &out_head->date_ms) || !ph_imap_take(reader, ' ')) {
            return false;
        }
    }
    if (ph_imap_word(reader, "UTF8")) {
        out_head->is_wrapped = true;
        if (!ph_imap_take(reader, ' ') || !ph_imap_take(reader, '(') || !ph_imap_peek(reader, '~')) {
            return false;
        }
    }
    (void)ph_imap_take(reader, '~');
    /* The framing has read the length. */
    return ph_imap_peek(reader, '{') && ph_bytes_find(reader->rest, '}') + 1 == reader->rest.len;
}

/* Tag, APPEND and the mailbox. HEAD is without its last CRLF. */
static bool take_beginning(struct ph_imap_reader *reader, struct ph_bytes *out_tag, struct ph_bytes *out_name)
{
    size_t tag_len = ph_bytes_find(reader->rest, ' ');
    *out_tag = ph_bytes_first(reader->rest, tag_len);
    reader->rest = ph_bytes_from(reader->rest, tag_len);
    return tag_len > 0 && tag_len <= PH_IMAP_TAG_MAX && ph_imap_take(reader, ' ') &&
           ph_imap_word(reader, "APPEND") && ph_imap_take(reader, ' ') && ph_imap_mailbox(reader, out_name);
}

bool ph_imap_append_is_at_message(struct ph_bytes head, bool is_utf8, struct ph_arena *arena)
{
    struct ph_imap_reader reader;
    struct ph_bytes tag;
    struct ph_bytes name;
    struct head message;
    ph_imap_reader_init(&reader, ph_bytes_first(head, head.len - 2), arena, is_utf8);
    return take_beginning(&reader, &tag, &name) && take_head(&reader, &message);
}

/* ---- Literals ---- */

static const char *refusal_of(const struct ph_error *err)
{
    return err->code == PH_ENOTFOUND ? "[TRYCREATE] There is no such mailbox" : ph_imap_text_of(err->code);
}

static enum ph_step end_append(struct ph_conn *conn, struct ph_imap_session *session, const char *refusal)
{
    ph_imap_forget_append(session);
    return ph_imap_no(conn, session, refusal);
}

static void copy_flags(struct ph_imap_append *append, const struct ph_imap_flags *flags)
{
    append->flags = *flags;
    append->flags.keywords = NULL;
    if (flags->keyword_count > 0) {
        append->flags.keywords =
            ph_arena_alloc(&append->arena, flags->keyword_count * sizeof flags->keywords[0]);
    }
    for (size_t i = 0; i < flags->keyword_count; i++) {
        append->flags.keywords[i] = ph_arena_bytes(&append->arena, flags->keywords[i]);
    }
}

static enum ph_step begin_message(struct ph_conn *conn, struct ph_imap_session *session,
                                  const struct head *head, const struct ph_imap_literal *literal)
{
    struct ph_imap_append *append = session->append;
    copy_flags(append, &head->flags);
    append->date_ms = head->date_ms;
    append->has_date = head->has_date;
    append->is_wrapped = head->is_wrapped;
    append->is_binary = literal->is_binary;
    append->left = literal->len;
    append->newline = (struct ph_newline){0};
    append->header_end = (struct ph_header_end){0};
    ph_summary_clear(&append->summary);
    ph_spool_clear(&append->spool);
    if (append->refusal == NULL && literal->len > ph_imap_context_of(conn)->append_max_bytes) {
        append->refusal = "[TOOBIG] The message is larger than APPENDLIMIT";
    } else if (append->refusal == NULL && literal->len == 0) {
        append->refusal = "[CANNOT] A message without octets";
    } else if (append->refusal == NULL && append->count == MESSAGES_MAX) {
        append->refusal = "[LIMIT] Too many messages in one APPEND";
    }
    if (literal->is_sync) {
        if (append->refusal != NULL) {
            return end_append(conn, session, append->refusal); /* nothing of it will come */
        }
        ph_buf_str(ph_conn_out(conn), "+ Go on\r\n");
    }
    session->mode = PH_IMAP_MODE_APPEND;
    return PH_STEP_AGAIN;
}

enum ph_step ph_imap_append_begin(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes head,
                                  const struct ph_imap_literal *literal)
{
    const struct ph_imap_context *context = ph_imap_context_of(conn);
    struct ph_access access = ph_imap_access(session);
    bool is_utf8 = (session->enabled & (PH_IMAP_ENABLED_UTF8 | PH_IMAP_ENABLED_REV2)) != 0;
    struct ph_imap_reader reader;
    struct head message;
    struct ph_bytes name;
    struct ph_error err = {0};
    struct ph_imap_command *command = ph_arena_zalloc(&session->arena, sizeof *command);
    struct ph_imap_append *append = ph_zalloc(sizeof *append);
    session->command = command;
    session->append = append;
    ph_arena_init(&append->arena, ARENA_BYTES);
    ph_plan_init(&append->plan, &append->arena);
    ph_spool_init(&append->spool, context->spool_dir, SPOOL_MEMORY_BYTES, context->append_max_bytes * 2);
    ph_buf_init(&append->lines, (size_t)2 * PIECE_BYTES);
    ph_summary_init(&append->summary);
    ph_imap_reader_init(&reader, ph_bytes_first(head, head.len - 2), &session->arena, is_utf8);
    if (!take_beginning(&reader, &command->tag, &name) || !take_head(&reader, &message)) {
        return ph_imap_hang_up(conn, "[SERVERBUG] Internal error", "append parsed twice");
    }
    command->row = ph_imap_row_find(PH_BYTES("APPEND"), false);
    append->name = name;
    if (ph_mailbox_open_made(context->mailboxes, &access, access.user, name, &append->arena, &append->mailbox,
                             &err) != PH_OK) {
        ph_imap_log_trouble(conn, &err);
        append->refusal = refusal_of(&err);
    }
    append->last = &append->first;
    return begin_message(conn, session, &message, literal);
}

/* ---- Octets ---- */

static int keep(struct ph_imap_append *append, struct ph_bytes octets, struct ph_error *err)
{
    if (!append->is_binary && ph_bytes_find(octets, '\0') < octets.len) {
        return ph_fail(err, PH_EINVALID, "a NUL in a message");
    }
    int result = PH_OK;
    while (result == PH_OK && octets.len > 0) {
        struct ph_bytes piece = ph_bytes_first(octets, PIECE_BYTES);
        octets = ph_bytes_from(octets, piece.len);
        if (!append->is_binary) {
            ph_buf_clear(&append->lines);
            ph_newline_convert(&append->newline, piece, &append->lines);
            piece = ph_buf_view(&append->lines);
        }
        ph_header_end_feed(&append->header_end, piece);
        ph_summary_feed(&append->summary, piece);
        result = ph_spool_write(&append->spool, piece, err);
    }
    return result;
}

static struct ph_bytes join_keywords(struct ph_imap_append *append)
{
    const struct ph_imap_flags *flags = &append->flags;
    size_t len = 0;
    for (size_t i = 0; i < flags->keyword_count; i++) {
        len += flags->keywords[i].len + 1;
    }
    if (len == 0) {
        return (struct ph_bytes){NULL, 0};
    }
    uint8_t *text = ph_arena_alloc(&append->arena, len);
    size_t at = 0;
    for (size_t i = 0; i < flags->keyword_count; i++) {
        memcpy(text + at, flags->keywords[i].ptr, flags->keywords[i].len);
        at += flags->keywords[i].len;
        text[at++] = ' ';
    }
    return ph_bytes_of(text, len - 1);
}

/* The message is complete: into the plan with it. */
static int add_message(struct ph_conn *conn, struct ph_imap_session *session, struct ph_imap_append *append,
                       struct ph_error *err)
{
    const struct ph_imap_context *context = ph_imap_context_of(conn);
    struct ph_access access = ph_imap_access(session);
    struct ph_append_origin *origin = ph_arena_zalloc(&append->arena, sizeof *origin);
    origin->kept.flags = append->flags.system | PH_FLAG_RECENT;
    origin->kept.keywords = join_keywords(append);
    struct appended *appended = ph_arena_zalloc(&append->arena, sizeof *appended);
    int64_t now_ms = (int64_t)(ph_real_us(ph_conn_clock(conn)) / 1000);
    struct ph_append message = {
        .message_id = ph_uuid_gen_next(ph_mailboxes_ids(context->mailboxes)),
        .header_bytes = append->header_end.offset,
        .total_bytes = append->spool.size,
        .internal_date_ms = append->has_date ? append->date_ms : now_ms,
        .has_summary = true,
        .origin = origin,
        .out_numbers = &appended->numbers,
    };
    ph_summary_finish(&append->summary, (struct ph_bytes){NULL, 0}, &message.envelope,
                      &message.bodystructure);
    struct ph_blob_item items[2] = {
        {.kind = PH_BLOB_HEADER,
         .content = {.spool = &append->spool, .offset = 0, .length = message.header_bytes},
         .references = 1},
        {.kind = PH_BLOB_BODY,
         .content = {.spool = &append->spool,
                     .offset = message.header_bytes,
                     .length = message.total_bytes - message.header_bytes},
         .references = 1},
    };
    int result = ph_blob_put_all(context->blobs, &append->plan, items, 2, err);
    if (result != PH_OK) {
        return result;
    }
    message.header_blob = items[0].id;
    message.body_blob = items[1].id;
    *append->last = appended;
    append->last = &appended->next;
    append->count++;
    return ph_mailbox_append(context->mailboxes, &access, access.user, append->name, &message, &append->plan,
                             err);
}

static void refuse_rest(struct ph_conn *conn, struct ph_imap_append *append, const struct ph_error *err)
{
    ph_imap_log_trouble(conn, err);
    append->refusal = err->code == PH_EINVALID ? "[CANNOT] The message has a NUL" : refusal_of(err);
}

static void take_octets(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes input,
                        size_t *out_consumed)
{
    struct ph_imap_append *append = session->append;
    struct ph_bytes octets =
        ph_bytes_first(input, append->left < input.len ? (size_t)append->left : input.len);
    struct ph_error err = {0};
    *out_consumed = octets.len;
    append->left -= octets.len;
    session->line_us = 0;
    if (append->refusal == NULL && keep(append, octets, &err) != PH_OK) {
        refuse_rest(conn, append, &err);
    }
    if (append->refusal == NULL && append->left == 0 && add_message(conn, session, append, &err) != PH_OK) {
        refuse_rest(conn, append, &err);
    }
}

/* ---- The end ---- */

static void stored(struct ph_plan *plan, int result, void *conn)
{
    struct ph_imap_session *session = ph_conn_session(conn);
    (void)plan;
    session->append->result = result;
    ph_conn_resume(conn);
}

static enum ph_step stored_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_append *append = session->append;
    if (append->result != PH_OK) {
        struct ph_error err = append->plan.error;
        err.code = append->result;
        ph_imap_log_trouble(conn, &err);
        return end_append(conn, session, refusal_of(&err));
    }
    session->appended += append->count;
    struct ph_uid_range *uids = ph_arena_alloc(&session->arena, append->count * sizeof *uids);
    struct ph_imap_set set = {.ranges = uids};
    for (const struct appended *one = append->first; one != NULL; one = one->next) {
        set.count = ph_imap_ranges_add(uids, set.count, (uint32_t)one->numbers.uid);
    }
    struct ph_buf text = PH_BUF((size_t)32 * MESSAGES_MAX);
    ph_buf_printf(&text, "[APPENDUID %u ", append->mailbox.uid_validity);
    ph_imap_set_put(&set, &text);
    ph_buf_str(&text, "] Appended");
    const char *kept = ph_arena_strdup(&session->arena, ph_buf_view(&text));
    ph_buf_fini(&text);
    ph_imap_forget_append(session);
    return ph_imap_ok(conn, session, kept);
}

static enum ph_step store(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_append *append = session->append;
    if (append->refusal != NULL) {
        return end_append(conn, session, append->refusal);
    }
    session->resume = stored_resumed;
    ph_db_submit(ph_mailboxes_db(ph_imap_context_of(conn)->mailboxes), &append->plan, stored, conn);
    return PH_STEP_PARK;
}

/* What follows a message: the end of the command, or another message. */
static enum ph_step take_line(struct ph_conn *conn, struct ph_imap_session *session, struct ph_bytes line,
                              const struct ph_imap_literal *literal)
{
    struct ph_imap_append *append = session->append;
    struct ph_imap_reader reader;
    struct head head;
    ph_imap_reader_init(&reader, line, &session->arena, false);
    bool is_good = !append->is_wrapped || ph_imap_take(&reader, ')');
    if (is_good && literal == NULL && ph_imap_at_end(&reader)) {
        return store(conn, session);
    }
    if (is_good && literal != NULL && take_head(&reader, &head)) {
        return begin_message(conn, session, &head, literal);
    }
    ph_imap_forget_append(session);
    return ph_imap_bad(conn, session, "A message is followed by another, or by the end of the line");
}

enum ph_step ph_imap_append_input(struct ph_conn *conn, struct ph_imap_session *session,
                                  struct ph_bytes input, size_t *out_consumed)
{
    if (session->append->left > 0) {
        take_octets(conn, session, input, out_consumed);
        return PH_STEP_AGAIN;
    }
    struct ph_imap_literal literal;
    size_t scanned = 0;
    size_t len = 0;
    switch (ph_imap_frame(input, LINE_MAX_BYTES, &scanned, &literal, &len)) {
    case PH_IMAP_FRAME_NEEDS_MORE: return PH_STEP_READ;
    case PH_IMAP_FRAME_LITERAL:
        *out_consumed = len;
        return take_line(conn, session, ph_bytes_first(input, len - 2), &literal);
    case PH_IMAP_FRAME_READY:
        *out_consumed = len;
        return take_line(conn, session, ph_bytes_first(input, len - 2), NULL);
    case PH_IMAP_FRAME_TOO_LONG:
    case PH_IMAP_FRAME_BAD_LINE: break;
    }
    *out_consumed = input.len;
    return ph_imap_hang_up(conn, "A message is followed by another, or by the end of the line",
                           "rubbish behind a message");
}
