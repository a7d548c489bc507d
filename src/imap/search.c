/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SEARCH (RFC 9051 section 6.4.4), SORT and THREAD (RFC 5256), and their UID forms: two rounds over the mailbox.
 *
 * The first judges all messages by what the view knows. The second reads the rows of those that are not decided, or that
 * are to be ordered, and as much of their content as it takes. Both go in steps, with other sessions in between. The
 * snapshot does not change meanwhile, so numbers stay good.
 */
#include "imap/search.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

enum {
    STEP_MESSAGES = 20000, /* judged by the view */
    STEP_ROWS = 256,
    STEP_READS = 16, /* headers */
    PUMP_BYTES = 32 * 1024,
};

static void searching_free(void *work)
{
    struct ph_imap_searching *searching = work;
    ph_view_rows_end(&searching->rows);
    ph_imap_fetching_fini(&searching->fetching);
    ph_imap_scan_fini(&searching->scan);
    ph_imap_order_free(&searching->order);
    ph_buf_fini(&searching->header);
    ph_buf_fini(&searching->answer);
    free(searching->truths);
    free(searching);
}

static struct ph_imap_facts facts_of(const struct ph_imap_session *session,
                                     const struct ph_imap_searching *searching, uint32_t number)
{
    const struct ph_view_message *message = ph_view_at(session->view, number);
    return (struct ph_imap_facts){
        .number = number,
        .message = message,
        .flags = ph_view_flags(session->view, message),
        .keywords = ph_view_keywords(session->view, message),
        .now_ms = searching->now_ms,
    };
}

/* ---- The answer ---- */

static enum ph_step pump_answer(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_searching *searching = session->work;
    while (searching->answered < searching->answer.len) {
        if (ph_conn_out_is_full(conn)) {
            return PH_STEP_MORE;
        }
        struct ph_bytes rest = ph_bytes_from(ph_buf_view(&searching->answer), searching->answered);
        struct ph_bytes piece = ph_bytes_first(rest, PUMP_BYTES);
        ph_buf_bytes(ph_conn_out(conn), piece);
        searching->answered += piece.len;
    }
    if (searching->failed != PH_OK) {
        return ph_imap_no(conn, session, ph_imap_text_of(searching->failed));
    }
    static const char *const texts[] = {
        [PH_IMAP_ORDER_NONE] = "SEARCH completed",
        [PH_IMAP_ORDER_SORT] = "SORT completed",
        [PH_IMAP_ORDER_THREAD] = "THREAD completed",
    };
    return ph_imap_ok(conn, session, texts[searching->ordering]);
}

static enum ph_step answer(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_searching *searching = session->work;
    struct ph_buf *out = &searching->answer;
    ph_view_rows_end(&searching->rows);
    if (searching->ordering == PH_IMAP_ORDER_THREAD) {
        ph_buf_str(out, "* THREAD ");
        size_t before = out->len;
        ph_imap_order_thread(searching->order, out, session->view, session->command->is_uid);
        out->len = out->len == before ? before - 1 : out->len;
        ph_buf_str(out, "\r\n");
    } else {
        uint32_t *numbers = ph_alloc((searching->count + (size_t)1) * sizeof *numbers);
        struct ph_imap_found found = {numbers, 0};
        for (uint32_t number = 1; number <= searching->count; number++) {
            if (searching->truths[number - 1] == PH_IMAP_YES) {
                numbers[found.count++] = number;
            }
        }
        bool is_sorted = searching->ordering == PH_IMAP_ORDER_SORT;
        if (is_sorted) {
            found = ph_imap_order_sort(searching->order);
        }
        ph_imap_search_answer(out, session, searching->search, is_sorted, &found);
        free(numbers);
    }
    if (out->has_overflowed) {
        return ph_imap_no(conn, session, "[LIMIT] The answer is too long");
    }
    session->produce = pump_answer;
    return PH_STEP_MORE;
}

/* ---- The second round ---- */

static void decide(struct ph_imap_searching *searching, uint32_t number, enum ph_imap_truth truth)
{
    searching->truths[number - 1] = truth == PH_IMAP_YES ? PH_IMAP_YES : PH_IMAP_NO;
    searching->is_scanning = false;
    searching->has_header = false;
    ph_imap_fetch_forget_message(&searching->fetching);
}

