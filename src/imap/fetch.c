/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FETCH and UID FETCH (RFC 9051 section 6.4.5): goes through the messages, writes one answer after the other until the
 * output is full, and goes on when it has drained.
 *
 * What the view knows costs no statement. Else the rows of all messages are read page by page, and content only for
 * what no row has. A FETCH that sets \Seen goes in chunks: the flags of a chunk are stored in one plan, then its
 * messages are sent; a client that goes away in between has few messages marked that it never got.
 *
 * A message that was expunged meanwhile by somebody else is passed over, and the command ends in NO, as RFC 2180 section 4.1.2
 * has it. One whose content cannot be read is passed over likewise, unless part of it is on its way already: then the
 * connection ends, since a literal has to have the length that was promised.
 */
#include "imap/fetch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "imap/format.h"

enum { SEEN_CHUNK = 64 };

static void fetching_free(void *work)
{
    ph_imap_fetching_fini(work);
    free(work);
}

/* ---- One message ---- */

static void begin_message(struct ph_conn *conn, struct ph_imap_fetching *fetching)
{
    struct ph_buf *out = ph_conn_out(conn);
    fetching->started_at = out->len;
    fetching->has_message = true;
    ph_buf_str(out, "* ");
    ph_buf_u64(out, fetching->row.number);
    ph_buf_str(out, " FETCH (");
}

/* The items that the client did not ask for come first. */
static void put_added(struct ph_conn *conn, struct ph_imap_session *session,
                      struct ph_imap_fetching *fetching)
{
    struct ph_buf *out = ph_conn_out(conn);
    const struct ph_view_message *message = ph_view_at(session->view, fetching->row.number);
    bool is_changed = fetching->sets_seen && fetching->write_result == PH_OK && fetching->write.count > 0 &&
                      (message->flags & PH_FLAG_SEEN) == 0;
    const char *blank = "";
    if (fetching->adds_uid) {
        ph_buf_printf(out, "UID %u", message->uid);
        blank = " ";
    }
    if (is_changed) {
        ph_buf_str(out, blank);
        ph_imap_fetch_put_flags(out, session, fetching->row.number, PH_FLAG_SEEN);
        blank = " ";
    }
    if (fetching->adds_modseq || (is_changed && ph_imap_is_enabled(session, PH_IMAP_ENABLED_CONDSTORE))) {
        uint64_t modseq = is_changed ? fetching->write.modseq : message->modseq;
        ph_buf_printf(out, "%sMODSEQ (%llu)", blank, (unsigned long long)modseq);
        blank = " ";
    }
    fetching->has_item = blank[0] != '\0';
}

/* 1: the message is written; 0: the output is full; negative: failed. */
static int write_message(struct ph_conn *conn, struct ph_imap_session *session,
                         struct ph_imap_fetching *fetching, struct ph_error *err)
{
    const struct ph_imap_fetch *fetch = fetching->fetch;
    struct ph_buf *out = ph_conn_out(conn);
    for (;;) {
        int result = PH_OK;
        if (fetching->source.kind != PH_IMAP_SOURCE_NONE) {
            result = ph_imap_fetch_pump(conn, session, fetching, err);
        } else if (fetching->item < fetch->item_count) {
            const struct ph_imap_fetch_item *item = &fetch->items[fetching->item];
            ph_buf_str(out, fetching->has_item ? " " : "");
            fetching->has_item = true;
            fetching->item++;
            result = ph_imap_fetch_item(conn, session, fetching, item, err);
        } else {
            ph_buf_str(out, ")\r\n");
            return 1;
        }
        if (result == PH_OK && out->has_overflowed) {
            result = ph_fail(err, PH_ELIMIT, "an answer is larger than the output");
        }
        if (result != PH_OK) {
            return result;
        }
        if (ph_conn_out_is_full(conn)) {
            fetching->is_flushed = true;
            return 0;
        }
    }
}

