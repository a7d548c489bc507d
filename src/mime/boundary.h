/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The boundaries of the multiparts that are open, and whether a line is one of them: RFC 2046 section 5.1.1. It is enough
 * that a line begins with a boundary. Of several that do, those count that are all of the line but "--" and blanks; of these the
 * longest, of equal ones the innermost. A line is compared with all of them at once.
 */
#ifndef PH_MIME_BOUNDARY_H
#define PH_MIME_BOUNDARY_H

#include "base/bytes.h"

enum {
    PH_BOUNDARY_BYTES_MAX = 128,                        /* of longer ones this much counts; the RFC has 70 */
    PH_BOUNDARY_LINE_BYTES = PH_BOUNDARY_BYTES_MAX + 4, /* of a line decide, with the dashes */
    PH_BOUNDARIES_MAX = 102,
};

struct ph_boundary {
    struct ph_bytes text; /* borrowed */
    unsigned owner;       /* whose it is, as the caller counts */
};

/* Sorted by text; equal ones with the last pushed first. */
struct ph_boundaries {
    struct ph_boundary list[PH_BOUNDARIES_MAX];
    unsigned count;
};

/* At most PH_BOUNDARIES_MAX. TEXT is not empty. */
void ph_boundaries_push(struct ph_boundaries *boundaries, struct ph_bytes text, unsigned owner);
/* Forgets the boundary of OWNER and of every later one; there may be none. */
void ph_boundaries_pop(struct ph_boundaries *boundaries, unsigned owner);

/* LINE, from its start, has its first PH_BOUNDARY_LINE_BYTES octets or is whole. *OUT_IS_END: it is followed by "--". */
bool ph_boundaries_match(const struct ph_boundaries *boundaries, struct ph_bytes line, unsigned *out_owner,
                         bool *out_is_end);

#endif