static bool row_fields(const struct ph_view_row *row, struct ph_bytes *out_fields)
{
    return row->has_envelope && ph_summary_fields(row->envelope, out_fields);
}

static int read_header(struct ph_conn *conn, struct ph_imap_session *session,
                       struct ph_imap_searching *searching, struct ph_error *err)
{
    struct ph_imap_fetching *fetching = &searching->fetching;
    int result = ph_imap_fetch_read(conn, session, fetching, 0, fetching->row.message.header_bytes, err);
    if (result == PH_OK) {
        struct ph_buf header = searching->header;
        searching->header = fetching->memory;
        fetching->memory = header;
        searching->has_header = true;
    }
    return result;
}

/* The message at hand: 1: decided; 0: to be called again; negative: it cannot be read. */
static int judge_row(struct ph_conn *conn, struct ph_imap_session *session,
                     struct ph_imap_searching *searching, unsigned *reads, struct ph_error *err)
{
    const struct ph_view_row *row = &searching->fetching.row;
    struct ph_imap_facts facts = facts_of(session, searching, row->number);
    facts.row = row;
    facts.has_fields = row_fields(row, &facts.fields);
    bool orders = searching->ordering != PH_IMAP_ORDER_NONE;
    enum ph_imap_truth truth =
        searching->truths[row->number - 1] == PH_IMAP_YES ? PH_IMAP_YES : (enum ph_imap_truth)PH_IMAP_UNKNOWN;
    for (;;) {
        facts.has_header = searching->has_header;
        facts.header = ph_buf_view(&searching->header);
        if (truth == PH_IMAP_UNKNOWN) {
            truth = ph_imap_search_judge(searching->search->key, &facts);
        }
        bool wants_header = truth == PH_IMAP_UNKNOWN && (searching->needs.header || !facts.has_fields);
        wants_header |= truth == PH_IMAP_YES && orders && !facts.has_fields;
        if (wants_header && !searching->has_header) {
            (*reads)++;
            int result = read_header(conn, session, searching, err);
            if (result != PH_OK) {
                return result;
            }
            continue;
        }
        if (truth != PH_IMAP_UNKNOWN || searching->needs.text_count == 0 || facts.found != NULL) {
            break;
        }
        if (!searching->is_scanning) {
            ph_imap_scan_reset(&searching->scan, &searching->needs);
            searching->is_scanning = true;
        }
        int done = ph_imap_scan_step(conn, session, &searching->scan, &searching->fetching, err);
        if (done <= 0) {
            return done;
        }
        *reads += STEP_READS / 4;
        facts.found = searching->scan.found;
    }
    if (truth == PH_IMAP_YES && orders) {
        ph_imap_order_add(searching->order, row->number, row, facts.has_fields ? facts.fields : facts.header,
                          &searching->fetching.arena);
    }
    decide(searching, row->number, truth);
    return 1;
}

static enum ph_step read_rows(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_searching *searching = session->work;
    unsigned reads = 0;
    for (unsigned i = 0; i < STEP_ROWS && reads < STEP_READS; i++) {
        struct ph_error err = {0};
        struct ph_view_row *row = &searching->fetching.row;
        if (!searching->fetching.has_message) {
            row->number = 0; /* a whole page may fail */
            int more = ph_view_rows_next(searching->rows, row, &err);
            if (more == PH_ECORRUPT) {
                ph_imap_log_trouble(conn, &err); /* the others can be searched */
                searching->failed = more;
                if (row->number != 0) {
                    decide(searching, row->number, PH_IMAP_NO);
                }
                continue;
            }
            if (more < 0) {
                return ph_imap_fail(conn, session, &err);
            }
            if (more == 0) {
                return answer(conn, session);
            }
            if (row->is_gone) {
                decide(searching, row->number, PH_IMAP_NO);
                continue;
            }
            searching->fetching.has_message = true;
        }
        int done = judge_row(conn, session, searching, &reads, &err);
        if (done == 0) {
            return PH_STEP_MORE;
        }
        if (done < 0) {
            if (done != PH_ENOTFOUND) {
                ph_imap_log_trouble(conn, &err);
                searching->failed = done;
            }
            decide(searching, row->number, PH_IMAP_NO);
        }
    }
    return PH_STEP_MORE;
}