static bool reads_content(const struct ph_imap_fetch *fetch)
{
    for (size_t i = 0; i < fetch->item_count; i++) {
        const struct ph_imap_fetch_item *item = &fetch->items[i];
        if ((item->kind == PH_IMAP_FETCH_SECTION && item->section.text == PH_IMAP_TEXT_ALL) ||
            item->kind == PH_IMAP_FETCH_BINARY) {
            return true;
        }
    }
    return false;
}

/* False: the connection cannot go on. */
static bool pass_over(struct ph_conn *conn, struct ph_imap_fetching *fetching, const struct ph_error *err)
{
    if (fetching->is_flushed || ph_conn_out(conn)->has_overflowed) {
        return false;
    }
    ph_conn_out(conn)->len = fetching->started_at;
    if (err->code == PH_ENOTFOUND) {
        fetching->has_gone = true;
    } else {
        ph_imap_log_trouble(conn, err);
        fetching->failed = err->code;
    }
    ph_imap_fetch_forget_message(fetching);
    return true;
}

/* ---- Chunks ---- */

static enum ph_step produce(struct ph_conn *conn, struct ph_imap_session *session);

static enum ph_step finish(struct ph_conn *conn, struct ph_imap_session *session,
                           struct ph_imap_fetching *fetching)
{
    if (fetching->failed != PH_OK) {
        return ph_imap_no(conn, session, ph_imap_text_of(fetching->failed));
    }
    if (fetching->has_unknown) {
        return ph_imap_no(conn, session, "[UNKNOWN-CTE] A part has an encoding that is not known");
    }
    if (fetching->has_gone) {
        return ph_imap_no(conn, session, "[EXPUNGEISSUED] Some of the messages are gone");
    }
    return ph_imap_ok(conn, session, "FETCH completed");
}

static enum ph_step send_chunk(struct ph_conn *conn, struct ph_imap_session *session,
                               struct ph_imap_fetching *fetching)
{
    fetching->chunk_walk = (struct ph_imap_walk){0};
    if (fetching->needs_rows) {
        struct ph_error err = {0};
        int result = ph_view_rows_begin(session->view, fetching->chunk.ranges, fetching->chunk.count,
                                        fetching->wants, &fetching->rows, &err);
        if (result != PH_OK) {
            return ph_imap_fail(conn, session, &err);
        }
    }
    session->produce = produce;
    return PH_STEP_MORE;
}

/* The change is told with the messages themselves. */
static void remember_told(struct ph_imap_session *session, const struct ph_imap_fetching *fetching)
{
    struct ph_imap_told *told = ph_arena_alloc(&session->arena, sizeof *told);
    *told = (struct ph_imap_told){.ranges = fetching->chunk.ranges,
                                  .count = fetching->chunk.count,
                                  .first_modseq = fetching->write.first_modseq,
                                  .modseq = fetching->write.modseq,
                                  .next = session->told};
    session->told = told;
}

static enum ph_step seen_resumed(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_fetching *fetching = session->work;
    if (fetching->write_result != PH_OK) {
        /* The messages can be read all the same. */
        ph_imap_log_trouble(conn, &fetching->write.error);
    } else if (fetching->write.count > 0) {
        remember_told(session, fetching);
    }
    return send_chunk(conn, session, fetching);
}

static void seen_done(struct ph_view_write *write, int result)
{
    struct ph_conn *conn = write->ctx;
    struct ph_imap_session *session = ph_conn_session(conn);
    struct ph_imap_fetching *fetching = session->work;
    fetching->write_result = result;
    ph_imap_resume(conn);
}

