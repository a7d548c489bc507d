/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which messages are gone (RFC 7162 section 3.2.5.1): all UIDs of which the client may know and which no message has.
 * That may be more than went since the client was last told, which it is to bear.
 */
#include "mailbox/view_session.h"

struct finding {
    struct ph_arena *arena;
    struct ph_uid_range *list;
    size_t count;
};

static void add(struct finding *finding, uint32_t first, uint32_t last)
{
    if (first > last) {
        return;
    }
    size_t count = finding->count;
    if (count > 0 && finding->list[count - 1].last == first - 1) {
        finding->list[count - 1].last = last;
        return;
    }
    if ((count & (count - 1)) == 0) {
        struct ph_uid_range *more =
            ph_arena_alloc(finding->arena, (count == 0 ? 1 : count * 2) * sizeof *more);
        if (count > 0) {
            memcpy(more, finding->list, count * sizeof *more);
        }
        finding->list = more;
    }
    finding->list[finding->count++] = (struct ph_uid_range){first, last};
}

/* Those from FIRST to LAST that no message has. */
static void add_absent(struct finding *finding, const struct ph_view_list *list, uint32_t first,
                       uint32_t last)
{
    uint32_t end = ph_view_list_count(list);
    uint32_t next = first;
    for (uint32_t at = ph_view_list_find(list, first); at < end; at++) {
        uint32_t uid = ph_view_list_at(list, at)->uid;
        if (uid > last) {
            break;
        }
        add(finding, next, uid - 1);
        next = uid + 1;
    }
    add(finding, next, last);
}

int ph_view_vanished(struct ph_view_session *session, uint64_t modseq, const struct ph_uid_range *known,
                     size_t known_count, struct ph_arena *arena, struct ph_uid_range **out_ranges,
                     size_t *out_count, struct ph_error *err)
{
    (void)modseq;
    (void)err;
    static const struct ph_uid_range all = {1, UINT32_MAX};
    struct finding finding = {.arena = arena};
    if (known == NULL) {
        known = &all;
        known_count = 1;
    }
    for (size_t i = 0; i < known_count; i++) {
        uint32_t last = known[i].last < session->uid_next ? known[i].last : session->uid_next - 1;
        if (known[i].first <= last) {
            add_absent(&finding, session->seen, known[i].first, last);
        }
    }
    *out_ranges = finding.list;
    *out_count = finding.count;
    return PH_OK;
}