static enum ph_step begin_rows(struct ph_conn *conn, struct ph_imap_session *session,
                               struct ph_imap_searching *searching)
{
    struct ph_imap_picked picked = {0};
    bool orders = searching->ordering != PH_IMAP_ORDER_NONE;
    for (uint32_t number = 1; number <= searching->count; number++) {
        uint8_t truth = searching->truths[number - 1];
        if (truth == PH_IMAP_UNKNOWN || (orders && truth == PH_IMAP_YES)) {
            ph_imap_pick(session, &picked, number);
        }
    }
    if (picked.targets.count == 0) {
        return answer(conn, session);
    }
    unsigned wants = (orders || searching->needs.fields ? PH_VIEW_WANT_ENVELOPE : 0U) |
                     (searching->needs.text_count > 0 ? PH_VIEW_WANT_STRUCTURE : 0U);
    struct ph_error err = {0};
    if (ph_view_rows_begin(session->view, picked.targets.ranges, picked.targets.count, wants,
                           &searching->rows, &err) != PH_OK) {
        return ph_imap_fail(conn, session, &err);
    }
    session->produce = read_rows;
    return PH_STEP_MORE;
}

/* ---- The first round ---- */

static enum ph_step judge_view(struct ph_conn *conn, struct ph_imap_session *session)
{
    struct ph_imap_searching *searching = session->work;
    for (unsigned i = 0; i < STEP_MESSAGES && searching->next <= searching->count; i++) {
        struct ph_imap_facts facts = facts_of(session, searching, searching->next);
        enum ph_imap_truth truth = ph_imap_search_judge(searching->search->key, &facts);
        searching->truths[searching->next - 1] = (uint8_t)truth;
        searching->next++;
    }
    return searching->next <= searching->count ? PH_STEP_MORE : begin_rows(conn, session, searching);
}

static enum ph_step run(struct ph_conn *conn, struct ph_imap_session *session,
                        const struct ph_imap_command *command, enum ph_imap_ordering ordering)
{
    const struct ph_imap_search *search = &command->search;
    uint32_t count = ph_view_count(session->view);
    const struct ph_imap_search_mailbox mailbox = {
        .count = count,
        .largest_uid = count == 0 ? 0 : ph_view_at(session->view, count)->uid,
        .saved = &session->saved,
    };
    struct ph_imap_searching *searching = ph_alloc(sizeof *searching);
    *searching = (struct ph_imap_searching){
        .search = search,
        .ordering = ordering,
        .now_ms = (int64_t)(ph_real_us(ph_conn_clock(conn)) / 1000),
        .count = count,
        .next = 1,
    };
    searching->truths = ph_alloc(count + (size_t)1);
    ph_buf_init(&searching->header, PH_IMAP_RENDERED_MAX);
    ph_buf_init(&searching->answer, PH_IMAP_ANSWER_MAX);
    ph_imap_fetching_init(&searching->fetching);
    session->work = searching;
    session->work_free = searching_free;
    if (ordering != PH_IMAP_ORDER_NONE) {
        searching->order = ph_imap_order_new(search, ordering == PH_IMAP_ORDER_THREAD);
    }
    const char *complaint =
        ph_imap_search_prepare(search->key, search->charset, &mailbox, &session->arena, &searching->needs);
    if (complaint != NULL) {
        /* RFC 5182 section 2.1: a SEARCH that fails leaves nothing saved. */
        if ((search->returns & PH_IMAP_RETURN_SAVE) != 0) {
            ph_imap_forget_saved(session);
        }
        return ph_imap_no(conn, session, complaint);
    }
    if (search->has_modseq) {
        ph_imap_enable_condstore(session);
    }
    ph_imap_scan_init(&searching->scan, &searching->needs);
    session->produce = judge_view;
    return judge_view(conn, session);
}

enum ph_step ph_imap_search(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    return run(conn, session, command, PH_IMAP_ORDER_NONE);
}

enum ph_step ph_imap_sort(struct ph_conn *conn, struct ph_imap_session *session,
                          const struct ph_imap_command *command)
{
    return run(conn, session, command, PH_IMAP_ORDER_SORT);
}

enum ph_step ph_imap_thread(struct ph_conn *conn, struct ph_imap_session *session,
                            const struct ph_imap_command *command)
{
    return run(conn, session, command, PH_IMAP_ORDER_THREAD);
}