static enum ph_step next_chunk(struct ph_conn *conn, struct ph_imap_session *session,
                               struct ph_imap_fetching *fetching)
{
    struct ph_imap_picked picked = {0};
    struct ph_imap_picked unseen = {0};
    ph_view_rows_end(&fetching->rows);
    if (!fetching->sets_seen) {
        return finish(conn, session, fetching);
    }
    for (unsigned i = 0; i < SEEN_CHUNK; i++) {
        uint32_t number = ph_imap_walk_next(session->view, &fetching->targets, &fetching->walk);
        if (number == 0) {
            break;
        }
        ph_imap_pick(session, &picked, number);
        if ((ph_view_at(session->view, number)->flags & PH_FLAG_SEEN) == 0) {
            ph_imap_pick(session, &unseen, number);
        }
    }
    if (picked.targets.count == 0) {
        return finish(conn, session, fetching);
    }
    fetching->chunk = picked.targets;
    fetching->write = (struct ph_view_write){.done = seen_done, .ctx = conn, .arena = &session->arena};
    fetching->write_result = PH_OK;
    if (unseen.targets.count == 0) {
        return send_chunk(conn, session, fetching);
    }
    session->resume = seen_resumed;
    static const struct ph_view_flag_change seen = {.how = PH_FLAGS_ADD, .flags = PH_FLAG_SEEN};
    ph_view_store(session->view, unseen.targets.ranges, unseen.targets.count, &seen, &fetching->write);
    return PH_STEP_PARK;
}

/* 1: row.number says which; 0: no more; negative: failed. */
static int next_message(struct ph_imap_session *session, struct ph_imap_fetching *fetching,
                        struct ph_error *err)
{
    if (fetching->rows != NULL) {
        return ph_view_rows_next(fetching->rows, &fetching->row, err);
    }
    fetching->row.number = ph_imap_walk_next(session->view, &fetching->chunk, &fetching->chunk_walk);
    return fetching->row.number != 0 ? 1 : 0;
}

static enum ph_step produce(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_fetching *fetching = session->work;
    while (!ph_conn_out_is_full(conn)) {
        struct ph_error err = {0};
        if (!fetching->has_message) {
            int more = next_message(session, fetching, &err);
            if (more == 0) {
                return next_chunk(conn, session, fetching);
            }
            if (more == PH_ECORRUPT) {
                ph_imap_log_trouble(conn, &err); /* the others can be read */
                fetching->failed = more;
                continue;
            }
            if (more < 0) {
                return ph_imap_fail(conn, session, &err);
            }
            if (fetching->row.is_gone) {
                fetching->has_gone = true;
                continue;
            }
            begin_message(conn, fetching);
            put_added(conn, session, fetching);
        }
        int written = write_message(conn, session, fetching, &err);
        if (written < 0 && !pass_over(conn, fetching, &err)) {
            ph_imap_log_trouble(conn, &err);
            session->end = "message not readable";
            return PH_STEP_CLOSE;
        }
        if (written > 0) {
            session->fetched += reads_content(fetching->fetch) ? 1 : 0;
            ph_imap_fetch_forget_message(fetching);
        }
    }
    return PH_STEP_MORE;
}

/* ---- The command ---- */

/* CHANGEDSINCE (RFC 7162 section 3.1.4.1) and PARTIAL (RFC 9394 section 3.2) leave some of the messages. */
static void narrow(struct ph_imap_session *session, const struct ph_imap_fetch *fetch,
                   struct ph_imap_targets *targets)
{
    if (fetch->has_changed_since) {
        struct ph_imap_picked picked = {0};
        struct ph_imap_walk walk = {0};
        for (uint32_t number; (number = ph_imap_walk_next(session->view, targets, &walk)) != 0;) {
            if (ph_view_at(session->view, number)->modseq > fetch->changed_since) {
                ph_imap_pick(session, &picked, number);
            }
        }
        *targets = picked.targets;
    }
    if (fetch->has_page) {
        uint64_t total = 0;
        struct ph_imap_walk walk = {0};
        while (ph_imap_walk_next(session->view, targets, &walk) != 0) {
            total++;
        }
        uint64_t first;
        uint64_t last;
        ph_imap_page_settle(fetch->page_first, fetch->page_last, total, &first, &last);
        struct ph_imap_picked picked = {0};
        walk = (struct ph_imap_walk){0};
        uint64_t at = 0;
        for (uint32_t number; (number = ph_imap_walk_next(session->view, targets, &walk)) != 0;) {
            at++;
            if (at >= first && at <= last) {
                ph_imap_pick(session, &picked, number);
            }
        }
        *targets = picked.targets;
    }
}

