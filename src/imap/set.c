/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 9051 section 9: sequence-set, seq-number, seq-range. Ranges are kept as they are, never expanded: "1:*" is one.
 */
#include "imap/set.h"

#include <stdlib.h>

/* ---- Reading ---- */

static bool take_number(struct ph_bytes *rest, uint32_t *out_number)
{
    if (rest->len > 0 && rest->ptr[0] == '*') {
        *rest = ph_bytes_from(*rest, 1);
        *out_number = PH_IMAP_STAR;
        return true;
    }
    size_t len = 0;
    while (len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9') {
        len++;
    }
    uint64_t value = 0;
    if (len == 0 || rest->ptr[0] == '0' || !ph_bytes_to_u64(ph_bytes_first(*rest, len), &value) ||
        value > UINT32_MAX) {
        return false;
    }
    *rest = ph_bytes_from(*rest, len);
    *out_number = (uint32_t)value;
    return true;
}

static bool take_char(struct ph_bytes *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != (uint8_t)c) {
        return false;
    }
    *rest = ph_bytes_from(*rest, 1);
    return true;
}

/* How many ranges may stand in TEXT. */
static size_t count_ranges(struct ph_bytes text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        bool is_of_set = (c >= '0' && c <= '9') || c == '*' || c == ':' || c == ',';
        if (!is_of_set) {
            break;
        }
        count += c == ',';
    }
    return count;
}

bool ph_imap_set_take(struct ph_bytes *rest, size_t max, struct ph_arena *arena, struct ph_imap_set *out_set)
{
    *out_set = (struct ph_imap_set){0};
    if (take_char(rest, '$')) {
        out_set->is_saved = true;
        return true;
    }
    size_t room = count_ranges(*rest);
    if (room > max) {
        return false;
    }
    out_set->ranges = ph_arena_alloc(arena, room * sizeof out_set->ranges[0]);
    do {
        struct ph_uid_range *range = &out_set->ranges[out_set->count++];
        if (!take_number(rest, &range->first)) {
            return false;
        }
        range->last = range->first;
        if (take_char(rest, ':') && !take_number(rest, &range->last)) {
            return false;
        }
    } while (take_char(rest, ','));
    return true;
}

/* ---- Settling ---- */

static int compare(const void *a, const void *b)
{
    const struct ph_uid_range *left = a;
    const struct ph_uid_range *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

static bool has_star(const struct ph_uid_range *range)
{
    return range->first == PH_IMAP_STAR || range->last == PH_IMAP_STAR;
}

static struct ph_uid_range in_order(const struct ph_uid_range *range, uint32_t largest)
{
    uint32_t first = range->first == PH_IMAP_STAR ? largest : range->first;
    uint32_t last = range->last == PH_IMAP_STAR ? largest : range->last;
    return first <= last ? (struct ph_uid_range){first, last} : (struct ph_uid_range){last, first};
}

void ph_imap_set_settle(struct ph_imap_set *set, uint32_t largest)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (largest > 0 || !has_star(&set->ranges[i])) {
            set->ranges[count++] = in_order(&set->ranges[i], largest);
        }
    }
    if (count > 1) {
        qsort(set->ranges, count, sizeof set->ranges[0], compare);
    }
    set->count = 0;
    for (size_t i = 0; i < count; i++) {
        struct ph_uid_range next = set->ranges[i];
        struct ph_uid_range *last = set->count > 0 ? &set->ranges[set->count - 1] : NULL;
        if (last == NULL || (uint64_t)last->last + 1 < next.first) {
            set->ranges[set->count++] = next;
        } else if (next.last > last->last) {
            last->last = next.last;
        }
    }
}

bool ph_imap_set_has(const struct ph_imap_set *set, uint32_t number)
{
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->ranges[low].first <= number;
}

/* ---- Writing ---- */

void ph_imap_set_put(const struct ph_imap_set *set, struct ph_buf *out)
{
    for (size_t i = 0; i < set->count; i++) {
        if (i > 0) {
            ph_buf_byte(out, ',');
        }
        ph_buf_u64(out, set->ranges[i].first);
        if (set->ranges[i].last != set->ranges[i].first) {
            ph_buf_byte(out, ':');
            ph_buf_u64(out, set->ranges[i].last);
        }
    }
}

size_t ph_imap_ranges_add(struct ph_uid_range *ranges, size_t count, uint32_t number)
{
    if (count > 0 && ranges[count - 1].last + 1 == number) {
        ranges[count - 1].last = number;
        return count;
    }
    ranges[count] = (struct ph_uid_range){number, number};
    return count + 1;
}
