/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "* SEARCH 2 3 6" (RFC 9051 appendix E, RFC 3501 section 7.2.5) and "* ESEARCH" (RFC 4731, RFC 9394, RFC 7162 section 3.1.5), and
 * the result that is saved (RFC 5182).
 */
#include <stdlib.h>

#include "base/mem.h"
#include "imap/format.h"
#include "imap/search.h"

static uint32_t name_of(const struct ph_imap_session *session, uint32_t number)
{
    return session->command->is_uid ? ph_view_at(session->view, number)->uid : number;
}

static uint64_t modseq_of(const struct ph_imap_session *session, uint32_t number)
{
    return ph_view_at(session->view, number)->modseq;
}

static uint64_t highest_modseq(const struct ph_imap_session *session, const struct ph_imap_found *found)
{
    uint64_t highest = 0;
    for (size_t i = 0; i < found->count; i++) {
        uint64_t modseq = modseq_of(session, found->numbers[i]);
        highest = modseq > highest ? modseq : highest;
    }
    return highest;
}

/* ---- SEARCH ---- */

static void answer_plain(struct ph_buf *out, const struct ph_imap_session *session,
                         const struct ph_imap_search *search, bool is_sorted,
                         const struct ph_imap_found *found)
{
    ph_buf_str(out, is_sorted ? "* SORT" : "* SEARCH");
    for (size_t i = 0; i < found->count; i++) {
        ph_buf_byte(out, ' ');
        ph_buf_u64(out, name_of(session, found->numbers[i]));
    }
    if (search->has_modseq && found->count > 0) {
        ph_buf_printf(out, " (MODSEQ %llu)", (unsigned long long)highest_modseq(session, found));
    }
    ph_buf_str(out, "\r\n");
}

/* ---- ESEARCH ---- */

static void put_numbers(struct ph_buf *out, const struct ph_imap_session *session,
                        const struct ph_imap_found *found)
{
    struct ph_imap_run run = {0};
    for (size_t i = 0; i < found->count; i++) {
        ph_imap_put_run(out, &run, name_of(session, found->numbers[i]));
    }
    ph_imap_put_run_end(out, &run);
}

static struct ph_imap_found page_of(const struct ph_imap_search *search, const struct ph_imap_found *found)
{
    uint64_t first;
    uint64_t last;
    ph_imap_page_settle(search->page_first, search->page_last, found->count, &first, &last);
    if (first > last) {
        return (struct ph_imap_found){NULL, 0};
    }
    return (struct ph_imap_found){found->numbers + first - 1, (size_t)(last - first + 1)};
}

/* RFC 4731 section 3.2: of MIN and MAX alone, only theirs count. */
static uint64_t modseq_to_tell(const struct ph_imap_session *session, const struct ph_imap_search *search,
                               const struct ph_imap_found *found)
{
    const unsigned more = PH_IMAP_RETURN_ALL | PH_IMAP_RETURN_COUNT | PH_IMAP_RETURN_PARTIAL;
    if ((search->returns & more) != 0) {
        return highest_modseq(session, found);
    }
    uint64_t lowest = (search->returns & PH_IMAP_RETURN_MIN) != 0 ? modseq_of(session, found->numbers[0]) : 0;
    uint64_t highest = (search->returns & PH_IMAP_RETURN_MAX) != 0
                           ? modseq_of(session, found->numbers[found->count - 1])
                           : 0;
    return lowest > highest ? lowest : highest;
}