/* RFC 7162 section 3.2.6. */
static int put_vanished(struct ph_conn *conn, struct ph_imap_session *session,
                        const struct ph_imap_fetch *fetch, const struct ph_imap_targets *known,
                        struct ph_error *err)
{
    struct ph_imap_set gone = {.is_saved = false};
    int result = ph_view_vanished(session->view, fetch->changed_since, known->ranges, known->count,
                                  &session->arena, &gone.ranges, &gone.count, err);
    if (result == PH_OK && gone.count > 0) {
        struct ph_buf *out = ph_conn_out(conn);
        ph_buf_str(out, "* VANISHED (EARLIER) ");
        ph_imap_set_put(&gone, out);
        ph_buf_str(out, "\r\n");
    }
    return result;
}

/* Sizes and dates that rows written elsewhere lack are not in the view. */
static bool view_lacks(const struct ph_imap_session *session, const struct ph_imap_fetching *fetching)
{
    bool wants_size = false;
    bool wants_date = false;
    for (size_t i = 0; i < fetching->fetch->item_count; i++) {
        wants_size |= fetching->fetch->items[i].kind == PH_IMAP_FETCH_RFC822_SIZE;
        wants_date |= fetching->fetch->items[i].kind == PH_IMAP_FETCH_INTERNALDATE;
    }
    struct ph_imap_walk walk = {0};
    uint32_t number;
    while ((wants_size || wants_date) &&
           (number = ph_imap_walk_next(session->view, &fetching->targets, &walk)) != 0) {
        const struct ph_view_message *message = ph_view_at(session->view, number);
        if ((wants_size && message->size == PH_VIEW_UNKNOWN) ||
            (wants_date && message->internal_date_ms == PH_VIEW_NO_DATE)) {
            return true;
        }
    }
    return false;
}

enum ph_step ph_imap_fetch(struct ph_conn *conn, struct ph_imap_session *session,
                           const struct ph_imap_command *command)
{
    const struct ph_imap_fetch *fetch = &command->fetch;
    struct ph_imap_targets targets;
    const char *complaint = ph_imap_targets_find(session, &fetch->set, command->is_uid, &targets);
    if (complaint != NULL) {
        return ph_imap_bad(conn, session, complaint);
    }
    if (fetch->wants_vanished && !ph_imap_is_enabled(session, PH_IMAP_ENABLED_QRESYNC)) {
        return ph_imap_bad(conn, session, "VANISHED needs ENABLE QRESYNC");
    }
    if (fetch->has_changed_since) {
        ph_imap_enable_condstore(session);
    }
    struct ph_error err = {0};
    if (fetch->wants_vanished && put_vanished(conn, session, fetch, &targets, &err) != PH_OK) {
        return ph_imap_fail(conn, session, &err);
    }
    narrow(session, fetch, &targets);

    struct ph_imap_fetching *fetching = ph_alloc(sizeof *fetching);
    ph_imap_fetching_init(fetching);
    fetching->fetch = fetch;
    fetching->is_uid = command->is_uid;
    fetching->adds_uid = command->is_uid;
    fetching->adds_modseq = fetch->has_changed_since;
    fetching->targets = targets;
    fetching->chunk = targets;
    session->work = fetching;
    session->work_free = fetching_free;
    ph_imap_fetch_plan(session, fetching);
    fetching->sets_seen &= !session->is_read_only;
    fetching->needs_rows |= view_lacks(session, fetching);
    return fetching->sets_seen ? next_chunk(conn, session, fetching) : send_chunk(conn, session, fetching);
}
