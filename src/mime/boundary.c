/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sorted list is narrowed octet by octet to those that begin as the line does, by binary search where they differ: most
 * lines that begin with "--" cost two comparisons, the worst two an octet and seven for each that halves the list.
 */
#include "mime/boundary.h"

static int compare(struct ph_bytes a, struct ph_bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.ptr, b.ptr, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

void ph_boundaries_push(struct ph_boundaries *boundaries, struct ph_bytes text, unsigned owner)
{
    text = ph_bytes_first(text, PH_BOUNDARY_BYTES_MAX);
    unsigned at = 0;
    while (at < boundaries->count && compare(boundaries->list[at].text, text) < 0) {
        at++;
    }
    memmove(&boundaries->list[at + 1], &boundaries->list[at],
            (boundaries->count - at) * sizeof boundaries->list[0]);
    boundaries->list[at] = (struct ph_boundary){text, owner};
    boundaries->count++;
}

void ph_boundaries_pop(struct ph_boundaries *boundaries, unsigned owner)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < boundaries->count; i++) {
        if (boundaries->list[i].owner < owner) {
            boundaries->list[kept++] = boundaries->list[i];
        }
    }
    boundaries->count = kept;
}

/* The first from LOW on, below HIGH, whose octet AT is at least OCTET. Shorter ones are at the front and stay behind. */
static unsigned first_at_least(const struct ph_boundaries *boundaries, unsigned low, unsigned high, size_t at,
                               unsigned octet)
{
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        struct ph_bytes text = boundaries->list[middle].text;
        if (text.len <= at || text.ptr[at] < octet) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool is_at(const struct ph_boundary *boundary, size_t at, uint8_t octet)
{
    return at < boundary->text.len && boundary->text.ptr[at] == octet;
}

/* Whether nothing but "--", for the end, and blanks stand behind the first LEN octets of TEXT. */
static bool is_whole(struct ph_bytes text, size_t len)
{
    size_t rest = text.len - len;
    return rest == 0 || (rest == 2 && memcmp(text.ptr + len, "--", 2) == 0);
}

static struct ph_bytes without_blanks(struct ph_bytes line)
{
    while (line.len > 0 && memchr(" \t\r\n", line.ptr[line.len - 1], 4) != NULL) {
        line.len--;
    }
    return line;
}

bool ph_boundaries_match(const struct ph_boundaries *boundaries, struct ph_bytes line, unsigned *out_owner,
                         bool *out_is_end)
{
    if (!ph_bytes_starts(line, PH_BYTES("--"))) {
        return false;
    }
    struct ph_bytes text = without_blanks(ph_bytes_of(line.ptr + 2, line.len - 2));
    unsigned low = 0;
    unsigned high = boundaries->count;
    size_t matched = 0;
    bool is_matched_whole = false;
    for (size_t at = 0; at < text.len && low < high; at++) {
        if (!is_at(&boundaries->list[low], at, text.ptr[at])) {
            low = first_at_least(boundaries, low, high, at, text.ptr[at]);
        }
        if (low < high && !is_at(&boundaries->list[high - 1], at, text.ptr[at])) {
            high = first_at_least(boundaries, low, high, at, text.ptr[at] + 1U);
        }
        bool is_match = low < high && boundaries->list[low].text.len == at + 1;
        if (is_match && (!is_matched_whole || is_whole(text, at + 1))) {
            matched = at + 1;
            is_matched_whole = is_whole(text, matched);
            *out_owner = boundaries->list[low].owner;
        }
    }
    *out_is_end = ph_bytes_starts(ph_bytes_from(text, matched), PH_BYTES("--"));
    return matched > 0;
}
