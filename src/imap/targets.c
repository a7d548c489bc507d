/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UIDs ascend with sequence numbers, so the messages from one number to another are those from one UID to another.
 */
#include "imap/targets.h"

static uint32_t uid_at(const struct ph_view_session *view, uint32_t number)
{
    return ph_view_at(view, number)->uid;
}

const char *ph_imap_targets_find(struct ph_imap_session *session, const struct ph_imap_set *set, bool is_uid,
                                 struct ph_imap_targets *out_targets)
{
    const struct ph_view_session *view = session->view;
    uint32_t count = ph_view_count(view);
    const struct ph_imap_set *source = set->is_saved ? &session->saved : set;
    struct ph_imap_set settled = *source;
    settled.is_saved = false;
    settled.ranges = ph_arena_copy(&session->arena, source->ranges, source->count * sizeof *source->ranges);
    *out_targets = (struct ph_imap_targets){NULL, 0};
    if (is_uid || set->is_saved) {
        ph_imap_set_settle(&settled, count == 0 ? 0 : uid_at(view, count));
        *out_targets = (struct ph_imap_targets){settled.ranges, settled.count};
        return NULL;
    }
    ph_imap_set_settle(&settled, count);
    if (settled.count == 0 || settled.ranges[settled.count - 1].last > count) {
        return "No message has such a number";
    }
    for (size_t i = 0; i < settled.count; i++) {
        struct ph_uid_range *range = &settled.ranges[i];
        range->first = uid_at(view, range->first);
        range->last = uid_at(view, range->last);
    }
    *out_targets = (struct ph_imap_targets){settled.ranges, settled.count};
    return NULL;
}

uint32_t ph_imap_walk_next(const struct ph_view_session *view, const struct ph_imap_targets *targets,
                           struct ph_imap_walk *walk)
{
    uint32_t count = ph_view_count(view);
    while (walk->range < targets->count) {
        const struct ph_uid_range *range = &targets->ranges[walk->range];
        uint32_t number = walk->next != 0 ? walk->next : ph_view_find(view, range->first);
        if (number <= count && uid_at(view, number) <= range->last) {
            walk->next = number + 1;
            return number;
        }
        walk->range++;
        walk->next = 0;
    }
    return 0;
}

void ph_imap_pick(struct ph_imap_session *session, struct ph_imap_picked *picked, uint32_t number)
{
    struct ph_imap_targets *targets = &picked->targets;
    uint32_t uid = uid_at(session->view, number);
    if (targets->count > 0 && number == picked->last_number + 1) {
        targets->ranges[targets->count - 1].last = uid;
    } else {
        if (targets->count == picked->room) {
            size_t room = picked->room == 0 ? 8 : picked->room * 2;
            struct ph_uid_range *ranges = ph_arena_alloc(&session->arena, room * sizeof *ranges);
            if (targets->count > 0) {
                memcpy(ranges, targets->ranges, targets->count * sizeof *ranges);
            }
            targets->ranges = ranges;
            picked->room = room;
        }
        targets->ranges[targets->count++] = (struct ph_uid_range){uid, uid};
    }
    picked->last_number = number;
}

void ph_imap_page_settle(int64_t first, int64_t last, uint64_t total, uint64_t *out_first, uint64_t *out_last)
{
    /* Of one sign; in either order. */
    uint64_t a = first < 0 ? (uint64_t)-first : (uint64_t)first;
    uint64_t b = last < 0 ? (uint64_t)-last : (uint64_t)last;
    uint64_t low = a < b ? a : b;
    uint64_t high = a < b ? b : a;
    high = high < total ? high : total;
    if (low > total) {
        *out_first = 1;
        *out_last = 0;
    } else if (first < 0) {
        *out_first = total - high + 1;
        *out_last = total - low + 1;
    } else {
        *out_first = low;
        *out_last = high;
    }
}
