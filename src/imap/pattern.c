/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Octet by octet through the name, with the set of places in the pattern where one may stand: no backtracking, so no pattern is dear.
 */
#include "imap/pattern.h"

#include "mailbox/name.h"

enum { PLACES_MAX = 1024 };

static bool is_wild(uint8_t c)
{
    return c == '*' || c == '%';
}

/* A place behind a wildcard is reached without an octet. */
static void pass_wildcards(struct ph_bytes pattern, bool *places)
{
    for (size_t i = 0; i < pattern.len; i++) {
        if (places[i] && is_wild(pattern.ptr[i])) {
            places[i + 1] = true;
        }
    }
}

static bool is_same(uint8_t a, uint8_t b, bool folds)
{
    return a == b || (folds && ph_ascii_lower((char)a) == ph_ascii_lower((char)b));
}

bool ph_imap_pattern_matches(struct ph_bytes pattern, struct ph_bytes name)
{
    static const struct ph_bytes inbox = {(const uint8_t *)"INBOX", 5};
    bool is_of_inbox = ph_bytes_starts(name, inbox) &&
                       (name.len == inbox.len || name.ptr[inbox.len] == PH_MAILBOX_DELIMITER);
    bool places[PLACES_MAX + 1] = {true};
    if (pattern.len > PLACES_MAX) {
        return false; /* longer than any name with a wildcard between all its octets */
    }
    pass_wildcards(pattern, places);
    for (size_t at = 0; at < name.len; at++) {
        uint8_t c = name.ptr[at];
        bool next[PLACES_MAX + 1] = {false};
        for (size_t i = 0; i < pattern.len; i++) {
            if (!places[i]) {
                continue;
            }
            uint8_t wanted = pattern.ptr[i];
            if (wanted == '*' || (wanted == '%' && c != PH_MAILBOX_DELIMITER)) {
                next[i] = true;
            } else if (!is_wild(wanted) && is_same(wanted, c, is_of_inbox && at < inbox.len)) {
                next[i + 1] = true;
            }
        }
        memcpy(places, next, pattern.len + 1);
        pass_wildcards(pattern, places);
    }
    return places[pattern.len];
}