static void answer_extended(struct ph_buf *out, const struct ph_imap_session *session,
                            const struct ph_imap_search *search, unsigned returns,
                            const struct ph_imap_found *found)
{
    ph_buf_str(out, "* ESEARCH (TAG ");
    ph_imap_put_string(out, session->command->tag);
    ph_buf_str(out, session->command->is_uid ? ") UID" : ")");
    if ((returns & PH_IMAP_RETURN_MIN) != 0 && found->count > 0) {
        ph_buf_printf(out, " MIN %u", name_of(session, found->numbers[0]));
    }
    if ((returns & PH_IMAP_RETURN_MAX) != 0 && found->count > 0) {
        ph_buf_printf(out, " MAX %u", name_of(session, found->numbers[found->count - 1]));
    }
    if ((returns & PH_IMAP_RETURN_COUNT) != 0) {
        ph_buf_printf(out, " COUNT %zu", found->count);
    }
    if ((returns & PH_IMAP_RETURN_ALL) != 0 && found->count > 0) {
        ph_buf_str(out, " ALL ");
        put_numbers(out, session, found);
    }
    if ((returns & PH_IMAP_RETURN_PARTIAL) != 0) {
        struct ph_imap_found page = page_of(search, found);
        ph_buf_printf(out, " PARTIAL (%lld:%lld ", (long long)search->page_first,
                      (long long)search->page_last);
        if (page.count == 0) {
            ph_buf_str(out, "NIL");
        }
        put_numbers(out, session, &page);
        ph_buf_byte(out, ')');
    }
    if (search->has_modseq && found->count > 0) {
        ph_buf_printf(out, " MODSEQ %llu", (unsigned long long)modseq_to_tell(session, search, found));
    }
    ph_buf_str(out, "\r\n");
}

/* ---- "$" ---- */

void ph_imap_forget_saved(struct ph_imap_session *session)
{
    free(session->saved.ranges);
    session->saved = (struct ph_imap_set){.ranges = NULL};
}

static int by_number(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;
    return left < right ? -1 : left > right;
}

/* RFC 5182 section 2.1, RFC 9394 section 3.2: ALL and COUNT save everything, the others what they tell. */
static void save(struct ph_imap_session *session, const struct ph_imap_search *search, unsigned returns,
                 const struct ph_imap_found *found)
{
    const unsigned some = PH_IMAP_RETURN_MIN | PH_IMAP_RETURN_MAX | PH_IMAP_RETURN_PARTIAL;
    const unsigned every = PH_IMAP_RETURN_ALL | PH_IMAP_RETURN_COUNT;
    bool saves_all = (returns & every) != 0 || (returns & some) == 0;
    struct ph_imap_found page = saves_all ? *found : (struct ph_imap_found){NULL, 0};
    if (!saves_all && (returns & PH_IMAP_RETURN_PARTIAL) != 0) {
        page = page_of(search, found);
    }
    uint32_t *numbers = ph_alloc((page.count + 2) * sizeof *numbers);
    size_t count = page.count;
    if (count > 0) {
        memcpy(numbers, page.numbers, count * sizeof *numbers);
    }
    if (!saves_all && found->count > 0 && (returns & PH_IMAP_RETURN_MIN) != 0) {
        numbers[count++] = found->numbers[0];
    }
    if (!saves_all && found->count > 0 && (returns & PH_IMAP_RETURN_MAX) != 0) {
        numbers[count++] = found->numbers[found->count - 1];
    }
    qsort(numbers, count, sizeof *numbers, by_number);
    ph_imap_forget_saved(session);
    struct ph_uid_range *ranges = ph_alloc((count + 1) * sizeof *ranges);
    size_t range_count = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t uid = ph_view_at(session->view, numbers[i])->uid;
        if (i > 0 && numbers[i] <= numbers[i - 1] + 1) {
            ranges[range_count - 1].last = uid;
        } else {
            ranges[range_count++] = (struct ph_uid_range){uid, uid};
        }
    }
    free(numbers);
    session->saved = (struct ph_imap_set){.ranges = ranges, .count = range_count};
}

void ph_imap_search_answer(struct ph_buf *out, struct ph_imap_session *session,
                           const struct ph_imap_search *search, bool is_sorted,
                           const struct ph_imap_found *found)
{
    unsigned returns = search->returns;
    bool is_extended = search->has_return;
    /* RFC 9051 section 6.4.4: rev2 knows no other answer. */
    if (!is_sorted && !is_extended && ph_imap_is_enabled(session, PH_IMAP_ENABLED_REV2)) {
        is_extended = true;
        returns = PH_IMAP_RETURN_ALL;
    }
    if (is_extended && returns == 0) {
        returns = PH_IMAP_RETURN_ALL;
    }
    if ((returns & PH_IMAP_RETURN_SAVE) != 0) {
        save(session, search, returns & ~(unsigned)PH_IMAP_RETURN_SAVE, found);
        if (returns == PH_IMAP_RETURN_SAVE) {
            return;
        }
    }
    if (is_extended) {
        answer_extended(out, session, search, returns, found);
    } else {
        answer_plain(out, session, search, is_sorted, found);
    }
}
